"""The Agent Client Protocol, version 1, from the client's side: https://agentclientprotocol.com.

Rules:

- Ready means that initialize was answered and a session is open; `acp_session` has the steps,
  and `open_sessions` the rules for the sessions that follow.
- A replay is dropped. It is over at the `available_commands_update` that comes after the
  load's result: Gemini CLI sends it last of all. `settle` takes it as over.
- A turn belongs to one session. What comes for another one, or when no turn runs, is
  counted in `ignored` and dropped; only a change of mode is always told. An update for a
  session that was never opened here is counted as unrecognised.
- Every request of the agent is answered, the ones that tars does not offer at once. While
  a permission request is open the agent hears no cancel, so that a cancel answers them all.
- What one agent does differently stands in its `Dialect`, which goes by the agent's name.
"""

from dataclasses import replace

from msgspec import Raw

from tars.conversation.model import (
    Garbled,
    ModeChanged,
    Opened,
    PermissionAsked,
    Said,
    SessionLost,
    Stop,
    Unrecognised,
)
from tars.errors import Fault, FaultKind
from tars.protocols import acp_messages as wire
from tars.protocols import acp_opening, faults
from tars.protocols.acp_dialect import Dialect, Recognise
from tars.protocols.acp_permissions import OpenPermissions
from tars.protocols.acp_session import SessionStart
from tars.protocols.acp_turn import TurnReader
from tars.protocols.acp_usage import Filled
from tars.protocols.codec import Offered, Opening
from tars.protocols.jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Id,
    Notification,
    RpcError,
    decoded,
)
from tars.protocols.lines import DEFAULT_LIMIT
from tars.protocols.open_sessions import STRANGE_SESSION, OpenSessions, Turn
from tars.protocols.peer import Answered, Heard, Peer

#: How long a replayed conversation may be silent before it is taken as over.
REPLAY_SECONDS = 2.0
#: What a client may be asked for; an agent that asks knows that tars offers none of it.
_CLIENTS = ("fs/", "terminal/", "elicitation/")


