"""Windows of five hours: where they begin, what lies between them, and how fast the last fills."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import Tokens
from tars.costs.blocks import Burn, blocks, burn, windows
from tars.costs.facts import Figures, Only
from tars.sessions.ranges import Span
from tests.support.spending import Spent, Turn, request

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_a_window_begins_with_the_hour_and_ends_after_five(tmp_path: Path) -> None:
    """However much of it is used, the next one begins with the hour of the first use after it."""
    spent = Spent.at(tmp_path / "tars")
    times = (40, 100, 40 + 4 * 60 + 19, 5 * 60, 5 * 60 + 1, 30 * 60)
    spent.log(*(request(NOON + each * MINUTE) for each in times))
    spent.finish(Turn(NOON + 30 * MINUTE, model="strange"))
    with spent.costs() as costs:
        found = blocks(costs, span=Span(), now=NOON + 100 * HOUR)
        late = blocks(costs, span=Span(NOON + 6 * HOUR), now=NOON + 6 * HOUR)
        codex = blocks(costs, span=Span(), now=NOON, only=Only(agent="codex"))
    assert [(b.start - NOON, b.end - b.start, b.figures.tokens.requests) for b in found.blocks] == [
        (0 * HOUR, 5 * HOUR, 5),
        (5 * HOUR, 5 * HOUR, 2),
        (30 * HOUR, 5 * HOUR, 1),
    ]
    assert [block.idle for block in found.blocks] == [0 * HOUR, 0 * HOUR, 20 * HOUR]
    assert [block.models for block in found.blocks] == [("opus", "strange"), ("opus",), ("opus",)]
    assert found.total.tokens.requests == 8
    assert found.unpriced == ("strange",)
    assert not any(block.active for block in found.blocks)
    assert [(block.start - NOON, block.active) for block in late.blocks] == [
        (5 * HOUR, True),
        (30 * HOUR, False),
    ]
    assert codex.blocks == ()


def test_the_window_under_way_is_thought_on_to_its_end() -> None:
    """As fast as it was used since it began: with a third of the time gone, three times as much."""
    used = Figures(Tokens(net_input=600), cost=10**12)
    assert burn(used, NOON, NOON + 5 * HOUR, NOON + 100 * MINUTE) == Burn(
        minutes=100,
        minutes_left=200,
        tokens_per_minute=6,
        cost_per_hour=6 * 10**11,
        tokens_in_the_end=1800,
        cost_in_the_end=3 * 10**12,
    )
    at_once = burn(used, NOON, NOON + 5 * HOUR, NOON)
    assert (at_once.minutes, at_once.tokens_per_minute) == (1, 600)


def test_a_window_fills_since_its_first_use(tmp_path: Path) -> None:
    """Not since the full hour that it begins with: nothing was used until the quarter of that."""
    spent = Spent.at(tmp_path / "tars")
    spent.log(request(NOON + 50 * MINUTE, used=(600, 0, 0), output=0))
    with spent.costs() as costs:
        (block,) = blocks(costs, span=Span(), now=NOON + 65 * MINUTE).blocks
    assert block.burn is not None
    assert (block.burn.minutes, block.burn.minutes_left) == (20, 235)
    assert block.burn.tokens_per_minute == 30


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 300)))
def test_each_use_is_in_one_window(slots: set[int]) -> None:
    """Windows begin with a full hour, follow each other, and none is empty."""
    found = windows(sorted(slots))
    for slot in slots:
        assert len([1 for first, end in found if first <= slot < end]) == 1
    for first, end in found:
        assert (first % 4, end - first) == (0, 20)
        assert any(first <= slot < first + 4 for slot in slots)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
