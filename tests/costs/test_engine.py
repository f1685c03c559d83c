"""Every report is the same sum: of the ledger and the logs, each request once, and exact."""

import itertools
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tars.accounting.rates import MICRODOLLAR, Tokens
from tars.costs.engine import Costs
from tars.costs.facts import Dimension, Only, Origin
from tars.history.index import Index
from tars.history.source import Request
from tars.home import Home
from tars.sessions.ranges import Span, Zone, find_zone, midnight
from tars.store import managing, migrations, quick
from tars.store.rows import AgentRow
from tars.store.schema import sessions
from tars.store.store import Store
from tests.support.index_checks import packed
from tests.support.spending import Spent, Turn, request, resolve, whole

#: The clocks of Europe are set forward in the second night of these.
BEGIN = datetime(2026, 3, 28, tzinfo=UTC)
ZONES = [
    find_zone(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    )
]


moments = st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda after: BEGIN + after)
counts = st.integers(0, 150_000)
tokens = st.builds(
    lambda net, read, written, output, requests: Tokens(
        net, read, written, 0, output, output // 2, requests
    ),
    *([counts] * 4),
    st.integers(1, 3),
)
turns = st.builds(
    lambda at, session, model, used, cost, agent, took: Turn(
        at, session, model, used, cost, agent, None if took.days else "fix", took
    ),
    moments,
    st.sampled_from(["s1", "s2", None]),
    st.sampled_from(["opus", "flash", "strange"]),
    tokens | st.just(Tokens()),
    st.none() | st.integers(0, 10**7),
    st.sampled_from(["main", "other", "gone"]),
    st.timedeltas(timedelta(0), timedelta(hours=5)),
)
folders = itertools.count()
requests = st.builds(
    lambda at, session, model, used, project, cost: request(
        at, session=session, model=model, used=used, project=project, cost=cost
    ),
    moments,
    st.sampled_from(["s1", "s2", "elsewhere"]),
    st.sampled_from(["opus", "flash", "strange"]),
    st.tuples(*([counts] * 3)),
    st.sampled_from(["/code/p", "/code/q"]),
    st.none() | st.integers(0, 10**14),
)
WAYS: list[tuple[Dimension, ...]] = [
    (),
    *((each,) for each in Dimension),
    (Dimension.MONTH, Dimension.DAY, Dimension.MODEL),
    (Dimension.WEEK, Dimension.AGENT, Dimension.SESSION, Dimension.PROJECT, Dimension.ORIGIN),
]


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(turns, max_size=4),
    st.lists(requests, max_size=6),
    st.sampled_from(ZONES),
    st.tuples(st.none() | moments, st.none() | moments, moments),
)
def test_all_reports_are_one_sum(
    tmp_path: Path,
    ended: list[Turn],
    logged: list[Request],
    zone: Zone,
    times: tuple[datetime | None, datetime | None, datetime],
) -> None:
    """By day, week, month, model, agent, project, branch, session, task, machine and origin: each
    says what counting one by one says, in any zone and span; and two halves make a whole."""
    spent = Spent.at(tmp_path / str(next(folders)))
    spent.finish(*ended)
    for agent in ("claude", "codex"):
        spent.log(
            *(each for each in logged if (each.at % 2 == 0) == (agent == "codex")), agent=agent
        )
    span, cut = Span(*times[:2]), times[2]
    with spent.costs() as costs:
        for by in WAYS:
            report = costs.report(by, span=span, zone=zone)
            expected = spent.expected(by, span, zone, costs.machine)
            assert {line.key: line.figures for line in report.lines} == (expected if by else {})
            assert report.total == whole(expected.values())
            assert report.problems == ()
        halves = [Span(span.since, cut), Span(cut, span.until)]
        begins = span.since is None or span.since <= cut
        if begins and (span.until is None or cut <= span.until):
            parts = [costs.report((), span=half, zone=zone).total for half in halves]
            assert whole(parts) == costs.report((), span=span, zone=zone).total


NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
EVER = Span()


