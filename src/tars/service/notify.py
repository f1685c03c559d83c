"""Tell the service manager how the daemon is: sd_notify(3), by hand.

One message is one datagram of `NAME=value` lines to the socket named by NOTIFY_SOCKET.
Without that variable every call does nothing, so the daemon need not ask how it was
started. Nothing here raises: a manager that does not listen is no reason to end.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

#: What a child must not inherit: it would speak to the manager in the daemon's name, or take
#: itself for the service.
NOTIFY_VARIABLES = frozenset(
    {
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "SYSTEMD_EXEC_PID",
    }
)


@dataclass(frozen=True, slots=True)
class Notifier:
    """`watchdog_seconds`: a longer silence between two `watchdog` calls ends the daemon;
    call twice as often. None when no watchdog watches."""

    address: str | None = None
    watchdog_seconds: float | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Give what the manager asked for; a variable that makes no sense counts as absent."""
        address = env.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        return cls(address, _watchdog_seconds(env))

    def ready(self, status: str) -> None:
        """Start-up, or a reload that `reloading` announced, is over."""
        self._send("READY=1", _status(status))

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(_status(text))

    def watchdog(self) -> None:
        """The loop turns."""
        self._send("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """A start or an end that is under way may take so much longer, from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    def reloading(self) -> None:
        """The configuration is being read again. `ready` has to follow, even if it failed."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        # A leading @ stands for the NUL byte of Linux's abstract socket names.
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(lines).encode(errors="replace"), name)


def _status(text: str) -> str:
    """A line break would begin a variable of its own."""
    return "STATUS=" + " ".join(text.split())


def _watchdog_seconds(env: Mapping[str, str]) -> float | None:
    """The watchdog is meant for WATCHDOG_PID alone, where that is given."""
    if env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = env.get("WATCHDOG_USEC", "")
    if not (microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0):
        return None
    return int(microseconds) / 1_000_000
