"""The tables of config.toml about what agents cost → frozen values: `[history]`, `[prices]` and
`[costs]`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tars.accounting.rates import ModelRates


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryConfig:
    """The ``[history]`` table. `enabled`: whether logs outside tars are read at all. `paths` says
    for an agent where its logs are, instead of where they usually are; an empty tuple leaves the
    agent out. `home` is the home folder in which they are looked for, or None for the person's."""

    enabled: bool = True
    home: Path | None = None
    paths: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesConfig:
    """The ``[prices]`` table. `models` are a person's own prices by the model's name as the log
    has it, and `aliases` say which other model's price a name has."""

    models: Mapping[str, ModelRates] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsConfig:
    """The ``[costs]`` table: how money is shown. Prices are in US dollars; `rate` is how many of
    `currency` (an ISO 4217 code) one dollar is. `precision` are the digits after the point.
    `timezone` is a name such as Europe/Berlin, or None for the machine's own."""

    currency: str = "USD"
    rate: float = 1.0
    precision: int = 2
    timezone: str | None = None
