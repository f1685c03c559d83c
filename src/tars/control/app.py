"""The control channel as an ASGI application: one handler for every route of the contract.

A handler takes a `Call` and gives a message, or a response of its own. Requests are
read whole and bounded before they are understood; errors are answered in one place.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import cast, get_args

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from tars.control import attach, page, sessions, spending
from tars.control import contract as c
from tars.control.attach_contract import MOST_COLUMNS, MOST_ROWS, KeysRequest, ViewRequest
from tars.control.backend import AgentAction, Backend
from tars.control.call import Call
from tars.control.error_answers import answer_to, http_answer
from tars.control.event_stream import (
    HEARTBEAT,
    HEARTBEAT_SECONDS,
    EventStream,
    Write,
    encode,
    relay,
    relay_until,
)
from tars.control.feed import Frame
from tars.control.log_file import LogFile
from tars.control.permission_contract import ForgetRequest, PermitRequest
from tars.control.routes import ROUTES, Route
from tars.control.status_text import render
from tars.errors import RequestInvalid, TarsError

#: How long the body of a request may take to arrive.
BODY_SECONDS = 30.0
MAX_LOG_LINES = 10_000
#: How long a person waits for what today cost, where that has changed.
TODAY_SECONDS = 0.25
#: How often a followed log is looked at. Nothing is looked at when nobody follows.
LOG_POLL_SECONDS = 0.25

Handler = Callable[[Backend, Call], Awaitable[c.Wire | Response]]


def build(backend: Backend, *, body_seconds: float = BODY_SECONDS) -> ASGIApp:
    """Make the application that serves the contract from a backend."""
    routes = [_starlette_route(backend, route, body_seconds) for route in ROUTES]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_StatusFirst, backend=backend)],
        exception_handlers={
            TarsError: _tars_error,
            HTTPException: _http_error,
            ClientDisconnect: _nobody,
            Exception: _bug,
        },
    )
    app.router.redirect_slashes = False
    return app


class _StatusFirst:
    """Answers the one hot request without routing, which is half of the work of a request."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app = app
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/status" and scope["method"] == "GET" and not scope["query_string"]:
            self._backend.spending.want_today()
            body = msgspec.json.encode(self._backend.status())
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await self._app(scope, receive, send)


def _starlette_route(backend: Backend, route: Route, body_seconds: float) -> StarletteRoute:
    handler = HANDLERS[route.method, route.path]

    async def endpoint(request: Request) -> Response:
        call = await _read_call(request, route, body_seconds)
        answer = await handler(backend, call)
        return answer if isinstance(answer, Response) else _json(answer)

    made = StarletteRoute(route.path, endpoint, methods=[route.method])
    made.methods = {route.method}  # HEAD would follow a stream for ever
    return made


# --- reading requests -------------------------------------------------------


async def _read_call(request: Request, route: Route, body_seconds: float) -> Call:
    with anyio.move_on_after(body_seconds) as patience:
        body = await _read_body(request)
    if patience.cancelled_caught:
        raise HTTPException(408, f"The body did not arrive within {body_seconds:g} s.")
    known = {name for name, _ in route.query}
    for name in request.query_params:
        if name not in known:
            raise RequestInvalid(f"There is no query parameter {name!r} here.")
    if route.request is None and body.strip() not in (b"", b"{}"):
        raise RequestInvalid(f"{route.method} {route.path} takes no body.")
    peer = request.scope.get("state", {}).get("peer_pid")
    return Call(request.path_params, request.query_params, body, peer)


