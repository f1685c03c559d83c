"""How prices look: in dollars per million tokens, for a person and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tars.accounting.rates import MICRODOLLAR, Rates
from tars.cli.tables import Column, print_table

if TYPE_CHECKING:
    from tars.prices.dated import Dated
    from tars.prices.listing import Listed
    from tars.prices.table import Priced

CSV_HEAD = (
    "provider",
    "model",
    "above",
    "input",
    "cacheRead",
    "cacheWrite",
    "cacheWrite1h",
    "output",
    "since",
    "origin",
)


def dollars(price: int) -> str:
    """Write picodollars per token as dollars per million: two digits, or as many as there are."""
    shown = f"{Decimal(price) / MICRODOLLAR:.6f}".rstrip("0")
    whole, _, part = shown.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"


def _longer(row: "Listed") -> str:
    tiers = row.tiers[1:]
    return " ".join(f">{t.above:,}: {dollars(t.input)}/{dollars(t.output)}" for t in tiers)


COLUMNS: "tuple[Column[Listed], ...]" = (
    Column("PROVIDER", lambda r: r.provider),
    Column("MODEL", lambda r: r.model, flexible=True),
    Column("INPUT", lambda r: dollars(r.tiers[0].input), right=True),
    Column("OUTPUT", lambda r: dollars(r.tiers[0].output), right=True),
    Column("CACHED", lambda r: dollars(r.tiers[0].cache_read), right=True),
    Column("WRITTEN", lambda r: dollars(r.tiers[0].cache_write), right=True, leaves=1),
    Column("FOR 1 H", lambda r: dollars(r.tiers[0].cache_write_1h), right=True, leaves=2),
    Column("LONGER PROMPTS", _longer, leaves=3),
)

_TIER_COLUMNS: tuple[Column[Rates], ...] = (
    Column("PROMPT", lambda r: f"above {r.above:,}" if r.above else "base"),
    Column("INPUT", lambda r: dollars(r.input), right=True),
    Column("OUTPUT", lambda r: dollars(r.output), right=True),
    Column("CACHED", lambda r: dollars(r.cache_read), right=True),
    Column("WRITTEN", lambda r: dollars(r.cache_write), right=True),
    Column("FOR 1 H", lambda r: dollars(r.cache_write_1h), right=True),
)


def print_priced(asked: str, found: "Priced", held: "Dated", taken: str) -> None:
    """Print one model's prices, with what it is, since when and where from."""
    print(f"{asked} is {found.id}. US dollars per million tokens:")
    print_table(_TIER_COLUMNS, held.rates.tiers)
    until = _until(found, held)
    span = [f"since {held.since}"] if held.since != date.min else []
    span += [f"until before {until}"] if until else []
    when = ", ".join(span)
    print(f"In force {when}." if when else "In force on every day.")
    if held.hours:
        print("It changes within the day; this is the dearest of it.")
    print(f"From {held.rates.origin}{f', as of {taken[:10]}' if _is_listed(found) else ''}.")


def priced_json(asked: str, found: "Priced", held: "Dated", taken: str) -> dict[str, Any]:
    """Give the same for programs."""
    provider, _, model = found.id.partition("/")
    until = _until(found, held)
    return {
        "asked": asked,
        "provider": provider,
        "model": model,
        "since": _since(held.since),
        "until": None if until is None else until.isoformat(),
        "variesWithinDay": held.hours,
        "origin": held.rates.origin,
        "taken": taken if _is_listed(found) else None,
        "prices": [tier_json(rates) for rates in held.rates.tiers],
    }


def row_json(row: "Listed") -> dict[str, Any]:
    """Give a line of a list for programs."""
    return {
        "provider": row.provider,
        "model": row.model,
        "name": row.name,
        "since": _since(row.since),
        "origin": row.origin,
        "prices": [tier_json(rates) for rates in row.tiers],
    }


def tier_json(rates: Rates) -> dict[str, Any]:
    """Give the prices of prompts above a size; of the base that is 0."""
    return {"above": rates.above, **{name: p / MICRODOLLAR for name, p in _named(rates)}}


def csv_rows(
    row: Mapping[str, Any], tiers: Sequence[Rates], origin: str
) -> Iterator[dict[str, object]]:
    """Give a line per tier."""
    for rates in tiers:
        prices = {name: dollars(price) for name, price in _named(rates)}
        since = _since(row["since"])
        yield {**row, "since": since, "above": rates.above, **prices, "origin": origin}


def _named(rates: Rates) -> tuple[tuple[str, int], ...]:
    return (
        ("input", rates.input),
        ("cacheRead", rates.cache_read),
        ("cacheWrite", rates.cache_write),
        ("cacheWrite1h", rates.cache_write_1h),
        ("output", rates.output),
    )


def _since(day: date) -> str | None:
    return None if day == date.min else day.isoformat()


def _until(found: "Priced", held: "Dated") -> date | None:
    return min((d.since for d in found.dated if d.since > held.since), default=None)


def _is_listed(found: "Priced") -> bool:
    return not found.id.startswith("config/")
