"""Prices to look at: which models there are, by parts of their names, and which are nearly called
like one that there is not."""

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from tars.accounting.rates import Rates
from tars.config_costs import PricesConfig
from tars.prices.catalogue import Catalogue
from tars.prices.dated import Dated

#: Who "sells" a model at a price that stands in config.toml.
OWN = "config"


class Listed(NamedTuple):
    """A model with its rates of a day: the base, then those of longer prompts."""

    provider: str
    model: str
    name: str
    since: date
    tiers: tuple[Rates, ...]
    origin: str

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.model}"


def listed(catalogue: Catalogue, own: PricesConfig, day: date) -> Iterator[Listed]:
    """Give every model that has a price on a day: a person's own first, then by who sells it."""
    for name, rates in own.models.items():
        yield Listed(OWN, name, "", date.min, rates.tiers, rates.origin)
    for provider, model in catalogue.models():
        held = held_on(model.dated, day)
        if held is not None:
            origin = held.rates.origin
            name = model.name
            yield Listed(provider.id, model.id, name, held.since, held.rates.tiers, origin)


def held_on(dated: tuple[Dated, ...], day: date) -> Dated | None:
    """Give what held on a day."""
    return next((each for each in reversed(dated) if each.since <= day), None)


def containing(rows: Iterator[Listed], text: str) -> list[Listed]:
    """Give those whose name has all words of a text somewhere in it, in the order they came."""
    words = text.lower().split()
    return [row for row in rows if all(w in f"{row.id} {row.name}".lower() for w in words)]


def best_first(rows: list[Listed], text: str) -> list[Listed]:
    """Put those first that are called just so, then those that begin so, then short names."""
    wanted = text.strip().lower()

    def rank(row: Listed) -> tuple[bool, bool, int, str]:
        name = row.model.lower()
        return name != wanted, not name.startswith(wanted), len(name), row.id

    return sorted(rows, key=rank)


def near(rows: Iterator[Listed], text: str, *, most: int = 3) -> list[str]:
    """Give the names that are most like one that nobody has; one that somebody sells who was not
    named, with that provider."""
    named = {row.model.lower(): row for row in rows}
    word = text.strip().lower().rpartition("/")[2]
    close = [named[name] for name in get_close_matches(word, named, n=most, cutoff=0.6)]
    return [row.id if row.model.lower() == word else row.model for row in close]
