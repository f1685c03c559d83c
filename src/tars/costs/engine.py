"""What it cost: one engine behind every report, over tars' ledger and the agents' logs.

Every report is the same sum over the same figures, grouped otherwise: they agree to the token
and to the picodollar. Prices are looked up when a report is made, by the day of the request;
what an agent itself said that it cost stands.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tars import config_costs
from tars.config_costs import CostsConfig, CostTables
from tars.costs import pricing
from tars.costs.facts import Dimension, Only, Report
from tars.costs.grouping import Asked, Sum
from tars.costs.ledger import Ledger
from tars.costs.logs import Logs
from tars.costs.sources import Moment, Sources
from tars.costs.spans import cut
from tars.errors import StoreError
from tars.history.schema import SENSELESS
from tars.home import Home
from tars.sessions.ranges import Span, Zone, find_zone

if TYPE_CHECKING:
    from tars.history.early import Early
    from tars.prices.book import Book, Resolve

_ALL = Only()


class Costs:
    """Everything that is known of costs in one home. Use it from one thread at a time."""

    def __init__(
        self, home: Home, sources: Sources, tables: CostTables, resolve: "Resolve | None" = None
    ) -> None:
        self.home = home
        self.sources = sources
        self.zone: Zone = find_zone(tables.costs.timezone)
        self._tables = tables
        self._resolve = resolve

    @classmethod
    def open(cls, home: Home, *, env: Mapping[str, str], resolve: "Resolve | None" = None) -> Self:
        """Open what there is: the index of the logs, the store, the prices, each when it is asked.

        `env` says where the agents' logs are. `resolve` looks up the prices that nobody asked for
        before; a daemon gives `prices.apart.resolve`. Raises ConfigInvalid, and RequestInvalid for
        a zone that there is not.
        """
        tables = config_costs.read(home)
        sources = Sources(home, _store_url(home), tables.history, env)
        return cls(home, sources, tables, resolve)

    @property
    def costs_config(self) -> CostsConfig:
        """How money is shown."""
        return self._tables.costs

    @property
    def reads_logs(self) -> bool:
        """Whether the agents' logs are read at all."""
        return self._tables.history.enabled

    @property
    def machine(self) -> str:
        """What this machine is called in reports."""
        return os.uname().nodename

    @cached_property
    def prices(self) -> "Book":
        """The prices, as the configuration has them."""
        from tars.prices.book import Book

        config = self._tables.prices
        if self._resolve is None:
            return Book.open(self.home, config)
        return Book.open(self.home, config, resolve=self._resolve)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened. Twice is once."""
        self.sources.close()

    def refresh(
        self, *, processes: int = 2, instead: bool = False, early: "Early | None" = None
    ) -> tuple[str, ...]:
        """Read what is new in the agents' logs. `processes`: a second one helps with the first
        reading of many. `instead`: where the index cannot be written, a copy of it is, until this
        is closed. `early`: a process that looks for them already. Gives a sentence for each thing
        that could not be read."""
        if early is not None:
            early.meanwhile = self._read_prices
        return self.sources.refresh(processes, instead=instead, early=early)

    def _read_prices(self) -> None:
        """Read the price list ahead: nobody has asked for a price in this home before."""
        if self._resolve is None and not self.home.rates.exists():
            from tars.prices.table import Reader

            self._resolve = Reader(self.home)
            self.prices  # noqa: B018 - opened ahead, too

    def report(
        self,
        by: Sequence[Dimension],
        *,
        span: Span,
        zone: Zone | None = None,
        only: Only = _ALL,
    ) -> Report:
        """Add up what was spent in a span, in groups. Days, weeks and months are those of `zone`,
        or of the configured one; no dimension gives the total alone. Lines come by key."""
        with self.sources.moment() as moment:
            return self.priced(moment, Asked(tuple(by), cut(span), zone or self.zone, only))

    def priced(self, moment: Moment, asked: Asked) -> Report:
        """Add up both sources as they are at a moment, and price it."""
        try:
            return self._priced(moment, asked)
        except SENSELESS:
            if moment.logs is None or not self.sources.mends(moment.problems):
                raise
        moment.logs = None
        # It may have been asked for what is no name.
        self.__dict__.pop("prices", None)
        return self._priced(moment, asked)

    def _priced(self, moment: Moment, asked: Asked) -> Report:
        sums = [*self._spent(moment, asked), *self._logged(moment, asked)]
        found = pricing.report(asked.by, sums, self.prices, tuple(moment.problems))
        self.prices.save()
        return found

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Say what sessions are called, as far as that is known: by the name that a person gave
        one, else by its title."""
        wanted = sorted({id for id in ids if id})
        found: dict[str, str] = {}
        with self.sources.moment() as moment, suppress(StoreError, sqlite3.Error):
            if moment.logs is not None:
                found |= Logs(moment.logs, self.machine).titles(wanted)
            if moment.store is not None:
                found |= Ledger(moment.store).titles(wanted)
        return found

    def slots(self, moment: Moment, asked: Asked) -> list[int]:
        """Give the quarters of an hour in which anything was used that is asked for, in order."""
        found: set[int] = set()
        try:
            if moment.store is not None:
                found |= Ledger(moment.store).slots(asked)
            if moment.logs is not None:
                found |= Logs(moment.logs, self.machine).slots(asked)
        except (StoreError, sqlite3.Error):
            pass  # what cannot be read is said when it is summed up
        return sorted(found)

    def first_slot(self, moment: Moment, asked: Asked) -> int | None:
        """Give the quarter of an hour in which anything was used first that is asked for."""
        found: list[int] = []
        try:
            if moment.store is not None:
                found += Ledger(moment.store).slots(asked)
            if moment.logs is not None:
                first = Logs(moment.logs, self.machine).first(asked)
                found += [] if first is None else [first]
        except (StoreError, sqlite3.Error):
            pass  # what cannot be read is said when it is summed up
        return min(found, default=None)

    def _spent(self, moment: Moment, asked: Asked) -> list[Sum]:
        if moment.store is None:
            return []
        ledger = Ledger(moment.store)
        try:
            others = ledger.others(asked) if self.sources.url else ()
            return [*ledger.sums(asked), *others]
        except StoreError as error:
            self.sources.forget_store()
            moment.problems.append(f"What tars' own agents used is missing: {error}")
            return []

    def _logged(self, moment: Moment, asked: Asked) -> list[Sum]:
        if moment.logs is None:
            return []
        try:
            logs = Logs(moment.logs, self.machine)
            return list(logs.sums(asked, pricing.tariff(self.prices, logs.models)))
        except sqlite3.Error as error:
            moment.problems.append(f"What the agents' logs tell is missing: {error}.")
            self.sources.mends(moment.problems, error)
            return []


def _store_url(home: Home) -> str:
    """Give the URL of a store that is a server's. To read the whole configuration for that would
    take longer than a report. Raises ConfigInvalid."""
    try:
        if b"url" not in home.config.read_bytes():
            return ""
    except OSError:
        return ""
    from tars.config import kept

    return kept(home)[0].url
