"""People attached to agents: to the screen where there is one, else to the conversation."""

from tars.control.attach import Attachment, bounded
from tars.control.attach_contract import Attached, Ended, KeysRequest, Shown, View, ViewRequest
from tars.control.feed import Feed, Frame, Subscription
from tars.core.agent import Agent
from tars.errors import AgentUnavailable, Refused, ViewerNotFound
from tars.runtime.driver import Driver
from tars.runtime.loop import Loop
from tars.runtime.viewers import Over, Printed, Shared, Sight, Viewer, Viewers


class AttachDesk:
    """The control channel's `Attaching`."""

    def __init__(self, loop: Loop, feed: Feed) -> None:
        self._loop = loop
        self._feed = feed

    def attach(self, agent: str, rows: int, columns: int, *, keyboard: bool) -> Attachment:
        known = self._loop.agent(agent)
        driver = self._loop.drivers[agent]
        if not driver.on_screen:
            return _Listening(self._feed, known, driver)
        viewers = driver.viewers
        if viewers is None:
            raise _no_screen(known)
        viewer = viewers.attach(*bounded(rows, columns), keyboard=keyboard)
        return _Watching(viewers, viewer, known, driver)

    def type_keys(self, agent: str, request: KeysRequest) -> View:
        viewers, viewer = self._viewer(agent, request.viewer)
        if viewers.types(viewer):
            self._loop.drivers[agent].press(request.text.encode())
        return _view(viewers.shared_with(viewer))

    def change_view(self, agent: str, request: ViewRequest) -> View:
        viewers, viewer = self._viewer(agent, request.viewer)
        rows, columns = bounded(request.rows or viewer.rows, request.columns or viewer.columns)
        viewers.change(
            viewer,
            rows=rows if request.rows else None,
            columns=columns if request.columns else None,
            keyboard=request.keyboard,
        )
        return _view(viewers.shared_with(viewer))

    def _viewer(self, agent: str, viewer: str) -> tuple[Viewers, Viewer]:
        self._loop.agent(agent)
        viewers = self._loop.drivers[agent].viewers
        known = None if viewers is None else viewers.known(viewer)
        if viewers is None or known is None:
            raise ViewerNotFound(f"Nobody is attached to {agent} as {viewer!r}.")
        return viewers, known


class _Watching:
    """One viewer of a screen."""

    def __init__(self, viewers: Viewers, viewer: Viewer, agent: Agent, driver: Driver) -> None:
        self._viewers = viewers
        self._viewer = viewer
        self.first = Frame.of("attached", _attached(agent, driver, viewer=viewer.id))

    async def batch(self) -> list[Frame]:
        return [_frame(sight) for sight in await self._viewer.batch()]

    def close(self) -> None:
        self._viewers.leave(self._viewer)
        self._viewer.end("")


class _Listening:
    """Somebody who follows a conversation."""

    def __init__(self, feed: Feed, agent: Agent, driver: Driver) -> None:
        self._subscription: Subscription = feed.follow_agent(agent.spec.name)
        self.first = Frame.of("attached", _attached(agent, driver))

    async def batch(self) -> list[Frame]:
        return await self._subscription.batch()

    def close(self) -> None:
        self._subscription.close()


def _attached(agent: Agent, driver: Driver, *, viewer: str | None = None) -> Attached:
    return Attached(
        agent=agent.spec.name,
        protocol=driver.setup.protocol,
        state=agent.state.value,
        screen=viewer is not None,
        viewer=viewer,
        turn=driver.turn.prompt.id if driver.turn is not None else None,
        text=driver.turn.transcript.text if driver.turn is not None and viewer is None else "",
        session=driver.turn.session_id if driver.turn is not None else None,
    )


def _frame(sight: Sight) -> Frame:
    match sight:
        case Printed(text):
            return Frame.of("screen", Shown(text=text))
        case Shared():
            return Frame.of("view", _view(sight))
        case Over(reason):
            return Frame.of("ended", Ended(reason=reason))


def _view(shared: Shared) -> View:
    return View(
        keyboard=shared.keyboard, rows=shared.rows, columns=shared.columns, viewers=shared.viewers
    )


def _no_screen(agent: Agent) -> Exception:
    name = agent.spec.name
    if agent.fault is not None:
        return AgentUnavailable(agent.fault)
    return Refused(
        f"The agent {name} has no process now, and so no screen.",
        advice=f"`tars start {name}` starts it.",
    )
