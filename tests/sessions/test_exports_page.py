"""docs/exports.md is true: its commands are typed, and give what it shows."""

import re
from pathlib import Path
from shlex import split

import pytest

from tars.cli.app import run
from tests.support.walkthrough import Page, pattern

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


def test_the_page_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command in order, with the TOON of the page as its file."""
    toon = re.search(r"^```toon\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert toon is not None
    (tmp_path / "talk.toon").write_text(toon[1])
    monkeypatch.setenv("TARS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    commands = Page(PAGE).commands()
    assert len(commands) > 5
    for command, shown in commands:
        program, *words = split(command)
        assert (program, run(words)) == ("tars", 0)
        printed = capsys.readouterr()
        seen = (printed.out.rstrip().replace("\r", ""), (printed.err + printed.out).rstrip())
        assert any(re.fullmatch(pattern(shown), text) for text in seen), f"$ {command}\n{seen}"
