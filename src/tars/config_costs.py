"""What config.toml says of costs → frozen values: `[history]`, `[prices]` and `[costs]`.

A whole report may take as long as importing all of the configuration does: `read` reads these three
tables alone, and imports what judges them only where the file has any.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tars.accounting.rates import MICRODOLLAR, THRESHOLDS, ModelRates, filled
from tars.home import Home

if TYPE_CHECKING:
    from tars.config_faults import Table

#: The agents whose logs tars reads, by their names.
LOG_AGENTS = (
    "claude",
    "codex",
    "gemini",
    "opencode",
    "copilot",
    "qwen",
    "kimi",
    "goose",
    "amp",
    "cursor",
)

#: The most that a million tokens may cost, in dollars. More is a slip.
MOST_DOLLARS = 100_000
#: The most digits after the point: that of a picodollar.
MOST_DIGITS = 12
#: How many of a currency a dollar is at most.
MOST_RATE = 1_000_000_000

_PRICES = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
#: What stands in a file that says something of costs: their tables, and `messages = "none"`.
_TOLD = (b"history", b"prices", b"costs", b"none")


class HistoryConfig(NamedTuple):
    """The ``[history]`` table. `enabled`: whether logs outside tars are read at all. `paths` says
    for an agent where its logs are, instead of where they usually are; an empty tuple leaves the
    agent out. `home` is the home folder in which they are looked for, or None for the person's.
    `titles`: whether it is kept what sessions are called, which is not where ``messages`` of
    ``[store]`` is none: it is made of what was said in them."""

    enabled: bool = True
    home: Path | None = None
    paths: Mapping[str, tuple[Path, ...]] = {}
    titles: bool = True


class PricesConfig(NamedTuple):
    """The ``[prices]`` table. `models` are a person's own prices by the model's name as the log
    has it, and `aliases` say which other model's price a name has."""

    models: Mapping[str, ModelRates] = {}
    aliases: Mapping[str, str] = {}


class CostsConfig(NamedTuple):
    """The ``[costs]`` table: how money is shown. Prices are in US dollars; `rate` is how many of
    `currency` (an ISO 4217 code) one dollar is. `precision` are the digits after the point.
    `timezone` is a name such as Europe/Berlin, or None for the machine's own."""

    currency: str = "USD"
    rate: float = 1.0
    precision: int = 2
    timezone: str | None = None


class CostTables(NamedTuple):
    """The three tables."""

    history: HistoryConfig = HistoryConfig()
    prices: PricesConfig = PricesConfig()
    costs: CostsConfig = CostsConfig()


def read(home: Home) -> CostTables:
    """Read these tables of the home's config.toml, and nothing else of it.

    Raises ConfigInvalid with every fault of them.
    """
    if not os.path.lexists(home.config) or not _has_any(home.config):
        return CostTables()
    import tomllib

    from tars.config_faults import Notes, Table, read_text
    from tars.errors import ConfigInvalid

    notes = Notes()
    try:
        root = Table(tomllib.loads(read_text(home.config)), "", notes)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(
            str(home.config), (f"{home.config}: not valid TOML: {error}",)
        ) from None
    found = read_tables(root)
    if notes.faults:
        raise ConfigInvalid(str(home.config), tuple(f"{home.config}: {f}" for f in notes.faults))
    return found


def read_tables(root: "Table") -> CostTables:
    """Read the three tables of a whole file."""
    history = _history(root.table("history"))._replace(titles=_keeps_titles(root))
    return CostTables(history, _prices(root.table("prices")), _costs(root.table("costs")))


def tables_of(history: HistoryConfig, prices: PricesConfig, costs: CostsConfig) -> dict[str, Any]:
    """Give the three as tables of config.toml, every key with its value in force."""
    home = {} if history.home is None else {"home": str(history.home)}
    zone = {} if costs.timezone is None else {"timezone": costs.timezone}
    return {
        "history": {
            "enabled": history.enabled,
            **home,
            "paths": {agent: [str(p) for p in paths] for agent, paths in history.paths.items()},
        },
        "prices": {
            "aliases": dict(prices.aliases),
            "models": {name: _model_table(rates) for name, rates in prices.models.items()},
        },
        "costs": {
            "currency": costs.currency,
            "rate": costs.rate,
            "precision": costs.precision,
            **zone,
        },
    }


def _has_any(config: Path) -> bool:
    """Whether a file may have such a table: parsing TOML takes longer than a report should."""
    try:
        text = config.read_bytes()
    except OSError:
        return True  # what is wrong with it is said by who reads it
    return any(word in text for word in _TOLD)


def _keeps_titles(root: "Table") -> bool:
    from tars.config_faults import Notes

    # What is wrong with that table is said by who reads all of it.
    store = root.noting(Notes()).table("store")
    return store.text("messages", "") != "none"


def _history(table: "Table") -> HistoryConfig:
    from tars.config_faults import listed

    paths: dict[str, tuple[Path, ...]] = {}
    places = table.table("paths")
    for agent in places.names():
        found = _places(places, agent)
        if agent in LOG_AGENTS:
            paths[agent] = found
        else:
            places.fault(agent, f"no agent whose logs tars reads: {listed(LOG_AGENTS, agent)}")
    history = HistoryConfig(
        enabled=table.flag("enabled", default=True), home=table.path("home"), paths=paths
    )
    table.refuse_unknown()
    return history


