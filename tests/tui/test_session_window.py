"""A long list of which some pages are here, what is wanted of it, and what it cost."""

from datetime import date

import pytest
from msgspec.structs import replace

from tars.control.costs_contract import CostRow
from tars.control.session_contract import Session
from tars.tui.session_costs import AT_ONCE, KEPT, Costs
from tars.tui.session_found import PLACES, Found, may_be_id, words_for
from tars.tui.session_wants import Filter, Range, Sort, Status
from tars.tui.session_window import KEPT as PAGES
from tars.tui.session_window import PAGE, Window, key
from tests.control.costs_samples import REPORT, ROW
from tests.control.session_samples import HIT, SESSION


def one(number: int, total_tokens: int = 10) -> Session:
    spent = replace(SESSION.spent, total_tokens=total_tokens, cost_microusd=None)
    return replace(SESSION, id=f"s-{number}", spent=spent)


def page(first: int) -> list[Session]:
    return [one(number) for number in range(first, first + PAGE)]


def test_only_what_is_in_sight_is_missing() -> None:
    """However long the list is, and never beyond its end."""
    window = Window()
    assert window.missing(0, 20) == [0]
    window.put(0, page(0), 100_000)
    assert window.missing(0, 20) == []
    assert window.missing(95, 105) == [1]
    assert window.missing(99_980, 100_020) == [999]
    assert window.row(5) == one(5)
    assert window.row(100) is None


def test_few_pages_stay() -> None:
    """Those that came last."""
    window = Window()
    for number in range(PAGES + 3):
        window.put(number, page(number * PAGE), 100_000)
    assert window.missing(0, 3 * PAGE - 1) == [0, 1, 2]
    assert window.missing(3 * PAGE, (PAGES + 3) * PAGE - 1) == []


def test_other_pages_hold_while_no_row_moved() -> None:
    """New figures in the same rows leave the others alone; a new row clears them."""
    window = Window()
    window.put(0, page(0), 300)
    window.put(1, page(100), 300)
    window.renew({0: [one(n, total_tokens=99) for n in range(100)]}, 300)
    assert window.missing(0, 199) == []
    assert window.row(3) == one(3, total_tokens=99)
    window.renew({0: [one(-1), *page(0)[:-1]]}, 301)
    assert window.missing(0, 199) == [1]
    assert window.find(key(one(3))) == 4
    assert window.find(key(one(150))) is None
    window.clear()
    assert window.total is None


def test_the_sort_goes_round() -> None:
    """Start, duration, tokens, cost, and start again."""
    names = [Sort.START]
    while len(names) < 5:
        names.append(names[-1].next)
    assert [sort.value[0] for sort in names] == ["started", "duration", "tokens", "cost", "started"]


@pytest.mark.parametrize(
    ("range", "since"),
    [(Range.TODAY, "2026-03-05"), (Range.WEEK, "2026-03-02"), (Range.MONTH, "2026-03-01")],
)
def test_a_range_begins_with_a_midnight(range: Range, since: str) -> None:
    """Weeks begin on Monday."""
    assert Filter(range=range).query(date(2026, 3, 5)) == {"since": since}


def test_a_filter_is_told_to_the_daemon_and_to_people() -> None:
    """All of everything is asked for without a word."""
    assert Filter().query(date(2026, 3, 5)) == {}
    assert Filter().words() == ""
    wanted = Filter(Status.ACTIVE, ("claude", "codex"), Range.TODAY)
    assert wanted.query(date(2026, 3, 5)) == {
        "status": "active",
        "agentType": "claude,codex",
        "since": "2026-03-05",
    }
    assert wanted.words() == "Active · claude, codex · Today"


def row(session: Session, cost: float | None, unpriced: int = 0) -> CostRow:
    return replace(ROW, session=session.id, cost_usd=cost, unpriced_tokens=unpriced)


def test_a_cost_is_the_engine_s_or_said_to_be_none() -> None:
    """What has no price is unpriced, never free; of what nobody counted the agent's own word."""
    costs = Costs()
    sessions = [one(n) for n in range(5)]
    sessions[3] = replace(sessions[3], spent=replace(sessions[3].spent, cost_microusd=20_000))
    sessions[4] = one(4, total_tokens=0)
    assert costs.of(sessions[0]) == "…"
    assert costs.wanted(sessions) == sessions
    told = [row(sessions[0], 0.0234), row(sessions[1], None, 9), row(sessions[2], 1.5, 3)]
    costs.take(sessions, replace(REPORT, rows=told))
    shown = [costs.of(session) for session in sessions]
    assert shown == ["$0.0234", "unpriced", "≥$1.5000", "≥$0.0200", "-"]
    assert costs.wanted(sessions) == []


def test_a_cost_is_asked_again_when_more_was_used() -> None:
    """Until it was told anew the one before stays."""
    costs = Costs()
    costs.take([one(1)], replace(REPORT, rows=[row(one(1), 0.5)]))
    grown = one(1, total_tokens=11)
    assert costs.wanted([grown]) == [grown]
    assert costs.of(grown) == "$0.5000"


def test_costs_are_bounded() -> None:
    """So many are asked for at once, and so many stay; an id with a comma would be several."""
    costs = Costs()
    many = [one(n) for n in range(KEPT + 5)]
    assert len(costs.wanted(many)) == AT_ONCE
    costs.take(many, replace(REPORT, rows=[]))
    assert costs.wanted(many[:10]) == many[:5]
    assert costs.wanted([replace(SESSION, id="a,b")]) == []


def test_a_session_is_found_once() -> None:
    """By its id first, then where the words are newest; the text begins near them."""
    other = replace(HIT, session="other", excerpt="a long way before the words, and then Done.")
    found = Found.of("done", [HIT, other, HIT], SESSION)
    assert found.keys == [key(SESSION), ("laptop", "claude", "other")]
    assert found.excerpt(found.keys[1]) == "…hen Done."
    assert found.wanted(0, 10) == [other]
    found.take([replace(SESSION, id="other")])
    assert found.wanted(0, 10) == []
    assert not found.more
    assert Found.of("x", [HIT] * PLACES, None).more


def test_what_is_typed_may_go_on() -> None:
    """The last word is a beginning, but not within quotation marks or behind a sign."""
    assert words_for(" login fo") == "login fo*"
    assert words_for('"login fo') == '"login fo'
    assert words_for("form.") == "form."
    assert words_for("") == ""
    assert may_be_id("0b1e")
    assert not may_be_id("0b1")
    assert not may_be_id("two words")
    assert not may_be_id("last")
