"""Start and stop a daemon in the background as `tars start` and `tars stop` do, without the
price of these commands and of the daemon's imports: hundreds of tests want one.

What is not as it should be is left to the commands, which tell it.
"""

import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

from tars.control.client import Client
from tars.control.contract import AgentStatus, Status
from tars.errors import TarsError
from tars.home import FILE_MODE, Home
from tests.support import incubator

#: How soon a daemon that was just started is asked again.
POLL_SECONDS = 0.02
MOVING = ("starting", "stopping", "waiting")
WORKING = ("ready", "busy", "limited", "stopped")
#: Makes a process the child of nobody in a session of its own, and prints its pid.
_DETACH = """
import os, sys
pid = os.fork()
if pid == 0:
    os.setsid()
    os.dup2(2, 1)
    os.execv(sys.argv[1], sys.argv[1:])
print(pid)
"""
Until = Callable[[Callable[[Status], bool]], Status]


def start(home: Home, client: Client, env: Mapping[str, str], until: Until) -> bool:
    """Start a daemon, and wait until its default agent works. False where it does not, or where
    another one runs. `until` waits for a status."""
    with suppress(TarsError):
        client.status()
        return False
    pid = spawn(home, env)
    while not is_gone(pid, POLL_SECONDS):
        with suppress(TarsError):
            return _works(client.agents().default, until)
    return False


def _works(name: str, until: Until) -> bool:
    """Wait until an agent goes neither up nor down, and say whether it is as it should be."""

    def found(status: Status) -> AgentStatus | None:
        return next((agent for agent in status.agents if agent.name == name), None)

    def rests(status: Status) -> bool:
        agent = found(status)
        return agent is None or not (agent.waits_for or agent.state in MOVING)

    agent = found(until(rests))
    return agent is None or agent.state in WORKING


def spawn(home: Home, env: Mapping[str, str]) -> int:
    """Make a daemon as the child of nobody, and give its pid."""
    home.prepare()
    path = home.logs / "daemon.err"
    errors = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    if incubator.can_make(env):
        os.close(errors)
        return incubator.incubator().spawn(env, path)
    try:
        daemon = [sys.executable, "-P", "-m", "tars", "start", "--foreground"]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _DETACH, *daemon],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            check=True,
        )
    finally:
        os.close(errors)
    return int(done.stdout)


def stop(client: Client, patience: float) -> bool:
    """Have the daemon end, and wait until it is gone. False where none answers."""
    try:
        pid = client.shutdown().pid
    except TarsError:
        return False
    return is_gone(pid, patience)


def is_gone(pid: int, seconds: float) -> bool:
    """Wait at most so long until a process has ended; somebody may still have to reap it."""
    if not hasattr(os, "pidfd_open"):
        with suppress(psutil.NoSuchProcess):
            return not psutil.wait_procs([psutil.Process(pid)], timeout=seconds)[1]
        return True
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([ended], [], [], seconds)[0])
    finally:
        os.close(ended)
