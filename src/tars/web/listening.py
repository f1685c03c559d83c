"""The page's TCP sockets: on loopback alone, for IPv4 and for IPv6 where there is one."""

import errno
import os
import socket
from dataclasses import dataclass

from tars.errors import Refused, UserError

#: A machine has no such address: it has no IPv4, or no IPv6.
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


@dataclass(frozen=True, slots=True)
class Listening:
    """Sockets that listen at one `port`. `host` is the name to put into a URL."""

    sockets: tuple[socket.socket, ...]
    port: int
    host: str

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def listen(port: int) -> Listening:
    """Bind both loopback addresses at one port; 0 takes any that is free.

    Raises Refused where the port is taken, and UserError where it cannot be had at all.
    """
    four = _bind(socket.AF_INET, "127.0.0.1", port)
    bound = port if four is None else four.getsockname()[1]
    try:
        six = _bind(socket.AF_INET6, "::1", bound)
    except (Refused, UserError):
        if four is not None:
            four.close()
        raise
    found = tuple(sock for sock in (four, six) if sock is not None)
    if not found:
        raise UserError("This machine has no loopback address to serve the page at.")
    return Listening(found, found[0].getsockname()[1], "127.0.0.1" if four is not None else "[::1]")


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """Bind one address; None where the machine has none of that family."""
    try:
        # asyncio sends at once, and waits for no acknowledgement (40 ms), only where it is
        # told that this is TCP.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        if error.errno in _NOT_HERE:
            return None
        raise
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # The connections of the daemon before linger for a minute. Nobody else's port is taken
        # by this: two cannot listen at one.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((address, port))
        # At once: until then another one could bind it, too.
        sock.listen()
    except OSError as error:
        sock.close()
        if error.errno in _NOT_HERE:
            return None
        raise _why(error, port) from None
    return sock


def _why(error: OSError, port: int) -> Refused | UserError:
    if error.errno == errno.EADDRINUSE:
        return Refused(
            f"Port {port} is taken by another program.",
            advice="`tars web --port 0` takes a free one; `port` under [web] in config.toml "
            "chooses one for good.",
        )
    if error.errno == errno.EACCES:
        return UserError(f"Port {port} is for root alone.", advice="Choose one from 1024 to 65535.")
    return UserError(f"The page cannot be served at port {port}: {os.strerror(error.errno or 0)}.")
