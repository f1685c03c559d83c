"""The sessions of one warm process, apart from any protocol."""

from dataclasses import dataclass

import pytest

from tars.conversation.model import OpenFailed, Said, SessionLost, Stop, TurnEnded
from tars.errors import Fault, FaultKind
from tars.protocols.open_sessions import OpenSessions, Turn
from tars.protocols.peer import Peer

GONE = Fault(FaultKind.SESSION_UNKNOWN, "No such session.")


@dataclass(slots=True)
class Start:
    """A session that was asked for."""

    wanted: str
    forgotten: bool = False


class Process:
    """What an agent was asked for, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sessions: OpenSessions[Turn, Start] = OpenSessions(
            start=self._start, send=self._send, end=self._end
        )
        self.sessions.handshaking = True

    def _start(self, wanted: str) -> Start:
        self.asked.append(f"open {wanted or 'new'}")
        return Start(wanted)

    def _send(self, turn: Turn, session_id: str) -> None:
        self.asked.append(f"send {turn.text} to {session_id}")

    def _end(self, stop: Stop, fault: Fault | None) -> list[Said]:
        self.sessions.turn = None
        return [TurnEnded(stop, fault=fault)]


@pytest.fixture
def process() -> Process:
    """One whose first session, `one`, is open."""
    process = Process()
    process.sessions.greeted("")
    assert process.sessions.opened("one", resumed=False)
    process.asked.clear()
    return process


def test_a_turn_waits_until_the_process_is_ready() -> None:
    """A prompt that comes before the greeting is sent once the first session is open."""
    process = Process()
    sessions = process.sessions
    sessions.prompt(Turn("hello", None))
    assert process.asked == []
    sessions.greeted("")
    sessions.opened("one", resumed=False)
    assert sessions.pursue() == []
    assert process.asked == ["open new", "send hello to one"]


def test_a_turn_of_another_session_opens_it_first(process: Process) -> None:
    """The session of the turn becomes the current one, once it is open."""
    process.sessions.prompt(Turn("hello", "two"))
    assert process.asked == ["open two"]
    assert process.sessions.opened("two", resumed=True)
    process.sessions.pursue()
    assert process.asked == ["open two", "send hello to two"]
    assert process.sessions.current == "two"


def test_one_turn_at_a_time(process: Process) -> None:
    """A second prompt is the caller's mistake."""
    process.sessions.prompt(Turn("hello", None))
    with pytest.raises(RuntimeError, match="under way"):
        process.sessions.prompt(Turn("again", None))


def test_only_a_session_that_was_never_here_is_strange(process: Process) -> None:
    """Not one that was left, and none while one is opened: it may be that."""
    sessions = process.sessions
    sessions.prompt(Turn("hello", "two"))
    assert not sessions.strange("three")
    sessions.opened("two", resumed=True)
    sessions.forget()
    sessions.close("two")
    assert not sessions.strange("two")
    assert sessions.strange("three")


def test_a_turn_that_was_cancelled_while_it_waited_is_never_sent(process: Process) -> None:
    """It ends when its session is open."""
    turn = Turn("hello", "two")
    process.sessions.prompt(turn)
    turn.cancelled = True
    process.sessions.opened("two", resumed=True)
    assert process.sessions.pursue() == [TurnEnded(Stop.CANCELLED)]
    assert process.asked == ["open two"]


def test_a_forgotten_session_is_not_gone_to() -> None:
    """Who forgets the session that is being brought back gets a new one."""
    process = Process()
    process.sessions.greeted("old")
    process.sessions.forget()
    assert not process.sessions.opened("old", resumed=True)
    assert process.asked == ["open old", "open new"]
    assert process.sessions.current is None


def test_a_lost_session_is_followed_by_a_new_one_only_in_the_handshake(process: Process) -> None:
    """In a turn its loss is the turn's end."""
    fresh = Process()
    fresh.sessions.greeted("old")
    assert fresh.sessions.not_opened("old", GONE) == [SessionLost("old", GONE.message)]
    assert fresh.asked == ["open old", "open new"]
    process.sessions.prompt(Turn("hello", "two"))
    ended = TurnEnded(Stop.ERROR, fault=GONE)
    assert process.sessions.not_opened("two", GONE) == [ended]


def test_a_closed_session_is_opened_again(process: Process) -> None:
    """What the agent has forgotten is tried anew by the next prompt for it."""
    process.sessions.close("one")
    process.sessions.prompt(Turn("hello", "one"))
    assert process.asked == ["open one"]


def test_the_end_of_the_process_says_what_it_failed_at(process: Process) -> None:
    """Before it was ready it is told apart from one that speaks another language."""
    silent, babbling = Peer(), Peer()
    assert list(babbling.receive(b"hello there\n"))
    assert process.sessions.abandon(silent, "Latin") == []
    early = Process().sessions.abandon(silent, "Latin")
    ended = "The agent's process ended before it was ready."
    assert early == [OpenFailed(Fault(FaultKind.CRASHED, ended))]
    foreign = Fault(FaultKind.PROTOCOL, "The agent does not speak Latin.")
    assert Process().sessions.abandon(babbling, "Latin") == [OpenFailed(foreign)]
