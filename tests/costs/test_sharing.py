"""Machines that share a store: each sees what the others' logs say, once."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from tars.costs.facts import Dimension, Line
from tars.costs.reconciling import reconcile
from tars.costs.sharing import Sharing
from tars.home import Home
from tars.sessions.ranges import Span, find_zone
from tars.store import shared_slots
from tars.store.rows import TurnBegun
from tars.store.schema import logged_slots, machines
from tests.support.spending import Spent, Turn, request, whole

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def two(tmp_path: Path, postgres_store_url: str) -> tuple[Spent, Spent]:
    """Two homes with one store."""
    homes = [Spent(Home(tmp_path / name), url=postgres_store_url) for name in ("here", "there")]
    for spent in homes:
        spent.home.prepare()
        spent.home.config.write_text(f'[store]\nurl = "{postgres_store_url}"\n')
        spent.home.config.chmod(0o600)
        spent.configure()
    return homes[0], homes[1]


def tell(spent: Spent, sharing: Sharing) -> int:
    """Tell the others, as the daemon does."""
    with spent.costs() as costs, closing(spent.store()) as store:
        days = sharing.news(costs)
        with store.writing("tell the others") as connection:
            told = shared_slots.tell(connection, store.machine, days)
        sharing.told(days)
    return told


def by_machine(spent: Spent) -> list[Line]:
    """Give a report by machines: the other one, on the same host here, is called `there`."""
    with closing(spent.store()) as store, store.writing("name the other") as connection:
        other = update(machines).where(machines.c.seq != store.machine)
        connection.execute(other.values(name="there"))
    with spent.costs() as costs:
        report = costs.report((Dimension.MACHINE, Dimension.ORIGIN), span=Span())
        assert report.problems == ()
        return sorted(report.lines, key=lambda line: line.key[0] == "there")


def test_each_machine_sees_what_all_have_spent(two: tuple[Spent, Spent]) -> None:
    """Told twice it counts once, and what changes is told anew, day by day."""
    here, there = two
    here.finish(Turn(NOON))
    there.log(request(NOON), request(NOON + DAY), request(NOON, model="strange"))
    sharing = Sharing()
    assert tell(there, sharing) == 2
    assert tell(there, sharing) == 0
    assert tell(there, Sharing()) == 0
    assert [(line.key[1], line.figures.tokens.requests) for line in by_machine(here)] == [
        ("tars", 2),
        ("log", 3),
    ]
    there.log(request(NOON + DAY))
    assert tell(there, sharing) == 1
    lines = by_machine(here)
    assert [(line.key, line.figures.tokens.requests) for line in lines[-1:]] == [
        (("there", "log"), 4)
    ]
    assert lines[-1].figures.unpriced == 39
    assert lines[-1].figures.cost == 219 + 2 * 180
    with closing(there.store()) as store, store.reading("count") as connection:
        assert connection.scalar(select(func.count()).select_from(logged_slots)) == 3


def test_a_turn_under_way_is_told_once_it_is_over(two: tuple[Spent, Spent]) -> None:
    """The ledger will have it then, for all of them: what its log shows meanwhile is not told,
    or the others would count it twice until they are told that it is covered."""
    here, there = two
    begun = TurnBegun("t0", "main", NOON - timedelta(minutes=1), "s1", "opus", "")
    with closing(there.store()) as store:
        store.begin_turn(begun)
    there.log(request(NOON), request(NOON, session="elsewhere"))
    sharing = Sharing()
    tell(there, sharing)
    assert [line.figures.tokens.requests for line in by_machine(here)] == [1]
    there.finish(Turn(NOON))
    assert [line.figures.tokens.requests for line in by_machine(here)] == [1, 2]
    there.log(request(NOON + DAY))
    tell(there, sharing)
    assert [line.figures.tokens.requests for line in by_machine(here)] == [2, 2]


def test_a_store_of_one_machine_alone_is_told_nothing(tmp_path: Path) -> None:
    """Its reports are made of its own index."""
    spent = Spent.at(tmp_path / "tars")
    spent.log(request(NOON))
    with spent.costs() as costs:
        assert Sharing().news(costs) == {}


def test_reports_of_a_server_are_those_of_a_file(two: tuple[Spent, Spent]) -> None:
    """The same sums, whatever they are by, in a span that begins and ends within quarters."""
    here, _ = two
    here.log(request(NOON, session="a\0b"), request(NOON + DAY), request(NOON, session="covered"))
    here.finish(
        Turn(NOON, "covered", cost=5, task="fix"),
        Turn(NOON + 29 * DAY / 30, None, "flash", agent="gone"),
        Turn(NOON - 3 * DAY, "strange", "strange"),
    )
    span = Span(NOON - timedelta(seconds=1), NOON + DAY + timedelta(seconds=1))
    berlin = find_zone("Europe/Berlin")
    with here.costs() as costs:
        for by in ((), *((each,) for each in Dimension)):
            report = costs.report(by, span=span, zone=berlin)
            expected = here.expected(by, span, berlin, costs.machine)
            assert {line.key: line.figures for line in report.lines} == (expected if by else {})
            assert report.total == whole(expected.values())
            assert report.problems == ()
        matches = reconcile(costs, span=span).matches
    assert [match.session for match in matches] == ["covered"]
