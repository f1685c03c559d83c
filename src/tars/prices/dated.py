"""The rates of a model since each day, and their way into JSON and back."""

from datetime import date
from typing import Any, NamedTuple

from tars.accounting.rates import ModelRates, Rates


class Dated(NamedTuple):
    """The rates from a day on, in UTC. `hours`: within a day they change, and these are the
    dearest of it."""

    since: date
    rates: ModelRates
    hours: bool = False


def dump_dated(dated: tuple[Dated, ...]) -> list[Any]:
    """Give dated rates as lists: the day, the tiers, and 1 where they change within a day."""
    return [
        [d.since.isoformat(), [_numbers(r) for r in d.rates.tiers], int(d.hours)] for d in dated
    ]


def load_dated(value: list[Any], origin: str) -> tuple[Dated, ...]:
    """Read what `dump_dated` gave. Raises TypeError or ValueError for anything else."""
    return tuple(
        Dated(
            date.fromisoformat(since),
            ModelRates(tuple(Rates(*map(int, tier)) for tier in tiers), origin),
            bool(hours),
        )
        for since, tiers, hours in value
    )


def _numbers(rates: Rates) -> list[int]:
    return [
        rates.input,
        rates.cache_read,
        rates.cache_write,
        rates.cache_write_1h,
        rates.output,
        rates.above,
    ]
