"""The Agent Client Protocol, version 1, from the client's side: https://agentclientprotocol.com.

Rules:

- Ready means that initialize was answered and a session is open; `acp_session` has the steps.
- A replay is dropped. It is over at the `available_commands_update` that comes after the
  load's result: Gemini CLI sends it last of all. `settle` takes it as over.
- A lost session is followed by a new one only while the process is opened. In a turn it
  ends the turn: nobody wants an answer that knows nothing of the conversation.
- A turn belongs to one session. What comes for another one, or when no turn runs, is
  counted in `ignored` and dropped; only a change of mode is always told.
- Every request of the agent is answered, the ones that tars does not offer at once. While
  a permission request is open the agent hears no cancel, so that a cancel answers them all.
"""

from dataclasses import dataclass

from msgspec import Raw

from tars.conversation.model import (
    Garbled,
    ModeChanged,
    Opened,
    OpenFailed,
    PermissionAsked,
    ReportedUsage,
    Said,
    SessionLost,
    Stop,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import Fault, FaultKind
from tars.protocols import acp_messages as wire
from tars.protocols import faults
from tars.protocols.acp_permissions import OpenPermissions
from tars.protocols.acp_session import SessionStart
from tars.protocols.codec import Opening
from tars.protocols.jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Id,
    Notification,
    RpcError,
    decoded,
)
from tars.protocols.lines import DEFAULT_LIMIT
from tars.protocols.peer import Answered, Heard, Peer

#: How long a replayed conversation may be silent before it is taken as over.
REPLAY_SECONDS = 2.0
#: How many of a turn's tool calls are remembered, for updates that leave the status out.
MAX_KNOWN_CALLS = 1024


@dataclass(slots=True)
class _Turn:
    """A prompt until its end. It waits, unsent, while its session is being opened."""

    text: str
    session_id: str | None
    sent: bool = False
    cancelled: bool = False


