"""What the daemon tells, brought by threads: an agent's conversation, and answers of one's own.

The client is synchronous. Each thread hands its news to the event loop, and waits where that is
behind.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tars.cli.connection import connect
from tars.control.attach_contract import Attached
from tars.control.contract import PromptRequest, Wire
from tars.errors import NotRunning, TarsError

#: How long to wait before the daemon is looked for again.
AGAIN_SECONDS = 0.4
#: News that the loop has not taken yet, at the most.
_MOST_NEWS = 500


@dataclass(frozen=True, slots=True)
class Joined:
    """The agent's conversation is followed from now on, or again."""

    attached: Attached


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing more is heard. `running`: a daemon may still be there."""

    reason: str
    running: bool


@dataclass(frozen=True, slots=True)
class Overheard:
    """Something was said in the agent's conversation, whoever asked."""

    name: str
    event: Wire


@dataclass(frozen=True, slots=True)
class Told:
    """Something about one's own prompt, which is known by its `key` before it has an id."""

    key: int
    name: str
    event: Wire


@dataclass(frozen=True, slots=True)
class Failed:
    """One's own prompt was refused, or nothing more is heard of it."""

    key: int
    error: TarsError


News = Joined | Lost | Overheard | Told | Failed


class _Closed(Exception):
    """Nobody wants to hear more."""


class Post:
    """Hands news of threads over to the event loop, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[News], None]) -> None:
        self._loop = loop
        self._take = take
        self._room = threading.Semaphore(_MOST_NEWS)
        self.closed = threading.Event()

    def put(self, news: News) -> None:
        """Hand one piece over. Raises _Closed when nobody wants it."""
        while not self._room.acquire(timeout=0.2):
            self.look()
        self.look()
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hand, news)

    def look(self) -> None:
        if self.closed.is_set():
            raise _Closed

    def _hand(self, news: News) -> None:
        self._room.release()
        if not self.closed.is_set():
            self._take(news)


class Following:
    """Follows an agent's conversation, through restarts of the daemon, until it is closed."""

    def __init__(self, agent: str, post: Post) -> None:
        self._agent = agent
        self._post = post
        self._over = threading.Event()
        threading.Thread(target=self._run, name=f"follow {agent}", daemon=True).start()

    def close(self) -> None:
        self._over.set()

    def _run(self) -> None:
        with suppress(_Closed):
            while True:
                self._post.put(self._follow())
                self._pause()

    def _follow(self) -> Lost:
        """Hand over what is said, and give why nothing more comes."""
        try:
            for name, event in connect(self._look).attach(self._agent, rows=24, columns=80):
                self._look()
                news = Joined(event) if isinstance(event, Attached) else Overheard(name, event)
                self._post.put(news)
        except NotRunning:
            return Lost("tars is not running.", running=False)
        except TarsError as error:
            return Lost(f"tars went away: {error}", running=True)
        return Lost("The daemon has stopped.", running=False)

    def _pause(self) -> None:
        if self._over.wait(AGAIN_SECONDS):
            raise _Closed
        self._look()

    def _look(self) -> None:
        self._post.look()
        if self._over.is_set():
            raise _Closed


def ask(key: int, request: PromptRequest, post: Post) -> None:
    """Send a prompt, and hand over what comes of it."""
    threading.Thread(target=_ask, args=(key, request, post), name="ask", daemon=True).start()


def _ask(key: int, request: PromptRequest, post: Post) -> None:
    with suppress(_Closed):
        try:
            for name, event in connect(post.look).prompt(request):
                post.put(Told(key, name, event))
        except TarsError as error:
            post.put(Failed(key, error))