@pytest.fixture
def spent(tmp_path: Path) -> Spent:
    return Spent.at(tmp_path / "tars")


def test_what_tars_has_counted_is_not_counted_again(spent: Spent) -> None:
    """Of a session that tars ran, the log counts outside of its turns alone: two seconds before
    and after belong to a turn. It does not matter whose log it is, nor what came first."""
    turn = Turn(NOON, cost=7, took=timedelta(minutes=10))
    seconds = (-603, -602, -300, 0, 2, 3)
    spent.log(*(request(NOON + timedelta(seconds=each)) for each in seconds))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 6
        spent.finish(turn)
        lines = costs.report((Dimension.ORIGIN,), span=EVER).lines
        assert [(line.key[0], line.figures.tokens.requests) for line in lines] == [
            ("log", 2),
            ("tars", 2),
        ]
        spent.log(request(NOON - timedelta(minutes=5)), agent="codex")
        assert costs.report((), span=EVER).total.tokens.requests == 4
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 4


def test_an_index_that_was_made_anew_is_the_one_that_is_read(spent: Spent) -> None:
    """Also by an engine that has the old one open, as a daemon has."""
    spent.log(request(NOON))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 1
        for path in spent.home.data.glob("history.db*"):
            path.unlink()
        spent.log(request(NOON), request(NOON))
        assert costs.report((), span=EVER).total.tokens.requests == 2


def test_a_turn_that_counted_nothing_covers_nothing(spent: Spent) -> None:
    """What it used is in the log alone."""
    spent.log(request(NOON))
    spent.finish(Turn(NOON, tokens=Tokens()))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens == Tokens(10, 20, 4, 0, 5, 0, 1)


def test_a_deleted_turn_gives_back_what_it_covered(spent: Spent) -> None:
    """Once its session is deleted with its turns, the log counts again."""
    spent.log(request(NOON))
    spent.finish(Turn(NOON))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 2
        with closing(Store.open(spent.home.store)) as store, store.writing("delete") as connection:
            seq = connection.scalars(select(sessions.c.seq)).one()
            managing.remove(connection, seq, with_turns=True)
        assert costs.report((), span=EVER).total.tokens.requests == 1


def test_a_deleted_session_is_not_counted_again(spent: Spent) -> None:
    """Its turns stay in the ledger as those of no session, and its log is still there: what was
    used in a turn counts once, and what was used outside of turns as before."""
    spent.finish(Turn(NOON), Turn(NOON, "s2", agent="other"))
    at = (NOON, NOON + timedelta(hours=1))
    spent.log(*map(request, at))
    spent.log(request(NOON, session="elsewhere"))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 6
        with closing(Store.open(spent.home.store)) as store, store.writing("delete") as connection:
            for seq in connection.scalars(select(sessions.c.seq)).all():
                managing.remove(connection, seq)
        assert costs.report((), span=EVER).total.tokens.requests == 6
    spent.home.history.unlink()
    spent.log(*(each for _, each in spent.requests))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 6


def test_an_official_cost_wins_and_what_has_no_price_is_told(spent: Spent) -> None:
    """An agent's own figure stands, be it 0; a model without a price is never free."""
    spent.finish(Turn(NOON, "a", cost=0), Turn(NOON, "b", cost=2), Turn(NOON, "c", "strange"))
    spent.log(request(NOON, session="d"), request(NOON, session="e", cost=9))
    with spent.costs() as costs:
        report = costs.report((Dimension.SESSION,), span=EVER)
    figures = {line.key[0]: line.figures for line in report.lines}
    assert (figures["a"].cost, figures["a"].official, figures["a"].known) == (0, 0, True)
    assert (figures["b"].cost, figures["b"].official) == (2 * MICRODOLLAR, 2 * MICRODOLLAR)
    assert (figures["c"].cost, figures["c"].unpriced, figures["c"].known) == (0, 180, False)
    assert (figures["d"].cost, figures["d"].official) == (10 * 5 + 20 + 4 * 6 + 5 * 25, 0)
    assert figures["e"].cost == 9
    assert report.unpriced == ("strange",)


