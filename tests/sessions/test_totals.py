"""What was spent adds up: over sessions, models and days it is the same, to the micro-dollar."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from tars.accounting.usage import TurnUsage
from tars.sessions.library import Library
from tars.sessions.listing import Wanted, list_sessions
from tars.sessions.ranges import Span, days, find_zone
from tars.sessions.statistics import added, history, statistics
from tars.sessions.totals import By, Sum, by_day, total, totals
from tars.store.rows import Spent
from tars.store.schema import session_models, sessions, turn_models, turns
from tests.support.remembered import remember, usage

ZONES = [
    find_zone(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
    )
]
#: Around here the clocks of each of these zones are set, in spring or in autumn.
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
]
EVERYTHING = Wanted(archived=None)
MODELS = ("flash", "pro", "opus", "")

_tokens = st.integers(0, 10**6) | st.sampled_from([0, 1, 2**31, 2**40])
_shares = st.lists(
    st.tuples(st.sampled_from(MODELS), _tokens, _tokens, _tokens),
    max_size=3,
    unique_by=lambda s: s[0],
)
_usages = st.builds(
    lambda shares, cost, cached, written, extra: usage(
        *shares, cost=cost, cached=cached, written=written, extra=extra
    ),
    _shares,
    st.none() | st.integers(0, 10**9),
    _tokens,
    _tokens,
    _tokens,
)
#: When a turn ended, in minutes from a change of clocks; its session, agent, model and usage.
Made = tuple[datetime, int, str | None, str, str, TurnUsage]
_turns = st.lists(
    st.tuples(
        st.sampled_from(CHANGES),
        st.integers(-40 * 60, 40 * 60),
        st.sampled_from(["s-1", "s-2", "s-3", None]),
        st.sampled_from(["gemini", "claude"]),
        st.sampled_from(MODELS),
        _usages,
    ),
    max_size=12,
)


def kept(library: Library, made: Sequence[Made]) -> None:
    """Empty the library and record these turns, in the order in which they ended."""
    with library.writing() as connection:
        for table in (turn_models, turns, session_models, sessions):
            connection.execute(delete(table))
    ended = [(near + timedelta(minutes=off), s, a, m, u) for near, off, s, a, m, u in made]
    for number, (at, session, agent, model, used) in enumerate(
        sorted(ended, key=lambda turn: turn[0])
    ):
        remember(
            library, f"t{number}", session=session, agent=agent, ended=at, model=model, used=used
        )


def figures(spent: Spent) -> tuple[int, ...]:
    tokens = spent.tokens
    return (
        spent.requests,
        tokens.net_input,
        tokens.cache_read,
        tokens.cache_write,
        tokens.output,
        tokens.reasoning,
        spent.cost_microusd,
    )


def over(parts: Iterable[Spent]) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*map(figures, parts), strict=True)) or (0,) * 7


def spent(sums: Iterable[Sum]) -> list[Spent]:
    return [each.spent for each in sums]


def add_up(library: Library) -> None:
    """All of the ways to add up the same turns give the same."""
    whole = total(library)
    for by in By:
        assert over(spent(totals(library, by))) == figures(whole.spent), by
    for zone in ZONES:
        daily = by_day(library, zone)
        assert over(spent(daily)) == figures(whole.spent), zone.name
        assert sum(day.spent.turns for day in daily) == whole.spent.turns
        assert [day.key for day in daily] == sorted(day.key for day in daily)
        for day in daily:
            first = date.fromisoformat(day.key[0])
            span = days(first, first + timedelta(1), zone)
            assert total(library, span).spent == day.spent
    # The sums that are kept beside the ledger are those of the ledger.
    listed = list_sessions(library, EVERYTHING).sessions
    alone = [s.spent for s in totals(library, By.SESSION) if not s.key[2]]
    assert over([*(s.spent for s in listed), *alone]) == figures(whole.spent)
    split = [spent for s in listed for spent in s.models.values()]
    assert over([*split, *alone]) == figures(whole.spent)


def agree_in_spans(library: Library, span: Span) -> None:
    """What the history and the figures say of a span is what the ledger says of it."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    ledger = total(library, span, wanted=EVERYTHING)
    found = statistics(library, EVERYTHING, span, zone=ZONES[0], now=now)
    past = history(library, EVERYTHING, span)
    assert found.used.spent == past.used.spent == ledger.spent
    assert found.used.duration_ms == past.used.duration_ms == ledger.duration_ms
    assert added([visit.used for visit in past.visits]).spent == ledger.spent


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    made=_turns,
    zone=st.sampled_from(ZONES),
    near=st.sampled_from(CHANGES),
    length=st.integers(1, 9),
)
def test_everything_adds_up(
    library: Library, made: list[Made], zone: object, near: datetime, length: int
) -> None:
    """Over sessions, models, days in five zones, agents, projects, machines and tasks it is the
    same total; also in the sums that are kept, and in any span of days."""
    kept(library, made)
    add_up(library)
    for each in ZONES:
        first = near.astimezone(each.info).date() - timedelta(1)
        agree_in_spans(library, days(first, first + timedelta(length), each))


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(made=_turns)
def test_everything_adds_up_elsewhere_too(shared_library: Library, made: list[Made]) -> None:
    """The same on both databases, on fewer examples."""
    kept(shared_library, made)
    add_up(shared_library)
    agree_in_spans(shared_library, days(date(2026, 3, 28), date(2026, 3, 30), ZONES[1]))


