"""Who looks at an agent's terminal: every viewer sees it, and one of them types.

The terminal is as large as its smallest viewer's, so that everybody sees all of it. Nobody
waits for a viewer: one that falls behind gets the whole screen when it reads again.
"""

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import anyio

#: What waits for one viewer, in characters; beyond it the screen is drawn anew.
MOST_WAITING = 256 * 1024


class Screen(Protocol):
    """The screen that is looked at. `protocols.screen.ScreenCodec` is one."""

    def redraw(self) -> str:
        """Give what shows the whole screen on a terminal of any state."""

    def shown(self) -> str:
        """Give what was printed since the last call."""

    def watch(self, *, on: bool) -> None:
        """Keep what is printed for `shown`, or no longer."""

    def resize(self, rows: int, columns: int) -> None:
        """Take another size."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a viewer's terminal is to be given."""

    text: str


@dataclass(frozen=True, slots=True)
class Shared:
    """How the screen is shared now."""

    keyboard: bool
    rows: int
    columns: int
    viewers: int


@dataclass(frozen=True, slots=True)
class Over:
    """There is nothing more to see."""

    reason: str


Sight = Printed | Shared | Over


class Viewer:
    """One viewer; `batch` is for one task at a time."""

    def __init__(self, number: str, rows: int, columns: int, redraw: Callable[[], str]) -> None:
        self.id = number
        self.rows, self.columns = rows, columns
        self._redraw = redraw
        self._waiting: deque[str] = deque()
        self._size = 0
        self._behind = True
        self._shared: Shared | None = None
        self._over: Over | None = None
        self._told = False
        self._wake = anyio.Event()

    def put(self, text: str) -> None:
        """Show this, or the whole screen later where too much waits already."""
        if not self._behind:
            self._waiting.append(text)
            self._size += len(text)
            if self._size > MOST_WAITING:
                self.start_over()
        self._wake.set()

    def start_over(self) -> None:
        """Let the whole screen be the next that is shown."""
        self._behind = True
        self._waiting.clear()
        self._size = 0
        self._wake.set()

    def share(self, shared: Shared) -> None:
        if shared != self._shared:
            self._shared, self._told = shared, False
            self._wake.set()

    def end(self, reason: str) -> None:
        """What waits is still read."""
        self._over = self._over or Over(reason)
        self._wake.set()

    async def batch(self) -> list[Sight]:
        """Wait for something to see; nothing says that it is over."""
        while not self._anything:
            if self._over is not None and not self._over.reason:
                return []
            self._wake = anyio.Event()
            await self._wake.wait()
        return self._take()

    @property
    def _anything(self) -> bool:
        over = self._over is not None and bool(self._over.reason)
        return self._behind or bool(self._waiting) or not self._told or over

    def _take(self) -> list[Sight]:
        seen: list[Sight] = []
        if not self._told and self._shared is not None:
            seen.append(self._shared)
        self._told = True
        if self._behind:
            seen.append(Printed(self._redraw()))
            self._behind = False
        elif self._waiting:
            seen.append(Printed("".join(self._waiting)))
            self._waiting.clear()
            self._size = 0
        if self._over is not None and self._over.reason:
            seen.append(self._over)
            self._over = Over("")
        return seen


class Viewers:
    """Everybody who looks at one terminal. `size` is what it has when nobody does."""

    def __init__(
        self, screen: Screen, size: tuple[int, int], resize: Callable[[int, int], None]
    ) -> None:
        self._screen = screen
        self._usual = self._size = size
        self._resize = resize
        self._viewers: dict[str, Viewer] = {}
        self._typist: str | None = None
        self._numbers = itertools.count(1)

    def attach(self, rows: int, columns: int, *, keyboard: bool) -> Viewer:
        """Let somebody look. The first has the keyboard, or who takes it."""
        viewer = Viewer(f"v{next(self._numbers)}", rows, columns, self._screen.redraw)
        if not self._viewers:
            self._screen.watch(on=True)
        self._viewers[viewer.id] = viewer
        if keyboard or self._typist is None:
            self._typist = viewer.id
        self._settle()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Who has looked longest gets the keyboard of a typist who leaves."""
        if self._viewers.pop(viewer.id, None) is None:
            return
        if self._typist == viewer.id:
            self._typist = next(iter(self._viewers), None)
        if not self._viewers:
            self._screen.watch(on=False)
        self._settle()

    def known(self, viewer: str) -> Viewer | None:
        return self._viewers.get(viewer)

    def types(self, viewer: Viewer) -> bool:
        """Whether this one has the keyboard."""
        return self._typist == viewer.id

    def change(
        self, viewer: Viewer, *, rows: int | None, columns: int | None, keyboard: bool
    ) -> None:
        """A viewer's terminal has another size, or he takes the keyboard."""
        viewer.rows, viewer.columns = rows or viewer.rows, columns or viewer.columns
        if rows or columns:
            # His terminal may have moved what it shows about.
            viewer.start_over()
        if keyboard:
            self._typist = viewer.id
        self._settle()

    def shared_with(self, viewer: Viewer) -> Shared:
        rows, columns = self._size
        return Shared(self.types(viewer), rows, columns, len(self._viewers))

    def show(self) -> None:
        """Pass on what was printed."""
        if self._viewers and (text := self._screen.shown()):
            for viewer in self._viewers.values():
                viewer.put(text)

    def end(self, reason: str) -> None:
        """The program is gone: tell everybody."""
        self.show()
        for viewer in self._viewers.values():
            viewer.end(reason)

    def _settle(self) -> None:
        """Give the terminal its size, and tell everybody how it is shared."""
        size = self._usual
        if self._viewers:
            rows = min(viewer.rows for viewer in self._viewers.values())
            size = rows, min(viewer.columns for viewer in self._viewers.values())
        if size != self._size:
            self._size = size
            self.show()
            self._screen.resize(*size)
            self._resize(*size)
            for viewer in self._viewers.values():
                viewer.start_over()
        for viewer in self._viewers.values():
            viewer.share(self.shared_with(viewer))
