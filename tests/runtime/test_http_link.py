"""Requests and events over real sockets: whole, within bounds, whatever the server does."""

import signal
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from msgspec import Raw
from trio.testing import wait_all_tasks_blocked

from tars.agents.kind import HttpServer
from tars.conversation.model import Garbled
from tars.protocols.http_frames import Answer, Event, Failed, Frame, Frames, Request, request_line
from tars.protocols.lines import MEBIBYTE
from tars.runtime import children, http_link
from tars.runtime.http_link import HttpLink

SERVER = Path(__file__).parents[1] / "support" / "scripted_server.py"
LISTENING = "it is listening on http://127.0.0.1:PORT"
#: The longest that any one scene may take.
PATIENCE = 20.0

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class Played:
    """A server under way, and what its link gave so far."""

    def __init__(self, link: HttpLink, child: children.Child) -> None:
        self.link = link
        self.child = child
        self.heard: list[Frame | Garbled] = []
        self.ended = anyio.Event()
        self.exited = anyio.Event()
        self._frames = Frames()
        self._more = anyio.Event()

    def ask(self, path: str, *, method: str = "GET", id: int = 1, body: bytes = b"") -> None:
        self.link.send(request_line(Request(id, method, path, Raw(body) if body else None)))

    async def listen(self) -> None:
        async with aclosing(self.link.read(self.exited)) as source:
            async for data in source:
                self.heard += self._frames.feed(data)
                self._more.set()
        self.ended.set()

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait until what was heard fulfils this."""
        while not claim():
            self._more = anyio.Event()
            await self._more.wait()

    async def found(self) -> None:
        """Wait until the event stream is open."""
        self.ask("/one")
        async with aclosing(self.link.read(self.exited)) as source:
            async for data in source:
                self.heard += self._frames.feed(data)
                if self.answers():
                    return

    async def link_is_blocked(self) -> None:
        """Wait until nobody has anything to do; on trio only."""
        await wait_all_tasks_blocked(0.1)

    def events(self) -> list[bytes]:
        return [bytes(frame.data) for frame in self.heard if isinstance(frame, Event)]

    def answers(self) -> list[tuple[int, int, bytes]]:
        found = [frame for frame in self.heard if isinstance(frame, Answer)]
        return [(a.id, a.status, bytes(a.body)) for a in found]

    def failures(self) -> list[Failed]:
        return [frame for frame in self.heard if isinstance(frame, Failed)]


Scene = Callable[[Played], Awaitable[None]]


def play(scene: Scene, *script: str, backend: str = "asyncio", listen: bool = True) -> None:
    """Start a server that behaves so, and play a scene with its link; nothing is left then."""

    async def run() -> None:
        argv = (sys.executable, "-S", "-E", str(SERVER), *script)
        child = children.spawn("http", argv, env={}, cwd=Path("/"))
        server = HttpServer(
            r"listening on (http://\S+)", "user", "a-password", "/events", heartbeat="beat"
        )
        played = Played(HttpLink(child, server), child)

        async def watch() -> None:
            await child.exited()
            played.exited.set()

        try:
            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(watch)
                    tasks.start_soon(played.link.write)
                    if listen:
                        tasks.start_soon(played.listen)
                    await scene(played)
                    tasks.cancel_scope.cancel()
        finally:
            child.signal_group(signal.SIGKILL)
            with anyio.CancelScope(shield=True):
                await child.exited()
            child.close()

    anyio.run(run, backend=backend)


@BACKENDS
def test_requests_are_answered_and_events_given(backend: str) -> None:
    """With the password, with and without a body; the server's own JSON as it is."""

    async def scene(played: Played) -> None:
        played.ask("/one")
        played.ask("/two", method="POST", id=2, body=b'{"text":"' + b"y" * 100_000 + b'"}')
        await played.until(lambda: len(played.answers()) == 2 and len(played.events()) == 2)
        basic = b"Basic dXNlcjphLXBhc3N3b3Jk"
        assert sorted(played.answers()) == [
            (1, 200, b'["GET", "/one", "%s", 0]' % basic),
            (2, 200, b'["POST", "/two", "%s", 100011]' % basic),
        ]
        assert played.events() == [b'{"type":"first"}', b'{"type":"\xc3\xbc"}']

    play(scene, LISTENING, 'stay:{"type":"first"}|{"type":"ü"}', backend=backend)


@BACKENDS
def test_a_slow_answer_holds_no_other_up(backend: str) -> None:
    """Answers come as they are ready; more requests than connections wait their turn."""

    async def scene(played: Played) -> None:
        played.ask("/slow", id=100)
        for id in range(3 * http_link.CONNECTIONS):
            played.ask("/quick", id=id)
        await played.until(lambda: len(played.answers()) == 3 * http_link.CONNECTIONS)
        assert 100 not in {id for id, _, _ in played.answers()}
        played.ask("/release", id=101)
        await played.until(lambda: (100, 200, b'"slow"') in played.answers())

    play(scene, LISTENING, "stay:1", backend=backend)


