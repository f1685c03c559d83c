"""docs/keeping.md is true: its commands are typed, and give what it shows."""

import re
from pathlib import Path
from shlex import split

import pytest
from sqlalchemy import update

from tars.cli.app import run
from tars.home import Home
from tars.sessions.library import Library
from tars.store.schema import agents, sessions
from tests.store.samples import record
from tests.support.walkthrough import Page, pattern

PAGE = (Path(__file__).parents[2] / "docs" / "keeping.md").read_text()


def test_the_page_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in order, in a home with one session of one turn."""
    home = Home(tmp_path / "home")
    home.prepare()
    with Library.open(home) as library:
        library.store.finish_turn(record("t1", session="3f2a9c01-77"))
        with library.writing() as connection:
            connection.execute(update(sessions).values(status="completed"))
            connection.execute(update(agents).values(session=None))
    monkeypatch.setenv("TARS_HOME", str(home.root))
    commands = Page(PAGE).commands()
    assert len(commands) > 10
    for command, shown in commands:
        program, *words = split(command)
        assert (program, run(words)) == ("tars", 0), command
        printed = capsys.readouterr()
        seen = ((printed.out + printed.err).rstrip(), (printed.err + printed.out).rstrip())
        assert any(re.fullmatch(pattern(shown), text) for text in seen), f"$ {command}\n{seen}"
