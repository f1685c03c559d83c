"""The rates of the models that are in use here, in a small file: what a report reads instead of a
price list of a megabyte.

A model that the list does not have is in it too, so that it is not looked for again until the
prices are others.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tars.home import Home
from tars.prices import kept
from tars.prices.dated import Dated, dump_dated, load_dated

if TYPE_CHECKING:
    from tars.prices.catalogue import Catalogue

#: How the file is written; another number is another way, and is made anew.
FORMAT = 1

#: A model as a log names it: who was asked, or nothing, and the model's name.
Name: TypeAlias = tuple[str, str]


class Priced(NamedTuple):
    """A model of the price list, as `provider/model` there, and its rates since each day."""

    id: str
    dated: tuple[Dated, ...]


class Table(NamedTuple):
    """What the names that were asked for come to, None where nobody knows; of the prices with
    this stamp (`kept.stamp`). `source` and `taken` are the price list's."""

    stamp: str = ""
    source: str = ""
    taken: str = ""
    models: Mapping[Name, Priced | None] = MappingProxyType({})


def resolve(home: Home, names: Iterable[Name], now: datetime) -> Table:
    """Look names up in the price list in force, all at once. Raises ImportError."""
    return _resolved(home, names, kept.current(home, now))


class Reader:
    """A price list that is read already: the same as `resolve`, unless the list becomes another."""

    def __init__(self, home: Home) -> None:
        """Read it. Raises nothing: what cannot be read is tried again when it is asked."""
        self._stamp, self._catalogue = "", None
        with suppress(ImportError):
            self._catalogue = kept.current(home, datetime.now(UTC))
            self._stamp = kept.stamp(home)
            from tars.prices import matching  # noqa: F401 - ahead, too

    def __call__(self, home: Home, names: Iterable[Name], now: datetime) -> Table:
        if self._catalogue is None or self._stamp != kept.stamp(home):
            return resolve(home, names, now)
        return _resolved(home, names, self._catalogue)


def _resolved(home: Home, names: Iterable[Name], catalogue: "Catalogue") -> Table:
    from tars.prices.matching import find

    models: dict[Name, Priced | None] = {}
    for provider, model in names:
        found = find(catalogue, provider, model)
        models[provider, model] = (
            None if found is None else Priced(f"{found[0].id}/{found[1].id}", found[1].dated)
        )
    return Table(kept.stamp(home), catalogue.source, catalogue.taken, models)


def read(path: Path) -> Table:
    """Read the file; an empty table where it is gone or cannot be read: it is made anew."""
    with suppress(OSError):
        return parse(path.read_bytes()) or Table()
    return Table()


def parse(data: bytes) -> Table | None:
    """Read a table; None for anything that is none."""
    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            return None
        source = str(value["source"])
        models = {
            (str(provider), str(model)): None if id is None else Priced(id, load_dated(d, source))
            for provider, model, id, d in value["models"]
        }
        return Table(str(value["stamp"]), source, str(value["taken"]), models)
    except (LookupError, TypeError, ValueError, RecursionError):
        return None


def written(table: Table) -> bytes:
    """Write a table as `parse` reads it."""
    models: list[Any] = [
        [*name, None, []] if priced is None else [*name, priced.id, dump_dated(priced.dated)]
        for name, priced in table.models.items()
    ]
    whole = {"format": FORMAT, "stamp": table.stamp, "source": table.source, "taken": table.taken}
    return json.dumps({**whole, "models": models}, separators=(",", ":")).encode()
