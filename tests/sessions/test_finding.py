"""Sessions are listed, counted and searched by what they are and what was said in them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from tars.core.agent import Outcome
from tars.errors import RequestInvalid
from tars.sessions.library import Library
from tars.sessions.listing import (
    Listing,
    Order,
    SessionStatus,
    Wanted,
    list_sessions,
    page,
    page_by,
    ranked,
    shortened,
)
from tars.sessions.ranges import Span, find_zone
from tars.sessions.search import Found, Role, Sought, excerpt, search
from tars.sessions.showing import conversation, detail, glance
from tars.sessions.statistics import average, history, statistics
from tars.store.schema import session_tags, sessions
from tests.support.remembered import MINUTE, NOON, call, change, message, remember, usage

UTC_ZONE = find_zone("UTC")
ALL = Wanted(archived=None)


def ids(listing: Listing) -> list[str]:
    return [session.id for session in listing.sessions]


def places(found: Sequence[Found]) -> list[tuple[str, str | None]]:
    return [(each.hit.session, each.hit.role and each.hit.role.value) for each in found]


@pytest.fixture
def kept(shared_library: Library) -> Library:
    """Three sessions that differ in all that can be asked for, and an archived one."""
    library = shared_library
    remember(
        library,
        "t1",
        session="aaaa-1",
        used=usage(("flash", 1000, 10, 0), ("pro", 500, 5, 0), cost=1_500_000),
        said=(
            message(0, Role.USER, "Why is the database locked?"),
            call(1, "read", "Read engine.py", "/w/one/engine.py"),
            call(2, "edit", "Edit engine.py", "/w/one/engine.py"),
            message(3, Role.ASSISTANT, "A timeout of the DATABASE, it seems."),
        ),
    )
    remember(
        library,
        "t2",
        session="aaaa-1",
        ended=NOON + 30 * MINUTE,
        used=usage(("flash", 50, 5, 0), cost=500_000),
        said=(
            message(0, Role.USER, "Then mend it", NOON + 29 * MINUTE),
            call(1, "edit", "Edit engine.py", "/w/one/engine.py", "/w/one/x.py"),
        ),
    )
    remember(
        library,
        "t3",
        session="bbbb-2",
        agent="claude",
        ended=NOON + 10 * MINUTE,
        lasted_ms=60_000,
        outcome=Outcome.ERROR,
        used=usage(("opus", 9000, 90, 0)),
        model="opus",
        said=(message(0, Role.USER, "Write docs about timeouts", NOON + 10 * MINUTE),),
    )
    remember(library, "t4", session="cccc-3", ended=NOON + 20 * MINUTE)
    remember(library, "t5", session="dddd-4", ended=NOON - 60 * MINUTE)
    change(library, "aaaa-1", project="/w/one", name="Zebra", status="completed", agent_type="acp")
    change(library, "bbbb-2", project="/w/one/deeper", name="alpha", status="failed")
    change(library, "cccc-3", project="/w/oneself", title="no name at all", status="active")
    change(library, "dddd-4", status="archived")
    with library.writing() as connection:
        seq = sessions.c.seq
        (first,) = connection.scalars(
            sessions.select().with_only_columns(seq).where(sessions.c.id == "aaaa-1")
        )
        for tag in ("urgent", "login"):
            connection.execute(insert(session_tags).values(session=first, tag=tag))
    return library


def test_lists_are_narrowed_down_by_everything_together(kept: Library) -> None:
    """Each filter by itself, and several at once; archived ones are asked for."""
    asked: dict[str, tuple[Wanted, list[str]]] = {
        "nothing": (Wanted(), ["aaaa-1", "cccc-3", "bbbb-2"]),
        "all": (ALL, ["aaaa-1", "cccc-3", "bbbb-2", "dddd-4"]),
        "archived": (Wanted(archived=True), ["dddd-4"]),
        "status": (
            Wanted(statuses=(SessionStatus.FAILED, SessionStatus.ACTIVE)),
            ["cccc-3", "bbbb-2"],
        ),
        "status archived": (Wanted(statuses=(SessionStatus.ARCHIVED,)), ["dddd-4"]),
        "agent": (Wanted(agent="claude"), ["bbbb-2"]),
        "kind": (Wanted(agent_types=("acp",)), ["aaaa-1"]),
        "project": (Wanted(project="/w/one"), ["aaaa-1", "bbbb-2"]),
        "project below": (Wanted(project="/w/one/deeper"), ["bbbb-2"]),
        "model": (Wanted(model="pro"), ["aaaa-1"]),
        "tags": (Wanted(tags=("urgent", "login")), ["aaaa-1"]),
        "another tag": (Wanted(tags=("urgent", "later")), []),
        "since": (Wanted(since=NOON + 20 * MINUTE), ["aaaa-1", "cccc-3"]),
        "until": (Wanted(until=NOON + 20 * MINUTE), ["aaaa-1", "bbbb-2"]),
        "tokens": (Wanted(min_tokens=9090), ["bbbb-2"]),
        "machine": (Wanted(machine="nowhere"), []),
        "several": (Wanted(project="/w", model="flash", min_tokens=1500), ["aaaa-1"]),
    }
    for name, (wanted, expected) in asked.items():
        assert ids(list_sessions(kept, wanted)) == expected, name


def test_lists_are_sorted_either_way(kept: Library) -> None:
    """The most or newest first; names from A to Z whatever their case, those without one last."""
    expected = {
        Order.ACTIVITY: ["aaaa-1", "cccc-3", "bbbb-2"],
        Order.STARTED: ["cccc-3", "bbbb-2", "aaaa-1"],
        Order.DURATION: ["bbbb-2", "aaaa-1", "cccc-3"],
        Order.TOKENS: ["bbbb-2", "aaaa-1", "cccc-3"],
        Order.COST: ["aaaa-1", "cccc-3", "bbbb-2"],
        Order.NAME: ["bbbb-2", "aaaa-1", "cccc-3"],
    }
    for order, found in expected.items():
        assert ids(list_sessions(kept, Wanted(), order=order)) == found, order
    back = list_sessions(kept, Wanted(), order=Order.TOKENS, reverse=True)
    assert ids(back) == ["cccc-3", "aaaa-1", "bbbb-2"]
    back = list_sessions(kept, Wanted(), order=Order.NAME, reverse=True)
    assert ids(back) == ["aaaa-1", "bbbb-2", "cccc-3"]


def test_pages_together_are_the_list(kept: Library) -> None:
    """In every order and either way, from whichever end a page is nearer; each says the total,
    and behind the last one there is nothing."""
    for order in Order:
        for reverse in (False, True):
            whole = ids(list_sessions(kept, ALL, order=order, reverse=reverse))
            for size in (1, 2, 3):
                found: list[str] = []
                for after in range(0, 6, size):
                    records, total = page(
                        kept, ALL, order=order, reverse=reverse, after=after, limit=size
                    )
                    assert total == 4
                    found += [record.id for record in records]
                assert found == whole, (order, reverse, size)


def test_pages_by_a_worth_of_ones_own(kept: Library) -> None:
    """What is worth nothing known comes last, the newest first; the filter is the list's."""
    ranks = ranked(kept, {"cccc-3": (5, 0), "bbbb-2": (5, 9), "dddd-4": (7, 0), "gone": (9, 9)})
    records, total = page_by(kept, Wanted(), ranks, reverse=False, after=0, limit=10)
    assert ([record.id for record in records], total) == (["bbbb-2", "cccc-3", "aaaa-1"], 3)
    records, total = page_by(kept, ALL, ranks, reverse=True, after=1, limit=2)
    assert ([record.id for record in records], total) == (["cccc-3", "bbbb-2"], 4)
    nobodys = Wanted(agent="nobody")
    assert page_by(kept, nobodys, ranks, reverse=False, after=0, limit=10) == ([], 0)


