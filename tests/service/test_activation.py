"""The socket that systemd gives: taken when it is for us and the right one."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.errors import UserError
from tars.service.activation import activated


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        yield Path(folder) / "tars.sock"


@pytest.fixture
def listening(path: Path) -> Iterator[socket.socket]:
    """systemd's socket. Whoever takes its descriptor closes it."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    sock.set_inheritable(True)
    yield sock
    sock.detach()


def env(**more: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", **more}


def test_the_socket_is_taken(path: Path, listening: socket.socket) -> None:
    """It accepts connections, and no child inherits it."""
    taken = activated(env(), path, first=listening.fileno())
    assert taken is not None
    with taken, socket.socket(socket.AF_UNIX) as client:
        assert not taken.get_inheritable()
        client.connect(str(path))
        taken.accept()[0].close()


@pytest.mark.parametrize(
    "changed", [{"LISTEN_PID": "1"}, {"LISTEN_PID": ""}, {"LISTEN_FDS": "0"}, {"LISTEN_FDS": "x"}]
)
def test_what_is_not_ours_is_not_touched(path: Path, changed: dict[str, str]) -> None:
    """The variables of a parent, and such as make no sense, are as if they were not there."""
    assert activated(env(**changed), path, first=-1) is None
    assert activated({}, path, first=-1) is None


def test_a_socket_elsewhere_is_refused(path: Path, listening: socket.socket) -> None:
    """The daemon would run, and nobody would reach it."""
    with pytest.raises(UserError, match="is not"):
        activated(env(), path.with_name("other.sock"), first=listening.fileno())


def test_several_sockets_are_refused(path: Path) -> None:
    """Which one would be served, nobody could tell."""
    with pytest.raises(UserError, match="2 sockets"):
        activated(env(LISTEN_FDS="2"), path, first=-1)


def test_a_socket_of_the_network_is_refused(path: Path) -> None:
    """The control channel knows its callers by their user: only a Unix socket tells that."""
    sock = socket.socket(socket.AF_INET)
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    with pytest.raises(UserError, match="is not"):
        activated(env(), path, first=sock.detach())
