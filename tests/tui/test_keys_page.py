"""docs/tui.md is true: the keys that it names of a view are those that the view has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding

from tars.tui.app import TarsApp
from tars.tui.pane import Pane
from tars.tui.panes.agents import AgentsPane
from tars.tui.panes.costs import CostsPane
from tars.tui.panes.logs import LogsPane
from tars.tui.panes.overview import OverviewPane
from tars.tui.panes.queue import Asked, QueuePane
from tars.tui.panes.sessions import SessionsPane

PAGE = (Path(__file__).parents[2] / "docs" / "tui.md").read_text()
ROWS = re.findall(r"^\| `(\d)` \| ([^|]+) \| (.*) \|$", PAGE, re.MULTILINE)
PANES: dict[str, tuple[Any, ...]] = {
    "1": (OverviewPane,),
    "2": (AgentsPane,),
    "3": (SessionsPane,),
    "4": (CostsPane,),
    "5": (LogsPane,),
    "6": (QueuePane, Asked),
}
SIGNS = {"/": "slash", "Enter": "enter", "?": "question_mark", "←": "left", "→": "right"}
SIGNS |= {"Ctrl-P": "ctrl+p", "Ctrl-Z": "ctrl+z"}
#: What moves, leaves or goes on is told for all views at once.
EVERYWHERE = {"escape", "tab", "up", "down", "j", "k", "g", "G", "home", "end", "space"}
EVERYWHERE |= {"pageup", "pagedown"}


def keys(of: Any) -> Iterator[str]:
    for binding in of.BINDINGS:
        key = binding.key if isinstance(binding, Binding) else binding[0]
        yield from key.split(",")


@pytest.mark.parametrize(("number", "heading", "text"), ROWS)
def test_the_keys_of_a_view_are_those_of_the_page(number: str, heading: str, text: str) -> None:
    """No more, and no fewer; the view is called as its tab is."""
    pane = PANES[number][0]
    assert issubclass(pane, Pane)
    assert pane.heading == heading
    named = {SIGNS.get(key, key) for key in re.findall(r"`([^`]+)`", text)}
    assert named == {key for each in PANES[number] for key in keys(each)} - EVERYWHERE


def test_the_keys_of_all_views_are_there() -> None:
    """The table has all six views; what stands below it works everywhere."""
    assert [number for number, _, _ in ROWS] == sorted(PANES)
    below = PAGE.partition("| `6` |")[2].partition("\n")[2]
    named = {SIGNS.get(key, key) for key in re.findall(r"`(.|Ctrl-.)`", below)} - EVERYWHERE
    assert named | {"S"} <= {*keys(TarsApp), TarsApp.COMMAND_PALETTE_BINDING}
