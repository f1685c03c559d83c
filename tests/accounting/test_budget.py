"""What a budget says of what was spent."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.budget import (
    Budget,
    Per,
    Spent,
    Standing,
    Unpriced,
    dollars,
    judge,
    worst,
)
from tars.accounting.rates import DOLLAR

AMOUNTS = st.integers(0, 10**15)
SPENT = st.builds(Spent, AMOUNTS, AMOUNTS, AMOUNTS)


def budget(**fields: Any) -> Budget:
    """Five dollars a day, unless told otherwise."""
    return Budget(**{"name": "daily", "per": Per.DAY, "limit": 5 * DOLLAR, **fields})


@pytest.mark.parametrize(
    ("spent", "standing"),
    [
        (0, Standing.FINE),
        (4 * DOLLAR - 1, Standing.FINE),
        (4 * DOLLAR, Standing.WARNED),
        (5 * DOLLAR - 1, Standing.WARNED),
        (5 * DOLLAR, Standing.OVER),
        (50 * DOLLAR, Standing.OVER),
    ],
)
def test_it_warns_at_its_share_and_is_over_when_all_is_used(spent: int, standing: Standing) -> None:
    """To the picodollar: 80 per cent unless told, and the whole of it."""
    assert judge(budget(), Spent(spent, 10, 0)).standing is standing


def test_the_share_of_a_warning_can_be_chosen() -> None:
    """At 1.0 nothing is said before it is over."""
    assert judge(budget(warn_at=0.5), Spent(25 * DOLLAR // 10)).standing is Standing.WARNED
    assert judge(budget(warn_at=1.0), Spent(5 * DOLLAR - 1)).standing is Standing.FINE


@pytest.mark.parametrize(
    ("spent", "standing", "share"),
    [
        (Spent(0, 999), Standing.WARNED, 0.999),
        (Spent(0, 1000), Standing.OVER, 1.0),
        (Spent(5 * DOLLAR, 1), Standing.OVER, 1.0),
        (Spent(DOLLAR, 100), Standing.FINE, 0.2),
    ],
)
def test_of_two_bounds_the_first_that_is_met_counts(
    spent: Spent, standing: Standing, share: float
) -> None:
    """The share is the larger one."""
    verdict = judge(budget(max_tokens=1000), spent)
    assert (verdict.standing, verdict.share) == (standing, share)


def test_what_has_no_price_counts_by_its_tokens() -> None:
    """Where tokens are bounded, it uses the budget up like any other."""
    verdict = judge(budget(max_tokens=1000), Spent(0, 1000, 1000))
    assert verdict.standing is Standing.OVER
    assert verdict.reason == "Budget daily: $0.00 of $5.00 and 1,000 of 1,000 tokens used today."


def test_what_has_no_price_is_never_fine_for_dollars_alone() -> None:
    """It is told, and is over where the budget wants that."""
    one = Spent(0, 12_000, 12_000)
    verdict = judge(budget(), one)
    assert verdict.standing is Standing.WARNED
    assert verdict.reason == (
        "Budget daily: $0.00 of $5.00 used today, and 12,000 tokens that have no known price "
        "and that it does not count."
    )
    assert judge(budget(unpriced=Unpriced.OVER), one).standing is Standing.OVER


@settings(max_examples=50)
@given(SPENT, SPENT, st.sampled_from(Unpriced), st.none() | st.integers(1, 10**12))
def test_more_is_never_better(a: Spent, b: Spent, unpriced: Unpriced, most: int | None) -> None:
    """Whoever spends more stands no better, whatever the budget."""
    it = budget(unpriced=unpriced, max_tokens=most)
    less, more = judge(it, a), judge(it, a.plus(b))
    order = list(Standing)
    assert order.index(less.standing) <= order.index(more.standing)
    assert less.share <= more.share
    assert worst([less, more, less]) in (more, less)


@settings(max_examples=50)
@given(SPENT, SPENT)
def test_what_is_beyond_is_the_difference_and_never_less_than_nothing(a: Spent, b: Spent) -> None:
    """Added to what it is beyond of, it makes the larger one of each."""
    assert b.plus(a.beyond(b)) == Spent(*map(max, a, b))


def test_the_worst_is_the_furthest_along() -> None:
    """By how it stands first, and then by its share; none has none."""
    fine = judge(budget(), Spent(DOLLAR))
    over = judge(budget(), Spent(6 * DOLLAR))
    unknown = judge(budget(), Spent(0, 1, 1))
    assert worst([fine, over, unknown]) is over
    assert worst([fine, unknown]) is unknown
    assert worst([]) is None


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "$0.00"),
        (DOLLAR // 1000, "$0.0010"),
        (DOLLAR, "$1.00"),
        (1234 * DOLLAR, "$1,234.00"),
    ],
)
def test_amounts_in_words(amount: int, said: str) -> None:
    """Small ones have more digits."""
    assert dollars(amount) == said
