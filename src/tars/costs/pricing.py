"""Sums → figures: what their agents told that they cost, and else what the price list says."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from tars.accounting.rates import ModelRates, Rates, Tokens, cost
from tars.costs.facts import NOTHING, Dimension, Figures, Line, Report
from tars.costs.grouping import Rated, Sum, Tariff
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
        self.tokens: Sequence[int] = NOTHING
        self.cost = self.official = self.unpriced = 0

    def add(self, tokens: Tokens, cost: int, official: int = 0, unpriced: int = 0) -> None:
        # Some thousand times for a report: one number after the other is quicker than a loop.
        a, b, c, d, e, f, g = self.tokens
        h, i, j, k, l, m, n = tokens  # noqa: E741
        self.tokens = (a + h, b + i, c + j, d + k, e + l, f + m, g + n)
        self.cost += cost
        self.official += official
        self.unpriced += unpriced

    @property
    def figures(self) -> Figures:
        return Figures(Tokens._make(self.tokens), self.cost, self.official, self.unpriced)


def tariff(prices: Prices, names: Iterable[tuple[str, str]]) -> Tariff:
    """Say what prices of these models depend on."""
    known = list(names)
    prices.learn(known)
    found = {name: prices.priced(*name) for name in known}
    dated = [(name, each) for name, priced in found.items() if priced for each in priced.dated]
    return Tariff(
        frozenset((d.since - EPOCH.date()).days for _, d in dated if d.since > EPOCH.date()),
        frozenset(name for name, each in dated if len(each.rates.tiers) > 1),
    )


def report(
    by: tuple[Dimension, ...], sums: Iterable[Sum], prices: Prices, problems: tuple[str, ...] = ()
) -> Report:
    """Price the sums, and put together those of one group."""
    found = list(sums)
    prices.learn({each.rated[:2] for each in found if not each.official})
    groups: dict[tuple[str, ...], _Tally] = {}
    unpriced: set[str] = set()
    known: dict[Rated, Rates | None] = {}
    for key, rated, official, told, tokens in found:
        tally = groups.get(key)
        if tally is None:
            tally = groups[key] = _Tally()
        if official:
            tally.add(tokens, told, told)
            continue
        if rated not in known:
            known[rated] = _rates(rated, prices)
        rates = known[rated]
        if rates is not None:
            tally.add(tokens, cost(tokens, rates))
        else:
            tally.add(tokens, 0, 0, tokens.total)
            if tokens.total:
                unpriced.add(rated.model)
    figures = {key: groups[key].figures for key in sorted(groups)}
    lines = tuple(Line(key, each) for key, each in figures.items() if key)
    return Report(by, lines, total(figures.values()), tuple(sorted(unpriced)), problems)


def total(figures: Iterable[Figures]) -> Figures:
    """Add up figures."""
    whole = _Tally()
    for each in figures:
        whole.add(each.tokens, each.cost, each.official, each.unpriced)
    return whole.figures


def _rates(rated: Rated, prices: Prices) -> Rates | None:
    """Give what a token costs, or None where nobody knows."""
    found = prices.rates(rated.provider, rated.model, utc_day(rated.day))
    return None if found is None else found.at(rated.size)