RESTRICTIONS: list[tuple[Only, set[str]]] = [
    (Only(agent="codex"), {"c", "l2"}),
    (Only(model="flash"), {"b", "l2"}),
    (Only(project="/code/a"), {"a"}),
    (Only(project="/code/p/"), {"l1", "l2"}),
    (Only(project="/cod"), set()),
    (Only(branch="main"), {"a", "b", "c"}),
    (Only(session="l1"), {"l1"}),
    (Only(sessions=frozenset({"l1", "a", "nobody"})), {"l1", "a"}),
    (Only(sessions=frozenset({"l1", "l2", "a"}), agent="codex"), {"l2"}),
    (Only(task="fix"), {"b"}),
    (Only(machine="elsewhere"), set()),
    (Only(origin=Origin.LOG), {"l1", "l2"}),
    (Only(origin=Origin.TARS, agent="claude"), {"a", "b"}),
]


def test_a_model_of_opencode_is_one_in_its_log_and_in_the_ledger(spent: Spent) -> None:
    """Its log has the provider by itself, a turn has `provider/model`: both are one line, at one
    price. What stands before the slash of another agent's model is a part of its name."""
    with closing(spent.store()) as store:
        store.save_agent(AgentRow("open", "opencode", "serve"))
    used = Tokens(net_input=10, output=1, requests=1)
    turns = [("zen/opus", "open"), ("zen/lab/opus", "open"), ("lab/opus", "main")]
    spent.finish(*(Turn(BEGIN, f"o{n}", m, used, agent=a) for n, (m, a) in enumerate(turns)))
    spent.log(request(BEGIN, session="elsewhere", used=(10, 0, 0), output=1), agent="opencode")
    with spent.costs() as costs:
        found = costs.report((Dimension.MODEL,), span=Span())
        assert {line.key[0]: line.figures.tokens.requests for line in found.lines} == {
            "lab/opus": 2,
            "opus": 2,
        }
        assert [line.figures.cost for line in found.lines] == [0, 2 * (10 * 5 + 25)]
        begin = BEGIN - timedelta(minutes=1)
        own = costs.report(
            (), span=Span(begin, BEGIN + timedelta(minutes=1)), only=Only("", "opus")
        )
        assert own.total.tokens.requests == 2


def test_a_price_by_provider_counts_in_the_ledger_as_in_logs(spent: Spent) -> None:
    """Claude Code's turns have no provider in the ledger; its log has its maker."""
    own = '[prices.models."anthropic/claude-x"]\ninput = 1\noutput = 2\n'
    spent.home.config.write_text(own)
    spent.finish(Turn(BEGIN, model="claude-x-20260101", tokens=Tokens(net_input=3, requests=1)))
    with spent.costs() as costs:
        assert costs.report((), span=Span()).total.cost == 3 * MICRODOLLAR


def test_sessions_are_called_by_their_names_or_titles(spent: Spent) -> None:
    """A name that a person gave goes before a title; what nobody called anything is left out."""
    spent.finish(Turn(BEGIN, "s1"), Turn(BEGIN, "s2"))
    with closing(spent.store()) as store, store.writing("name") as connection:
        connection.execute(sessions.update().values(title="Asked first"))
        connection.execute(sessions.update().where(sessions.c.id == "s2").values(name="mine"))
    with Index.open(spent.home.history) as index, index.writing() as writer:
        logged = packed(request(BEGIN, session="elsewhere"), titles={"elsewhere": "Found"})
        writer.take(logged, newest_wins=False)
    with spent.costs() as costs:
        many = [f"no{n}" for n in range(600)]
        assert costs.titles(["s1", "s2", "elsewhere", "", *many]) == {
            "s1": "Asked first",
            "s2": "mine",
            "elsewhere": "Found",
        }


