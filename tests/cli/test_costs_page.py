"""docs/costs.md is true: its commands are typed, and give what it shows."""

import re
from pathlib import Path
from shlex import split

import pytest

from tars.cli.costs import quick
from tests.support.claude_logs import claude_request, write_claude
from tests.support.walkthrough import Page, pattern

PAGE = Page((Path(__file__).parents[2] / "docs" / "costs.md").read_text())


def person(home: Path) -> None:
    """Who worked with Claude Code for two days, once with a model that has no price."""
    opus, sonnet = "claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929"
    shop, docs = "5c0a1b2d-41c5-4d0e", "9e27f3aa-0b1c-4a5d"
    write_claude(
        home,
        *(
            claude_request(
                n,
                f"2026-03-01T10:{n:02}:00.000Z",
                opus,
                session=shop,
                tokens=(12, 40_000 + 3_000 * n, 3_000, 700),
            )
            for n in range(12)
        ),
        *(
            claude_request(
                100 + n,
                f"2026-03-02T15:{4 * n:02}:00.000Z",
                sonnet,
                session=docs,
                project="/w/docs",
                branch="rewrite",
                tokens=(8, 20_000 + 2_000 * n, 2_000, 900),
            )
            for n in range(9)
        ),
        claude_request(
            200, "2026-03-02T16:00:00.000Z", "our-proxy", session=docs, tokens=(900, 0, 0, 300)
        ),
    )


def test_the_page_shows_what_is_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in order, on the logs of the person that the page tells of."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    person(home)
    commands = PAGE.commands()
    assert len(commands) > 5
    for command, shown in commands:
        program, name, *words = split(command)
        assert (program, name) == ("tars", "costs")
        quick.main(words)
        printed = capsys.readouterr()
        seen = (printed.err + printed.out).rstrip()
        assert re.fullmatch(pattern(shown), seen), f"$ {command}\n{seen}"
