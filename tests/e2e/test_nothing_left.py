"""An agent's whole tree goes with it, whatever its members did to be left behind."""

import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tests.support.processes import bystander, died_at_once, watched
from tests.support.stage import alive
from tests.support.tars_home import TarsHome

#: Becomes the built-in agent, once every runaway is on its own and has told its pid: twice
#: forked, in a session of its own, deaf to polite signals, with nothing open.
PARENT = """
    #!{python}
    import os, resource, signal, sys

    def tell():
        fd = os.open({pids!r}, os.O_WRONLY | os.O_APPEND)
        os.write(fd, b"%d\\n" % os.getpid())
        os.close(fd)

    def run_away(how):
        ready, done = os.pipe()
        if os.fork():
            os.close(done)
            os.read(ready, 1)
            os.close(ready)
            os.wait()
            return
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(0), os.close(1), os.close(2)
        tell()
        how()
        os.closerange(0, 100)
        while True:
            signal.pause()

    def scrub():
        code = "import os, signal; os.closerange(0, 100); signal.pause()"
        os.execve({python!r}, ["x", "-I", "-S", "-c", code], {{}})

    def scrub_all():
        resource.setrlimit(10, (-1, -1))
        scrub()

    def bomb():
        # 2 ** 7 processes from this one, each in a session of its own.
        for _ in range(7):
            if os.fork() == 0:
                os.setsid()
                tell()

    def leave_quickly():
        for _ in range(50):
            if os.fork() == 0:
                os._exit(0)
        os._exit(0)

    for how in ({ways}):
        run_away(how)
    os.execv({python!r}, [{python!r}, "-P", "-m", "tars.agents.echo"])
"""


def configure(tars: TarsHome, ways: str) -> Path:
    """Let the agent have these runaways; they write their pids into the file."""
    folder = tars.home.root.parent
    pids, program = folder / "pids", folder / "parent"
    pids.write_text("")
    code = textwrap.dedent(PARENT).format(python=sys.executable, pids=str(pids), ways=ways)
    program.write_text(code.lstrip())
    program.chmod(0o700)
    tars.configure_echo(command=[str(program)])
    return pids


def runaways(pids: Path, count: int) -> list[int]:
    """Wait until so many have told their pids, and give them."""
    deadline = time.monotonic() + 60
    while len(lines := pids.read_text().split()) < count:
        assert time.monotonic() < deadline, lines
        os.sched_yield()
    found = [int(line) for line in lines]
    assert all(map(alive, found)), "else there is nothing to prove"
    return found


def test_a_stop_takes_the_whole_tree(tars: TarsHome) -> None:
    """Marked, without its environment, or without any mark at all: none is left. The daemon
    goes on, and so does everybody else."""
    pids = configure(tars, "lambda: None, scrub, scrub_all")
    tars.start()
    left = runaways(pids, 3)
    with bystander() as stranger:
        tars.client.change_agent("echo", "stop")
        assert [pid for pid in left if alive(pid)] == []
        assert tars.agent().state == "stopped"
        assert not died_at_once(stranger)


def test_a_crash_takes_the_whole_tree_before_the_next_life_begins(tars: TarsHome) -> None:
    """What the first process left is gone when the second one works."""
    pids = configure(tars, "lambda: None, scrub, scrub_all")
    tars.start()
    left, agent = runaways(pids, 3), tars.agent_pid()
    tars.kill(agent)
    tars.until(lambda status: status.agents[0].state == "ready" and status.agents[0].pid != agent)
    assert [pid for pid in left if alive(pid)] == []
    assert len([pid for pid in runaways_of(pids) if alive(pid)]) == 3


def runaways_of(pids: Path) -> list[int]:
    return [int(line) for line in pids.read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing kills the agent itself")
def test_the_next_daemon_ends_what_a_killed_one_left(tars: TarsHome) -> None:
    """The agent died with its daemon; those that no signal reached are found by their marks."""
    pids = configure(tars, "lambda: None, scrub")
    tars.start()
    left = runaways(pids, 2)
    with watched(tars.agent_pid()) as ended:
        tars.kill(tars.daemon_pid())
        assert ended()
    assert all(map(alive, left)), "else there is nothing to prove"
    tars.configure_echo()
    tars.start()
    assert [pid for pid in left if alive(pid)] == []


def test_an_orderly_end_takes_everything(tars: TarsHome) -> None:
    """Also what has no mark."""
    pids = configure(tars, "lambda: None, scrub, scrub_all")
    tars.start()
    left = runaways(pids, 3)
    tars.stop()
    assert [pid for pid in left if alive(pid)] == []
    assert not tars.home.children.exists()


def test_a_fork_bomb_dies_whole(tars: TarsHome) -> None:
    """More than a hundred processes, each leading a session of its own."""
    pids = configure(tars, "bomb,")
    tars.start()
    left = runaways(pids, 128)
    tars.client.change_agent("echo", "stop")
    assert [pid for pid in left if alive(pid)] == []


def test_orphans_that_end_leave_no_zombies(tars: TarsHome) -> None:
    """The daemon reaps those that came to it, and takes no status from whoever waits for it."""
    configure(tars, "leave_quickly, leave_quickly")
    tars.start()
    daemon = psutil.Process(tars.daemon_pid())
    deadline = time.monotonic() + 30
    while zombies := [c for c in daemon.children() if c.status() == psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, zombies
        os.sched_yield()
    agent = tars.agent_pid()
    os.kill(agent, signal.SIGSEGV)
    tars.until(lambda status: status.agents[0].restarts == 1)
    error = tars.agent().last_error
    assert error is not None
    assert "signal 11" in error.message
