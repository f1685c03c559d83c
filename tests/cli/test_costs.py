"""`tars costs`: what it prints of logs, what it refuses, and what it leaves behind."""

import fcntl
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tars.cli.app import run
from tars.cli.costs import quick
from tars.cli.costs.terminal import face, unicode
from tests.support.claude_logs import claude_request, write_claude
from tests.support.command_line import LONG_SECONDS, TARS, OnTerminal, environment, tars

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
        (["--rate", "1e308", "--currency", "EUR"], "1,000,000,000"),
        (["--precision", "13"], "0 to 12"),
        (["--rate", "0"], "rate"),
        (["--sort", "price"], "'cost'"),
        (["--format", "xml"], "'markdown'"),
        (["--limit", "0"], "x>=1"),
        (["dayly"], "'daily'"),
        (["limits", "--sort", "cost"], "by-model"),
        (["limits", "--model", "gpt-5"], "`agent`"),
        (["limits", "--since", "7d"], "of now"),
        (["reconcile", "--branch", "main"], "`project`"),
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


def test_json_has_the_names_that_were_promised(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tars costs summary --range all --format json`, figure by figure."""
    assert plainly("summary", "--range", "all", "--format", "json", "--tz", "UTC") == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {
        *("totals", "byAgent", "byModel", "unpricedModels", "range", "projection"),
    }
    assert told["range"] == {"from": None, "to": None, "timezone": "UTC"}
    assert told["unpricedModels"] == ["my-own-model"]
    assert set(told["byAgent"]) == {"claude"}
    assert told["byAgent"]["claude"] == told["totals"]
    # 2 x (100 x 5 + 20,000 x 0.5 + 3,000 x 6.25 + 500 x 25) and 100 x 3 + 20,000 x 0.3 + … in
    # millionths of a dollar.
    assert told["totals"] == {
        "netInputTokens": 307,
        "cacheReadTokens": 60_000,
        "cacheWriteTokens": 9_000,
        "outputTokens": 1_503,
        "reasoningTokens": 0,
        "totalTokens": 70_810,
        "requests": 4,
        "costUsd": 0.10855,
        "officialCostUsd": 0.0,
        "unpricedTokens": 10,
    }
    assert told["byModel"]["my-own-model"]["costUsd"] is None


def test_a_report_has_a_row_for_each_group(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In JSON, in CSV and in Markdown: days in their order, others the dearest first."""
    assert plainly("daily", *SPAN, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["day"], row["requests"]) for row in rows] == [("2026-03-01", 2), ("2026-03-02", 2)]
    assert plainly("by-model", *SPAN, "--format=csv", "-n", "1") == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.startswith("model,netInputTokens,cacheReadTokens")
    assert row.startswith("claude-opus-4-5-20251101,200,40000,6000,1000,0,47200,2,0.0835,0,0")
    assert plainly("by-model", *SPAN, "--format", "markdown") == 0
    assert capsys.readouterr().out.splitlines()[4].startswith("| my-own-model | 1 | 7 |")


def test_a_report_is_of_what_is_asked_for_alone(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model, a folder and all in it, a branch, a conversation, an agent, a span."""
    for words, requests in (
        (["--model", "my-own-model"], 1),
        (["--model", "Claude-Opus-4-5"], 2),
        (["--project", "/w"], 4),
        (["--project", "/w/sh"], 0),
        (["--branch", "main"], 4),
        (["--branch", "other"], 0),
        (["--session", "5c0a1b2d"], 4),
        (["--agent", "codex"], 0),
        (["--until", "2026-03-02"], 2),
        (["--since", "2026-03-01T11:00", "--until", "2026-03-02"], 1),
    ):
        assert plainly("daily", "--tz", "UTC", "--range", "all", "--json", *words) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["totals"]["requests"] == requests, words


def test_a_slip_in_a_name_is_told_with_what_is_near_it(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing was ever used of it; not where there is only nothing in the span."""
    assert plainly("daily", "--model", "claude-opus", "--agent", "claud", "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"] == []
    assert told.err.splitlines() == [
        "tars: Nothing was ever used of the agent 'claud'. Near it: claude.",
        "tars: Nothing was ever used of the model 'claude-opus'. "
        "Near it: claude-opus-4-5-20251101.",
    ]
    assert plainly("daily", "--until", "2026-02-01", "--agent", "claude") == 0
    assert capsys.readouterr().err == ""


def test_money_is_shown_as_it_is_wanted(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By options, and by the configuration; JSON stays in dollars."""
    euros = ("--currency", "EUR", "--rate", "0.5", "--precision", "3")
    assert plainly("daily", *SPAN, *euros) == 0
    assert "≥EUR 0.054" in capsys.readouterr().out.replace("€", "EUR ").replace(">=", "≥")
    (logs / "config.toml").write_text('[costs]\ncurrency = "CHF"\nrate = 2.0\nprecision = 4\n')
    assert plainly("daily", *SPAN) == 0
    assert "CHF 0.1670" in capsys.readouterr().out
    assert plainly("daily", *SPAN, "--json", *euros) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["costUsd"] == 0.10855


def test_the_first_report_makes_a_home_of_its_owner_alone(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that never ran tars: folders 0700, files 0600."""
    new = logs / "deep" / "tars"
    monkeypatch.setenv("TARS_HOME", str(new))
    assert plainly("daily", "--range", "all") == 0
    folders = [new, *(path for path in new.rglob("*") if path.is_dir())]
    files = [path for path in new.rglob("*") if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.parametrize("person", ["", "/nonexistent/me", "/dev/null"])
def test_a_home_folder_that_is_not_there_is_no_fault(home: Path, person: str) -> None:
    """HOME may be unset, lead nowhere, or be no folder: there are no logs then."""
    env = {**environment(home), "HOME": person}
    if not person:
        del env["HOME"]
        # Whoever runs this test may have logs.
        (home / "config.toml").write_text(f'[history]\nhome = "{home}"\n')
    done = subprocess.run(
        [*TARS, "costs", "--json"], env=env, capture_output=True, text=True, timeout=LONG_SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["totals"]["requests"] == 0


def test_a_reader_that_has_seen_enough_is_no_fault(home: Path) -> None:
    """`tars costs | true`: quiet, and done."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*TARS, "costs"],
        env=environment(home),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=LONG_SECONDS,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("words", [["daily", "--range", "all"], []])
def test_the_quick_way_does_not_load_the_command_line(logs: Path, words: list[str]) -> None:
    """Nor the database's library, nor the price list once its prices are known, nor what reads logs
    where there is nothing to read: each of them takes a good part of a report's time."""
    env = {**environment(logs), "HOME": str(logs)}
    assert plainly(*words) == 0
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *TARS[1:], "costs", *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=LONG_SECONDS,
    )
    assert "unpriced: " in done.stdout or "Nothing" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "tars.costs.engine" in loaded
    assert not loaded & {"typer", "sqlalchemy", "anyio", "asyncio", "tars.config", "genai_prices"}
    assert not loaded & {"msgspec", "inspect", "hashlib", "threading", "tars.history.writing"}


def test_an_empty_report_says_that_logs_are_not_read(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who forgot what stands in the configuration would look for the reason elsewhere."""
    (logs / "config.toml").write_text("[history]\nenabled = false\n")
    assert plainly("daily", "--range", "all") == 0
    assert "enabled = false" in capsys.readouterr().err


def test_ctrl_c_ends_a_first_reading_and_leaves_the_index_whole(logs: Path) -> None:
    """It is said how far it is, on a terminal; the status is 130, and the next one counts all."""
    (logs / "data").mkdir()
    with open(logs / "data" / "history.db.lock", "w") as lock:
        # Another process reads just now, so that this one waits.
        fcntl.flock(lock, fcntl.LOCK_EX)
        person = OnTerminal(logs, "costs", "--range", "all", env={"HOME": str(logs)})
        person.expect("Reading the agents' logs")
        person.type("\x03")
        assert person.end() == 130
    assert "Traceback" not in person.seen
    done = tars(logs, "costs", "daily", "--range", "all", "--json", env={"HOME": str(logs)})
    assert json.loads(done.stdout)["totals"]["requests"] == 4


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


@pytest.mark.usefixtures("capsys")
@pytest.mark.parametrize(
    ("told", "width"), [("0", 0), ("", 0), ("-1", 0), ("80", 80), ("7", 20), ("\u0662", 0)]
)
def test_the_environment_says_how_wide_a_file_is(
    monkeypatch: pytest.MonkeyPatch, told: str, width: int
) -> None:
    """What is no width, as the 0 of some terminals, is as if it said nothing."""
    monkeypatch.setenv("COLUMNS", told)
    assert face().width == width
