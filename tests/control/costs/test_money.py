"""Money is shown as somebody wants it, and never as nothing where it is something."""

import pytest

from tars.control.costs.money import Money, money
from tars.errors import RequestInvalid

USD = Money()
EUR = Money("EUR", 0.5, 3)


@pytest.mark.parametrize(
    ("given", "dollars", "shown"),
    [
        (USD, 1234.567, "$1,234.57"),
        (USD, 0, "$0.00"),
        (USD, 0.0049, "<$0.01"),
        (USD, 0.005001, "$0.01"),
        (EUR, 3, "€1.500"),
        (Money("JPY", 150, 0), 0.001, "<¥1"),
        (Money("CHF", 1), 2, "CHF 2.00"),
        (Money("EUR", 1, unicode=False), 2, "EUR 2.00"),
    ],
)
def test_amounts_are_written_in_their_currency(given: Money, dollars: float, shown: str) -> None:
    """With its sign, or its code where it has none; what rounds to nothing is said to be little."""
    assert given.shown(dollars) == shown


def test_what_is_asked_for_goes_before_what_is_usual() -> None:
    """The configured rate is that of the configured currency alone."""
    assert money(EUR, currency=None, rate=None, precision=None) == EUR
    assert money(EUR, currency="eur", rate=0.9, precision=2) == Money("EUR", 0.9, 2)
    assert money(EUR, currency="USD", rate=None, precision=None) == Money("USD", 1.0, 3)
    assert money(USD, currency=None, rate=None, precision=4) == Money(precision=4)


@pytest.mark.parametrize(
    ("currency", "rate", "precision", "told"),
    [
        ("ERU", None, None, "EUR"),
        ("dollars", None, None, "USD"),
        ("GBP", None, None, "Say --rate"),
        (None, 2.0, None, "--rate needs a --currency"),
        (None, None, 99, "from 0 to 12"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    currency: str | None, rate: float | None, precision: int | None, told: str
) -> None:
    """No currency, one whose rate nobody said, a rate of dollars in dollars."""
    with pytest.raises(RequestInvalid) as refused:
        money(USD, currency=currency, rate=rate, precision=precision)
    assert told in f"{refused.value} {refused.value.advice}"


def test_a_lower_bound_says_something() -> None:
    """At least less than a cent would not: it is more than nothing."""
    assert USD.at_least(1.04) == "≥$1.04"
    assert USD.at_least(0.001) == ">$0"
    assert USD.at_least(0) == "≥$0.00"
