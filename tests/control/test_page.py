"""The page's two routes on the Unix socket: opened at a port that can be, and closed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.control.scripted import Running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server(short_path: Path) -> AsyncIterator[Running]:
    async with Running.at(short_path) as running:
        yield running


async def test_the_page_is_opened_and_closed(server: Running) -> None:
    """At the port that was asked for; closing tells whether it was open."""
    opened = await server.ask("POST", "/v1/web", {"port": 9000})
    assert (opened.status, opened.json["port"]) == (200, 9000)
    assert [(await server.ask("POST", "/v1/web/close")).json for _ in range(2)] == [
        {"wasOpen": True},
        {"wasOpen": False},
    ]


@pytest.mark.parametrize("port", [-1, 65_536, "x", 1.5])
async def test_a_port_that_cannot_be_is_refused(server: Running, port: object) -> None:
    """Before anything is tried."""
    refused = await server.ask("POST", "/v1/web", {"port": port})
    assert (refused.status, refused.code) == (400, "request_invalid")
