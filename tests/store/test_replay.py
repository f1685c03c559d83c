"""A log of decisions can be held against the core, and tampering shows."""

from dataclasses import replace
from pathlib import Path

import pytest

from tars.core.agent import Outcome, Spec
from tars.core.commands import BeginTurn, FinishTurn, Spawn
from tars.core.events import (
    Configured,
    Event,
    Exited,
    HandshakeAnswered,
    PromptAsked,
    Spawned,
    StartAsked,
    StopAsked,
    TurnEnded,
)
from tars.core.fleet import Fleet
from tars.store.replay import verify
from tars.store.rows import Decision
from tars.store.store import Store
from tests.store.samples import NOON

LIFE: tuple[tuple[float, Event], ...] = (
    (0.0, Configured(Spec("gemini"))),
    (0.1, StartAsked()),
    (0.2, Spawned(7)),
    (1.0, HandshakeAnswered()),
    (2.0, PromptAsked("p1")),
    (3.0, TurnEnded("p1", Outcome.OK)),
    (4.0, Exited(7, -9)),
    (4.5, Spawned(8)),
    (5.0, HandshakeAnswered()),
    (6.0, StopAsked()),
    (6.5, Exited(8, 0)),
)


@pytest.fixture
def decisions() -> list[Decision]:
    """What a daemon would have logged of this life."""
    fleet, found = Fleet(), []
    for number, (now, event) in enumerate(LIFE):
        fleet, commands = fleet.step("gemini", event, now)
        found.append(Decision("run", "gemini", now, NOON, event, commands, number))
    return found


def test_an_honest_log_agrees_with_the_core(tmp_path: Path, decisions: list[Decision]) -> None:
    """Through the store and back, the same events lead to the same commands."""
    assert decisions[1].commands == (Spawn(),)
    assert decisions[4].commands == (BeginTurn("p1"),)
    store = Store.open(tmp_path / "tars.db")
    store.log_decisions(decisions)
    assert list(store.decisions("run")) == decisions
    assert verify(store.decisions("run")) == []
    store.close()


def test_a_tampered_command_shows(decisions: list[Decision]) -> None:
    """A command that the core would not give is named with its place."""
    decisions[5] = replace(decisions[5], commands=(FinishTurn("p1", Outcome.ERROR),))
    (difference,) = verify(decisions)
    assert (difference.number, difference.agent) == (5, "gemini")
    assert "ERROR" in difference.what.upper()


@pytest.mark.parametrize("place", [0, 4, 10])
def test_a_command_that_was_left_out_or_added_shows(decisions: list[Decision], place: int) -> None:
    """Commands are compared whole: one more is a difference, wherever it stands."""
    honest = decisions[place]
    decisions[place] = replace(honest, commands=(*honest.commands, Spawn()))
    assert [d.number for d in verify(decisions)] == [place]


@pytest.mark.parametrize("place", [0, 4])
def test_a_missing_decision_ends_the_replay(decisions: list[Decision], place: int) -> None:
    """A pruned or cut log is not replayed from the midst of a life."""
    del decisions[place]
    (difference,) = verify(decisions)
    assert difference.what.startswith(f"decision {place} is missing")


def test_an_agent_that_was_never_configured_shows(decisions: list[Decision]) -> None:
    """An event for nobody is a difference, and the others are still compared."""
    decisions[1] = replace(decisions[1], agent="nobody")
    found = verify(decisions)
    assert (found[0].number, found[0].agent) == (1, "nobody")
    assert {d.agent for d in found[1:]} == {"gemini"}
