"""The sessions of one warm process: which are open, which is being opened, and whose turn waits.

    greeted ─► a session is opened ─► open ─► its turns, one at a time
                     ▲                              │
                     └── a turn of another session ─┘

Rules:

- A turn whose session is not open yet waits, unsent, until it is.
- A lost session is followed by a new one only while the process is opened. In a turn it
  ends the turn: nobody wants an answer that knows nothing of the conversation.
- A session that was forgotten while it was being opened is not gone to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tars.conversation.model import OpenFailed, Said, SessionLost, Stop
from tars.errors import Fault, FaultKind
from tars.protocols.faults import broken
from tars.protocols.peer import Peer

#: What an update for a session that was never opened here is counted as.
STRANGE_SESSION = "update for another session"


@dataclass(slots=True)
class Turn:
    """A prompt until its end. `sent`: the agent has it."""

    text: str
    session_id: str | None
    sent: bool = False
    cancelled: bool = False


class Start(Protocol):
    """A session on its way to being open. `forgotten`: nobody wants it any more."""

    forgotten: bool


ATurn = TypeVar("ATurn", bound=Turn)
AStart = TypeVar("AStart", bound=Start)


class OpenSessions(Generic[ATurn, AStart]):
    """`current` is the session that the next prompt goes to, or None when it gets a new one.

    `start` begins to open a session: this one, or with an empty id a new one. `send` gives the
    agent a turn, and `end` ends the one under way; it sets `turn` to None.
    """

    def __init__(
        self,
        *,
        start: Callable[[str], AStart],
        send: Callable[[ATurn, str], None],
        end: Callable[[Stop, Fault | None], list[Said]],
    ) -> None:
        self.current: str | None = None
        self.starting: AStart | None = None
        self.turn: ATurn | None = None
        self.handshaking = False
        self._greeted = False
        self._open: set[str] = set()
        self._left: set[str] = set()
        self._start = start
        self._send = send
        self._end = end

    def greeted(self, wanted: str) -> None:
        """The process is ready to open a session: this one, or with an empty id a new one."""
        self._greeted = True
        self.starting = self._start(wanted)

    def prompt(self, turn: ATurn) -> None:
        """Begin a turn; its session becomes the current one.

        Raises RuntimeError when one is under way.
        """
        if self.turn is not None:
            raise RuntimeError("A turn is under way; wait for its end.")
        if turn.session_id in self._open:
            self.current = turn.session_id
        self.turn = turn
        self.pursue()

    def forget(self) -> None:
        """Let the next prompt have a new session, in this process."""
        self.current = None
        if self.starting is not None:
            self.starting.forgotten = True

    def close(self, session_id: str) -> None:
        """The agent no longer has this session open: let the next prompt try to open it."""
        self._open.discard(session_id)
        self._left.add(session_id)

    def strange(self, session_id: str) -> bool:
        """Whether this is none of the sessions that were opened here, nor may be the one that is
        on its way."""
        known = self._open | self._left
        return bool(known) and session_id not in known and self.starting is None

    def opened(self, session_id: str, *, resumed: bool) -> bool:
        """Note that the session on its way is open; `pursue` then. False says that nobody wants
        it any more, and that a new one is on its way."""
        start, turn = self.starting, self.turn
        forgotten = start is not None and start.forgotten
        self._open.add(session_id)
        if forgotten and resumed and turn is None:
            self.starting = self._start("")
            return False
        self.starting = None
        self.handshaking = False
        self.current = None if forgotten and turn else session_id
        if turn is not None and turn.session_id is None:
            turn.session_id = session_id
        return True

    def not_opened(self, wanted: str, fault: Fault) -> list[Said]:
        """The session on its way cannot be opened; `wanted` is empty for a new one."""
        if self.handshaking and fault.kind is FaultKind.SESSION_UNKNOWN and wanted:
            self.starting = self._start("")
            return [SessionLost(wanted, fault.message)]
        return self.fail(fault)

    def pursue(self) -> list[Said]:
        """Bring the turn one step on: open its session, or send it."""
        turn = self.turn
        if turn is None or self.starting is not None or not self._greeted:
            return []
        if turn.cancelled:
            return self._end(Stop.CANCELLED, None)
        turn.session_id = target = turn.session_id or self.current
        if target is not None and target in self._open:
            turn.sent = True
            self._send(turn, target)
        else:
            self.starting = self._start(target or "")
        return []

    def fail(self, fault: Fault) -> list[Said]:
        """End what is under way: the handshake, and the turn."""
        self.starting = None
        said: list[Said] = [OpenFailed(fault)] if self.handshaking else []
        self.handshaking = False
        if self.turn is None:
            return said
        if self.turn.cancelled and not self.turn.sent:
            return said + self._end(Stop.CANCELLED, None)
        return said + self._end(Stop.ERROR, fault)

    def abandon(self, peer: Peer, language: str) -> list[Said]:
        """The process has said its last. `language` is what it should have spoken."""
        if not self.handshaking:
            return self.fail(Fault(FaultKind.CRASHED, "The agent's process ended."))
        if peer.garbled and not peer.understood:
            return self.fail(broken(f"The agent does not speak {language}."))
        return self.fail(Fault(FaultKind.CRASHED, "The agent's process ended before it was ready."))
