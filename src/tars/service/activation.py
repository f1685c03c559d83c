"""The socket that systemd made for us: sd_listen_fds(3), by hand.

systemd listens in the daemon's place, and starts it when somebody connects. The descriptors
from 3 on are the sockets, LISTEN_FDS says how many, LISTEN_PID for which process they are.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from tars.errors import UserError

#: What a child must not inherit: the sockets are not its own.
LISTEN_VARIABLES = frozenset({"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"})

_FIRST = 3


def activated(env: Mapping[str, str], path: Path, *, first: int = _FIRST) -> socket.socket | None:
    """Take the control socket from systemd; None when it was not given one for this process.

    Raises UserError when it listens elsewhere than this home's clients connect: the daemon
    would run, and nobody would reach it.
    """
    if env.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = env.get("LISTEN_FDS", "")
    if not (count.isascii() and count.isdigit() and int(count) > 0):
        return None
    if int(count) != 1:
        raise UserError(
            f"systemd gave {count} sockets, and tars serves one.",
            advice="Leave one ListenStream= in tars.socket.",
        )
    sock = socket.socket(fileno=first)
    try:
        _check(sock, path)
    except BaseException:
        sock.close()
        raise
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def _check(sock: socket.socket, path: Path) -> None:
    listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    name = sock.getsockname()
    # An abstract name is bytes, an address of the network a tuple.
    same = isinstance(name, str) and name != "" and os.path.realpath(name) == os.path.realpath(path)
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM or not listens or not same:
        raise UserError(
            f"The socket that systemd gave is not {path}.",
            advice="`tars service install --socket` writes a tars.socket that is right.",
        )
