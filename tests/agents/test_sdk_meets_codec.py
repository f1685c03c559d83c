"""An agent written with the official SDK, and tars' own codec, understand each other.

The two share no code: where both agree, the protocol was read rightly.
"""

import sys
from collections.abc import Iterator

import pytest

from tars.conversation.model import (
    Opened,
    PermissionAsked,
    ReportedUsage,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import FaultKind
from tests.support.stdio import StdioAgent, answer, end, opened, question

SDK_AGENT = (sys.executable, "-m", "tests.support.fake_agent")


@pytest.fixture(scope="module")
def process() -> Iterator[StdioAgent]:
    """One process for all turns: the SDK takes most of a second to import."""
    with StdioAgent(SDK_AGENT) as agent:
        opened(agent.open(mode="yolo"))
        yield agent
        assert agent.hang_up() == 0


@pytest.fixture
def agent(process: StdioAgent) -> StdioAgent:
    """The process, with a fresh session for the next prompt."""
    process.codec.forget_session()
    return process


def is_question(said: Said) -> bool:
    return isinstance(said, PermissionAsked)


def is_end(said: Said) -> bool:
    return isinstance(said, TurnEnded)


def statuses(said: list[Said]) -> list[ToolStatus]:
    return [s.status for s in said if isinstance(s, ToolCallChanged)]


def test_chunks_make_the_answer_and_usage_is_acps_own(agent: StdioAgent) -> None:
    """The SDK's `usage` is read where there is no quota of Gemini's."""
    said = agent.ask("ünïcode\nand two lines")
    assert [type(s) for s in said] == [Opened, *[TextSaid] * 3, TurnEnded]
    assert answer(said) == "sdk: ünïcode\nand two lines"
    assert end(said) == TurnEnded(Stop.DONE, ReportedUsage(100, 10, 90, 5))


def test_a_thought_is_no_answer_and_the_mode_was_set(agent: StdioAgent) -> None:
    """Reasoning is told apart, and the handshake set the mode."""
    said = agent.ask("think")
    assert [s.text for s in said if isinstance(s, ThoughtSaid)] == ["hm"]
    assert answer(said) == "thought in mode yolo"
    assert end(said).usage is None


@pytest.mark.parametrize(
    ("option", "last"), [("yes", ToolStatus.COMPLETED), ("no", ToolStatus.FAILED)]
)
def test_a_permission_is_asked_and_answered(
    agent: StdioAgent, option: str, last: ToolStatus
) -> None:
    """The option that was chosen reaches the SDK, by its id."""
    before = agent.begin("tool", is_question)
    asked = question(before)
    assert (asked.title, asked.tool_kind, asked.call_id) == ("Edit a.txt", "edit", "call-1")
    assert [(o.id, o.name, o.kind) for o in asked.options] == [
        ("yes", "Yes", "allow_once"),
        ("no", "No", "reject_once"),
    ]
    agent.codec.answer(asked.request_id, option)
    after = agent.hear(is_end)
    assert statuses(before + after) == [ToolStatus.PENDING, last]
    assert answer(after) == option
    assert end(after).stop is Stop.DONE


def test_a_cancel_answers_an_open_permission(agent: StdioAgent) -> None:
    """The SDK hears `cancelled`, and the turn ends."""
    agent.begin("tool", is_question)
    agent.codec.cancel()
    assert end(agent.hear(is_end)).stop is Stop.CANCELLED


def test_a_cancel_ends_a_turn_that_waits(agent: StdioAgent) -> None:
    """The notification reaches the right session of the SDK."""
    agent.begin("wait", lambda said: isinstance(said, TextSaid))
    agent.codec.cancel()
    assert end(agent.hear(is_end)).stop is Stop.CANCELLED


def test_a_refusal_is_not_done(agent: StdioAgent) -> None:
    """The stop reason is kept."""
    assert end(agent.ask("refuse")).stop is Stop.REFUSED


def test_an_error_ends_the_turn_and_not_the_agent(agent: StdioAgent) -> None:
    """Code and message of the SDK's RequestError become a fault."""
    fault = end(agent.ask("fail")).fault
    assert fault is not None
    assert fault.kind is FaultKind.OVERLOADED
    assert "The model is overloaded." in fault.message
    assert answer(agent.ask("again")) == "sdk: again"


def test_a_session_is_loaded_and_its_replay_dropped() -> None:
    """Old messages are no part of the next answer."""
    with StdioAgent(SDK_AGENT) as agent:
        assert agent.open("kept") == [
            Opened("kept", resumed=True, mode="default", agent_version="1.2.3")
        ]
        assert answer(agent.ask("new")) == "sdk: new"


def test_a_session_that_is_unknown_is_lost_and_a_new_one_follows() -> None:
    """ACP's own error for it is understood."""
    with StdioAgent(SDK_AGENT) as agent:
        lost, fresh = agent.open("another")
        assert isinstance(lost, SessionLost)
        assert lost.session_id == "another"
        assert fresh == Opened("session-1", mode="default", agent_version="1.2.3")
