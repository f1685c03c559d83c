"""What was spent today, as the status line says it with and without a daemon."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tars.control.costs.today import Spent, Today, leave, look
from tars.costs.engine import Costs
from tars.home import Home

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_it_is_left_for_its_owner_alone(tmp_path: Path) -> None:
    """When it was known, until when it is true, and the words."""
    home = Home(tmp_path)
    home.prepare()
    spent = Spent(cost_usd=1.23, tokens=45_678, text="$1.23")
    leave(home, Today(spent, NOON, NOON + timedelta(hours=12)))
    file = home.data / "line.txt"
    at = int(NOON.timestamp())
    assert file.read_text() == f"{at}\n{at + 12 * 3600}\n$1.23 today · 45k tok\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(home.data.iterdir()) == [file]


def test_a_home_that_cannot_be_written_is_nobodys_affair(tmp_path: Path) -> None:
    """The line does without."""
    leave(Home(tmp_path / "not there"), Today(Spent(cost_usd=None, tokens=0), NOON, NOON))


def test_nothing_was_spent_where_there_is_nothing(tmp_path: Path) -> None:
    """And what nobody knows the price of is no money."""
    home = Home(tmp_path)
    home.prepare()
    with Costs.open(home, env={"HOME": str(tmp_path)}) as costs:
        today = look(costs, NOON)
    assert today.told == Spent(cost_usd=0.0, tokens=0, text="$0.00")
    assert today.at < today.until <= NOON + timedelta(1)


def test_of_what_cannot_be_read_it_is_the_least(tmp_path: Path) -> None:
    """An index that cannot be opened may have more of today."""
    home = Home(tmp_path)
    home.prepare()
    home.history.mkdir()
    with Costs.open(home, env={"HOME": str(tmp_path)}) as costs:
        told = look(costs, NOON).told
    assert (told.text, told.at_least) == ("≥$0.00", True)
