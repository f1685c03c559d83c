"""What the doctor says of logs and prices."""

from pathlib import Path

from tars.cli.checks import Verdict
from tars.cli.checks_costs import check_history, check_prices
from tars.config_costs import HistoryConfig, PricesConfig
from tars.history.index import Index
from tars.history.scan import refresh
from tars.home import Home
from tests.support.claude_logs import claude_request, write_claude


def test_logs_that_were_read_are_told_and_those_that_could_not_be(tmp_path: Path) -> None:
    """Nothing is read for it; a source that cannot be read says what to do, and is no fault."""
    home = Home(tmp_path / "t")
    home.prepare()
    env, config = {"HOME": str(tmp_path)}, HistoryConfig()
    (off,) = check_history(home, HistoryConfig(enabled=False), env)
    assert off.verdict is Verdict.NOTE
    (none,) = check_history(home, config, env)
    assert "`tars costs`" in none.message
    write_claude(tmp_path, claude_request(1, "2026-11-20T12:00:00.000Z", "opus"))
    broken = tmp_path / ".codex/sessions/2026/11/20/rollout-x.jsonl"
    broken.parent.mkdir(parents=True)
    broken.symlink_to("/proc/self/mem")
    with Index.open(home.history) as index:
        refresh(index, env=env, home=tmp_path, config=config)
    well, problem = check_history(home, config, env)
    assert (well.verdict, problem.verdict) == (Verdict.WELL, Verdict.NOTE)
    assert "claude (1 file)" in well.message
    assert "rollout-x.jsonl" in problem.message
    assert "`tars history sources`" in problem.advice


def test_an_index_that_cannot_be_opened_is_a_fault(tmp_path: Path) -> None:
    """With what to do about it."""
    home = Home(tmp_path / "t")
    home.history.mkdir(parents=True)
    (fault,) = check_history(home, HistoryConfig(), {"HOME": str(tmp_path)})
    assert fault.verdict is Verdict.FAULT
    assert fault.advice


def test_prices_say_whose_and_of_when_they_are(tmp_path: Path) -> None:
    """How many models, and a person's own beside them."""
    home = Home(tmp_path / "t")
    home.prepare()
    (found,) = check_prices(home, PricesConfig())
    assert found.verdict is Verdict.WELL
    assert "genai-prices" in found.message
