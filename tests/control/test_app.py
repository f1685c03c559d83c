"""The routes, on a real server: what each answers, and how bad requests are answered."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tars.control import contract as c
from tars.control.app import HANDLERS
from tars.control.attach_contract import KeysRequest, ViewRequest
from tars.control.costs.layout import Face
from tars.control.reference import INTRODUCTION
from tars.control.routes import ROUTES, Route
from tars.control.session_contract import RenameRequest
from tars.errors import Busy, StoreError
from tests.control.scripted import Answer, Running

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


def test_the_handlers_are_the_contracts_routes() -> None:
    """Every route has a handler and every handler a route."""
    assert set(HANDLERS) == {(route.method, route.path) for route in ROUTES}


def example(route: Route) -> tuple[str, Any]:
    """Give a path and a body that the route takes."""
    path = route.path.format(name="echo", id="p-1", ref="last")
    bodies: dict[type[c.Wire] | None, dict[str, Any]] = {
        c.PromptRequest: {"text": "hello"},
        c.ChangeRequest: {"action": "start", "names": ["echo"]},
        RenameRequest: {"name": "login"},
        c.SettingsRequest: {"model": "large"},
        KeysRequest: {"viewer": "v1", "text": "ls"},
        ViewRequest: {"viewer": "v1", "rows": 30, "columns": 100},
    }
    return path, bodies.get(route.request)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
async def test_every_route_answers_as_the_contract_says(server: Running, route: Route) -> None:
    """A JSON answer has the fields of its type, a stream announces itself as one."""
    path, body = example(route)
    async with server.client() as client:
        await client.send_request(route.method, path, body)
        if route.stream:
            status, headers = await client.head()
            assert (status, headers["content-type"]) == (200, "text/event-stream")
        else:
            answer = await client.answer()
            assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
            assert set(answer.json) == set(route.answer.__struct_encode_fields__)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
async def test_what_is_not_known_is_refused(server: Running, route: Route) -> None:
    """A field or a query parameter that the contract does not name is a 400 that names it."""
    path, body = example(route)
    for target, sent in ((path, {**(body or {}), "colour": 1}), (f"{path}?colour=1", body)):
        answer = await server.ask(route.method, target, sent)
        if route.path == "/v1/status" and target == path:
            assert answer.status == 200  # the hot path does not look for a body
        else:
            assert (answer.status, answer.code) == (400, "request_invalid")
            assert "colour" in answer.body.decode() or route.request is None


async def test_a_prompt_streams_to_its_result(server: Running) -> None:
    """`accepted` is first, `turn` is last, and the connection can be used again."""
    async with server.client() as client:
        for number in ("t-1", "t-2"):
            answer = await client.ask("POST", "/v1/prompt", {"text": "hello there"})
            names = [name for name, _ in answer.events]
            assert names == ["accepted", "started", "text", "text", "turn"]
            assert answer.events[0][1] == {"turn": number, "agent": "echo", "position": 0}
            assert answer.events[-1][1]["text"] == "hello there"
    assert server.backend.feed.listeners == 0


async def test_a_prompt_need_not_be_waited_for(server: Running) -> None:
    """`wait: false` answers 202 at once, and nobody listens afterwards."""
    answer = await server.ask("POST", "/v1/prompt", {"text": "hold", "wait": False})
    assert (answer.status, answer.json["turn"]) == (202, "t-1")
    assert server.backend.feed.listeners == 0


async def test_a_stream_brings_events_as_they_happen(server: Running) -> None:
    """An event is there before the next one happens."""
    async with server.client() as client:
        await client.send_request("POST", "/v1/prompt", {"text": "hold"})
        await client.head()
        events = client.events()
        assert (await next_event(events))[0] == "accepted"
        assert (await next_event(events))[0] == "started"
        for word in ("one", "two"):
            server.backend.feed.publish_turn("t-1", "text", c.Text(text=word))
            assert await anext(events) == ("text", {"text": word})
        assert (await server.ask("POST", "/v1/cancel")).json == {"turn": "t-1"}
        name, result = await next_event(events)
        assert (name, result["outcome"]) == ("turn", "cancelled")
        assert [event async for event in events] == []


async def test_events_are_followed(server: Running) -> None:
    """The comment says that the subscription stands; then every event comes."""
    async with server.client() as client:
        await client.send_request("GET", "/v1/events?agent=echo")
        await client.head()
        events = client.events()
        assert await anext(events) is None
        await server.ask("POST", "/v1/prompt", {"text": "hello", "agent": "gemini"})
        await server.ask("POST", "/v1/prompt", {"text": "hello"})
        name, event = await next_event(events)
        assert (name, event["event"], event["agent"]) == ("event", "turn_ended", "echo")


async def test_a_client_that_leaves_is_unsubscribed(server: Running) -> None:
    """A stream whose client is gone ends, and its turn goes on."""
    async with server.client() as client:
        await client.send_request("POST", "/v1/prompt", {"text": "hold"})
        await client.head()
        assert server.backend.feed.listeners == 1
    while server.backend.feed.listeners:
        await anyio.lowlevel.checkpoint()
    assert server.backend.open_turns == {"t-1": "echo"}


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
async def test_agents_are_changed(server: Running, action: str) -> None:
    """The action reaches the agent that the path names."""
    answer = await server.ask("POST", f"/v1/agents/gemini/{action}")
    state = "stopped" if action == "stop" else "ready"
    assert answer.json == {"agent": "gemini", "state": state, "error": None}


async def test_permissions_are_answered(server: Running) -> None:
    """The option arrives; a second answer finds nothing that waits."""
    bad = await server.ask("POST", "/v1/permit/p-1", {"option": "maybe"})
    contradiction = await server.ask("POST", "/v1/permit/p-1", {"option": "x", "deny": True})
    no_face = await server.ask("POST", "/v1/permit/p-1", {"face": "me & you"})
    assert [bad.status, contradiction.status, no_face.status] == [400, 400, 400]
    answer = await server.ask("POST", "/v1/permit/p-1", {"deny": True})
    assert answer.json == {"id": "p-1", "option": "reject_once", "remembered": None}
    assert server.backend.answered_by == f"client pid {os.getpid()}"
    assert (await server.ask("POST", "/v1/permit/p-1")).code == "permission_not_found"


async def test_who_answers_is_the_face_and_the_process(server: Running) -> None:
    """The process is the system's word, the face the client's."""
    body = {"remember": True, "face": "cli"}
    answer = await server.ask("POST", "/v1/permit/p-1", body)
    assert answer.json["remembered"] == "execute"
    assert server.backend.answered_by == f"cli pid {os.getpid()}"


async def test_a_reset_says_what_it_cleared(server: Running) -> None:
    """The cleared session comes back once; then there is none."""
    first, second = [(await server.ask("POST", "/v1/reset")).json for _ in range(2)]
    assert first["session"]["sessionId"] == "s-1"
    assert second == {"agent": "echo", "session": None, "tokens": None}


async def test_status_as_text(server: Running) -> None:
    """The text is what the command prints, coloured when asked."""
    plain = await server.ask("GET", "/v1/status?format=text&width=60")
    color = await server.ask("GET", "/v1/status?format=text&color=1")
    assert plain.headers["content-type"].startswith("text/plain")
    assert plain.body.startswith(b"tars          running")
    assert color.body.startswith(b"\x1b[1mtars")
    assert (await server.ask("GET", "/v1/status?format=json")).json["daemon"]["pid"] == 1


async def test_status_in_a_line(server: Running) -> None:
    """The line says what was spent today; its colours are those that are asked for."""
    plain = await server.ask("GET", "/v1/status?format=line")
    assert plain.body.decode() == "tars ● echo ready · $1.23 today · 45k tok\n"
    tmux = await server.ask("GET", "/v1/status?format=line&style=tmux&ascii=1")
    assert tmux.body == b"tars #[fg=green]*#[default] echo ready | $1.23 today | 45k tok\n"


async def test_costs_are_what_the_daemon_says(server: Running) -> None:
    """JSON unless something else is asked for; what says how a table looks is no part of it."""
    told = await server.ask("GET", "/v1/costs?report=daily&range=7d")
    assert (told.status, told.json["unpricedModels"]) == (200, ["mystery-1"])
    assert told.headers["content-type"] == "application/json"
    table = await server.ask("GET", "/v1/costs?format=table&width=90&unicode=0")
    assert table.headers["content-type"].startswith("text/plain")
    assert server.backend.spending.asked == [
        ({"report": "daily", "range": "7d", "format": "json"}, Face()),
        ({"format": "table"}, Face(width=90, unicode=False)),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/status?format=line&style=blink",
        "/v1/costs?report=daily&colour=1",
        "/v1/costs?width=2000",
        "/v1/status?format=xml",
        "/v1/status?format=text&color=yes",
        "/v1/status?format=text&width=9999999999",
        "/v1/logs?lines=-1",
        "/v1/logs?lines=many",
        "/v1/logs?lines=%C2%B2",
        "/v1/logs?follow=2",
    ],
)
async def test_bad_queries_are_refused(server: Running, path: str) -> None:
    """A value that makes no sense is a 400, never a default."""
    answer = await server.ask("GET", path)
    assert (answer.status, answer.code) == (400, "request_invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"text": 1}',
        b'{"text": "\\ud800"}',
        b'{"text": " \\n"}',
        b'{"text": "x", "timeoutSeconds": 0}',
        b'{"text": "x", "timeoutSeconds": 1e999}',
        b'{"text": ' + b"[" * 100_000,
        b'{"text": "x"} {}',
    ],
)
async def test_bad_bodies_are_refused(server: Running, body: bytes) -> None:
    """A body that makes no sense is a 400, reaches no agent, and costs nobody else."""
    answer = await server.ask("POST", "/v1/prompt", body)
    assert (answer.status, answer.code) == (400, "request_invalid")
    assert server.backend.turns == 0
    assert (await server.ask("GET", "/v1/status")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/status/", 404, "not_found"),
        ("GET", "/v1/agents/%2e%2e/start", 405, "method_not_allowed"),
        ("DELETE", "/v1/status", 405, "method_not_allowed"),
        ("POST", "/v1/agents/nobody/start", 404, "agent_not_found"),
        ("GET", "/v1/logs?agent=../../etc/passwd", 404, "agent_not_found"),
    ],
)
async def test_what_is_not_there(
    server: Running, method: str, path: str, status: int, code: str
) -> None:
    """Paths, methods and agents that do not exist are told apart."""
    answer = await server.ask(method, path)
    assert (answer.status, answer.code) == (status, code)


async def test_head_does_not_follow_streams(server: Running) -> None:
    """HEAD is refused: it would follow events for ever without showing any."""
    async with server.client() as client:
        await client.send_request("HEAD", "/v1/events")
        assert (await client.head())[0] == 405


async def test_errors_of_the_daemon_are_answered(server: Running) -> None:
    """A refusal keeps its word, before a stream has begun."""
    server.backend.broken = Busy("A turn is under way.")
    refused = await server.ask("POST", "/v1/prompt", {"text": "hello"})
    server.backend.broken = StoreError("The disk is full.")
    failed = await server.ask("POST", "/v1/prompt", {"text": "hello"})
    assert (refused.status, refused.code) == (409, "busy")
    assert (failed.status, failed.code) == (507, "store_error")


@pytest.mark.parametrize("path", ["/v1/reload", "/v1/cancel"])
async def test_a_bug_is_not_told_to_clients(server: Running, path: str) -> None:
    """A bug is a 500 without its text, and the next request is served."""
    server.backend.broken = ZeroDivisionError("secret")
    answer = await server.ask("POST", path)
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert (await server.ask("POST", path)).status == 200


async def test_a_bug_in_the_status_costs_one_answer(server: Running) -> None:
    """The hot path, too, survives a bug, and does not show it."""
    server.backend.broken = ZeroDivisionError("secret")
    answer = await server.ask("GET", "/v1/status")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.body
    assert (await server.ask("GET", "/v1/status")).status == 200


async def test_logs_are_shown_from_their_end(server: Running) -> None:
    """The daemon's log or an agent's, the last lines only."""
    (server.backend.logs / "tars.log").write_text("a\nb\nc\n")
    (server.backend.logs / "gemini.log").write_text("oops\n")

    def lines(answer: Answer) -> list[str]:
        return [event["line"] for name, event in answer.events if name == "line"]

    assert lines(await server.ask("GET", "/v1/logs?lines=2")) == ["b", "c"]
    assert lines(await server.ask("GET", "/v1/logs?agent=gemini")) == ["oops"]
    assert lines(await server.ask("GET", "/v1/logs?agent=echo")) == []


async def test_logs_are_followed_through_rotation(server: Running) -> None:
    """New lines come, also from the file that takes the place of the old one."""
    path = server.backend.logs / "tars.log"
    path.write_text("a\n")
    async with server.client() as client:
        await client.send_request("GET", "/v1/logs?follow=1")
        await client.head()
        events = client.events()
        assert await anext(events) == ("line", {"line": "a"})
        os.rename(path, path.with_suffix(".1"))
        path.write_text("b\n")
        assert await anext(events) == ("line", {"line": "b"})


async def test_sessions_are_asked_for(server: Running) -> None:
    """A query goes on as it came, a reference may hold anything, a refusal has its own word."""
    answer = await server.ask("GET", "/v1/sessions?agent=echo&since=7d&sort=cost")
    assert [session["name"] for session in answer.json["sessions"]] == ["implement-login"]
    (query,) = server.backend.remembering.asked
    assert dict(query) == {"agent": "echo", "since": "7d", "sort": "cost"}
    assert (await server.ask("GET", "/v1/sessions/a%20b%F0%9F%8E%89")).status == 200
    for reference, status, code in (
        ("nobody", 404, "session_not_found"),
        ("twice", 409, "session_ambiguous"),
    ):
        answer = await server.ask("GET", f"/v1/sessions/{reference}")
        assert (answer.status, answer.code) == (status, code)
    answer = await server.ask("GET", "/v1/sessions/last/messages?after=400&limit=50")
    assert answer.json["after"] == 450
    assert (await server.ask("GET", "/v1/sessions/last/messages?limit=0")).status == 400
    answer = await server.ask("POST", "/v1/sessions/last/rename", {"name": None})
    assert answer.json["name"] is None


async def test_the_documented_commands_work(server: Running) -> None:
    """Each curl command of the reference page succeeds as it is written there."""
    commands = [line for line in INTRODUCTION.splitlines() if line.startswith("curl ")]
    assert len(commands) >= 5
    if not any(os.access(f"{p}/curl", os.X_OK) for p in os.environ["PATH"].split(":")):
        pytest.skip("curl is not installed")
    for command in commands:
        here = command.replace("~/.tars/run/tars.sock", str(server.socket))
        done = await anyio.run_process(["sh", "-c", f"{here} --fail --silent --show-error"])
        assert done.stderr == b""
        assert done.stdout or "logs" in command
