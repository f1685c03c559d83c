"""`tars budgets`: how every budget stands, with a daemon and without one."""

import json
from pathlib import Path

import pytest

from tars.cli.app import run
from tars.control.contract import BudgetList, BudgetStatus
from tars.home import Home
from tars.sessions.library import Library
from tests.store.samples import record
from tests.support.fake_daemon import FakeDaemon

OVER = BudgetStatus(
    name="daily",
    per="day",
    action="stop",
    standing="over",
    share=1.02,
    reason="Budget daily: $5.10 of $5.00 used today.",
    spent_usd=5.1,
    tokens=120,
    limit_usd=5.0,
    left_usd=0.0,
    resets_at="2026-03-02T00:00:00Z",
)


def test_a_daemon_is_asked_where_one_runs(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows the turns under way; what it could not count is told."""
    monkeypatch.setenv("COLUMNS", "120")
    daemon.answers["GET /v1/budgets"] = BudgetList(budgets=[OVER], problems=["No logs."])
    assert run(["budgets"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "budget  state  used  spent           left   per  action  for         anew",
        "daily   over   102%  $5.10 of $5.00  $0.00  day  stop    everything  2026-03-02 00:00 UTC",
    ]
    assert printed.err == "tars: No logs.\n"


def test_without_a_daemon_it_is_counted_here(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the ledger and the logs; as a table, as JSON and as CSV."""
    assert run(["budgets"]) == 0
    assert capsys.readouterr().err.startswith("No budgets.")
    (home / "config.toml").write_text(
        '[[budgets]]\nname = "all"\nper = "session"\nmax_tokens = 9_000\naction = "stop"\n'
    )
    with Library.open(Home(home)) as library:
        library.store.finish_turn(record("t1", session="s1"))
    assert run(["budgets", "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["budgets"]
    assert (told["name"], told["session"], told["tokens"] > 0) == ("all", "s1", True)
    assert told["leftTokens"] == 9_000 - told["tokens"]
    assert run(["budgets", "--format", "csv"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.startswith("name,per,action,standing,share,")
    assert row.startswith("all,session,stop,")


def test_a_budget_that_cannot_be_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `tars config validate` does."""
    (home / "config.toml").write_text('[[budgets]]\nname = "all"\n')
    assert run(["budgets"]) == 1
    assert "budgets.per: is missing: session, day, week, month" in capsys.readouterr().err
