"""The table of `lifecycle`, printed for people."""

from collections.abc import Mapping
from typing import get_args

from tars.core.agent import State
from tars.core.events import Event
from tars.core.lifecycle import TABLE, Cell, ignore


def diagram(table: Mapping[State, Mapping[type, Cell]] = TABLE) -> str:
    """Print the table in Markdown: a row for each event, a column for each state.

    A cell is the name of the function that decides; its docstring is the rule. A dot
    stands for `ignore`. Raises KeyError where the table has a hole.
    """
    events: tuple[type, ...] = get_args(Event)
    lines = [
        _line("event", *State),
        _line(*("---" for _ in range(1 + len(State)))),
        *(_line(e.__name__, *(_name(table[s][e]) for s in State)) for e in events),
    ]
    return "\n".join(lines) + "\n"


def _line(*columns: str) -> str:
    return f"| {' | '.join(columns)} |"


def _name(cell: Cell) -> str:
    return "·" if cell is ignore else f"`{cell.__name__}`"