def test_a_report_is_restricted(spent: Spent) -> None:
    """To an agent's kind, a model, a folder and those below it, and so on."""
    spent.finish(
        Turn(NOON, "a"), Turn(NOON, "b", "flash", task="fix"), Turn(NOON, "c", agent="other")
    )
    spent.log(request(NOON, session="l1"))
    spent.log(request(NOON, session="l2", project="/code/p/q", model="flash"), agent="codex")
    with spent.costs() as costs:
        for only, left in RESTRICTIONS:
            report = costs.report((Dimension.SESSION,), span=EVER, only=only)
            months = costs.report((Dimension.MONTH,), span=EVER, only=only)
            assert {line.key[0] for line in report.lines} == left, only
            assert report.total == months.total


def test_a_day_is_that_of_its_zone(spent: Spent) -> None:
    """Where clocks are set forward it is an hour shorter, and ends with the next midnight."""
    berlin = find_zone("Europe/Berlin")
    first, end = (midnight(date(2026, 3, day), berlin) for day in (29, 30))
    assert end - first == timedelta(hours=23)
    spent.log(*(request(at - timedelta(milliseconds=1)) for at in (first, end)), request(end))
    with spent.costs() as costs:
        report = costs.report((Dimension.DAY,), span=EVER, zone=berlin)
    assert [line.key[0] for line in report.lines] == ["2026-03-28", "2026-03-29", "2026-03-30"]


def test_a_home_with_nothing_in_it_has_a_report(tmp_path: Path) -> None:
    """No store, no logs, no prices: and nothing is made by asking."""
    home = Home(tmp_path / "nothing")
    with Costs.open(home, env={}, resolve=resolve) as costs:
        report = costs.report((Dimension.DAY,), span=EVER)
        assert (report.lines, report.problems, report.total.known) == ((), (), True)
    assert not home.root.exists()


def test_a_store_of_before_is_brought_up_to_date(spent: Spent) -> None:
    """A report of it is whole."""
    spent.finish(Turn(NOON))
    with closing(sqlite3.connect(spent.home.store)) as old, old:
        for table in ("spent_slots", "logged_slots", "logged_days", "deleted_sessions"):
            old.execute(f"DROP TABLE {table}")
        old.execute("UPDATE alembic_version SET version_num = '0003'")
    with spent.costs() as costs:
        report = costs.report((), span=EVER)
    assert (report.total.tokens.requests, report.problems) == (2, ())


def test_a_store_that_is_just_being_made_has_no_figures_yet(tmp_path: Path) -> None:
    """A daemon that starts for the first time is about to: nothing is wrong with it."""
    home = Home(tmp_path)
    home.prepare()
    with closing(sqlite3.connect(home.store)) as store:
        store.execute("PRAGMA journal_mode = WAL")
        with Costs.open(home, env={}, resolve=resolve) as costs:
            report = costs.report((), span=EVER)
            assert (report.total.tokens.total, report.problems) == (0, ())


@pytest.mark.parametrize("harm", ["newer", "torn", "nobody's"])
def test_a_store_that_cannot_be_read_is_told_of(spent: Spent, harm: str) -> None:
    """The logs count all the same, and nothing of them that the store had counted before."""
    spent.finish(Turn(NOON))
    spent.log(request(NOON), request(NOON + timedelta(days=1)))
    with spent.costs() as costs:
        assert costs.report((), span=EVER).total.tokens.requests == 3
    if harm == "torn":
        spent.home.store.write_bytes(b"x" * 9000)
    else:
        change = "UPDATE alembic_version SET version_num = '9999'"
        with closing(sqlite3.connect(spent.home.store)) as store, store:
            store.execute(change if harm == "newer" else "DROP TABLE alembic_version")
    with spent.costs() as costs:
        report = costs.report((), span=EVER)
    assert report.total.tokens.requests == 1
    assert ["What tars' own agents used is missing" in each for each in report.problems] == [True]
    assert list(spent.home.data.glob("*corrupt*")) == []


def test_the_engine_asks_for_the_store_of_this_version() -> None:
    """Whoever adds a migration says so there, once it is sure that it changes nothing here."""
    assert quick.VERSION == migrations.HEAD