def test_a_glance_has_the_newest_turns_first(kept: Library) -> None:
    """With how each ended and what it used; tools and files with how often they were used."""
    session = list_sessions(kept, Wanted(agent_types=("acp",))).sessions[0]
    found = glance(kept, session, after=0, limit=1)
    assert ([turn.id for turn in found.turns], found.total) == (["t2"], 2)
    (turn,) = glance(kept, session, after=1, limit=5).turns
    assert (turn.id, turn.outcome, turn.fault, turn.cost_microusd) == ("t1", "ok", "", 1_500_000)
    assert (turn.tokens.net_input, turn.tokens.output) == (1500, 15)
    assert found.tools == (("edit", 2), ("read", 1))
    assert (found.files[0], found.changed_files) == (("/w/one/engine.py", 2), 2)


def test_a_list_says_how_many_there_are_and_how_to_type_each(kept: Library) -> None:
    """The total goes beyond the limit; a short id is that of no other session."""
    for agent, id in (("x", "9f8e7d6c-aaaa-1"), ("x", "9f8e7d6c-aaab-2")):
        remember(kept, id, session=id, agent=agent, ended=NOON + 90 * MINUTE)
    listing = list_sessions(kept, Wanted(), limit=3)
    assert (len(listing.sessions), listing.total) == (3, 5)
    assert set(listing.short.values()) == {"9f8e7d6c-aaaa", "9f8e7d6c-aaab", "aaaa-1"}


