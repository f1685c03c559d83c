"""What the events of `opencode serve` say."""

from collections.abc import Callable, Sequence

from msgspec import Raw

from tars.agents.opencode import faults
from tars.agents.opencode import messages as wire
from tars.agents.opencode.asks import Asks, refusal
from tars.agents.opencode.remembered import Remembered
from tars.agents.opencode.server import Result, Server, body_of, session_path
from tars.agents.opencode.turn import Turn
from tars.conversation.model import (
    ContextTold,
    Garbled,
    RequestCounted,
    Retrying,
    Said,
    Unrecognised,
)
from tars.protocols.open_sessions import STRANGE_SESSION

#: How many of a session's last messages are read when events were missed.
MISSED_MESSAGES = 100
#: The longest name of an unknown event that is told.
LONGEST_NAME = 60

#: Events that tars knows and has no use for, by what their names begin with.
_QUIET = (
    *("server.", "plugin.", "catalog.", "reference.", "integration.", "models-dev.", "file."),
    *("lsp.", "mcp.", "todo.", "vcs.", "project.", "installation.", "pty.", "tui.", "command."),
    *("workspace.", "worktree.", "global.", "ide.", "storage."),
    # Another form of the conversation, beside the one that is read.
    *("session.next.", "permission.v2.", "question.v2."),
    *("session.diff", "session.compacted", "session.deleted"),
    *("message.removed", "message.part.removed"),
)


