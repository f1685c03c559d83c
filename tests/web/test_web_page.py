"""docs/web.md is true: its commands are typed, and give what it shows."""

import os
from pathlib import Path

from tars.config_web import USUAL_PORT
from tars.web.admission import TICKET_SECONDS, VISITOR_SECONDS
from tests.support.quick_commands import quick_commands
from tests.support.tars_home import tars_home
from tests.support.walkthrough import Page

PAGE = Page((Path(__file__).parents[2] / "docs" / "web.md").read_text())


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    """Every command in order, with the built-in agent and a daemon of its own."""
    assert len(PAGE.commands()) == 4
    path = f"{quick_commands()}:{os.environ['PATH']}"
    with tars_home(tmp_path, {"PATH": path}) as person:
        person.configure(PAGE.config)
        PAGE.type_out(person)


def test_its_figures_are_those_of_the_code() -> None:
    """The port, and how long things are good for."""
    assert f"port = {USUAL_PORT} " in PAGE.text
    assert f"{TICKET_SECONDS / 60:g} minutes" in PAGE.text
    assert f"cookie for {VISITOR_SECONDS / 86_400:g} days" in PAGE.text
