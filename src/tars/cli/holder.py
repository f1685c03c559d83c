"""Who holds this home: the daemon behind run/tars.lock, when its socket does not help.

The daemon keeps an flock on the file for as long as it lives, and writes its pid into
it. A socket may be deleted, and a daemon may hang; the lock tells all the same.
"""

import fcntl
import os
import signal
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tars.control.exchange import NoAnswer, SocketUnusable
from tars.errors import NotRunning, TarsError
from tars.home import Home

#: A pid is a few digits; more than that in the lock's file is no pid.
LONGEST_PID = 20


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the lock. `process` is None where the pid in the file is
    missing, or is not plainly a tars of this user: such a process is never signalled."""

    process: psutil.Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    @property
    def pid_note(self) -> str:
        """` (pid 12)`, or nothing where it is not known."""
        return "" if self.pid is None else f" (pid {self.pid})"


def lock_holder(home: Home) -> Holder | None:
    """Give who holds the home; None when nobody does, so that no daemon lives."""
    try:
        descriptor = os.open(home.lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Holder(_tars_process(os.read(descriptor, LONGEST_PID)))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _tars_process(written: bytes) -> psutil.Process | None:
    try:
        process = psutil.Process(int(written))
        ours = process.uids().real == os.getuid() and process.pid != os.getpid()
        named = any("tars" in word for word in process.cmdline())
    except (ValueError, OverflowError, psutil.Error):
        return None
    return process if ours and named else None


def is_over(process: psutil.Process) -> bool:
    """Whether this very process has ended; another one under its pid does not count.
    One that is dead but was not reaped counts as gone."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ask_to_end(process: psutil.Process) -> None:
    """Send SIGTERM; and SIGCONT, for a suspended process would never see the other.

    psutil compares the time of its creation first, so no other process is hit.
    """
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)


def kill(process: psutil.Process) -> None:
    """Send SIGKILL. The agents go with their daemon: each asked the kernel for that."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


def unreachable(holder: Holder) -> TarsError:
    """The error for a daemon that lives where no socket answers."""
    if holder.pid is None:
        advice = "Try again in a moment; if it stays so, end its process."
    else:
        advice = (
            "It may be starting or stopping: try again in a moment. If it stays so, "
            f"`tars stop` or `kill {holder.pid}` ends it."
        )
    return TarsError(
        f"A daemon holds this home{holder.pid_note} but does not answer on its socket.",
        advice=advice,
    )


def _hung(pid: int) -> TarsError:
    return TarsError(
        f"The daemon (pid {pid}) is there but does not answer.",
        advice=f"Wait a moment; if it stays so, `tars stop` ends it, or `kill -9 {pid}`.",
    )


def explained(error: TarsError, home: Home) -> TarsError:
    """Give the error that says more than "nobody answered", where the home tells more."""
    match error:
        case NoAnswer():
            holder = lock_holder(home)
            return error if holder is None or holder.pid is None else _hung(holder.pid)
        case NotRunning():
            holder = lock_holder(home)
            if holder is not None:
                return unreachable(holder)
            return _home_fault(home) or error
        case SocketUnusable():
            return _home_fault(home) or error
        case _:
            return error


def _home_fault(home: Home) -> TarsError | None:
    from tars.cli.checks import home_fault  # only a command that failed pays for it

    return home_fault(home)
