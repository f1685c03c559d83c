"""A price list of three models, as small as one can be, for what is not about its content."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache

from tars.accounting.rates import ModelRates, filled
from tars.home import Home
from tars.prices import kept, table
from tars.prices.catalogue import Catalogue, Model, Provider
from tars.prices.dated import Dated
from tars.prices.table import Name, Table

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE = "a test"


def one(name: str, *prices: tuple[date, int]) -> Model:
    """A model whose tokens cost so many picodollars each since these days."""
    dated = tuple(
        Dated(day, ModelRates((filled(input=price, output=price),), SOURCE))
        for day, price in prices
    )
    return Model(name, name.title(), ("equals", name), dated)


@cache
def whole() -> Catalogue:
    """All that the installed genai-prices has."""
    from tars.prices import snapshot

    return snapshot.packaged(NOW, "stamp")


def small(*, price: int = 3) -> Catalogue:
    alpha = one("alpha-1", (date.min, price), (date(2026, 1, 1), 2 * price))
    models = (alpha, one("beta", (date.min, 100)), one("gamma", (date.min, 1_000)))
    seller = Provider("seller", ("contains", "sell"), ("contains", "a"), (), models)
    package = kept.package_stamp()
    return Catalogue(SOURCE, NOW.isoformat(), "0", package, updated=True, providers=(seller,))


class Counted:
    """Looks names up as usual, and notes which, each time."""

    def __init__(self) -> None:
        self.asked: list[list[Name]] = []

    def __call__(self, home: Home, names: Iterable[Name], now: datetime) -> Table:
        wanted = list(names)
        self.asked.append(wanted)
        return table.resolve(home, wanted, now)
