"""Money is whole picodollars, and a request's price is that of its size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import (
    DOLLAR,
    MICRODOLLAR,
    THRESHOLDS,
    ModelRates,
    Rates,
    Tokens,
    cost,
    filled,
    size_class,
)

FEW = settings(max_examples=40, deadline=None)
COUNTS = st.integers(0, 2**40)
TOKENS = st.builds(
    lambda net, read, five, hour, out: Tokens(net, read, five + hour, hour, out),
    *[COUNTS] * 5,
)
RATES = st.builds(Rates, *[st.integers(0, 10**11)] * 5)


def test_a_dollar_per_million_is_a_microdollar_per_token() -> None:
    """So that prices of up to six decimals are whole."""
    rates = filled(input=MICRODOLLAR, output=2 * MICRODOLLAR)
    assert cost(Tokens(net_input=10**6), rates) == DOLLAR
    assert cost(Tokens(output=10**6), rates) == 2 * DOLLAR


def test_each_kind_of_token_has_its_price() -> None:
    """An hour's writes are a part of all writes, and reasoning of the output: neither is billed
    twice."""
    rates = Rates(input=1, cache_read=10, cache_write=100, cache_write_1h=1000, output=10000)
    tokens = Tokens(1, 2, 7, 3, 5, reasoning=4, requests=1)
    assert cost(tokens, rates) == 1 + 20 + 4 * 100 + 3 * 1000 + 5 * 10000
    assert tokens.total == 1 + 2 + 7 + 5
    assert tokens.prompt == 1 + 2 + 7


@FEW
@given(a=TOKENS, b=TOKENS, rates=RATES)
def test_a_sum_costs_what_its_parts_cost(a: Tokens, b: Tokens, rates: Rates) -> None:
    """To the picodollar: figures may be added up before they are priced."""
    assert cost(a.plus(b), rates) == cost(a, rates) + cost(b, rates)


def test_what_has_no_price_is_billed_as_input() -> None:
    """Cached tokens without a price of their own are input; an hour is as five minutes."""
    assert filled(input=5, output=9) == Rates(5, 5, 5, 5, 9)
    assert filled(input=5, output=9, cache_read=1, cache_write=6) == Rates(5, 1, 6, 6, 9)


def test_an_hour_may_be_twice_the_input() -> None:
    """Where it has no price; a price wins."""
    assert filled(input=5, output=9, cache_write=6, hour_is_double=True).cache_write_1h == 10
    told = filled(input=5, output=9, cache_write_1h=7, hour_is_double=True, above=32_000)
    assert (told.cache_write_1h, told.above) == (7, 32_000)


@pytest.mark.parametrize("number", range(len(THRESHOLDS)))
def test_a_size_class_begins_just_above_its_threshold(number: int) -> None:
    """A prompt of exactly the threshold is not above it."""
    at = THRESHOLDS[number]
    assert [size_class(at), size_class(at + 1)] == [number, number + 1]
    assert size_class(0) == 0


@FEW
@given(
    prompt=st.integers(0, 600_000) | st.sampled_from([t + n for t in THRESHOLDS for n in (0, 1)]),
    above=st.sets(st.sampled_from(THRESHOLDS), max_size=3),
)
def test_a_size_class_has_the_rates_of_the_prompt(prompt: int, above: set[int]) -> None:
    """The class tells as much as the prompt itself: the highest tier that it is above."""
    tiers = tuple(filled(input=n, output=0, above=n) for n in (0, *sorted(above)))
    found = ModelRates(tiers).at(size_class(prompt))
    assert found.above == max((n for n in above if prompt > n), default=0)