def _places(table: "Table", agent: str) -> tuple[Path, ...]:
    """Read folders or files; none at all is a list without any."""
    found = []
    for name in table.listing(agent):
        try:
            path = Path(name).expanduser()
        except RuntimeError:
            path = Path(name)
        if not path.is_absolute() or "\0" in name:
            table.fault(agent, f"{name!r} must be an absolute path, or begin with ~/")
        found.append(path)
    return tuple(found)


def _prices(table: "Table") -> PricesConfig:
    models = table.table("models")
    own = {name: _model(name, models.table(name)) for name in models.names()}
    named = table.table("aliases")
    aliases = {name: named.text(name, "") for name in named.names()}
    for name, target in aliases.items():
        if not target.strip():
            named.fault(name, 'must be the name of a model, such as "claude-sonnet-4-5"')
        elif _returns(aliases, name):
            named.fault(name, f"leads back to itself: {target}")
    table.refuse_unknown()
    return PricesConfig(models=own, aliases=aliases)


def _returns(aliases: Mapping[str, str], name: str) -> bool:
    known = {alias.lower(): target.lower() for alias, target in aliases.items()}
    at = known[name.lower()]
    for _ in known:
        if at == name.lower():
            return True
        at = known.get(at, "")
    return False


def _model(name: str, table: "Table") -> ModelRates:
    """Read a person's own prices of one model: the base, then its tiers, each with what it leaves
    out from the base."""
    base = _some_prices(table)
    for key in ("input", "output"):
        if key not in table:
            table.fault(key, "is missing: dollars per million tokens")
    tiers = {0: base}
    for tier in table.tables("tiers"):
        above = tier.count("above", 0)
        if above not in THRESHOLDS:
            valid = ", ".join(map(str, THRESHOLDS))
            tier.fault("above", f"must be one of the sizes that are told apart: {valid}")
        elif above in tiers:
            tier.fault("above", f"another tier begins above {above}")
        tiers[above] = base | _some_prices(tier)
        tier.refuse_unknown()
    table.refuse_unknown()
    double = "claude" in name.lower() and "cache_write" in base
    rates = [
        filled(**{"input": 0, "output": 0, **prices}, above=above, hour_is_double=double)
        for above, prices in sorted(tiers.items())
    ]
    return ModelRates(tuple(rates), "config")


def _some_prices(table: "Table") -> dict[str, int]:
    found = {key: _price(table, key) for key in _PRICES}
    return {key: price for key, price in found.items() if price is not None}


def _price(table: "Table", key: str) -> int | None:
    """Read dollars per million tokens as picodollars per token, to the millionth of a dollar."""
    from decimal import ROUND_HALF_EVEN, Decimal

    value = table.number(key)
    if value is None:
        return None
    if not 0 <= value <= MOST_DOLLARS:
        table.fault(key, f"must be dollars per million tokens, from 0 to {MOST_DOLLARS}")
        return None
    # What was typed, and not what is next to it in binary.
    return int((Decimal(repr(value)) * MICRODOLLAR).to_integral_value(ROUND_HALF_EVEN))


def _model_table(rates: ModelRates) -> dict[str, Any]:
    base, *tiers = (
        {key: getattr(each, key) / MICRODOLLAR for key in _PRICES} for each in rates.tiers
    )
    above = [each.above for each in rates.tiers[1:]]
    listed = [{"above": size, **tier} for size, tier in zip(above, tiers, strict=True)]
    return {**base, **({"tiers": listed} if listed else {})}


def _costs(table: "Table") -> CostsConfig:
    from tars.accounting.currencies import CURRENCIES

    usual = CostsConfig()
    rate = table.number("rate")
    if rate is not None and not 0 < rate <= MOST_RATE:
        table.fault(
            "rate", "must be more than 0, and at most a billion: how many of it a US dollar is"
        )
        rate = None
    precision = table.count("precision", usual.precision)
    if precision > MOST_DIGITS:
        table.fault("precision", f"must be from 0 to {MOST_DIGITS}")
    costs = CostsConfig(
        currency=table.text("currency", usual.currency, choices=CURRENCIES),
        rate=usual.rate if rate is None else float(rate),
        precision=precision,
        timezone=_zone(table),
    )
    if costs.currency != usual.currency and "rate" not in table:
        table.fault("rate", f"is missing: how many {costs.currency} a US dollar is")
    if costs.currency == usual.currency and rate not in (None, 1):
        table.fault("rate", 'needs a currency, such as "EUR": prices are in US dollars')
    table.refuse_unknown()
    return costs


def _zone(table: "Table") -> str | None:
    from tars.config_faults import suggestion
    from tars.errors import RequestInvalid
    from tars.sessions.ranges import find_zone

    name = table.text("timezone", "")
    if not name:
        if "timezone" in table:
            table.fault("timezone", "must be the name of a zone, such as Europe/Berlin, or UTC")
        return None
    try:
        return find_zone(name).name
    except RequestInvalid:
        from zoneinfo import available_timezones

        near = suggestion(name, sorted(available_timezones()))
        table.fault("timezone", f"there is no time zone {name}, as Europe/Berlin or UTC{near}")
        return None
