"""docs/budgets.md is true: its commands are typed, and give what it shows."""

import os
from pathlib import Path

from tests.support.quick_commands import quick_commands
from tests.support.tars_home import tars_home
from tests.support.walkthrough import Page

PAGE = Page((Path(__file__).parents[2] / "docs" / "budgets.md").read_text())


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    """Every command in order, with the built-in agent and a daemon of its own."""
    assert len(PAGE.commands()) > 8
    path = f"{quick_commands()}:{os.environ['PATH']}"
    with tars_home(tmp_path, {"PATH": path}) as person:
        person.configure(PAGE.config)
        PAGE.type_out(person)
