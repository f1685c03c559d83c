"""The page's part in a daemon: opened, closed, remembered for the next one, never in the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskGroup
from starlette.types import Receive, Scope, Send

from tars.config_web import WebConfig
from tars.daemon.web import WebPage
from tars.errors import Refused
from tars.home import Home
from tars.web.listening import listen
from tests.daemon.running import running

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # the server is uvicorn's


async def routes(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for the control channel."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"routes"})


@dataclass
class Life:
    """One daemon's page. `config` is what is in force."""

    page: WebPage
    tasks: TaskGroup
    config: list[WebConfig] = field(default_factory=list)

    def begin(self) -> None:
        self.page.begin(routes, self.tasks)


@asynccontextmanager
async def life(home: Home, config: WebConfig | None = None) -> AsyncIterator[Life]:
    """Run the inside of a daemon with its page, which has not begun yet."""
    async with running(home) as (recorder, loop, _, _), anyio.create_task_group() as tasks:
        held = [config or WebConfig()]
        page = WebPage(home, loop, recorder, lambda: held[-1])
        yield Life(page, tasks, held)
        page.end()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


async def ask(port: int, target: str, cookie: str = "") -> tuple[int, str]:
    """Send one request as a browser would; give its status and the cookie that came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n"
    writer.write(f"{head}connection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    given = answer.partition("set-cookie: ")[2].partition(";")[0]
    return int(answer.split(" ", 2)[1]), given


async def let_in(life: Life) -> tuple[int, str]:
    """Open the page and bring its ticket; give its port and the cookie."""
    opened = await life.page.open(0)
    _, cookie = await ask(opened.port, opened.url.partition(str(opened.port))[2])
    assert cookie
    return opened.port, cookie


async def test_nothing_is_served_unless_it_is_asked_for(home: Home) -> None:
    """A daemon that was never asked has no page, and keeps no file of one."""
    async with life(home) as here:
        here.begin()
        assert not (await here.page.close()).was_open
        assert not home.visits.exists()


async def test_who_was_let_in_comes_back_to_the_next_daemon(home: Home) -> None:
    """At the same port, with the same cookie; what is kept of it on the disk is no cookie."""
    async with life(home) as here:
        here.begin()
        port, cookie = await let_in(here)
        assert (await ask(port, "/v1/status", cookie))[0] == 200
    kept = home.visits.read_text()
    assert cookie.partition("=")[2] not in kept
    assert home.visits.stat().st_mode & 0o777 == 0o600
    async with life(home) as there:
        there.begin()
        assert (await ask(port, "/v1/status", cookie))[0] == 200


async def test_closing_forgets_everybody(home: Home) -> None:
    """Here and for the next daemon; the address that was printed is worth nothing, too."""
    async with life(home) as here:
        here.begin()
        port, cookie = await let_in(here)
        unused = await here.page.open(None)
        home.entrance.write_text(unused.url)
        assert (await here.page.close()).was_open
        with pytest.raises(ConnectionRefusedError):
            await ask(port, "/", cookie)
        assert not home.visits.exists()
        assert not home.entrance.exists()
        again = await here.page.open(port)
        assert (await ask(again.port, "/v1/status", cookie))[0] == 403
        assert (await ask(port, unused.url.partition(str(port))[2]))[1] == ""


async def test_asking_again_lets_one_more_in(home: Home) -> None:
    """At the same port; another port moves the page, and those who know the old one are out."""
    async with life(home) as here:
        here.begin()
        port, cookie = await let_in(here)
        more = await here.page.open(None)
        assert (more.port, more.expires_in_seconds) == (port, 600)
        free = listen(0)
        other = free.port
        free.close()
        moved = await here.page.open(other)
        assert moved.port == other
        with pytest.raises(ConnectionRefusedError):
            await ask(port, "/")
        assert (await ask(other, "/v1/status", cookie))[0] == 403


async def test_a_taken_port_is_told_and_hinders_nothing(home: Home) -> None:
    """Who asks is refused. A daemon that should serve it starts all the same, and says why not;
    with a port that is free, a reload mends it."""
    taken, free = listen(0), listen(0)
    config = WebConfig(enabled=True, port=taken.port)
    async with life(home, config) as here:
        here.begin()
        assert f"Port {taken.port} is taken" in str(here.page.problem)
        with pytest.raises(Refused):
            await here.page.open(None)
        free.close()
        here.config.append(WebConfig(enabled=True, port=free.port))
        await here.page.reloaded()
        assert here.page.problem is None
        assert (await ask(free.port, "/"))[0] == 403
    taken.close()


async def test_visits_that_are_over_open_nothing(home: Home) -> None:
    """The page is served again for those who may come; where nobody may, it is not."""
    home.visits.write_text('{"port": 8277, "visitors": [{"digest": "ab", "until": 1.0}]}')
    async with life(home) as here:
        here.begin()
        assert not (await here.page.close()).was_open
