"""Attaching over the wire: a stream of what is seen, and keys that go the other way."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.control.scripted import Running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server(short_path: Path) -> AsyncIterator[Running]:
    async with Running.at(short_path) as running:
        yield running


async def next_event(events: AsyncIterator[tuple[str, Any] | None]) -> tuple[str, Any]:
    """Wait for an event that is no comment."""
    while (event := await anext(events)) is None:
        pass
    return event


async def test_what_is_shown_comes_as_it_happens(server: Running) -> None:
    """The stream begins with who one is, and ends when the program has."""
    async with server.client() as client:
        await client.send_request("GET", "/v1/agents/echo/attach?rows=30&columns=100")
        await client.head()
        events = client.events()
        name, attached = await next_event(events)
        assert (name, attached["viewer"], attached["screen"]) == ("attached", "v1", True)
        attachment = server.backend.attaching.attachments[0]
        assert server.backend.attaching.size == (30, 100)
        attachment.put("\x1b[1mhello")
        assert await next_event(events) == ("screen", {"text": "\x1b[1mhello"})
        attachment.end("The agent's program has ended.")
        assert await next_event(events) == ("ended", {"reason": "The agent's program has ended."})


async def test_who_goes_away_is_let_go_of(server: Running) -> None:
    """A connection that is closed ends its attachment."""
    async with server.client() as client:
        await client.send_request("GET", "/v1/agents/echo/attach")
        await client.head()
    attachment = server.backend.attaching.attachments[0]
    with anyio.fail_after(10):
        while not attachment.closed:
            await anyio.lowlevel.checkpoint()


async def test_keys_and_sizes_go_to_the_agent(server: Running) -> None:
    """Only from those who are attached; a size is one that a terminal may have."""
    typed = await server.ask("POST", "/v1/agents/echo/keys", {"viewer": "v1", "text": "ls\r"})
    assert (typed.status, server.backend.attaching.typed) == (200, ["ls\r"])
    moved = await server.ask("POST", "/v1/agents/echo/view", {"viewer": "v1", "rows": 50})
    assert moved.json == {"keyboard": True, "rows": 50, "columns": 80, "viewers": 1}
    for path, body, status, code in (
        ("keys", {"viewer": "v9", "text": "x"}, 404, "viewer_not_found"),
        ("view", {"viewer": "v1", "rows": 0}, 400, "request_invalid"),
        ("view", {"viewer": "v1", "columns": 100_000}, 400, "request_invalid"),
    ):
        answer = await server.ask("POST", f"/v1/agents/echo/{path}", body)
        assert (answer.status, answer.code) == (status, code)
    answer = await server.ask("GET", "/v1/agents/echo/attach?rows=none")
    assert (answer.status, answer.code) == (400, "request_invalid")
