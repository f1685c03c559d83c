"""Sums → figures: what their agents told that they cost, and else what the price list says."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Protocol

from tars.accounting.rates import ModelRates, Rates, Tokens, cost
from tars.costs.facts import NOTHING, Dimension, Figures, Line, Report
from tars.costs.grouping import Sum
from tars.costs.spans import EPOCH, utc_day

if TYPE_CHECKING:
    from tars.prices.table import Priced


class Prices(Protocol):
    """Whoever knows what a token costs."""

    def learn(self, names: Iterable[tuple[str, str]]) -> None:
        """Look up all of these, by provider and model, at once."""

    def priced(self, provider: str, model: str) -> "Priced | None":
        """Give all the rates of a model with the days since when they are its."""

    def rates(self, provider: str, model: str, day: date) -> ModelRates | None:
        """Give the rates of a model on a day in UTC, or None where nobody knows."""


class _Tally:
    """The figures of one group, as they are added up."""

    __slots__ = ("cost", "official", "tokens", "unpriced")

    def __init__(self) -> None:
        self.tokens = [0] * len(NOTHING)
        self.cost = self.official = self.unpriced = 0

    def add(self, sum: Sum, priced: int | None) -> None:
        mine = self.tokens
        for place, count in enumerate(sum.tokens):
            mine[place] += count
        if priced is None:
            self.unpriced += sum.tokens.total
            return
        self.cost += priced
        if sum.official:
            self.official += priced

    @property
    def figures(self) -> Figures:
        return Figures(Tokens(*self.tokens), self.cost, self.official, self.unpriced)


def changes(prices: Prices, names: Iterable[tuple[str, str]]) -> set[int]:
    """Give the days in UTC, counted from 1970, on which a price of these models changed."""
    known = list(names)
    prices.learn(known)
    found = (prices.priced(*name) for name in known)
    days = (each.since for priced in found if priced is not None for each in priced.dated)
    return {(day - EPOCH.date()).days for day in days if day > EPOCH.date()}


def report(
    by: tuple[Dimension, ...], sums: Iterable[Sum], prices: Prices, problems: tuple[str, ...] = ()
) -> Report:
    """Price the sums, and put together those of one group."""
    found = list(sums)
    prices.learn({(each.provider, each.model) for each in found if not each.official})
    groups: dict[tuple[str, ...], _Tally] = {}
    unpriced: set[str] = set()
    rated: dict[tuple[str, str, int, int], Rates | None] = {}
    for each in found:
        if each.official:
            priced: int | None = each.cost
        else:
            name = (each.provider, each.model, each.day, each.size)
            if name not in rated:
                rated[name] = _rates(each, prices)
            rates = rated[name]
            priced = None if rates is None else cost(each.tokens, rates)
            if priced is None and each.tokens.total:
                unpriced.add(each.model)
        tally = groups.get(each.key)
        if tally is None:
            tally = groups[each.key] = _Tally()
        tally.add(each, priced)
    figures = {key: groups[key].figures for key in sorted(groups)}
    lines = tuple(Line(key, each) for key, each in figures.items() if key)
    return Report(by, lines, total(figures.values()), tuple(sorted(unpriced)), problems)


def total(figures: Iterable[Figures]) -> Figures:
    """Add up figures."""
    whole = _Tally()
    for each in figures:
        for place, count in enumerate(each.tokens):
            whole.tokens[place] += count
        whole.cost += each.cost
        whole.official += each.official
        whole.unpriced += each.unpriced
    return whole.figures


def _rates(each: Sum, prices: Prices) -> Rates | None:
    """Give what the tokens of a sum cost, or None where nobody knows."""
    found = prices.rates(each.provider, each.model, utc_day(each.day))
    return None if found is None else found.at(each.size)