class Acp:
    """The codec of one ACP agent process.

    `ignored` counts the messages that made sense but said nothing to tars. `recognise` gives
    the dialect of an agent that has said its name; without it errors are read by `classify`
    and usage is taken as it stands.
    """

    def __init__(
        self,
        client_version: str = "",
        *,
        classify: faults.Classify = faults.classify,
        recognise: Recognise | None = None,
        replay_seconds: float = REPLAY_SECONDS,
        line_limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.ignored = 0
        self._client_version = client_version
        self._reader = TurnReader(Dialect(classify=classify))
        self._recognise = recognise
        self._replay_seconds = replay_seconds
        self._sign_in_advice = ""
        self._peer = Peer(line_limit)
        self._permissions = OpenPermissions(self._peer)
        self._opening = Opening(cwd="")
        self.offered: Offered | None = None
        self._starts: dict[str, SessionStart] = {}
        self._reopens_with = ""
        self._agent_version = ""
        self._sessions: OpenSessions[Turn, SessionStart] = OpenSessions(
            start=self._start, send=self._send, end=self._end_unanswered
        )

    # What the caller asks for.

    @property
    def session_id(self) -> str | None:
        """The session that the next prompt goes to; None when it gets a new one."""
        return self._sessions.current

    @property
    def quiet_seconds(self) -> float | None:
        """How long a replay has to be silent to be over."""
        start = self._sessions.starting
        return self._replay_seconds if start is not None and start.replaying else None

    def open(self, opening: Opening) -> None:
        """Begin the handshake. `Opened` or `OpenFailed` follows from `receive`."""
        self._opening = opening
        self._sessions.handshaking = True
        hello = acp_opening.initialize(self._client_version)
        self._peer.ask("initialize", hello, self._greeted)

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin a turn in this session, or in the current one, or in a new one.

        The session becomes the current one. Raises RuntimeError when a turn is under way.
        """
        self._sessions.prompt(Turn(text, session_id))

    def choose(self, model: str, mode: str) -> bool:
        """Set model and mode before the next prompt of each session that is open. An agent's own
        choice, which only a new session shows, is had from another process."""
        before = self._opening
        if (before.model and not model) or (before.mode and not mode):
            return False
        self._opening = replace(before, model=model, mode=mode)
        return True

    def cancel(self) -> None:
        """Ask for the end of the turn under way; without one, do nothing.

        A turn that was not sent yet ends when its session is open, or cannot be.
        """
        turn = self._sessions.turn
        if turn is None or turn.cancelled:
            return
        turn.cancelled = True
        if turn.sent:
            self._peer.tell("session/cancel", {"sessionId": turn.session_id})
            self._permissions.withdraw()

    def answer(self, request_id: str, option_id: str | None) -> None:
        """Answer a permission request; None says that the turn was cancelled."""
        self._permissions.answer(request_id, option_id)

    def forget_session(self) -> None:
        """Let the next prompt have a new session, in this process."""
        self._sessions.forget()

    def receive(self, data: bytes) -> list[Said]:
        """Take bytes from the agent's stdout, cut anywhere."""
        return [said for heard in self._peer.receive(data) for said in self._act_on(heard)]

    def settle(self) -> list[Said]:
        """Take the replay as over although the agent did not say so."""
        start = self._sessions.starting
        return start.settle() if start is not None and start.replaying else []

    def eof(self) -> list[Said]:
        """The agent will say no more; what is under way ends with an error."""
        said = [said for heard in self._peer.end() for said in self._act_on(heard)]
        return said + self._sessions.abandon(self._peer, "the Agent Client Protocol")

    def outgoing(self) -> bytes:
        """Give the bytes for the agent's stdin, once."""
        return self._peer.outgoing()

    # What the agent says.

    def _act_on(self, heard: Heard) -> list[Said]:
        if isinstance(heard, Garbled):
            return [heard]
        if isinstance(heard, Answered):
            return heard.then(heard.result)
        if isinstance(heard, Notification):
            if heard.method == "session/update":
                return self._updated(heard.params)
            return [wire.unrecognised(heard.method)]
        if heard.method == "session/request_permission":
            return self._asked(heard.id, heard.params)
        self._peer.refuse(heard.id, METHOD_NOT_FOUND, "tars does not offer this method")
        if heard.method.startswith(_CLIENTS):
            return self._ignore()
        return [wire.unrecognised(heard.method)]

    def _updated(self, params: Raw) -> list[Said]:
        message = decoded(params, wire.SESSION_UPDATE)
        if message is None:
            return [Garbled("a malformed session/update", len(bytes(params)))]
        start = self._sessions.starting
        if start is not None and start.session_id == message.session_id:
            if start.replaying and wire.ends_replay(message.update):
                return start.settle()
            return self._ignore()
        turn = self._turn_of(message.session_id)
        if turn is None and message.session_id != self._sessions.current:
            if self._sessions.strange(message.session_id):
                return [Unrecognised(STRANGE_SESSION)]
            return self._ignore()
        update = wire.read_update(message.update)
        if isinstance(update, Filled):
            return self._reader.filled(message.session_id, update) or self._ignore()
        if isinstance(update, ModeChanged | Garbled | Unrecognised):
            return [update]
        if turn is None or isinstance(update, wire.CommandsListed | wire.Unused):
            return self._ignore()
        return self._reader.read(update, message.update)

    def _asked(self, id: Id, params: Raw) -> list[Said]:
        request = decoded(params, wire.PERMISSION_REQUEST)
        if request is None:
            self._peer.refuse(id, INVALID_PARAMS, "malformed permission request")
            return [Garbled("a malformed permission request", len(bytes(params)))]
        if id in self._permissions:
            return [Garbled("a permission request whose id is in use", len(bytes(params)))]
        if not self._may_ask(request.session_id):
            self._permissions.decline(id)
            return self._ignore()
        call = request.tool_call
        return [
            PermissionAsked(
                self._permissions.add(id),
                call.headline(),
                call.kind or "",
                request.offered(),
                call.tool_call_id,
                call.details(),
            )
        ]

    def _may_ask(self, session_id: str) -> bool:
        turn = self._turn_of(session_id)
        return turn is not None and not turn.cancelled and not self._permissions.full

    def _turn_of(self, session_id: str) -> Turn | None:
        turn = self._sessions.turn
        return turn if turn and turn.sent and turn.session_id == session_id else None

    def _ignore(self) -> list[Said]:
        self.ignored += 1
        return []

    # How a session comes to be open.

    def _greeted(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._sessions.fail(self._meaning_of(result))
        answer = decoded(result, acp_opening.INITIALIZED)
        if answer is None:
            return self._sessions.fail(
                faults.broken("The agent's answer to initialize is malformed.")
            )
        if answer.protocol_version != acp_opening.PROTOCOL_VERSION:
            return self._sessions.fail(
                faults.broken(
                    f"The agent speaks version {answer.protocol_version} of the Agent Client "
                    f"Protocol; tars speaks version {acp_opening.PROTOCOL_VERSION}."
                )
            )
        self._agent_version = answer.version
        self._reopens_with = answer.reopens_with
        if self._recognise is not None:
            self._reader = TurnReader(self._recognise(answer.name))
            self._sign_in_advice = answer.sign_in_advice
        return self._begin()

    def _meaning_of(self, error: RpcError) -> Fault:
        fault = self._reader.dialect.classify(error)
        if fault.kind is FaultKind.NOT_SIGNED_IN and not fault.advice:
            return replace(fault, advice=self._sign_in_advice)
        return fault

    def _begin(self) -> list[Said]:
        wanted = self._opening.session_id
        if wanted is None or self._reopens_with:
            self._sessions.greeted(wanted or "")
            return []
        self._sessions.greeted("")
        return [SessionLost(wanted, "The agent keeps no sessions.")]

    def _start(self, session_id: str) -> SessionStart:
        """Open a session: this one, or with an empty id a new one."""
        return SessionStart(
            self._peer,
            self._opening,
            session_id,
            method=self._reopens_with or "session/load",
            classify=self._meaning_of,
            opened=self._opened,
            failed=self._not_opened,
        )

    def _opened(self, start: SessionStart) -> list[Said]:
        self._reader.opened(start.session_id, resumed=start.resumed)
        self._starts[start.session_id] = start
        if start.offered != Offered() or not start.resumed:
            self.offered = start.offered
        if not self._sessions.opened(start.session_id, resumed=start.resumed):
            return []
        opened = Opened(
            start.session_id, start.resumed, start.model, start.mode, self._agent_version
        )
        return [opened, *self._sessions.pursue()]

    def _not_opened(self, start: SessionStart, fault: Fault) -> list[Said]:
        if start.resumed and not self._reopens_with:
            fault = Fault(FaultKind.SESSION_UNKNOWN, "The agent keeps no sessions.")
        return self._sessions.not_opened(start.session_id if start.resumed else "", fault)

    # How a turn runs.

    def _send(self, turn: Turn, session_id: str) -> None:
        """Send a prompt, once its session has the model and the mode that are wanted."""
        turn.sent = False
        self._starts[session_id].change(
            self._opening,
            lambda _: self._ask(turn, session_id),
            lambda _, fault: self._end_unanswered(Stop.ERROR, fault),
        )

    def _ask(self, turn: Turn, session_id: str) -> list[Said]:
        if turn.cancelled:
            return self._end_unanswered(Stop.CANCELLED, None)
        turn.sent = True
        self._permissions.declined = False
        self._reader.began(session_id)
        self._peer.ask(
            "session/prompt",
            {"sessionId": session_id, "prompt": [{"type": "text", "text": turn.text}]},
            lambda result: self._answered(session_id, result),
        )
        return []

    def _answered(self, session_id: str, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            fault = self._meaning_of(result)
            if fault.kind is FaultKind.SESSION_UNKNOWN:
                self._sessions.close(session_id)
            return self._end_turn(Stop.ERROR, fault=fault)
        ended = decoded(result, wire.PROMPT_ENDED)
        stop = wire.STOPS.get(ended.stop_reason) if ended else None
        if ended is None or stop is None:
            fault = faults.broken(
                "The agent ended the turn without a reason that the protocol knows."
            )
            return self._end_turn(Stop.ERROR, fault=fault)
        turn = self._sessions.turn
        if stop is Stop.DONE and turn is not None and turn.cancelled and self._permissions.declined:
            # It may hear that it may not before it hears the cancel, and end as if it were done.
            stop = Stop.CANCELLED
        return self._end_turn(stop, ended=ended)

    def _end_unanswered(self, stop: Stop, fault: Fault | None) -> list[Said]:
        return self._end_turn(stop, fault=fault)

    def _end_turn(
        self, stop: Stop, *, ended: wire.PromptEnded | None = None, fault: Fault | None = None
    ) -> list[Said]:
        self._sessions.turn = None
        self._permissions.withdraw()
        return self._reader.ended(stop, ended, fault)
