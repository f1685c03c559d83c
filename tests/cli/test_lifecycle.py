"""`tars start`, `stop`, `restart`: never two daemons, and the truth about each.

The commands are real processes; the daemon that they start is one of paper.
"""

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest

from tars.cli.background import is_gone
from tars.control.client import Client
from tests.support.command_line import OnTerminal, tars

ROOT = Path(__file__).parents[2]
PAPER = f"{ROOT / 'tests' / 'support' / 'paper_daemon'}:{ROOT}"


FAILED = "tars: echo: Not signed in. Sign in. Then `tars restart echo`.\n"


class Machine:
    """A home where `tars start` starts a daemon of paper."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def tars(self, *words: str, daemon: str = "") -> "CompletedProcess[str]":
        return tars(self.home, *words, env=self.env(daemon))

    def env(self, daemon: str = "") -> dict[str, str]:
        return {"PYTHONPATH": PAPER, "PAPER_DAEMON": daemon}

    def pid(self) -> int:
        pid = Client(self.home / "run" / "tars.sock").status().daemon.pid
        assert pid is not None
        return pid

    def daemons(self) -> list[int]:
        """Every daemon that ever got to serve this home."""
        return [int(path.name.partition("-")[2]) for path in self.home.glob("served-*")]


@contextmanager
def drained(machine: Machine) -> Iterator[Machine]:
    """At the end nothing that was started is alive, because it was asked to stop."""
    yield machine
    machine.tars("stop")
    left = [pid for pid in machine.daemons() if not is_gone(pid)]
    for pid in left:
        psutil.Process(pid).kill()
    assert left == []


@pytest.fixture
def machine(home: Path) -> Iterator[Machine]:
    with drained(Machine(home)) as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    """One whose daemon runs, for all who leave that as it is."""
    folder = Path(tempfile.mkdtemp(prefix="tars-"))
    with drained(Machine(folder)) as made:
        assert made.tars("start").returncode == 0
        yield made
    shutil.rmtree(folder)


def test_start_says_what_runs(machine: Machine) -> None:
    """Version, pid and the agents, once the default agent is ready."""
    done = machine.tars("start", daemon="waits")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"tars 0.1.0 is running (pid {machine.pid()}).\n"
        "other is stopped (echo over acp).\n"
        "echo is ready (echo over acp, pid 4242).\n"
    )


def test_the_daemon_is_detached(running: Machine) -> None:
    """A session of its own, the root folder, nothing of the terminal, private errors."""
    process = psutil.Process(running.pid())
    assert process.cwd() == "/"
    assert process.terminal() is None
    errors = running.home / "logs" / "daemon.err"
    assert stat.S_IMODE(errors.stat().st_mode) == 0o600


def test_start_when_running_changes_nothing(running: Machine) -> None:
    """The same daemon, exit status 0, and it says so."""
    pid = running.pid()
    done = running.tars("start")
    assert done.returncode == 0
    assert done.stdout.startswith(f"tars 0.1.0 is already running (pid {pid}).\n")
    assert running.daemons() == [pid]


def test_starting_an_agent_of_a_daemon_that_runs_says_what_concerns_it(running: Machine) -> None:
    """Nothing of the daemon, nor of another agent."""
    done = running.tars("start", "echo")
    assert (done.returncode, done.stdout) == (0, "echo is ready.\n")


def test_two_starts_at_once_are_one_daemon(machine: Machine) -> None:
    """Both succeed; whoever loses the lock waits for the other's daemon."""
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: machine.tars("start"), range(2)))
    assert [done.returncode for done in both] == [0, 0]
    assert machine.daemons() == [machine.pid()]


def test_an_agent_that_cannot_work_is_4(machine: Machine) -> None:
    """Its fault and advice on stderr; the daemon stays up. A second start says the same: the
    daemon is there, and a prompt would fail all the same."""
    done = machine.tars("start", daemon="failed")
    assert (done.returncode, done.stderr) == (4, FAILED)
    assert machine.pid()
    done = machine.tars("start")
    assert (done.returncode, done.stderr) == (4, FAILED)


def test_starting_an_agent_by_name_checks_the_name_first(machine: Machine) -> None:
    """No daemon is started for a name that no configuration has."""
    done = machine.tars("start", "nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "tars: There is no agent and no group 'nope'. `tars agents` shows the names.\n"
    )
    assert machine.daemons() == []


def test_restart_keeps_what_it_could_not_start_again(machine: Machine) -> None:
    """A config.toml with faults is reported, and the daemon that runs is left alone."""
    machine.tars("start")
    pid = machine.pid()
    (machine.home / "config.toml").write_text("log_levle = 1\n")
    done = machine.tars("restart")
    assert (done.returncode, done.stdout) == (1, "")
    assert "log_levle" in done.stderr
    assert machine.pid() == pid


def test_stop_finds_a_daemon_whose_socket_was_deleted(machine: Machine) -> None:
    """By the lock that it holds: never "not running" while it lives."""
    machine.tars("start")
    pid = machine.pid()
    (machine.home / "run" / "tars.sock").unlink()
    done = machine.tars("stop")
    assert (done.returncode, done.stdout) == (0, f"tars is stopped (pid {pid} is gone).\n")
    assert f"tars: the daemon (pid {pid}) does not answer; ending it" in done.stderr
    assert is_gone(pid)


