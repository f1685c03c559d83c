"""A price list as a whole: who sells which models, by which names they are known, since when each
price holds. Frozen values, and their way into JSON and back.

It is made from genai-prices (`snapshot`), but not while somebody waits: importing that takes
longer than all of a report may. One is shipped with tars (`shipped`). What is kept of it is what
prices tokens: not pictures, searches or hours of sound.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from tars.prices.dated import Dated, dump_dated, load_dated

#: How a file with one is written; another number is another way, and is made anew.
FORMAT = 1


#: A rule by which a name is known, as genai-prices writes it: what it is (`equals`,
#: `starts_with`, `ends_with`, `contains`, `regex`, `or`, `and`) and the word, or the rules in it.
Clause: TypeAlias = "tuple[str, str | tuple[Clause, ...]]"


@dataclass(frozen=True, slots=True)
class Model:
    """A model of one provider; `dated` is in order, and the first of it has no beginning."""

    id: str
    name: str
    match: Clause
    dated: tuple[Dated, ...]


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who sells models. `known_by` are the rules for names of the provider itself,
    `models_by` those for names of models that are its own wherever they are named, and
    `others` are the providers whose models it sells too."""

    id: str
    known_by: "Clause | None"
    models_by: "Clause | None"
    others: tuple[str, ...]
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`source` says whose prices these are, `taken` how old they are, as ISO 8601: when they were
    fetched, or where that is not known the day of the newest of them. `release` and `package` are
    the release of genai-prices that was installed then and the stamp of its file, and `updated`
    says whether they were fetched instead of taken from that."""

    source: str
    taken: str
    release: str
    package: str
    updated: bool
    providers: tuple[Provider, ...]

    def models(self) -> Iterator[tuple[Provider, Model]]:
        for provider in self.providers:
            for model in provider.models:
                yield provider, model

    def of(self, now: datetime) -> "Catalogue":
        """Give this as old as its newest price: a release does not say of when it is. Some prices
        begin later than now."""
        days = (dated.since for _, model in self.models() for dated in model.dated)
        newest = max((day for day in days if day <= now.astimezone(UTC).date()), default=date.min)
        return replace(self, taken=newest.isoformat())


def dump(catalogue: Catalogue) -> dict[str, Any]:
    """Give a catalogue as JSON has it."""
    return {
        "format": FORMAT,
        "source": catalogue.source,
        "taken": catalogue.taken,
        "release": catalogue.release,
        "package": catalogue.package,
        "updated": catalogue.updated,
        "providers": [
            [
                p.id,
                p.known_by,
                p.models_by,
                p.others,
                [[m.id, m.name, m.match, dump_dated(m.dated)] for m in p.models],
            ]
            for p in catalogue.providers
        ],
    }


def load(value: dict[str, Any]) -> Catalogue:
    """Read what `dump` gave. Raises LookupError, TypeError or ValueError for anything else."""
    if value["format"] != FORMAT:
        raise ValueError("another format")
    source = value["source"]
    return Catalogue(
        source=source,
        taken=value["taken"],
        release=value["release"],
        package=value["package"],
        updated=value["updated"],
        providers=tuple(
            Provider(
                id,
                _clause(known_by) if known_by else None,
                _clause(models_by) if models_by else None,
                tuple(others),
                tuple(Model(m, n, _clause(c), load_dated(d, source)) for m, n, c, d in models),
            )
            for id, known_by, models_by, others, models in value["providers"]
        ),
    )


def _clause(value: list[Any]) -> Clause:
    kind, what = value
    return kind, what if isinstance(what, str) else tuple(_clause(each) for each in what)
