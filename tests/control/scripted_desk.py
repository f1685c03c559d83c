"""People attached to an agent that shows whatever it is told to."""

from collections import deque

import anyio

from tars.control.attach_contract import Attached, Ended, KeysRequest, Shown, View, ViewRequest
from tars.control.feed import Frame
from tars.errors import AgentNotFound, ViewerNotFound


class ScriptedAttachment:
    """`put` shows something; `ended` follows when `close` is called by the test."""

    def __init__(self, first: Frame) -> None:
        self.first = first
        self.closed = False
        self._frames: deque[Frame] = deque()
        self._wake = anyio.Event()

    def put(self, text: str) -> None:
        self._frames.append(Frame.of("screen", Shown(text=text)))
        self._wake.set()

    def end(self, reason: str) -> None:
        self._frames.append(Frame.of("ended", Ended(reason=reason)))
        self.close()

    async def batch(self) -> list[Frame]:
        while not self._frames and not self.closed:
            self._wake = anyio.Event()
            await self._wake.wait()
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def close(self) -> None:
        self.closed = True
        self._wake.set()


class ScriptedDesk:
    """One agent, `echo`, and one viewer, `v1`, who has the keyboard."""

    def __init__(self) -> None:
        self.attachments: list[ScriptedAttachment] = []
        self.typed: list[str] = []
        self.size = (24, 80)

    def attach(self, agent: str, rows: int, columns: int, *, keyboard: bool) -> ScriptedAttachment:
        self._know(agent)
        self.size = rows, columns
        first = Attached(agent=agent, protocol="pty", state="ready", screen=True, viewer="v1")
        self.attachments.append(ScriptedAttachment(Frame.of("attached", first)))
        return self.attachments[-1]

    def type_keys(self, agent: str, request: KeysRequest) -> View:
        self._know(agent, request.viewer)
        self.typed.append(request.text)
        return self._view()

    def change_view(self, agent: str, request: ViewRequest) -> View:
        self._know(agent, request.viewer)
        self.size = request.rows or self.size[0], request.columns or self.size[1]
        return self._view()

    def _view(self) -> View:
        return View(keyboard=True, rows=self.size[0], columns=self.size[1], viewers=1)

    def _know(self, agent: str, viewer: str = "v1") -> None:
        if agent != "echo":
            raise AgentNotFound(f"There is no agent {agent!r}.")
        if viewer != "v1":
            raise ViewerNotFound(f"Nobody is attached to {agent} as {viewer!r}.")
