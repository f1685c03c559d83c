"""Newer prices are fetched when somebody asks, kept, and used; a failure leaves all as it was."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tars.config_costs import PricesConfig
from tars.errors import TarsError
from tars.home import Home
from tars.prices import kept, snapshot, updating
from tars.prices.book import Book
from tests.prices.shelf import NOW, small

#: As genai-prices publishes it.
NEWEST: list[dict[str, Any]] = [
    {
        "id": "seller",
        "name": "Seller",
        "api_pattern": "https://seller",
        "model_match": {"contains": "beta"},
        "models": [
            {
                "id": "beta",
                "match": {"or": [{"equals": "beta"}, {"starts_with": "beta-"}]},
                "prices": {
                    "input_mtok": {"base": 4, "tiers": [{"start": 200000, "price": 8}]},
                    "output_mtok": 20.5,
                },
            },
            {"id": "images", "match": {"equals": "images"}, "prices": {"output_image_mtok": 1}},
        ],
    }
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@contextmanager
def served(body: bytes, status: int = 200) -> Iterator[str]:
    """A server on the loopback with one answer; gives its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/data.json"
        finally:
            server.shutdown()
            thread.join()


def price(home: Home, model: str) -> int | None:
    rates = Book.open(home, PricesConfig()).rates("", model, date(2026, 11, 21))
    return None if rates is None else rates.tiers[0].input


def test_an_update_is_used_from_then_on(home: Home) -> None:
    """In a home that was not there before, too; models that it does not have are unknown."""
    with served(json.dumps(NEWEST).encode()) as url:
        fetched = updating.update(home, NOW, url=url)
    assert (fetched.source, fetched.updated) == ("genai-prices, fetched 2026-11-21", True)
    rates = Book.open(home, PricesConfig()).rates("", "beta-20260101", date(2026, 11, 21))
    assert rates is not None
    assert [(r.above, r.input, r.output) for r in rates.tiers] == [
        (0, 4_000_000, 20_500_000),
        (200_000, 8_000_000, 20_500_000),
    ]
    assert price(home, "claude-sonnet-4-5") is None
    assert home.prices.stat().st_mode & 0o777 == 0o600


def bad_price(price: object) -> bytes:
    models = [
        {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": price, "output_mtok": -1}}
    ]
    return json.dumps([{**NEWEST[0], "models": models}]).encode()


def bad_rule(regex: str) -> bytes:
    return json.dumps([{**NEWEST[0], "model_match": {"regex": regex}}]).encode()


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"{}", 200, "no price list"),
        (b"<html>", 200, "no price list"),
        (b"[]", 200, "there are no prices in it"),
        (b'[{"id": 1}]', 200, "no price list"),
        (b"\xff", 200, "no price list"),
        (bad_price("x"), 200, "no price list"),
        (bad_price([1]), 200, "no price list"),
        (bad_price(1), 200, "there are no prices in it"),
        (bad_rule("("), 200, "'\\(' is no pattern"),
        (b"gone", 404, "answered 404"),
    ],
)
def test_what_is_no_price_list_changes_nothing(
    home: Home, body: bytes, status: int, why: str
) -> None:
    """It is said in one line, and the old prices stay."""
    home.prepare()
    kept.keep(home, small())
    before = home.prices.read_bytes()
    with served(body, status) as url, pytest.raises(TarsError, match=why) as caught:
        updating.update(home, NOW, url=url)
    assert "\n" not in str(caught.value)
    assert home.prices.read_bytes() == before
    assert price(home, "beta") == 100


def test_without_a_network_nothing_changes(home: Home) -> None:
    """Where nobody answers, and where there is no such address."""
    with served(b"") as url:
        pass
    for address in (url, "http://[::bad", "nothing"):
        with pytest.raises(TarsError, match="The prices are as before"):
            updating.update(home, NOW, url=address)
    assert not home.root.exists()


def test_an_update_outlives_another_installation_of_the_same_release(home: Home) -> None:
    """The file of the package has another time then."""
    home.prepare()
    kept.keep(home, replace(small(), release=snapshot.RELEASE, package="another"))
    assert price(home, "beta") == 100
    assert kept.current(home, NOW).package == kept.package_stamp()


def test_another_release_replaces_an_update(home: Home) -> None:
    """It is newer than what was fetched before; so does one replace its own older prices."""
    home.prepare()
    kept.keep(home, replace(small(), release="0.0.1", package="another"))
    assert price(home, "claude-sonnet-4-5") == 3_000_000
    assert kept.current(home, NOW).source == f"genai-prices {snapshot.RELEASE}"
    kept.keep(home, replace(small(), package="another", updated=False))
    assert price(home, "beta") is None


@pytest.mark.parametrize("damaged", [b"\xff", b'{"format": 1}', b"[" * 100_000])
def test_a_damaged_price_list_is_as_none(home: Home, damaged: bytes) -> None:
    """The prices of the installed package are always there."""
    home.prepare()
    home.prices.write_bytes(damaged)
    assert price(home, "claude-sonnet-4-5") == 3_000_000
    assert kept.current(home, NOW).source == f"genai-prices {snapshot.RELEASE}"
