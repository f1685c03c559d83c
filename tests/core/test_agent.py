"""An agent is a value; its next deadline is the earliest of all."""

import pytest

from tars.core.agent import Agent, Spec, State
from tars.core.permission import Pending
from tests.core.script import new_agent


def test_a_new_agent_is_down_and_unwanted() -> None:
    """Nothing is started before somebody asks."""
    agent = Agent.new(Spec("gemini", queue_limit=3), now=5.0)
    assert (agent.state, agent.wanted, agent.pid, agent.since) == (State.STOPPED, False, None, 5.0)
    assert agent.queue.limit == 3


@pytest.mark.parametrize(
    ("deadline", "permissions", "earliest"),
    [
        (None, (), None),
        (9.0, (), 9.0),
        (9.0, (12.0, 4.0), 4.0),
        (None, (7.0,), 7.0),
        (3.0, (4.0,), 3.0),
    ],
)
def test_the_next_deadline_is_the_earliest(
    deadline: float | None, permissions: tuple[float, ...], earliest: float | None
) -> None:
    """The state's own deadline and those of the permissions count alike."""
    agent = new_agent()
    pending = tuple(Pending(f"r{i}", (), at) for i, at in enumerate(permissions))
    agent = Agent(agent.spec, agent.queue, deadline=deadline, permissions=pending)
    assert agent.next_deadline == earliest
