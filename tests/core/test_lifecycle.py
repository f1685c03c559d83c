"""The table is total, and one event is one decision."""

from collections.abc import Mapping
from typing import get_args

import pytest

from tars.core.agent import Outcome, Spec, State
from tars.core.events import (
    CancelAsked,
    Configured,
    Event,
    Exited,
    HandshakeAnswered,
    HandshakeFailed,
    Hung,
    Outgrown,
    OverBudget,
    PermissionAnswered,
    PromptAsked,
    RanAway,
    RestartAsked,
    Spawned,
    SpawnFailed,
    StartAsked,
    StopAsked,
    TimeUp,
    TurnEnded,
)
from tars.core.lifecycle import TABLE, Cell, _row, ignore, step
from tars.errors import Fault, FaultKind
from tests.core.script import new_agent, permission

EVENTS: tuple[type, ...] = get_args(Event)
FAULT = Fault(FaultKind.OVERLOADED, "The model is overloaded.")
ONE_OF_EACH: tuple[Event, ...] = (
    StartAsked(),
    StopAsked(),
    RestartAsked(),
    Configured(Spec("gemini")),
    Spawned(7),
    SpawnFailed(FAULT),
    HandshakeAnswered(),
    HandshakeFailed(FAULT),
    PromptAsked("p1"),
    CancelAsked("p1"),
    TurnEnded("p1", Outcome.OK),
    Exited(7, 0),
    TimeUp(),
    Hung("silent"),
    Outgrown("too large"),
    OverBudget("p1", "nothing is left"),
    RanAway("p1", "round and round"),
    permission(),
    PermissionAnswered("r1", None),
)


def holes(table: Mapping[State, Mapping[type, Cell]]) -> list[tuple[State, type]]:
    """The cells that nobody has written."""
    return [(s, e) for s in State for e in EVENTS if e not in table.get(s, {})]


def test_every_cell_is_written() -> None:
    """Each state has a decision for each event of the union, and for nothing else."""
    assert holes(TABLE) == []
    assert all(set(row) == set(EVENTS) for row in TABLE.values())
    assert {type(event) for event in ONE_OF_EACH} == set(EVENTS)


def test_a_missing_cell_is_noticed() -> None:
    """The check above sees a single hole, and a whole missing state."""
    ready = {e: cell for e, cell in TABLE[State.READY].items() if e is not Exited}
    assert holes({**TABLE, State.READY: ready}) == [(State.READY, Exited)]
    without_failed: dict[State, Mapping[type, Cell]] = {
        s: row for s, row in TABLE.items() if s is not State.FAILED
    }
    assert holes(without_failed) == [(State.FAILED, e) for e in EVENTS]


def test_a_misspelt_event_breaks_the_import() -> None:
    """A row that names an event that does not exist is an error at once."""
    with pytest.raises(AttributeError, match="Exploded"):
        _row(Exploded=ignore)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_ignore_changes_nothing(event: Event) -> None:
    """Whatever is ignored leaves the very same value, and nothing to do."""
    agent = new_agent()
    same, commands = ignore(agent, event, 1.0)
    assert same is agent
    assert commands == ()


def test_step_asks_the_cell_of_state_and_event() -> None:
    """A step is the table's decision."""
    agent = new_agent()
    assert step(agent, StartAsked(), 3.0) == TABLE[State.STOPPED][StartAsked](
        agent, StartAsked(), 3.0
    )


def test_every_cell_says_its_rule() -> None:
    """Each cell's docstring is its rule, so each has one."""
    cells = {cell for row in TABLE.values() for cell in row.values()}
    assert [cell.__name__ for cell in cells if not cell.__doc__] == []