def test_a_deleted_socket_is_told_with_the_pid(machine: Machine) -> None:
    """Whose lock it is and how to end it, in one line and in seconds."""
    machine.tars("start")
    pid = machine.pid()
    (machine.home / "run" / "tars.sock").unlink()
    commands = [["start"], ["prompt", "hi"], ["status"]]
    with ThreadPoolExecutor() as pool:
        for done in pool.map(lambda words: machine.tars(*words), commands):
            assert (done.returncode, done.stdout) == (1, "")
            line = f"tars: A daemon holds this home (pid {pid}) but does not answer on its socket. "
            assert line in done.stderr
            assert f"`kill {pid}`" in done.stderr


def test_stop_ends_a_suspended_daemon(machine: Machine) -> None:
    """It cannot answer; it is told so, resumed and ended."""
    machine.tars("start")
    pid = machine.pid()
    os.kill(pid, signal.SIGSTOP)
    done = machine.tars("stop")
    assert (done.returncode, done.stdout) == (0, f"tars is stopped (pid {pid} is gone).\n")
    assert is_gone(pid)


def test_status_and_prompt_give_a_suspended_daemon_up(machine: Machine) -> None:
    """Both name its pid and what to do; neither waits for ever."""
    machine.tars("start")
    pid = machine.pid()
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda words: machine.tars(*words), [["status"], ["prompt", "hi"]]))
    for done in both:
        assert (done.returncode, done.stdout) == (1, "")
        line = f"tars: The daemon (pid {pid}) is there but does not answer. "
        assert done.stderr.splitlines()[-1].startswith(line)
    os.kill(pid, signal.SIGCONT)


def test_a_lock_of_something_else_is_never_signalled(machine: Machine) -> None:
    """A pid that is no tars of ours is not to be trusted, whatever the file says."""
    machine.tars("start")
    pid = machine.pid()
    lock = machine.home / "run" / "tars.lock"
    (machine.home / "run" / "tars.sock").unlink()
    lock.write_text("1")
    done = machine.tars("stop")
    assert done.returncode == 1
    assert "A daemon holds this home but does not answer" in done.stderr
    assert not is_gone(pid)
    lock.write_text(str(pid))


def test_a_daemon_that_dies_at_start_leaves_its_last_words(machine: Machine) -> None:
    """What this daemon wrote, clean, and not what an earlier one did."""
    machine.tars("start", daemon="dies")
    done = machine.tars("start", daemon="dies")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "  no space left for anything\ntars: The daemon exited with status 1 while it started.\n"
    )


def test_stop_returns_when_the_process_is_gone(machine: Machine) -> None:
    """By its pid, not by its socket."""
    machine.tars("start")
    pid = machine.pid()
    done = machine.tars("stop")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"tars is stopped (pid {pid} is gone).\n"
    assert is_gone(pid)


def test_stop_when_nothing_runs_is_done(machine: Machine) -> None:
    """There is nothing to do, which is no failure."""
    done = machine.tars("stop")
    assert (done.returncode, done.stdout) == (0, "tars is not running.\n")


def test_restart_is_another_daemon(machine: Machine) -> None:
    """The old one is gone before the new one serves; without an old one it just starts."""
    assert machine.tars("restart").returncode == 0
    first = machine.pid()
    assert machine.tars("restart").returncode == 0
    assert is_gone(first)
    assert machine.pid() != first


@pytest.mark.parametrize(
    ("action", "state"), [("start", "ready"), ("stop", "stopped"), ("restart", "ready")]
)
def test_with_a_name_it_is_one_agent(running: Machine, action: str, state: str) -> None:
    """The daemon stays the same process."""
    pid = running.pid()
    done = running.tars(action, "echo")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"echo is {state}.")
    assert running.pid() == pid


def test_a_second_daemon_in_the_foreground_is_refused(running: Machine) -> None:
    """Exit status 5 tells a waiting `tars start` that somebody else holds the lock."""
    done = running.tars("start", "--foreground")
    assert (done.returncode, done.stderr) == (5, "tars: Another daemon serves this home.\n")


@pytest.mark.parametrize(
    "words", [["start"], ["start", "--foreground"], ["config", "init"], ["prompt", "x"], ["status"]]
)
def test_a_useless_home_is_one_line(home: Path, words: list[str]) -> None:
    """A file in its place, or a path too long for a socket: whose fault, and what to do."""
    file, long = home / "file", home / ("x" * 120)
    file.touch()
    done = tars(home, *words, env={"TARS_HOME": str(file)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"tars: {file} is not a folder. Move it away.\n"
    done = tars(home, *words, env={"TARS_HOME": str(long)})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "103 bytes" in done.stderr or "too long" in done.stderr


def test_start_on_a_terminal_outlives_it(machine: Machine) -> None:
    """The terminal closes when the command ends, and the daemon does not notice."""
    terminal = OnTerminal(machine.home, "start", env=machine.env())
    assert terminal.end() == 0
    assert machine.pid() == machine.daemons()[0]
