"""The page as an application: its guard, its files, and the routes behind them."""

import json
from collections.abc import Callable

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tars.web.admission import TICKET_SECONDS, Admission
from tars.web.answers import GUARDING
from tars.web.app import Page
from tars.web.files import FOLDER
from tests.support.asgi import Answered, ask

pytestmark = pytest.mark.anyio

PORT = 8277
HOST = f"127.0.0.1:{PORT}"
NOW = 1_800_000_000.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Visit:
    """One browser at a page; `asked` is what came through to the routes."""

    def __init__(self) -> None:
        self.admission = Admission()
        self.asked: list[tuple[str, str]] = []
        self.let_in = 0
        self.now = NOW
        self.cookie = ""
        self.app: ASGIApp = Page(
            self._routes,
            self.admission,
            PORT,
            let_in=self._note,
            on_screen=lambda agent: agent == "vim",
            clock=lambda: self.now,
        )

    async def _routes(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append((scope["method"], scope["path"]))
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"max-age=9")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _note(self) -> None:
        self.let_in += 1

    async def land(self, ticket: str | None = None, **headers: str) -> Answered:
        """Bring a ticket, and keep the cookie that it is good for."""
        ticket = self.admission.ticket(self.now) if ticket is None else ticket
        answer = await ask(self.app, "GET", f"/?token={ticket}", {"host": HOST, **headers})
        self.cookie = answer.headers.get("set-cookie", self.cookie).partition(";")[0]
        return answer

    async def get(self, target: str, **headers: str) -> Answered:
        given = {"host": HOST, "cookie": self.cookie, **headers}
        return await ask(self.app, "GET", target, given)

    async def post(self, target: str, **headers: str) -> Answered:
        given = {
            "host": HOST,
            "cookie": self.cookie,
            "origin": f"http://{HOST}",
            "content-type": "application/json",
            **headers,
        }
        return await ask(self.app, "POST", target, given, b"{}")


@pytest.fixture
async def visit() -> Visit:
    """A browser that was let in."""
    visit = Visit()
    await visit.land()
    return visit


async def test_a_ticket_becomes_a_cookie_and_leaves_the_address() -> None:
    """The browser is sent on to an address without it; the page opens there, and is remembered."""
    visit = Visit()
    answer = await visit.land()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert (await visit.get("/")).status == 200
    assert visit.let_in == 1


async def test_a_ticket_that_is_no_good_lets_nobody_in() -> None:
    """Used, old or made up: the address loses it, and the next answer says what to do."""
    visit = Visit()
    used, old = visit.admission.ticket(NOW), visit.admission.ticket(NOW)
    await visit.land(used)
    visit.cookie = ""
    visit.now += TICKET_SECONDS
    for ticket in (used, old, "made-up"):
        answer = await visit.land(ticket)
        assert answer.status == 303
        assert "set-cookie" not in answer.headers
    refused = await visit.get("/")
    assert refused.status == 403
    assert b"<code>tars web</code>" in refused.body
    assert visit.let_in == 1


async def test_from_another_page_one_goes_on_by_oneself() -> None:
    """A redirect from there would come without the new cookie, which is for this site alone."""
    answer = await Visit().land(**{"sec-fetch-site": "cross-site"})
    assert answer.status == 200
    assert b'http-equiv="refresh" content="0; url=/"' in answer.body
    assert "set-cookie" in answer.headers


async def test_every_answer_is_guarded(visit: Visit) -> None:
    """Pages, files, data, refusals: what a browser must not do is said each time."""
    answers = [
        await visit.land(),
        await visit.land("bad"),
        await visit.get("/"),
        await visit.get("/main.js"),
        await visit.get("/v1/status"),
        await visit.get("/nothing"),
        await visit.get("/", cookie=""),
        await visit.get("/v1/status", host="evil.example"),
        await visit.post("/v1/prompt", origin="http://evil.example"),
    ]
    for answer in answers:
        for name, value in GUARDING:
            assert answer.headers[name.decode()] == value.decode()
    policy = answers[0].headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_data_is_not_kept_and_files_are_asked_after(visit: Visit) -> None:
    """No prompt stays in a browser's cache; a file does until there is another one."""
    assert (await visit.get("/v1/status")).headers["cache-control"] == "no-store"
    first = await visit.get("/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await visit.get("/main.js", **{"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_what_is_allowed_is_asked_and_the_rest_is_not_there(visit: Visit) -> None:
    """Nothing that is refused reaches the routes."""
    assert (await visit.get("/v1/status")).status == 200
    assert (await visit.post("/v1/prompt")).status == 200
    for answer in (
        await visit.post("/v1/shutdown"),
        await visit.post("/v1/web"),
        await visit.get("/v1/logs"),
        await visit.get("/v1/agents/vim/attach"),
        await visit.post("/v1/agents/claude/keys"),
    ):
        assert answer.status == 404
        assert json.loads(answer.body)["error"]["code"] == "not_found"
    await visit.get("/v1/agents/claude/attach")
    assert visit.asked == [
        ("GET", "/v1/status"),
        ("POST", "/v1/prompt"),
        ("GET", "/v1/agents/claude/attach"),
    ]


async def test_who_was_forgotten_gets_nothing(visit: Visit) -> None:
    """Neither files nor data."""
    visit.admission.forget()
    answers = [await visit.get(target) for target in ("/", "/main.js", "/v1/status")]
    assert [answer.status for answer in answers] == [403, 403, 403]
    assert visit.asked == []


async def test_no_file_but_those_of_the_page_is_given(visit: Visit) -> None:
    """No path leads out of its folder."""
    for path in ("/../app.py", "/static/main.js", "/uplot", "//main.js", "/main.js/", "/%2e%2e/x"):
        assert (await visit.get(path)).status == 404


async def test_every_file_has_its_type(visit: Visit) -> None:
    """Browsers are told not to guess."""
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    kinds |= {".html": "text/html", ".txt": "text/plain"}
    for file in FOLDER.rglob("*.*"):
        answer = await visit.get(f"/{file.relative_to(FOLDER).as_posix()}")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kinds[file.suffix])


@pytest.mark.parametrize(
    "asks",
    [
        lambda visit: visit.post("/v1/prompt", cookie=""),
        lambda visit: visit.post("/v1/prompt", origin="null"),
        lambda visit: ask(visit.app, "GET", "/", {"host": HOST}),
        lambda visit: visit.land("made up"),
    ],
)
async def test_who_is_refused_is_hung_up_on(visit: Visit, asks: Callable[[Visit], object]) -> None:
    """A body that is not read would be taken for a request, and answers that nobody reads would
    keep the page's connections from who may see it."""
    answer = await asks(visit)  # type: ignore[misc]
    assert answer.headers["connection"] == "close"