@pytest.mark.parametrize("path", ["/cut", "/close", "/garbage", "/huge"])
def test_an_answer_that_is_none_fails_its_request_alone(path: str) -> None:
    """Cut off, closed, no HTTP or larger than anything: the next request is answered."""

    async def scene(played: Played) -> None:
        played.ask(path, id=7)
        await played.until(lambda: bool(played.failures()))
        assert [failed.id for failed in played.failures()] == [7]
        played.ask("/next", id=8)
        await played.until(lambda: [id for id, _, _ in played.answers()] == [8])

    play(scene, LISTENING, "stay:1")


def test_an_answer_that_is_no_json_is_a_string() -> None:
    """It is an answer all the same, with its status."""

    async def scene(played: Played) -> None:
        played.ask("/html")
        await played.until(lambda: bool(played.answers()))
        assert played.answers() == [(1, 500, '"<html>\\nno\ufffd</html>"'.encode())]

    play(scene, LISTENING, "stay:1")


@BACKENDS
def test_a_stream_that_breaks_off_is_opened_again(backend: str) -> None:
    """The codec hears the events of both connections."""

    async def scene(played: Played) -> None:
        await played.until(lambda: len(played.events()) == 2)
        assert played.events() == [b'{"type":"c0"}', b'{"type":"c2"}']
        assert not played.failures()

    event = '{"type":"c#"}'
    play(scene, LISTENING, f"close:{event}", "status:503", f"stay:{event}", backend=backend)


@pytest.mark.parametrize("how", ["close:1", "status:404", "garbage", "status:401", "endless"])
def test_a_server_without_a_stream_is_lost(how: str) -> None:
    """After a few tries, and at once where it refuses us; the link ends then."""

    async def scene(played: Played) -> None:
        await played.ended.wait()
        (lost,) = played.failures()
        assert lost.id is None
        assert ("password" in lost.reason) is (how == "status:401")
        assert len(played.events()) == (len(http_link.EVENT_PAUSES) + 1) * (how == "close:1")

    play(scene, LISTENING, how)


def test_a_server_elsewhere_is_not_talked_to() -> None:
    """An address that is not this machine's own loopback gets no password."""

    async def scene(played: Played) -> None:
        await played.ended.wait()
        assert "loopback" in played.failures()[0].reason

    play(scene, "it is listening on http://192.0.2.1:PORT", "stay:1")


@BACKENDS
@pytest.mark.parametrize("listening", ["-", LISTENING])
def test_the_end_of_the_process_ends_the_link(listening: str, backend: str) -> None:
    """Whether it ever told its address or not."""

    async def scene(played: Played) -> None:
        if listening == LISTENING:
            await played.until(lambda: bool(played.events()))
        played.child.signal_group(signal.SIGKILL)
        await played.ended.wait()
        assert played.failures() == []

    play(scene, listening, "stay:1", backend=backend)


def test_heartbeats_are_no_sign_of_life() -> None:
    """A server that only says that it is there may hang all the same."""

    async def scene(played: Played) -> None:
        await played.until(lambda: bool(played.events()))
        assert played.events() == [b'{"type":"not","of":"beat"}']

    play(scene, LISTENING, 'stay:{"id":1,"type":"beat"}|{"type":"not","of":"beat"}')


def test_a_flood_waits_for_the_codec() -> None:
    """A server that says more than is taken is held up, and nothing is lost."""
    count = 200

    async def scene(played: Played) -> None:
        tracemalloc.start()
        try:
            await played.found()
            # The codec takes nothing yet: the server fills what there is, and waits.
            await played.link_is_blocked()
            held, peak = tracemalloc.get_traced_memory()
            assert MEBIBYTE < held <= peak < 4 * http_link.INBOX_LIMIT
        finally:
            tracemalloc.stop()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(played.listen)
            await played.until(lambda: played.events()[-1:] == [b'{"type":"last"}'])
            tasks.cancel_scope.cancel()
        assert len(played.events()) == count + 1

    play(scene, LISTENING, f"flood:{count}", backend="trio", listen=False)


def test_what_waits_for_the_server_is_bounded() -> None:
    """Beyond that a request fails at once, and says so."""

    async def scene(played: Played) -> None:
        body = b'"' + b"x" * (http_link.OUTBOX_LIMIT // 2 - 2) + b'"'
        for id in range(3):
            played.ask("/one", method="POST", id=id, body=body)
        await played.until(lambda: bool(played.failures()))
        assert [failed.id for failed in played.failures()] == [2]

    # It never tells where it is: nothing can be sent.
    play(scene, "-", "stay:1")


def test_the_end_of_the_input_closes_its_stdin() -> None:
    """After what was to be sent; the scripted server ends with its stdin."""

    async def scene(played: Played) -> None:
        played.ask("/one")
        played.link.finish()
        await played.ended.wait()
        assert [id for id, _, _ in played.answers()] == [1]

    play(scene, LISTENING, "stay:1")