class Acp:
    """The codec of one ACP agent process.

    `ignored` counts the messages that made sense but said nothing to tars.
    """

    def __init__(
        self,
        client_version: str = "",
        *,
        classify: faults.Classify = faults.classify,
        line_limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.ignored = 0
        self._client_version = client_version
        self._classify = classify
        self._peer = Peer(line_limit)
        self._permissions = OpenPermissions(self._peer)
        self._calls: dict[str, ToolStatus] = {}
        self._opening = Opening(cwd="")
        self._handshaking = False
        self._initialized = False
        self._can_load = False
        self._agent_version = ""
        self._sessions: set[str] = set()
        self._current: str | None = None
        self._starting: SessionStart | None = None
        self._turn: _Turn | None = None

    # What the caller asks for.

    @property
    def session_id(self) -> str | None:
        """The session that the next prompt goes to; None when it gets a new one."""
        return self._current

    @property
    def quiet_seconds(self) -> float | None:
        """How long a replay has to be silent to be over."""
        replaying = self._starting is not None and self._starting.replaying
        return REPLAY_SECONDS if replaying else None

    def open(self, opening: Opening) -> None:
        """Begin the handshake. `Opened` or `OpenFailed` follows from `receive`."""
        self._opening = opening
        self._handshaking = True
        hello = wire.initialize(self._client_version)
        self._peer.ask("initialize", hello, self._greeted)

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin a turn in this session, or in the current one, or in a new one.

        The session becomes the current one. Raises RuntimeError when a turn is under way.
        """
        if self._turn is not None:
            raise RuntimeError("A turn is under way; wait for its end.")
        if session_id in self._sessions:
            self._current = session_id
        self._turn = _Turn(text, session_id)
        self._pursue()

    def cancel(self) -> None:
        """Ask for the end of the turn under way; without one, do nothing.

        A turn that was not sent yet ends when its session is open, or cannot be.
        """
        turn = self._turn
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
        self._current = None
        if self._starting is not None:
            self._starting.forgotten = True

    def receive(self, data: bytes) -> list[Said]:
        """Take bytes from the agent's stdout, cut anywhere."""
        return [said for heard in self._peer.receive(data) for said in self._act_on(heard)]

    def settle(self) -> list[Said]:
        """Take the replay as over although the agent did not say so."""
        start = self._starting
        return start.settle() if start is not None and start.replaying else []

    def eof(self) -> list[Said]:
        """The agent will say no more; what is under way ends with an error."""
        said = [said for heard in self._peer.end() for said in self._act_on(heard)]
        return said + self._fail(self._last_fault())

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
            told = heard.method == "session/update"
            return self._updated(heard.params) if told else self._ignore()
        if heard.method == "session/request_permission":
            return self._asked(heard.id, heard.params)
        self._peer.refuse(heard.id, METHOD_NOT_FOUND, "tars does not offer this method")
        return self._ignore()

    def _updated(self, params: Raw) -> list[Said]:
        message = decoded(params, wire.SESSION_UPDATE)
        if message is None:
            return [Garbled("a malformed session/update", len(bytes(params)))]
        start = self._starting
        if start is not None and start.session_id == message.session_id:
            if start.replaying and wire.ends_replay(message.update):
                return start.settle()
            return self._ignore()
        in_turn = self._turn_of(message.session_id) is not None
        if in_turn or message.session_id == self._current:
            return self._said(wire.read_update(message.update), in_turn)
        return self._ignore()

    def _said(self, update: wire.Update, in_turn: bool) -> list[Said]:
        if isinstance(update, ModeChanged | Garbled):
            return [update]
        if not in_turn or isinstance(update, wire.CommandsListed | wire.Unused):
            return self._ignore()
        return [self._tool_call(update) if isinstance(update, wire.ToolReport) else update]

    def _tool_call(self, report: wire.ToolReport) -> ToolCallChanged:
        before = self._calls.pop(report.call_id, ToolStatus.PENDING)
        status = before if report.status is None else report.status
        self._calls[report.call_id] = status
        if len(self._calls) > MAX_KNOWN_CALLS:
            del self._calls[next(iter(self._calls))]
        return ToolCallChanged(
            report.call_id, status, report.title, report.kind, report.paths, report.output
        )

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
                call.title or "",
                call.kind or "",
                request.offered(),
                call.tool_call_id,
            )
        ]

    def _may_ask(self, session_id: str) -> bool:
        turn = self._turn_of(session_id)
        return turn is not None and not turn.cancelled and not self._permissions.full

    def _turn_of(self, session_id: str) -> _Turn | None:
        turn = self._turn
        return turn if turn and turn.sent and turn.session_id == session_id else None

    def _ignore(self) -> list[Said]:
        self.ignored += 1
        return []

    # How a session comes to be open.

    def _greeted(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._fail(self._classify(result))
        answer = decoded(result, wire.INITIALIZED)
        if answer is None:
            return self._fail(_broken("The agent's answer to initialize is malformed."))
        if answer.protocol_version != wire.PROTOCOL_VERSION:
            return self._fail(
                _broken(
                    f"The agent speaks version {answer.protocol_version} of the Agent Client "
                    f"Protocol; tars speaks version {wire.PROTOCOL_VERSION}."
                )
            )
        self._initialized = True
        self._agent_version = answer.version
        self._can_load = answer.can_load
        return self._begin()

    def _begin(self) -> list[Said]:
        wanted = self._opening.session_id
        if wanted is None or self._can_load:
            self._start(wanted or "")
            return []
        self._start("")
        return [SessionLost(wanted, "The agent keeps no sessions.")]

    def _start(self, session_id: str) -> None:
        """Open a session: this one, or with an empty id a new one."""
        self._starting = SessionStart(
            self._peer,
            self._opening,
            session_id,
            classify=self._classify,
            opened=self._opened,
            failed=self._not_opened,
        )

    def _opened(self, start: SessionStart) -> list[Said]:
        self._sessions.add(start.session_id)
        turn = self._turn
        if start.forgotten and start.resumed and turn is None:
            # Nobody wants this conversation any more.
            self._start("")
            return []
        self._starting = None
        self._handshaking = False
        self._current = None if start.forgotten and turn else start.session_id
        if turn is not None and turn.session_id is None:
            turn.session_id = start.session_id
        opened = Opened(
            start.session_id, start.resumed, start.model, start.mode, self._agent_version
        )
        return [opened, *self._pursue()]

    def _not_opened(self, start: SessionStart, fault: Fault) -> list[Said]:
        if start.resumed and not self._can_load:
            fault = Fault(FaultKind.SESSION_UNKNOWN, "The agent keeps no sessions.")
        if self._handshaking and fault.kind is FaultKind.SESSION_UNKNOWN and start.resumed:
            self._start("")
            return [SessionLost(start.session_id, fault.message)]
        return self._fail(fault)

    # How a turn runs.

    def _pursue(self) -> list[Said]:
        """Bring the turn one step on: open its session, or send it."""
        turn = self._turn
        if turn is None or self._starting is not None or not self._initialized:
            return []
        if turn.cancelled:
            return self._end_turn(Stop.CANCELLED)
        turn.session_id = target = turn.session_id or self._current
        if target is None:
            self._start("")
        elif target not in self._sessions:
            self._start(target)
        else:
            self._send(turn, target)
        return []

    def _send(self, turn: _Turn, session_id: str) -> None:
        turn.sent = True
        self._peer.ask(
            "session/prompt",
            {"sessionId": session_id, "prompt": [{"type": "text", "text": turn.text}]},
            lambda result: self._answered(session_id, result),
        )

    def _answered(self, session_id: str, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            fault = self._classify(result)
            if fault.kind is FaultKind.SESSION_UNKNOWN:
                # Let the next prompt try to load it.
                self._sessions.discard(session_id)
            return self._end_turn(Stop.ERROR, fault=fault)
        ended = decoded(result, wire.PROMPT_ENDED)
        stop = wire.STOPS.get(ended.stop_reason) if ended else None
        if ended is None or stop is None:
            fault = _broken("The agent ended the turn without a reason that the protocol knows.")
            return self._end_turn(Stop.ERROR, fault=fault)
        return self._end_turn(stop, usage=wire.reported_usage(ended))

    def _end_turn(
        self, stop: Stop, *, usage: ReportedUsage | None = None, fault: Fault | None = None
    ) -> list[Said]:
        self._turn = None
        self._calls.clear()
        self._permissions.withdraw()
        return [TurnEnded(stop, usage, fault)]

    # How it all ends.

    def _fail(self, fault: Fault) -> list[Said]:
        """End what is under way: the handshake, and the turn."""
        self._starting = None
        said: list[Said] = [OpenFailed(fault)] if self._handshaking else []
        self._handshaking = False
        turn = self._turn
        if turn is None:
            return said
        if turn.cancelled and not turn.sent:
            return said + self._end_turn(Stop.CANCELLED)
        return said + self._end_turn(Stop.ERROR, fault=fault)

    def _last_fault(self) -> Fault:
        if not self._handshaking:
            return Fault(FaultKind.CRASHED, "The agent's process ended.")
        if self._peer.garbled and not self._peer.understood:
            return _broken("The agent does not speak the Agent Client Protocol.")
        return Fault(FaultKind.CRASHED, "The agent's process ended before it was ready.")


def _broken(message: str) -> Fault:
    return Fault(FaultKind.PROTOCOL, message)
