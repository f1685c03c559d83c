"""sd_notify, spoken to a real datagram socket."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tars.service.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end: a bound socket that has everything that was sent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


def notifier(manager: socket.socket, **env: str) -> Notifier:
    return Notifier.from_environment({"NOTIFY_SOCKET": manager.getsockname(), **env})


def heard(manager: socket.socket) -> list[str]:
    return manager.recv(65536).decode().split("\n")


def test_ready_tells_the_status_in_the_same_message(manager: socket.socket) -> None:
    """The unit becomes active and shows its status at one moment."""
    notifier(manager).ready("1 agent ready")
    assert heard(manager) == ["READY=1", "STATUS=1 agent ready"]


def test_every_call_is_one_message(manager: socket.socket) -> None:
    """Status, watchdog and stopping are the protocol's words, each alone."""
    tars = notifier(manager)
    tars.status("gemini is busy")
    tars.watchdog()
    tars.stopping()
    assert [heard(manager) for _ in range(3)] == [
        ["STATUS=gemini is busy"],
        ["WATCHDOG=1"],
        ["STOPPING=1"],
    ]


def test_more_time_is_asked_for_in_microseconds(manager: socket.socket) -> None:
    """From now on, whatever the unit says."""
    notifier(manager).extend(1.5)
    assert heard(manager) == ["EXTEND_TIMEOUT_USEC=1500000"]


def test_reloading_carries_the_monotonic_clock(manager: socket.socket) -> None:
    """The manager tells this reload from an older one by CLOCK_MONOTONIC, in microseconds."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier(manager).reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    first, second = heard(manager)
    assert first == "RELOADING=1"
    name, _, microseconds = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(microseconds) <= after


def test_a_line_break_in_a_status_stays_in_the_status(manager: socket.socket) -> None:
    """An agent's last words cannot forge another variable."""
    notifier(manager).status("it said\nSTOPPING=1\r\nand went")
    assert heard(manager) == ["STATUS=it said STOPPING=1 and went"]


def test_a_lone_surrogate_is_sent_as_a_question_mark(manager: socket.socket) -> None:
    """Text that is not valid Unicode does not raise."""
    notifier(manager).status("half \ud800")
    assert heard(manager) == ["STATUS=half ?"]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_address_is_reached() -> None:
    """A leading @ names a socket that is in no folder."""
    name = f"tars-test-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.setblocking(False)
        Notifier.from_environment({"NOTIFY_SOCKET": "@" + name}).watchdog()
        assert heard(manager) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "env",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}, {"WATCHDOG_USEC": "60000000"}],
    ids=["absent", "empty", "another family", "watchdog alone"],
)
def test_without_a_socket_nothing_happens(env: dict[str, str]) -> None:
    """Outside a service manager the notifier is silent, and no watchdog watches."""
    tars = Notifier.from_environment(env)
    assert tars == Notifier(address=None, watchdog_seconds=None)
    tars.ready("")
    tars.status("")
    tars.watchdog()
    tars.reloading()
    tars.stopping()


def test_a_socket_that_is_gone_raises_nothing(tmp_path: Path) -> None:
    """A manager that does not listen is no reason to end."""
    Notifier(address=str(tmp_path / "nobody")).ready("here")
    Notifier(address="/" + "x" * 200).ready("here")


def test_a_full_socket_blocks_nobody(manager: socket.socket) -> None:
    """A manager that does not read loses messages; the loop goes on."""
    tars = notifier(manager)
    for _ in range(5000):
        tars.watchdog()
    assert heard(manager) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("usec", "seconds"),
    [("60000000", 60.0), ("500000", 0.5), ("", None), ("0", None), ("-1", None), ("soon", None)],
)
def test_the_watchdog_is_read_in_seconds(
    manager: socket.socket, usec: str, seconds: float | None
) -> None:
    """WATCHDOG_USEC counts microseconds; what makes no sense is no watchdog."""
    assert notifier(manager, WATCHDOG_USEC=usec).watchdog_seconds == seconds


def test_the_watchdog_of_another_process_is_not_ours(manager: socket.socket) -> None:
    """WATCHDOG_PID says for whom it is: a child that inherits the variables ignores them."""
    ours = notifier(manager, WATCHDOG_USEC="1000000", WATCHDOG_PID=str(os.getpid()))
    other = notifier(manager, WATCHDOG_USEC="1000000", WATCHDOG_PID=str(os.getpid() + 1))
    assert ours.watchdog_seconds == 1.0
    assert other.watchdog_seconds is None
