"""`tars costs`: what it prints of logs that are there, what it refuses, and what it leaves behind."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tars.cli.app import run
from tars.cli.costs import quick
from tars.cli.costs.terminal import unicode
from tests.support.claude_logs import claude_request, write_claude
from tests.support.command_line import LONG_SECONDS, TARS, environment, tars

SPAN = ("--since", "2026-03-01", "--until", "2026-03-04", "--tz", "UTC")


@pytest.fixture
def logs(home: Path) -> Path:
    """A person who used Claude Code on two days, with a model that nobody knows on the second."""
    write_claude(
        home,
        claude_request(1, "2026-03-01T10:00:00.000Z", "claude-opus-4-5-20251101"),
        claude_request(2, "2026-03-01T11:00:00.000Z", "claude-opus-4-5-20251101"),
        claude_request(3, "2026-03-02T10:00:00.000Z", "claude-sonnet-4-5-20250929"),
        claude_request(4, "2026-03-02T10:01:00.000Z", "my-own-model", tokens=(7, 0, 0, 3)),
    )
    return home


def plainly(*words: str) -> int:
    """Run it the quick way, which has to know such words."""
    status = quick.main(words)
    assert status is not None
    return status


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--range", "fortnight"], "yesterday, 7d, week"),
        (["--since", "soon"], "2026-11-20T14:30"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "ends before it begins"),
        (["--tz", "Europe/Berln"], "Europe/Berlin"),
        (["--currency", "ERU", "--rate", "2"], "EUR"),
        (["--currency", "GBP"], "--rate"),
        (["--rate", "2"], "--currency"),
        (["--precision", "13"], "0 to 12"),
        (["--rate", "0"], "rate"),
        (["--sort", "price"], "'cost'"),
        (["--format", "xml"], "'markdown'"),
        (["--limit", "0"], "x>=1"),
        (["dayly"], "'daily'"),
        (["limits", "--sort", "cost"], "by-model"),
        (["--model", ""], "empty"),
        (["daily", "weekly"], "weekly"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """One line, exit status 2, the valid ones named, whichever way the words are read; and
    nothing is made."""
    ways = [run(["costs", *words]), quick.main(words)]
    printed = capsys.readouterr()
    assert ways[0] == 2
    assert ways[1] in (2, None)
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert all(line.startswith("tars: ") and told in line for line in lines)
    assert len(lines) == (2 if ways[1] else 1)


def test_both_ways_print_the_same(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The quick way is only quicker."""
    for words in (["by-model", *SPAN], ["summary", "--range", "all", "--format", "json"]):
        assert plainly(*words) == 0
        quickly = capsys.readouterr()
        assert run(["costs", *words]) == 0
        assert capsys.readouterr() == quickly
        assert quickly.err == ""


@pytest.mark.parametrize(
    ("env", "known"),
    [
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LC_CTYPE": "en_US.utf8"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({}, False),
    ],
)
def test_the_locale_says_which_signs_there_are(env: dict[str, str], known: bool) -> None:
    """LC_ALL before LC_CTYPE before LANG; what Python itself puts there says nothing."""
    assert unicode(env) is known
