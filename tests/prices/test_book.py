"""Whose price counts, and how seldom a price list has to be read for it."""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tars.accounting.rates import ModelRates, filled
from tars.config_costs import PricesConfig
from tars.home import Home
from tars.prices import apart, kept
from tars.prices.book import Book
from tars.prices.table import Name, Table
from tests.prices.shelf import Counted, small

DAY = date(2026, 11, 21)
OWN = ModelRates((filled(input=7, output=7),), "config")
NONE = PricesConfig()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    kept.keep(home, small())
    return home


def unable(home: Home, names: Iterable[Name], now: datetime) -> Table:
    raise ImportError("no price list")


def price(book: Book, model: str, provider: str = "", day: date = DAY) -> int | None:
    rates = book.rates(provider, model, day)
    return None if rates is None else rates.tiers[0].input


def test_a_price_is_that_of_the_day(home: Home) -> None:
    """From midnight in UTC on which it begins."""
    book = Book.open(home, NONE)
    assert price(book, "alpha-1", day=date(2025, 12, 31)) == 3
    assert price(book, "alpha-1", day=date(2026, 1, 1)) == 6
    assert price(book, "alpha-1", day=date.min) == 3


def test_an_unknown_model_has_no_price(home: Home) -> None:
    """Neither zero nor that of another one."""
    book = Book.open(home, NONE)
    assert price(book, "alpha-10") is None
    assert price(book, "") is None
    assert price(book, "a" * 10_000) is None


def test_what_was_asked_once_is_not_looked_up_again(home: Home) -> None:
    """Neither in this book nor in the next, whether it has a price or not."""
    first = Counted()
    with_few = Book.open(home, NONE, resolve=first)
    for _ in range(2):
        assert (price(with_few, "beta"), price(with_few, "fake-model")) == (100, None)
    assert first.asked == [[("", "beta")], [("", "fake-model")]]
    with_few.save()
    again = Book.open(home, NONE, resolve=unable)
    assert (price(again, "beta"), price(again, "fake-model")) == (100, None)
    assert (again.source, again.taken[:10]) == ("a test", "2026-11-21")


def test_unknown_names_are_looked_up_together(home: Home) -> None:
    """A child that does so for the daemon is one."""
    counted = Counted()
    book = Book.open(home, PricesConfig(models={"mine": OWN}), resolve=counted)
    book.learn([("", "beta"), ("seller", "gamma"), ("", "mine"), ("", "nobody"), ("", "beta")])
    assert counted.asked == [[("", "beta"), ("", "nobody"), ("seller", "gamma")]]
    assert price(book, "gamma", "seller") == 1_000
    assert len(counted.asked) == 1


def test_other_prices_count_at_once(home: Home) -> None:
    """After an update everything that is known is looked up anew, in one go."""
    book = Book.open(home, NONE)
    book.learn([("", "alpha-1"), ("", "fake-model")])
    book.save()
    kept.keep(home, small(price=50))
    counted = Counted()
    fresh = Book.open(home, NONE, resolve=counted)
    assert price(fresh, "alpha-1") == 100
    assert price(fresh, "beta") == 100
    assert counted.asked == [[("", "alpha-1"), ("", "fake-model")], [("", "beta")]]


def test_a_book_that_is_open_for_long_sees_other_prices(home: Home) -> None:
    """As in the daemon, where a command fetches newer ones: from the next report on."""
    book = Book.open(home, NONE)
    book.learn([("", "beta")])
    assert price(book, "alpha-1") == 6
    kept.keep(home, small(price=50))
    book.learn([("", "beta")])
    assert price(book, "alpha-1") == 100


def test_two_processes_keep_what_both_looked_up(home: Home) -> None:
    """Neither drops the other's names."""
    one, other = Book.open(home, NONE), Book.open(home, NONE)
    assert (price(one, "beta"), price(other, "gamma")) == (100, 1_000)
    one.save()
    other.save()
    third = Book.open(home, NONE, resolve=unable)
    assert (price(third, "beta"), price(third, "gamma")) == (100, 1_000)


