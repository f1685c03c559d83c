"""The page as an ASGI application: the guard before its files, and before some of the routes of
the control channel."""

import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tars.web.admission import VISITOR_SECONDS, Admission
from tars.web.allowed import attached_agent, is_allowed
from tars.web.answers import GUARDING, HTML, NOT_KEPT, Headers, entrance, refusal
from tars.web.files import File, Files
from tars.web.guard import Head, Landing, Refused, Welcome, judge, set_cookie

#: Whoever is not let in has no use of a connection, and takes none from those who are; nor is the
#: body read of what is refused.
_LAST = (b"connection", b"close")
_NOT_THERE = Refused(404, "not_found", "There is no such thing here.")


class Page:
    """Serves one browser page at `port`. `routes` is the control channel's application.

    `let_in` is called once a browser was let in, so that it is remembered; `on_screen` says
    whether an agent has a screen, which its viewers share and a page must not shrink.
    """

    def __init__(
        self,
        routes: ASGIApp,
        admission: Admission,
        port: int,
        *,
        let_in: Callable[[], Awaitable[None]],
        on_screen: Callable[[str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._routes = routes
        self._admission = admission
        self._port = port
        self._let_in = let_in
        self._on_screen = on_screen
        self._clock = clock
        self._files = Files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = _head(scope)
        now = self._clock()
        match judge(head, port=self._port, knows=lambda c: self._admission.knows(c, now)):
            case Refused() as refused:
                await _refuse(send, head, refused)
            case Landing() as landing:
                await self._land(send, landing, now)
            case Welcome():
                await self._answer(head, scope, receive, send)

    async def _land(self, send: Send, landing: Landing, now: float) -> None:
        """Take the ticket out of the address bar, whether it was good or not."""
        cookie = self._admission.redeem(landing.ticket, now)
        headers: Headers = [_LAST]
        if cookie is not None:
            await self._let_in()
            kept = set_cookie(self._port, cookie, VISITOR_SECONDS)
            headers.append((b"set-cookie", kept.encode()))
        if landing.foreign:
            await _send(send, 200, entrance(), [(b"content-type", HTML), *headers, *NOT_KEPT])
        else:
            await _send(send, 303, b"", [(b"location", b"/"), *headers, *NOT_KEPT])

    async def _answer(self, head: Head, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._files.get(head.path) if head.method == "GET" else None
        if file is not None:
            await _send_file(send, head, file)
        elif self._may_ask(head):
            await self._routes(scope, receive, _guarded(send))
        else:
            await _refuse(send, head, _NOT_THERE)

    def _may_ask(self, head: Head) -> bool:
        agent = attached_agent(head.path)
        watches = agent is not None and self._on_screen(agent)
        return is_allowed(head.method, head.path) and not watches


def _head(scope: Scope) -> Head:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    query = scope["query_string"].decode("latin-1")
    return Head(scope["method"], scope["path"], query, headers)


def _guarded(send: Send) -> Send:
    """Add to an answer of the control channel what every answer to a browser has."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [pair for pair in message.get("headers", ()) if pair[0] != b"cache-control"]
            message = {**message, "headers": [*own, *GUARDING, *NOT_KEPT]}
        await send(message)

    return guarded


async def _send_file(send: Send, head: Head, file: File) -> None:
    kind, tag = (b"content-type", file.media_type.encode()), (b"etag", file.tag.encode())
    # It is kept, and asked after each time: a new version of tars is a new page at once.
    always = [kind, tag, (b"cache-control", b"no-cache")]
    if head.one("if-none-match") == file.tag:
        await _send(send, 304, b"", always)
    else:
        await _send(send, 200, file.body, always)


async def _refuse(send: Send, head: Head, refused: Refused) -> None:
    as_page = head.method == "GET" and not head.path.startswith("/v1/")
    kind, body = refusal(refused, as_page=as_page)
    headers = [(b"content-type", kind), *NOT_KEPT, _LAST]
    await _send(send, refused.status, b"" if head.method == "HEAD" else body, headers)


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = [] if status == 304 else [(b"content-length", b"%d" % len(body))]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, *length, *GUARDING],
        }
    )
    await send({"type": "http.response.body", "body": body})
