"""The page in the browser: opened and closed, remembered for the next daemon, and served."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from tars.config_web import WebConfig
from tars.control.web_contract import WebClosed, WebOpened
from tars.errors import Refused, StoreError, TarsError
from tars.home import Home
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tars.web.admission import Admission, Visitor
    from tars.web.listening import Listening


@dataclass(slots=True)
class _Open:
    """The page as it is served now. `ended` is set when nothing of it is."""

    listening: "Listening"
    admission: "Admission"
    stop: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)


class WebPage:
    """The control channel's `PageKeeping`. `problem` says why it is not served, though it should
    be. What it needs is imported when the page is opened: most daemons never do."""

    def __init__(
        self, home: Home, loop: Loop, recorder: Recorder, config: Callable[[], WebConfig]
    ) -> None:
        self._home = home
        self._loop = loop
        self._recorder = recorder
        self._config = config
        self._open: _Open | None = None
        self._changing = anyio.Lock()
        self._tasks: TaskGroup | None = None
        self._routes: ASGIApp | None = None
        self.problem: str | None = None

    def begin(self, routes: "ASGIApp", tasks: TaskGroup) -> None:
        """Serve it again where it was open to somebody, and where the configuration wants it."""
        self._routes, self._tasks = routes, tasks
        if self._home.visits.exists() or self._config().enabled:
            self._resume()

    async def open(self, port: int | None) -> WebOpened:
        async with self._changing:
            served = self._open
            if served is not None and port not in (None, 0, served.listening.port):
                await self._close()
                served = None
            if served is None:
                served = self._serve(self._config().port if port is None else port, ())
            return _invitation(served)

    async def close(self) -> WebClosed:
        async with self._changing:
            was_open = self._open is not None
            if self._open is not None:
                self._open.admission.forget()
            await self._close()
            self.problem = None
            await self._recorder.ask_file(self._forget)
            return WebClosed(was_open=was_open)

    async def reloaded(self) -> None:
        """Serve it from now on where another configuration wants it."""
        async with self._changing:
            self.problem = None
            if self._open is None and self._config().enabled:
                self._resume()

    def end(self) -> None:
        """The daemon stops; who was let in may come back to the next one."""
        if self._open is not None:
            self._open.stop.set()

    def _resume(self) -> None:
        """Open it for those who were let in before; what hinders that hinders nothing else."""
        from tars.web import visits

        config = self._config()
        known = visits.load(self._home.visits)
        # A port in the configuration wins: who changed it means it.
        port = config.port if config.enabled or known is None else known[0]
        visitors = [v for v in known[1] if v.until > time.time()] if known else []
        if not (visitors or config.enabled):
            return
        try:
            self._serve(port, visitors)
        except (TarsError, OSError) as error:
            advice = getattr(error, "advice", "")
            self.problem = f"The page is not served: {error} {advice}".strip()
            log.warning("page_not_served", port=port, reason=str(error))

    def _serve(self, port: int, visitors: "tuple[Visitor, ...] | list[Visitor]") -> _Open:
        """Raises Refused and UserError."""
        from tars.control.server import serve_loopback
        from tars.web.admission import Admission
        from tars.web.app import Page
        from tars.web.listening import listen

        if self._tasks is None or self._routes is None:
            raise Refused("The daemon is still starting.", advice="Try again in a moment.")
        served = _Open(listen(port), Admission(visitors))
        page = Page(
            self._routes,
            served.admission,
            served.listening.port,
            let_in=partial(self._remember, served),
            on_screen=self._on_screen,
        )
        run = partial(serve_loopback, page, served.listening.sockets, stop=served.stop)
        self._tasks.start_soon(_until_ended, run, served.ended)
        self._open, self.problem = served, None
        log.info("page_opened", port=served.listening.port)
        return served

    async def _close(self) -> None:
        served, self._open = self._open, None
        if served is not None:
            served.stop.set()
            await served.ended.wait()
            log.info("page_closed", port=served.listening.port)

    async def _remember(self, served: _Open) -> None:
        """Keep who was let in; where the disk does not take it, they are let in until the end."""
        from tars.web import visits

        visitors = served.admission.visitors(time.time())
        save = partial(visits.save, self._home.visits, served.listening.port, visitors)
        try:
            await self._recorder.ask_file(save)
        except StoreError as error:
            log.warning("visitors_not_kept", reason=str(error))

    def _forget(self) -> None:
        for path in (self._home.visits, self._home.entrance):
            path.unlink(missing_ok=True)

    def _on_screen(self, agent: str) -> bool:
        driver = self._loop.drivers.get(agent)
        return driver is not None and driver.on_screen


def _invitation(served: _Open) -> WebOpened:
    from tars.web.admission import TICKET_SECONDS

    port = served.listening.port
    ticket = served.admission.ticket(time.time())
    return WebOpened(
        url=f"http://{served.listening.host}:{port}/?token={ticket}",
        port=port,
        expires_in_seconds=int(TICKET_SECONDS),
    )


async def _until_ended(run: Callable[[], Awaitable[None]], ended: anyio.Event) -> None:
    try:
        await run()
    finally:
        ended.set()
