"""genai-prices' own data → a catalogue of ours. The only module that knows that package's types.

Importing it takes 200 ms and 31 MB. A command does so once for a release of the package that is
another than the one whose prices tars has with it (`shipped`), the daemon in a child
(`python -m tars.prices`).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

import genai_prices
from genai_prices import types
from genai_prices.data_snapshot import DataSnapshot, get_snapshot

from tars.accounting.rates import MICRODOLLAR, THRESHOLDS, ModelRates, Rates, filled
from tars.config_costs import MOST_DOLLARS
from tars.prices.catalogue import Catalogue, Clause, Model, Provider
from tars.prices.dated import Dated

#: The prices of tokens that agents report, by our names of them.
_KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


RELEASE = genai_prices.__version__


def packaged(now: datetime, package: str) -> Catalogue:
    """Make a catalogue of what the installed package holds, whose file has this stamp."""
    source = f"genai-prices {RELEASE}"
    return catalogue_of(get_snapshot(), source, now, package=package, updated=False).of(now)


def fetched(url: str | None, now: datetime, package: str) -> Catalogue:
    """Fetch the newest data with the package's own updater, from its own address unless told.

    Raises whatever that raises: errors of the network and of the file's content.
    """
    from genai_prices.update_prices import DEFAULT_UPDATE_URL, UpdatePrices

    found = UpdatePrices(url=url or DEFAULT_UPDATE_URL).fetch()
    if found is None:
        raise ValueError("it is empty")
    source = f"genai-prices, fetched {now:%Y-%m-%d}"
    catalogue = catalogue_of(found, source, now, package=package, updated=True)
    if not any(provider.models for provider in catalogue.providers):
        raise ValueError("there are no prices in it")
    return catalogue


def catalogue_of(
    found: DataSnapshot, source: str, now: datetime, *, package: str, updated: bool
) -> Catalogue:
    """Translate a whole snapshot. Models that have no price for tokens are left out."""
    return Catalogue(
        source=source,
        taken=now.astimezone(UTC).isoformat(timespec="seconds"),
        release=RELEASE,
        package=package,
        updated=updated,
        providers=tuple(
            Provider(
                id=each.id,
                known_by=_clause(each.provider_match) if each.provider_match else None,
                models_by=_clause(each.model_match) if each.model_match else None,
                others=tuple(each.fallback_model_providers or ()),
                models=tuple(_models(each, source)),
            )
            for each in found.providers
        ),
    )


def _models(provider: types.Provider, source: str) -> Iterator[Model]:
    for each in provider.models:
        dated = _dated(each, source)
        if dated:
            yield Model(each.id, each.name or "", _clause(each.match), dated)


def _dated(model: types.ModelInfo, source: str) -> tuple[Dated, ...]:
    """Give a model's prices from each day on that one of them begins; none where one of these has
    no price for tokens."""
    listed = (
        model.prices
        if isinstance(model.prices, list)
        else [types.ConditionalPrice(prices=model.prices)]
    )
    begins = {
        each.constraint.start_date
        for each in listed
        if isinstance(each.constraint, types.StartDateConstraint)
    }
    dated: list[Dated] = []
    for since in (date.min, *sorted(begins)):
        held = _held(listed, since)
        tiers = [t for t in (_tiers(model.id, prices) for prices in held) if t]
        if not tiers:
            return ()
        dearest = max(tiers, key=lambda found: (found[0].output, found[0].input))
        dated.append(Dated(since, ModelRates(dearest, source), len(held) > 1))
    return tuple(dated)


def _held(listed: Sequence[types.ConditionalPrice], day: date) -> list[types.ModelPrice]:
    """Give the prices of a day: the last that has begun, and those before it in the list's order
    that hold for some hours of each day. The first holds where none has begun."""
    held = []
    for each in reversed(listed):
        match each.constraint:
            case types.TimeOfDateConstraint():
                held.append(each.prices)
            case types.StartDateConstraint(start_date=start) if start > day:
                continue
            case _:
                return [*held, each.prices]
    return [*held, listed[0].prices]


def _tiers(model: str, prices: types.ModelPrice) -> tuple[Rates, ...]:
    """Give the rates of all prompts, then of the longer ones; nothing where input or output has
    no price, or one is none. A price without tiers is the same in all of them."""
    found = {kind: getattr(prices, key) for kind, key in _KINDS.items()}
    if found["input"] is None or found["output"] is None or not all(map(_is_price, found.values())):
        return ()
    starts = {
        tier.start
        for price in found.values()
        if isinstance(price, types.TieredPrices)
        for tier in price.tiers
    }
    double = "claude" in model.lower() and found["cache_write"] is not None
    tiers = {}
    for start in (0, *sorted(starts - {0})):
        given = {kind: _at(price, start) for kind, price in found.items() if price is not None}
        above = _threshold(start)
        tiers[above] = filled(**given, above=above, hour_is_double=double)
    return tuple(tiers.values())


def _is_price(price: Decimal | types.TieredPrices | None) -> bool:
    """Whether a price can be counted with, if it is there: some write -1 for one that varies."""
    if isinstance(price, types.TieredPrices):
        prices = (price.base, *(tier.price for tier in price.tiers))
        return all(map(_is_price, prices)) and all(tier.start >= 0 for tier in price.tiers)
    return price is None or (price.is_finite() and 0 <= price <= MOST_DOLLARS)


def _at(price: Decimal | types.TieredPrices, start: int) -> int:
    """Give picodollars per token for a prompt just above `start`. A millionth of a dollar per
    million tokens is one; what is finer is rounded, halves to even."""
    if isinstance(price, types.TieredPrices):
        above = [tier.price for tier in price.tiers if tier.start <= start]
        price = above[-1] if start and above else price.base
    return int((price * MICRODOLLAR).to_integral_value(ROUND_HALF_EVEN))


def _threshold(start: int) -> int:
    """Give the threshold of a tier. One that we have no size class for, as a later release may
    bring, begins at the next lower one: it is not undercounted."""
    return max((known for known in THRESHOLDS if known <= start), default=0)


def _clause(clause: types.MatchLogic) -> Clause:
    match clause:
        case types.ClauseEquals(equals=word):
            return "equals", word
        case types.ClauseStartsWith(starts_with=word):
            return "starts_with", word
        case types.ClauseEndsWith(ends_with=word):
            return "ends_with", word
        case types.ClauseContains(contains=word):
            return "contains", word
        case types.ClauseRegex(regex=word):
            try:
                re.compile(word)
            except re.error as error:
                raise ValueError(f"{word!r} is no pattern: {error}") from None
            return "regex", word
        case types.ClauseOr(or_=parts):
            return "or", tuple(_clause(part) for part in parts)
        case types.ClauseAnd(and_=parts):
            return "and", tuple(_clause(part) for part in parts)