def test_days_end_where_clocks_say(shared_library: Library) -> None:
    """A turn belongs to the day in which it ended: of 23, 25 or 24.5 hours, to the microsecond."""
    berlin = ZONES[1]
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC)  # of 29 March, which ends 23 hours later
    for number, at in enumerate(
        (
            midnight - timedelta(microseconds=1),
            midnight,
            midnight + timedelta(hours=23, microseconds=-1),
            midnight + timedelta(hours=23),
        )
    ):
        remember(shared_library, f"t{number}", ended=at, used=usage(("flash", 10**number, 0, 0)))
    found = {day.key[0]: day.spent.tokens.total for day in by_day(shared_library, berlin)}
    assert found == {"2026-03-28": 1, "2026-03-29": 110, "2026-03-30": 1000}


def test_a_span_cuts_the_days_at_its_ends(library: Library) -> None:
    """Of a day that a span cuts, only the part within counts."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for hour in range(0, 48, 6):
        remember(library, f"t{hour}", ended=start + timedelta(hours=hour))
    span = Span(start + timedelta(hours=6), start + timedelta(hours=30))
    assert [(day.key[0], day.spent.turns) for day in by_day(library, ZONES[0], span)] == [
        ("2026-03-01", 3),
        ("2026-03-02", 1),
    ]


def test_groups_are_named_and_sorted(shared_library: Library) -> None:
    """The most tokens first; each group by its own words, and the filters of sessions apply."""
    remember(shared_library, "t1", session="a-1", agent="claude", used=usage(("opus", 900, 1, 0)))
    remember(shared_library, "t2", session="b-2", agent="gemini", used=usage(("flash", 90, 1, 0)))
    remember(shared_library, "t3", session=None, used=usage(("pro", 9, 1, 0)))
    machine = list_sessions(shared_library, EVERYTHING).sessions[0].machine
    assert [s.key for s in totals(shared_library, By.SESSION)] == [
        (machine, "claude", "a-1"),
        (machine, "gemini", "b-2"),
        (machine, "gemini", ""),
    ]
    assert [s.key for s in totals(shared_library, By.MODEL)] == [("opus",), ("flash",), ("pro",)]
    only = Wanted(agent="gemini", archived=None)
    assert [s.key for s in totals(shared_library, By.MODEL, wanted=only)] == [("flash",)]
    assert total(shared_library, wanted=only).spent.tokens.total == 91


@pytest.mark.parametrize("by", By)
def test_an_empty_ledger_has_no_groups(library: Library, by: By) -> None:
    """And its total is nothing."""
    assert totals(library, by) == []
    assert total(library) == Sum((), Spent(), 0)
    assert by_day(library, ZONES[0]) == []