@given(st.lists(st.text("ab-", min_size=1, max_size=12), min_size=1, max_size=8, unique=True))
def test_a_short_id_is_one_sessions(ids: list[str]) -> None:
    """No other id begins with it, unless the whole id is the beginning of another."""
    ordered = ["", *sorted(ids), ""]
    for before, id, after in zip(ordered, ordered[1:], ordered[2:], strict=False):
        short = shortened(id, before, after)
        assert id.startswith(short)
        assert short == id or not any(o.startswith(short) for o in ids if o != id)


def test_a_history_has_what_was_used_in_its_span(kept: Library) -> None:
    """A session that was in use before and within counts with its turns within; one whose turns
    were all outside is left out."""
    span = Span(NOON + 20 * MINUTE, NOON + 40 * MINUTE)
    past = history(kept, ALL, span)
    seen = [(v.session.id, v.used.spent.turns, v.used.spent.tokens.total) for v in past.visits]
    assert seen == [("aaaa-1", 1, 55), ("cccc-3", 1, 1025)]
    assert (past.used.sessions, past.used.spent.cost_microusd) == (2, 500_000)
    assert [v.session.id for v in history(kept, ALL, span, limit=1).visits] == ["aaaa-1"]
    between = history(kept, ALL, Span(NOON + MINUTE, NOON + 9 * MINUTE))
    assert (between.visits, between.used.sessions) == ((), 0)


def test_figures_are_over_all_sessions_that_are_meant(kept: Library) -> None:
    """Counts by status, sums, averages, tools and files; the cost of those that tell it."""
    found = statistics(kept, ALL, Span(), zone=UTC_ZONE, now=NOON)
    assert {s.value: n for s, n in found.statuses.items() if n} == {
        "active": 1,
        "completed": 1,
        "failed": 1,
        "archived": 1,
    }
    assert (found.used.sessions, found.used.spent.turns, found.used.costed_sessions) == (4, 5, 1)
    assert found.used.spent.tokens.total == 1515 + 55 + 9090 + 1025 + 1025
    assert found.average_tokens == (12710 + 2) // 4
    assert found.average_cost_microusd == 2_000_000
    assert (found.used.messages, found.average_messages) == (4, 1.0)
    assert found.top_tools == (("edit", 2), ("read", 1))
    assert found.top_files == (("/w/one/engine.py", 2), ("/w/one/x.py", 1))
    assert found.week.spent == found.used.spent


def test_figures_of_a_span_are_those_of_its_turns(kept: Library) -> None:
    """Also the tools, files and messages of a session that reaches beyond it."""
    span = Span(NOON + 25 * MINUTE, NOON + 40 * MINUTE)
    found = statistics(kept, ALL, span, zone=UTC_ZONE, now=NOON)
    assert (found.used.sessions, found.used.spent.tokens.total, found.used.messages) == (1, 55, 1)
    assert found.top_tools == (("edit", 1),)
    assert found.top_files == (("/w/one/engine.py", 1), ("/w/one/x.py", 1))


@pytest.mark.parametrize(
    ("total", "number", "mean"),
    [(5, 2, 3), (7, 3, 2), (0, 3, 0), (1, 0, None), (2**60 + 1, 2, 2**59 + 1)],
)
def test_averages_are_exact(total: int, number: int, mean: int | None) -> None:
    """Halves are rounded up, also where floating point would not know."""
    assert average(total, number) == mean


