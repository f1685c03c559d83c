"""The control socket: its owner's alone, in nobody's way, and who is at its other end."""

import os
import re
import socket
import stat
from pathlib import Path

import pytest

from tars.control.unix_socket import bind, peer_pid, peer_uid
from tars.errors import UserError


def test_the_socket_is_its_owners_alone(short_path: Path) -> None:
    """The folder is 0700 and the socket 0600, whatever they were and whatever the umask is."""
    path = short_path / "run" / "tars.sock"
    path.parent.mkdir(mode=0o777)
    before = os.umask(0)
    try:
        bind(path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_stale_socket_is_replaced(short_path: Path) -> None:
    """The file that a killed daemon left does not block its successor."""
    path = short_path / "tars.sock"
    bind(path).close()
    with bind(path) as sock:
        sock.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_nothing_but_a_socket_is_removed(short_path: Path, what: str) -> None:
    """Something else in the socket's place is left alone and named."""
    path = short_path / "tars.sock"
    precious = short_path / "precious"
    precious.touch()
    if what == "file":
        path.touch()
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(precious)
    with pytest.raises(UserError, match=re.escape(str(path))):
        bind(path)
    assert path.exists()


def test_a_path_that_is_too_long_is_said_to_be(short_path: Path) -> None:
    """A home too deep for a Unix socket is the user's to change, and he is told how."""
    with pytest.raises(UserError, match="too long") as caught:
        bind(short_path / ("x" * 200) / "tars.sock")
    assert "TARS_HOME" in caught.value.advice


def test_a_peer_is_known_by_its_user() -> None:
    """The other end of a socket of our own is ours."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.geteuid()
        assert peer_pid(ours) == os.getpid()


def test_nobody_knows_the_process_behind_another_kind_of_socket() -> None:
    """That is no reason to refuse anybody."""
    with socket.socket(socket.AF_INET) as sock:
        assert peer_pid(sock) is None
