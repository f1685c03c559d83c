"""The moves alone: what the cells never meet, because the table keeps it away."""

from dataclasses import replace

from tars.core.agent import Because, Outcome, Rung, State
from tars.core.commands import Signal, SignalName
from tars.core.transitions import cancel, conclude, interrupt
from tars.errors import FaultKind
from tests.core.script import busy_agent, ready_agent, starting_agent


def test_a_turn_is_told_to_end_once() -> None:
    """A second cancel, whatever its reason, changes nothing; nor does one without a turn."""
    agent, _ = cancel(busy_agent(), 1, Outcome.CANCELLED)
    assert cancel(agent, 2, Outcome.TIMEOUT) == (agent, ())
    idle = ready_agent()
    assert cancel(idle, 1, Outcome.CANCELLED) == (idle, ())


def test_an_interrupt_without_a_turn_still_ends_the_process() -> None:
    """There is nothing to give up; the ladder goes on from there by its deadline."""
    agent, commands = interrupt(ready_agent(cancel_seconds=10), 0, Because.ASKED)
    assert (agent.state, agent.next_deadline, commands) == (State.STOPPING, 10, ())
    assert agent.ending is not None
    assert agent.ending.rung is Rung.CANCEL


def test_an_ending_without_a_reason_says_so() -> None:
    """A process that was ended as unwell for no recorded fault is tried again, with a fault."""
    agent, commands = interrupt(starting_agent(), 0, Because.UNWELL)
    agent, _ = conclude(agent, 1)
    assert (agent.state, commands) == (State.WAITING, ())
    assert agent.fault is not None
    assert agent.fault.kind is FaultKind.INTERNAL


def test_a_conclusion_without_an_ending_is_a_stop() -> None:
    """Nobody said what should follow: nothing does."""
    agent, commands = conclude(replace(starting_agent(), ending=None), 1)
    assert (agent.state, agent.pid, commands) == (State.STOPPED, None, ())


def test_the_signals_go_by_their_posix_names() -> None:
    """Numbers differ between systems; names do not."""
    assert [Signal(7, name).signal.value for name in SignalName] == ["SIGINT", "SIGTERM", "SIGKILL"]
