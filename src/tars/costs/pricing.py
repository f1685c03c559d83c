"""Sums → figures: what their agents told that they cost, and else what the price list says."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from tars.accounting.rates import ModelRates, Tokens, cost
from tars.costs.facts import Dimension, Figures, Line, Report
from tars.costs.grouping import Sum
from tars.costs.spans import utc_day


class Prices(Protocol):
    """Whoever knows what a token costs."""

    def learn(self, names: Iterable[tuple[str, str]]) -> None:
        """Look up all of these, by provider and model, at once."""

    def rates(self, provider: str, model: str, day: date) -> ModelRates | None:
        """Give the rates of a model on a day in UTC, or None where nobody knows."""


class _Tally:
    """The figures of one group, as they are added up."""

    __slots__ = ("cost", "official", "tokens", "unpriced")

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.cost = self.official = self.unpriced = 0

    def add(self, sum: Sum, priced: int | None) -> None:
        self.tokens = self.tokens.plus(sum.tokens)
        if priced is None:
            self.unpriced += sum.tokens.total
            return
        self.cost += priced
        if sum.official:
            self.official += priced

    @property
    def figures(self) -> Figures:
        return Figures(self.tokens, self.cost, self.official, self.unpriced)


def report(
    by: tuple[Dimension, ...], sums: Iterable[Sum], prices: Prices, problems: tuple[str, ...] = ()
) -> Report:
    """Price the sums, and put together those of one group."""
    found = list(sums)
    prices.learn({(each.provider, each.model) for each in found if not each.official})
    groups: dict[tuple[str, ...], _Tally] = {}
    unpriced: set[str] = set()
    whole = _Tally()
    for each in found:
        priced = _price(each, prices)
        if priced is None:
            unpriced.add(each.model)
        tally = groups.get(each.key)
        if tally is None:
            tally = groups[each.key] = _Tally()
        tally.add(each, priced)
        whole.add(each, priced)
    lines = tuple(Line(key, groups[key].figures) for key in sorted(groups)) if by else ()
    return Report(by, lines, whole.figures, tuple(sorted(unpriced)), problems)


def _price(each: Sum, prices: Prices) -> int | None:
    """Give the price of a sum in picodollars; None where it is not known."""
    if each.official:
        return each.cost
    if not each.tokens.total:
        return 0
    rates = prices.rates(each.provider, each.model, utc_day(each.day))
    return None if rates is None else cost(each.tokens, rates.at(each.size))
