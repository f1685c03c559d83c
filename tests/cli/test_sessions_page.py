"""docs/sessions.md is true: its commands are typed, and give what it shows."""

import re
from pathlib import Path
from shlex import split

import pytest

from tars.cli.app import run
from tars.home import Home
from tars.sessions.library import Library
from tars.store.rows import Role
from tests.support.remembered import MINUTE, NOON, call, change, message, remember, usage
from tests.support.walkthrough import Page, pattern

PAGE = Page((Path(__file__).parents[2] / "docs" / "sessions.md").read_text())


def test_the_page_shows_what_is_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in order, on the two sessions that the page tells of."""
    monkeypatch.setenv("COLUMNS", "80")
    with Library.open(Home(home)) as library:
        login, docs = "3f2a9c01-5d1e", "b7d01e55-77aa"
        remember(
            library,
            "t1",
            session=login,
            used=usage(("flash", 2000, 20, 5), ("pro", 500, 8, 0), cached=1000, cost=300_000),
            said=(
                message(0, Role.USER, "Why does the login fail?"),
                message(1, Role.ASSISTANT, "Because of its limit."),
            ),
        )
        later = NOON + 20 * MINUTE
        remember(
            library,
            "t2",
            session=login,
            ended=later,
            used=usage(("flash", 100, 10, 0), cost=120_000),
            said=(
                message(0, Role.USER, "Then mend it", later),
                call(1, "edit", "Edit login.py", "/w/shop/login.py"),
                message(2, Role.ASSISTANT, "The timeout is 30 seconds now.", later),
            ),
        )
        remember(
            library,
            "t3",
            session=docs,
            agent="claude",
            ended=NOON + 90 * MINUTE,
            used=usage(("opus", 900, 8, 0)),
            said=(message(0, Role.USER, "Write the pages", NOON + 85 * MINUTE),),
        )
        title = "Why does the login fail?"
        done = {"status": "completed", "project": "/w/shop", "branch": "main", "title": title}
        change(library, login, name="fix-login", **done)
        change(library, docs, name="docs", status="failed")
    commands = PAGE.commands()
    assert len(commands) > 5
    for command, shown in commands:
        program, *words = split(command)
        assert program == "tars"
        run(words)
        printed = capsys.readouterr()
        seen = ((printed.out + printed.err).rstrip(), printed.out.rstrip())
        assert any(re.fullmatch(pattern(shown), text) for text in seen), f"$ {command}\n{seen[0]}"
