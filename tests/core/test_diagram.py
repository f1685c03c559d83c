"""The diagram is the table itself."""

from typing import get_args

import pytest

from tars.core.agent import State
from tars.core.diagram import diagram
from tars.core.events import Event, TimeUp
from tars.core.lifecycle import TABLE, ignore


def test_the_diagram_shows_every_cell_by_its_name() -> None:
    """Read back, the printed Markdown is the table: a dot is `ignore`."""
    head, rule, *rows = diagram().splitlines()
    assert head == f"| event | {' | '.join(State)} |"
    assert set(rule) == set("| -")
    events = {event.__name__: event for event in get_args(Event)}
    assert len(rows) == len(events)
    for row in rows:
        name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        for state, cell in zip(State, cells, strict=True):
            decision = TABLE[state][events[name]]
            assert cell == ("·" if decision is ignore else f"`{decision.__name__}`")


def test_a_hole_cannot_be_drawn() -> None:
    """A table with a missing cell raises instead of printing a gap."""
    starting = {e: cell for e, cell in TABLE[State.STARTING].items() if e is not TimeUp}
    with pytest.raises(KeyError, match="TimeUp"):
        diagram({**TABLE, State.STARTING: starting})