def test_without_a_price_list_the_last_known_prices_stay(home: Home) -> None:
    """And it is asked once, not for each model; nothing of that is kept."""
    book = Book.open(home, NONE)
    assert price(book, "beta") == 100
    book.save()
    kept.keep(home, small(price=50))
    before = home.rates.read_bytes()
    tries = []

    def failing(home: Home, names: Iterable[Name], now: datetime) -> Table:
        tries.append(list(names))
        raise ImportError

    later = Book.open(home, NONE, resolve=failing)
    assert (price(later, "beta"), price(later, "gamma"), price(later, "delta")) == (100, None, None)
    later.save()
    assert len(tries) == 1
    assert home.rates.read_bytes() == before


def test_own_prices_come_first(home: Home) -> None:
    """Under the name in config.toml, in any case, with the provider or without, with what stands
    behind a name or without."""
    own = PricesConfig(models={"Beta": OWN, "other/model": OWN})
    book = Book.open(home, own)
    for name in ("beta", "BETA", "beta[1m]", "beta-20260101", "seller/beta"):
        assert price(book, name) == 7, name
    assert price(book, "beta", "seller") == 7
    for name in ("model", "Model", "model-20260101"):
        assert price(book, name, "other") == 7, name
    assert price(book, "model") is None
    assert price(book, "gamma") == 1_000
    found = book.priced("", "beta")
    assert found is not None
    assert (found.id, found.dated[0].rates.origin) == ("config/Beta", "config")


def test_an_alias_has_the_price_of_its_model(home: Home) -> None:
    """Whoever was asked under that name; over several names; to a price of one's own, too."""
    aliases = {"My-Proxy": "via", "via": "gamma", "beta": "mine", "x": "y", "y": "x"}
    book = Book.open(home, PricesConfig(models={"mine": OWN}, aliases=aliases))
    assert price(book, "my-proxy", "openai") == 1_000
    assert price(book, "beta") == 7
    assert price(book, "x") is None


def test_the_table_is_its_owner_s_alone(home: Home) -> None:
    """It tells which models somebody uses."""
    book = Book.open(home, NONE)
    price(book, "beta")
    book.save()
    assert home.rates.stat().st_mode & 0o777 == 0o600
    assert home.prices.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff", b"[]", b"null", b'{"format": 2}', b'{"format": 1, "stamp": "", "models": [[]]}'],
)
def test_a_damaged_table_is_made_anew(home: Home, damaged: bytes) -> None:
    """It is only what was looked up before."""
    home.rates.write_bytes(damaged)
    book = Book.open(home, NONE)
    assert price(book, "beta") == 100
    book.save()
    assert json.loads(home.rates.read_bytes())["format"] == 1


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Asking for a price leaves nothing behind."""
    home = Home(tmp_path / "none")
    book = Book.open(home, NONE)
    assert price(book, "claude-sonnet-4-5", "anthropic") == 3_000_000
    book.save()
    assert not home.root.exists()


def test_a_full_disk_costs_time_alone(home: Home) -> None:
    """What cannot be kept is looked up again."""
    home.rates.mkdir()  # even root cannot replace a folder by a file
    book = Book.open(home, NONE)
    assert price(book, "beta") == 100
    book.save()
    assert home.rates.is_dir()


def test_a_child_looks_up_the_same(home: Home) -> None:
    """What the daemon has done for it is what a command does itself."""
    names = [("", "beta"), ("", "alpha-1"), ("anthropic", "nothing")]
    told = apart.resolve(home, names, datetime.now().astimezone())
    counted = Counted()
    assert told == counted(home, names, datetime.now().astimezone())


def test_a_child_that_fails_is_no_price(home: Home) -> None:
    """Its prices are unknown for now."""
    broken: Any = [("not a pair",)]
    with pytest.raises(ImportError, match="gave none"):
        apart.resolve(home, broken, datetime.now().astimezone())


def test_known_models_are_priced_without_the_library(home: Home) -> None:
    """Importing that would take longer than the whole report may."""
    book = Book.open(home, NONE)
    price(book, "beta")
    book.save()
    asked = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from tars.home import Home; from tars.config_costs import read\n"
        "from tars.prices.book import Book\n"
        "home = Home(Path(sys.argv[1])); book = Book.open(home, read(home).prices)\n"
        "print(book.rates('', 'beta', date.today()).tiers[0].input)\n"
        "loaded = {'genai_prices', 'pydantic', 'httpx2', 'msgspec', 'tars.config',\n"
        "          'tars.prices.catalogue', 'sqlalchemy', 'tomllib'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, str(home.root)], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("100\n", "")