async def _read_body(request: Request) -> bytes:
    """Read the body, and no more of it than is allowed."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > c.MAX_BODY:
        raise _too_large()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > c.MAX_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> HTTPException:
    message = f"A body may hold {c.MAX_BODY} bytes."
    # What remains of the body is not read, so the connection is of no more use.
    return HTTPException(413, message, headers={"connection": "close"})


# --- answering --------------------------------------------------------------


def _json(message: c.Wire, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(message), status, headers=headers, media_type="application/json"
    )


async def _tars_error(_request: Request, error: Exception) -> Response:
    status, body = answer_to(cast("TarsError", error))
    return _json(body, status)


async def _http_error(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    message = error.detail
    if error.status_code in (404, 405):
        message = f"There is no {request.method} {request.url.path}."
    return _json(http_answer(error.status_code, message), error.status_code, error.headers)


async def _nobody(_request: Request, _error: Exception) -> Response:
    """The client left in the middle of its request: nobody reads this."""
    return Response(status_code=400)


async def _bug(_request: Request, _error: Exception) -> Response:
    """Starlette raises the error again afterwards, so that the server logs it."""
    message = "The daemon failed to answer; this is a fault of tars."
    return _json(http_answer(500, message, advice="`tars logs` shows what happened."), 500)


# --- handlers ---------------------------------------------------------------


async def _status(backend: Backend, call: Call) -> c.Wire | Response:
    form = call.query.get("format", "json")
    color = call.flag("color")
    width = call.count("width", 80, least=20, most=1000)
    if form == "json":
        backend.spending.want_today()
        return backend.status()
    if form == "line":
        return await spending.in_line(backend, call)
    if form != "text":
        raise RequestInvalid(f"`format` is json, text or line, not {form!r}.")
    if backend.spending.want_today():
        await backend.spending.today(TODAY_SECONDS)
    found = backend.status()
    text = render(found, color=color, width=width, ascii=call.flag("ascii"))
    return Response(text, media_type="text/plain")


async def _agents(backend: Backend, _call: Call) -> c.Wire:
    return backend.agents()


async def _prompt(backend: Backend, call: Call) -> c.Wire | Response:
    request = call.read(c.PromptRequest)
    if not request.text.strip():
        raise RequestInvalid("The prompt is empty.")
    seconds = request.timeout_seconds
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise RequestInvalid("`timeoutSeconds` is more than 0.")
    accepted, subscription = await backend.submit(request)
    if not request.wait:
        subscription.close()
        return _json(accepted, 202)

    async def answer(write: Write, _stopping: anyio.Event) -> None:
        # A turn comes to its end when the daemon stops, so there is no need to watch for it.
        with subscription:
            await write(encode([Frame.of("accepted", accepted)]))
            await relay(subscription, write)

    return EventStream(answer)


async def _cancel(backend: Backend, call: Call) -> c.Wire:
    return await backend.cancel(call.read(c.CancelRequest))


async def _queue(backend: Backend, call: Call) -> c.Wire:
    return backend.queue(call.query.get("agent"))


async def _reset(backend: Backend, call: Call) -> c.Wire:
    return await backend.reset(call.read(c.ResetRequest))


async def _permit(backend: Backend, call: Call) -> c.Wire:
    answer = call.read(PermitRequest)
    if answer.deny and answer.option is not None:
        raise RequestInvalid("`deny` and `option` exclude each other.")
    return await backend.permit(call.path["id"], answer, _who(answer.face, call.peer))


def _who(face: str, peer: int | None) -> str:
    """Name a person by the face and the process: that is all there is to know."""
    if face and not (len(face) <= 32 and face.isascii() and face.replace("-", "").isalnum()):
        raise RequestInvalid("`face` is one word of up to 32 letters and digits.")
    return " ".join(filter(None, (face or "client", f"pid {peer}" if peer else "")))


async def _budgets(backend: Backend, call: Call) -> c.Wire:  # noqa: ARG001
    return await backend.budgets()


async def _permissions(backend: Backend, call: Call) -> c.Wire:
    return backend.permissions(call.query.get("agent"))


async def _forget(backend: Backend, call: Call) -> c.Wire:
    return await backend.forget(call.read(ForgetRequest))


async def _change_agent(action: AgentAction, backend: Backend, call: Call) -> c.Wire:
    return await backend.change_agent(call.path["name"], action)


async def _change_agents(backend: Backend, call: Call) -> c.Wire:
    request = call.read(c.ChangeRequest)
    if request.action not in get_args(AgentAction):
        raise RequestInvalid(f"`action` is start, stop or restart, not {request.action!r}.")
    if not request.names:
        raise RequestInvalid("`names` is empty.")
    return await backend.change_agents(request)


async def _settings(backend: Backend, call: Call) -> c.Wire:
    request = call.read(c.SettingsRequest)
    if request.model is None and request.mode is None:
        raise RequestInvalid("Neither `model` nor `mode` is named.")
    return await backend.change_settings(call.path["name"], request)


async def _chosen(backend: Backend, call: Call) -> c.Wire:
    return backend.settings(call.path["name"])


async def _attach(backend: Backend, call: Call) -> Response:
    rows = call.count("rows", 24, least=1, most=MOST_ROWS)
    columns = call.count("columns", 80, least=1, most=MOST_COLUMNS)
    keyboard = call.flag("keyboard")
    desk = backend.attaching
    return attach.stream(desk.attach(call.path["name"], rows, columns, keyboard=keyboard))


async def _keys(backend: Backend, call: Call) -> c.Wire:
    return backend.attaching.type_keys(call.path["name"], call.read(KeysRequest))


async def _view(backend: Backend, call: Call) -> c.Wire:
    request = attach.checked(call.read(ViewRequest))
    return backend.attaching.change_view(call.path["name"], request)


async def _reload(backend: Backend, _call: Call) -> c.Wire:
    return await backend.reload()


async def _shutdown(backend: Backend, _call: Call) -> c.Wire:
    return await backend.shutdown()


async def _events(backend: Backend, call: Call) -> Response:
    agent = call.query.get("agent")

    async def answer(write: Write, stopping: anyio.Event) -> None:
        with backend.feed.follow_events(agent) as subscription:
            # The client knows by this that it misses nothing from here on.
            await write(HEARTBEAT)
            await relay_until(subscription, write, stopping)

    return EventStream(answer)


async def _logs(backend: Backend, call: Call) -> Response:
    path = backend.log_path(call.query.get("agent"))
    count = call.count("lines", 100, least=0, most=MAX_LOG_LINES)
    follow = call.flag("follow")

    async def answer(write: Write, stopping: anyio.Event) -> None:
        with LogFile(path) as log:
            await write(_log_lines(log.tail(count, whole=follow)))
            if follow:
                await _follow(log, write, stopping)

    return EventStream(answer)


async def _follow(log: LogFile, write: Write, stopping: anyio.Event) -> None:
    silent = 0.0
    while not stopping.is_set():
        lines = log.more()
        if lines or silent >= HEARTBEAT_SECONDS:
            await write(_log_lines(lines) or HEARTBEAT)
            silent = 0.0
        else:
            with anyio.move_on_after(LOG_POLL_SECONDS):
                await stopping.wait()
            silent += LOG_POLL_SECONDS


def _log_lines(lines: list[str]) -> bytes:
    return encode(Frame.of("line", c.LogLine(line=line)) for line in lines)


HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/v1/status"): _status,
    ("GET", "/v1/agents"): _agents,
    ("POST", "/v1/prompt"): _prompt,
    ("POST", "/v1/cancel"): _cancel,
    ("GET", "/v1/queue"): _queue,
    ("POST", "/v1/reset"): _reset,
    ("POST", "/v1/permit/{id}"): _permit,
    ("GET", "/v1/permissions"): _permissions,
    ("POST", "/v1/permissions/forget"): _forget,
    ("POST", "/v1/agents/{name}/start"): partial(_change_agent, "start"),
    ("POST", "/v1/agents/{name}/stop"): partial(_change_agent, "stop"),
    ("POST", "/v1/agents/{name}/restart"): partial(_change_agent, "restart"),
    ("POST", "/v1/agents/{name}/settings"): _settings,
    ("GET", "/v1/agents/{name}/settings"): _chosen,
    ("GET", "/v1/agents/{name}/attach"): _attach,
    ("POST", "/v1/agents/{name}/keys"): _keys,
    ("POST", "/v1/agents/{name}/view"): _view,
    ("POST", "/v1/change"): _change_agents,
    ("GET", "/v1/sessions"): sessions.listed,
    ("GET", "/v1/sessions/{ref}"): sessions.one,
    ("GET", "/v1/sessions/{ref}/summary"): sessions.summary,
    ("GET", "/v1/sessions/{ref}/messages"): sessions.messages,
    ("POST", "/v1/sessions/{ref}/rename"): sessions.renamed,
    ("POST", "/v1/sessions/{ref}/archive"): sessions.archived,
    ("POST", "/v1/sessions/{ref}/unarchive"): sessions.unarchived,
    ("GET", "/v1/search"): sessions.searched,
    ("GET", "/v1/stats"): sessions.counted,
    ("GET", "/v1/budgets"): _budgets,
    ("GET", "/v1/costs"): spending.reported,
    ("GET", "/v1/history"): spending.sources,
    ("POST", "/v1/reload"): _reload,
    ("GET", "/v1/events"): _events,
    ("GET", "/v1/logs"): _logs,
    ("POST", "/v1/web"): page.opened,
    ("POST", "/v1/web/close"): page.closed,
    ("POST", "/v1/shutdown"): _shutdown,
}
