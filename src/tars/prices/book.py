"""What a token of a model costs on a day: the one question that reports have for prices.

A person's own prices come first, then the aliases, then the table of models that were asked for
before (`table`). What that does not have is looked up in the price list, and is in it from then on.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TypeAlias

from tars.accounting.rates import ModelRates
from tars.config_costs import PricesConfig
from tars.home import Home, write_cache
from tars.prices import kept, table
from tars.prices.dated import Dated
from tars.prices.table import Name, Priced, Table

#: More names than anybody has models: what is beyond is looked up again each time.
MOST_NAMES = 5_000
#: How long a price list that could not be had is not asked again.
AWAY_SECONDS = 60.0
#: No model has a longer name.
MOST_LETTERS = 300

Resolve: TypeAlias = Callable[[Home, Iterable[Name], datetime], Table]


class Book:
    """Prices, open for asking. `source` is the price list's name and `taken` its age, both empty
    until one was asked. Not for several threads at once."""

    def __init__(self, home: Home, config: PricesConfig, resolve: Resolve) -> None:
        self._home = home
        self._own = {name.lower(): (name, rates) for name, rates in config.models.items()}
        self._aliases = {name.lower(): target for name, target in config.aliases.items()}
        self._resolve = resolve
        self._table = Table()
        self._changed = False
        #: The stamp of the prices that all of this is about.
        self._stamp: str | None = None
        #: Until when the price list is not asked again, since it could not be had.
        self._away_until = 0.0
        self._found: dict[Name, Priced | None] = {}

    @classmethod
    def open(cls, home: Home, config: PricesConfig, *, resolve: Resolve = table.resolve) -> "Book":
        """Open the prices of a home; nothing is read yet. `resolve` looks up what the table does
        not have: in this process, or as the daemon has to, `apart.resolve`, in a child that ends.
        """
        return cls(home, config, resolve)

    @property
    def source(self) -> str:
        return self._table.source

    @property
    def taken(self) -> str:
        return self._table.taken

    def rates(self, provider: str, model: str, day: date) -> ModelRates | None:
        """Give the rates of a model on a day in UTC; None is an unknown price, never a free one.

        `provider` and `model` are as a log names them; `provider` may be empty.
        """
        priced = self.priced(provider, model)
        if priced is None:
            return None
        return next((d.rates for d in reversed(priced.dated) if d.since <= day), None)

    def priced(self, provider: str, model: str) -> Priced | None:
        """Give all the rates of a model, and whose they are."""
        name = (provider, model)
        if name not in self._found:
            self.learn([name])
        return self._found.get(name)

    def learn(self, names: Iterable[Name]) -> None:
        """Look up whatever of these is not known yet, together: each time may take a child.

        Where the prices have changed since the last time, everything is.
        """
        self._refresh()
        asked = {name: self._target(name) for name in names if name not in self._found}
        wanted = {
            target
            for target in asked.values()
            if not isinstance(target, Priced) and sum(map(len, target)) <= MOST_LETTERS
        }
        if wanted and (not self._table.stamp or not wanted <= self._table.models.keys()):
            self._look_up(wanted)
        for name, target in asked.items():
            if isinstance(target, Priced):
                self._found[name] = target
            elif target in self._table.models or target not in wanted:
                self._found[name] = self._table.models.get(target)

    def save(self) -> None:
        """Keep what was looked up. A home that cannot be written costs time, and nothing else."""
        if not self._changed or not self._home.data.is_dir():
            return
        others = table.read(self._home.rates)
        if others.stamp == self._table.stamp:
            # What another process looked up meanwhile.
            self._table = _bounded(self._table, {**others.models, **self._table.models})
        with suppress(OSError):
            write_cache(self._home.rates, table.written(self._table))
            self._changed = False

    def _refresh(self) -> None:
        """Begin anew where the price list is another one, as in a daemon it may become."""
        stamp = kept.stamp(self._home)
        if stamp == self._stamp and len(self._found) < MOST_NAMES:
            return
        self._stamp, self._found = stamp, {}
        self._away_until = 0.0
        known = table.read(self._home.rates)
        # Of other prices the names are kept: they are looked up anew, at once.
        self._table = known if known.stamp == stamp else known._replace(stamp="")

    def _target(self, name: Name) -> Priced | Name:
        """Give a person's own prices for a name, or the name to look for in the price list."""
        seen: set[str] = set()
        while self._own or self._aliases:
            provider, model = name
            own = self._own_prices(provider, model)
            if own is not None:
                return own
            alias = next((a for a in _spelled(provider, model) if a in self._aliases), None)
            if alias is None or alias in seen:
                return name
            seen.add(alias)
            # Whoever was asked under the other name is not who sells this one.
            name = ("", self._aliases[alias])
        return name

    def _own_prices(self, provider: str, model: str) -> Priced | None:
        for spelled in _spelled(provider, model):
            if spelled in self._own:
                name, rates = self._own[spelled]
                return Priced(f"config/{name}", (Dated(date.min, rates),))
        return None

    def _look_up(self, wanted: set[Name]) -> None:
        if time.monotonic() < self._away_until:
            return
        known = self._table.models if self._table.stamp else {}
        old = () if known else self._table.models
        names = sorted({*wanted, *list(old)[:MOST_NAMES]} - known.keys())
        try:
            found = self._resolve(self._home, names, datetime.now(UTC))
        except ImportError:
            # What was known before the prices changed is better than nothing.
            self._away_until = time.monotonic() + AWAY_SECONDS
            return
        if found.stamp != self._table.stamp:
            known = {}
        self._table = _bounded(found, {**known, **found.models})
        self._stamp = found.stamp
        self._changed = True


def _bounded(whole: Table, models: dict[Name, Priced | None]) -> Table:
    """Give the table with these models, the newest of them if they are too many."""
    return whole._replace(models=dict(list(models.items())[-MOST_NAMES:]))


def _spelled(provider: str, model: str) -> list[str]:
    """Give the keys under which config.toml may mean a model, as it is first."""
    from tars.prices.names import readings

    names = [model.lower(), *(name for _, name in readings("", model))]
    sold = [f"{provider}/{name}".lower() for name in names] if provider else names
    return list(dict.fromkeys(each for pair in zip(sold, names, strict=True) for each in pair))