class Hearing:
    """Reads the events of one server. `turn` is the one under way; `limits` are the models'
    context windows; `ignored` counts the events that were no business of ours."""

    def __init__(self, server: Server, asks: Asks, known: Remembered) -> None:
        self.turn: Turn | None = None
        self.limits: dict[str, int] = {}
        self.ignored = 0
        self._server = server
        self._asks = asks
        self._known = known
        self._connections = 0
        self._readers: dict[str, Callable[[Raw], list[Said] | None]] = {
            "message.part.delta": self._grew,
            "message.part.updated": self._part,
            "message.updated": self._message,
            "session.status": self._status,
            "session.idle": self._status,
            "session.error": self._failed,
            "session.created": self._session,
            "session.updated": self._session,
            "permission.asked": self._permission,
            "permission.replied": self._replied,
            "question.asked": self._question,
            "question.replied": self._replied,
            "question.rejected": self._replied,
            "server.connected": self._connected,
        }

    def hear(self, data: Raw) -> list[Said]:
        """Take one event."""
        head = wire.decoded(data, wire.Head)
        if head is None:
            return [Garbled("an event without a type", len(bytes(data)))]
        read = self._readers.get(head.type)
        if read is None:
            known = head.type.startswith(_QUIET)
            return self._ignore() if known else [Unrecognised(head.type[:LONGEST_NAME])]
        said = read(head.properties)
        return [Garbled(f"a malformed {head.type}", len(bytes(data)))] if said is None else said

    def _ignore(self) -> list[Said]:
        self.ignored += 1
        return []

    def _turn_of(self, session: str) -> Turn | None:
        """The turn, if this is its session and the server has begun it."""
        turn = self.turn
        return turn if turn is not None and turn.sent and turn.session_id == session else None

    # --- what the model says ----------------------------------------------------

    def _grew(self, properties: Raw) -> list[Said] | None:
        delta = wire.decoded(properties, wire.Delta)
        if delta is None:
            return None
        turn = self._turn_of(delta.session)
        return turn.note_delta(delta) if turn is not None else self._ignore()

    def _part(self, properties: Raw) -> list[Said] | None:
        told = wire.decoded(properties, wire.PartTold)
        return None if told is None else self._note_part(told.part, told.time)

    def _note_part(self, part: wire.Part, at: float | None) -> list[Said]:
        if not self._known.is_ours(part.session):
            return [Unrecognised(STRANGE_SESSION)]
        if part.type == "step-finish":
            return self._count(part, at)
        turn = self._turn_of(part.session)
        return turn.note_part(part) if turn is not None else []

    def _count(self, part: wire.Part, at: float | None) -> list[Said]:
        if part.tokens is None or not self._known.counts(part.id):
            return self._ignore()
        model, subagent = self._known.model(part.message), self._known.subagent(part.session)
        request = wire.counted(
            part.id, part.tokens, model=model, cost=part.cost, at=at, subagent=subagent
        )
        if self.turn is not None:
            self.turn.note_counted(request)
        if subagent:
            return [RequestCounted(request)]
        context = ContextTold(part.tokens.all, self.limits.get(model, 0))
        return [RequestCounted(request), context]

    def _message(self, properties: Raw) -> list[Said] | None:
        told = wire.decoded(properties, wire.MessageTold)
        return None if told is None else self._note_message(told.info)

    def _note_message(self, message: wire.Message) -> list[Said]:
        if not self._known.is_ours(message.session):
            return [Unrecognised(STRANGE_SESSION)]
        turn = self._turn_of(message.session)
        if message.role == "user":
            new = self._known.is_new_user(message.id)
            if new and turn is not None and not turn.user:
                turn.user, turn.began = message.id, message.time.created or 0.0
        elif message.role == "assistant":
            self._known.note(message)
            if turn is not None and turn.user:
                turn.note_message(message)
        return []

    # --- how the session is -------------------------------------------------------

    def _session(self, properties: Raw) -> list[Said] | None:
        told = wire.decoded(properties, wire.SessionTold)
        if told is None:
            return None
        self._known.adopt(told.info.id, told.info.parent, told.info.agent or told.info.title)
        return []

    def _status(self, properties: Raw) -> list[Said] | None:
        told = wire.decoded(properties, wire.StatusTold)
        if told is None:
            return None
        status, turn = told.status, self._turn_of(told.session)
        if status.type == "retry" and self.turn is not None and self._known.is_ours(told.session):
            until = None if status.next is None else status.next / 1000
            return [Retrying(faults.words(status.message) or "the model's provider", until)]
        if turn is None:
            return self._ignore()
        turn.idle = status.type == "idle" and turn.user != ""
        if turn.cancelled and turn.accepted and status.type == "busy":
            # It had not begun yet when it was asked to stop.
            self._server.abort(turn)
        return []

    def _failed(self, properties: Raw) -> list[Said] | None:
        told = wire.decoded(properties, wire.Failure)
        if told is None:
            return None
        turn = self._turn_of(told.session)
        if turn is None:
            return self._ignore()
        # The first says it best: a second one for the same cause holds a stack trace.
        turn.failure = turn.failure or told.error
        return []

    # --- what it asks ---------------------------------------------------------------

    def _permission(self, properties: Raw) -> list[Said] | None:
        asked = wire.decoded(properties, wire.Permission)
        if asked is None:
            return None
        input = self.turn.input(asked.tool.call) if self.turn is not None else ""
        return self._put(asked, lambda call: self._asks.add_permission(asked, call, input))

    def _question(self, properties: Raw) -> list[Said] | None:
        asked = wire.decoded(properties, wire.Questions)
        if asked is None:
            return None
        return self._put(asked, lambda call: self._asks.add_questions(asked, call))

    def _put(
        self, asked: wire.Permission | wire.Questions, add: Callable[[str], list[Said]]
    ) -> list[Said]:
        """Put it to a person, or refuse it where nobody would answer."""
        if not self._known.is_ours(asked.session):
            return self._ignore()
        turn = self.turn
        if turn is None or not turn.sent or turn.cancelled:
            self._server.tell(refusal(asked.id))
            return []
        said = add(turn.call_id(asked.tool.call))
        if not said and not self._asks.has(asked.id):
            self._server.tell(refusal(asked.id))
        return said

    def _replied(self, properties: Raw) -> list[Said] | None:
        told = wire.decoded(properties, wire.Replied)
        if told is None:
            return None
        self._asks.close(told.request)
        return []

    # --- what was missed --------------------------------------------------------------

    def _connected(self, _: Raw) -> list[Said]:
        """The stream of events was opened: not for the first time, if some were missed."""
        self._connections += 1
        turn = self.turn
        if self._connections == 1 or turn is None or not turn.sent or turn.session_id is None:
            return []
        self._read_missed(turn, [turn.session_id, *self._known.children])
        return []

    def check(self, turn: Turn) -> None:
        """Ask whether the server still works on it."""
        turn.checking = True

        def answered(result: Result) -> list[Said]:
            states = body_of(result, dict[str, wire.Status])
            turn.checking = turn.idle = False
            if states is not None:
                state = states.get(turn.session_id or "")
                turn.gone = turn.accepted and (state is None or state.type == "idle")
            return []

        self._server.ask("GET", "/session/status", answered)

    def _read_missed(self, turn: Turn, sessions: list[str]) -> None:
        """Read one session after the other, and then ask whether the turn goes on."""
        if not sessions:
            self.check(turn)
            return
        session, *others = sessions

        def answered(result: Result) -> list[Said]:
            if self.turn is not turn:
                return []
            self._read_missed(turn, others)
            listed = body_of(result, list[wire.Whole]) or []
            missed = self._missed(turn, session, listed)
            return [said for message in missed for said in self._note_whole(message)]

        path = f"{session_path(session)}/message?limit={MISSED_MESSAGES}"
        self._server.ask("GET", path, answered)

    def _missed(
        self, turn: Turn, session: str, listed: Sequence[wire.Whole]
    ) -> Sequence[wire.Whole]:
        """Those of a session's messages that are the turn's."""
        if session == turn.session_id:
            return self._known.since(session, listed)
        # A subagent's session may be older than the turn.
        return [m for m in listed if turn.began and (m.info.time.created or 0) >= turn.began]

    def _note_whole(self, message: wire.Whole) -> list[Said]:
        said = self._note_message(message.info)
        for part in message.parts:
            said += self._note_part(part, message.info.time.completed)
        return said
