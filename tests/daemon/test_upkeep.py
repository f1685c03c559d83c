"""Files that somebody deletes beside a running daemon."""

import shutil
from pathlib import Path

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tars.config import StoreConfig
from tars.control.unix_socket import bind
from tars.daemon.upkeep import Door, StoreFile


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def _ask(path: Path) -> bytes:
    async with await anyio.connect_unix(path) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize("what", ["the socket", "its folder", "another file"])
def test_a_deleted_socket_is_put_back(short_path: Path, what: str) -> None:
    """At the next look; one that is where it belongs is left alone."""
    path = short_path / "run" / "tars.sock"

    async def live() -> None:
        stop = anyio.Event()
        door = Door(path, stop)
        async with anyio.create_task_group() as tasks:
            door.bind()
            door.serve(Starlette(routes=[Route("/", _hello)]), tasks)
            inode = path.stat().st_ino
            door.watch(tasks)
            assert path.stat().st_ino == inode
            path.unlink()
            if what == "its folder":
                shutil.rmtree(path.parent)
            elif what == "another file":
                path.write_text("in the way")
                door.watch(tasks)
                assert path.read_text() == "in the way"
                path.unlink()
            door.watch(tasks)
            assert b"hello" in await _ask(path)
            stop.set()

    anyio.run(live)


def test_a_given_socket_is_served_and_its_file_left(short_path: Path) -> None:
    """It is its manager's to remove; one that took its place is ours."""
    path = short_path / "tars.sock"

    async def live() -> None:
        stop = anyio.Event()
        door = Door(path, stop, bind(path))
        async with anyio.create_task_group() as tasks:
            door.bind()
            door.serve(Starlette(routes=[Route("/", _hello)]), tasks)
            assert b"hello" in await _ask(path)
            door.remove()
            assert path.exists()
            path.unlink()
            door.watch(tasks)
            assert b"hello" in await _ask(path)
            door.remove()
            assert not path.exists()
            stop.set()

    anyio.run(live)


def test_a_deleted_store_is_noticed(tmp_path: Path) -> None:
    """Also when another file stands at its path by now."""
    file = StoreFile(StoreConfig(), tmp_path / "spool.db")
    assert not file.is_deleted()
    path = tmp_path / "tars.db"
    store = file.open(path)
    try:
        assert not file.is_deleted()
        moved = path.rename(tmp_path / "moved")
        assert file.is_deleted()
        path.write_bytes(b"")
        assert file.is_deleted()
        path.unlink()
        moved.rename(path)
        assert not file.is_deleted()
    finally:
        store.close()
