"""docs/prices.md is true: its commands are typed, and give what it shows."""

import re
from pathlib import Path
from shlex import split

import pytest

from tars.cli.app import run
from tests.support.walkthrough import Page, pattern

PAGE = Page((Path(__file__).parents[2] / "docs" / "prices.md").read_text())


def test_the_page_shows_what_is_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in order, with the prices of the page in config.toml."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("COLUMNS", "100")
    (home / "config.toml").write_text(PAGE.config)
    (home / "data").mkdir()
    assert len(PAGE.commands()) > 5
    for command, shown in PAGE.commands():
        name, *words = split(command)
        assert name == "tars"
        run(words)
        said = capsys.readouterr()
        assert re.fullmatch(pattern(shown), (said.out + said.err).rstrip()), f"{command}\n{said}"