def test_words_are_found_where_they_were_said(kept: Library) -> None:
    """The newest first; whole words whatever their case, in names and titles too."""
    asked: dict[str, tuple[Sought, list[tuple[str, str | None]]]] = {
        "word": (
            Sought(text="database", wanted=ALL),
            [("aaaa-1", "user"), ("aaaa-1", "assistant")],
        ),
        "both": (Sought(text="timeout database", wanted=ALL), [("aaaa-1", "assistant")]),
        "begin": (Sought(text="time*", wanted=ALL), [("bbbb-2", "user"), ("aaaa-1", "assistant")]),
        "role": (Sought(text="database", role=Role.USER, wanted=ALL), [("aaaa-1", "user")]),
        "agent": (Sought(text="time*", wanted=Wanted(agent="claude")), [("bbbb-2", "user")]),
        "name": (Sought(text="zebra", wanted=ALL), [("aaaa-1", None)]),
        "title": (Sought(text="name all", wanted=ALL), [("cccc-3", None)]),
        "nothing": (Sought(text="absent", wanted=ALL), []),
        "pattern": (Sought(text="data%", wanted=ALL), []),
        "tool": (Sought(tool="edit", wanted=ALL), [("aaaa-1", "tool")] * 2),
        "tool title": (Sought(tool="READ ENG", wanted=ALL), [("aaaa-1", "tool")]),
        "file": (Sought(file="one/x.py", wanted=ALL), [("aaaa-1", "tool")]),
        "word in a turn with a file": (
            Sought(text="mend", file="x.py", wanted=ALL),
            [("aaaa-1", "user")],
        ),
        "word elsewhere": (Sought(text="docs", file="x.py", wanted=ALL), []),
    }
    for name, (sought, expected) in asked.items():
        found = search(kept, sought, limit=20)
        if name == "word":
            # Both were said at the same moment: what was said later is first.
            expected = expected[::-1]
        assert places(found) == expected, name


def test_a_search_for_nothing_is_refused(kept: Library) -> None:
    """A text without a word is no text."""
    for text in ("", "  ", '"" * %'):
        with pytest.raises(RequestInvalid):
            search(kept, Sought(text=text, wanted=ALL), limit=5)


@given(st.text(), st.lists(st.text("abcé ", min_size=1, max_size=4).map(str.strip).filter(bool)))
def test_marks_are_within_the_excerpt(text: str, words: list[str]) -> None:
    """Whatever was said, each mark is one of the words in one line."""
    plain = [word for word in words if " " not in word]
    cut = excerpt(f"{text} {' '.join(plain)}", plain)
    assert "\n" not in cut.text
    for begin, end in cut.marks:
        assert cut.text[begin:end].casefold() in {word.casefold() for word in plain}


def test_a_session_is_shown_whole(kept: Library) -> None:
    """Its tools and files, the last exchange, and the conversation in its order."""
    session = list_sessions(kept, Wanted(agent_types=("acp",))).sessions[0]
    about = detail(kept, session)
    assert about.tools == (("edit", 2), ("read", 1))
    assert (about.changed_files, about.files[0]) == (2, ("/w/one/engine.py", 2))
    assert [row.text for row in about.exchange] == [
        "A timeout of the DATABASE, it seems.",
        "Then mend it",
    ]
    assert about.last_turn_at == NOON + timedelta(minutes=30)
    assert len(list(conversation(kept, session))) == 6
    assert {m: s.tokens.total for m, s in session.models.items()} == {"flash": 1065, "pro": 505}


def test_nothing_reads_all_turns_or_messages(library: Library) -> None:
    """By SQLite's own account. A part of a path is looked for in the index of all paths, the
    newest first, and a part of a title in the tool calls: no index has the parts of words."""
    from benchmarks.sessions import plans

    for number in range(30):
        id = f"{number:04}-of-many"
        remember(library, f"t{number}", session=id, ended=NOON + number * MINUTE)
    change(library, "0000-of-many", name="work-400")
    for name, statements in plans(library).items():
        assert statements, name
        for steps in statements:
            for table in ("turns", "messages", "turn_models"):
                full = [s for s in steps if s.startswith(f"SCAN {table}")]
                assert not full, f"{name}: {steps}"
