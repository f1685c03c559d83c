"""The service under a real systemd: `make systemd`, as root."""

import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.systemd_machine import Machine, booted, unavailable

if not os.environ.get("TARS_SYSTEMD"):
    pytest.skip("`make systemd` runs these", allow_module_level=True)

#: An agent whose start waits until somebody opens a pipe.
SLOW = """
[agents.echo]
kind = "echo"
command = ["sh", "-c", "cat < {pipe}; exec {python} -P -m tars.agents.echo"]
"""


@pytest.fixture(scope="module")
def booted_machine() -> Iterator[Machine]:
    why = unavailable()
    if why:
        pytest.fail(f"no systemd can run here: {why}")
    folder = Path(tempfile.mkdtemp(prefix="tm-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with booted(folder) as machine:
            yield machine
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def machine(booted_machine: Machine) -> Iterator[Machine]:
    """The machine with nothing of tars in it, before and after."""
    yield booted_machine
    booted_machine.tars("service", "uninstall", "--force")
    booted_machine.tars("stop")
    shutil.rmtree(booted_machine.home / ".tars", ignore_errors=True)
    shutil.rmtree(booted_machine.home / ".config", ignore_errors=True)


def units(machine: Machine) -> list[str]:
    """Every unit file and link of the person."""
    folder = machine.home / ".config" / "systemd" / "user"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def pid(machine: Machine) -> int:
    return int(machine.show("MainPID"))


def signal(machine: Machine, name: str) -> None:
    done = machine.run("kill", f"-{name}", str(pid(machine)))
    assert done.returncode == 0, done.stderr


def drop_in(machine: Machine, text: str) -> Path:
    """What `systemctl edit` would write."""
    path = machine.home / ".config/systemd/user/tars.service.d/override.conf"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_from_install_to_uninstall(machine: Machine) -> None:
    """Two commands: one makes it run, now and at each login; the other leaves nothing."""
    said = machine.tars("service", "install")
    unit = machine.home / ".config/systemd/user/tars.service"
    assert stat.S_IMODE(unit.stat().st_mode) == 0o644
    assert units(machine) == ["default.target.wants/tars.service", "tars.service"]
    assert "enable-linger" in said
    assert machine.show("ActiveState") == "active"
    assert machine.show("StatusText") == "echo: ready"
    assert "echo" in machine.tars("prompt", "echo this")

    again = machine.tars("service", "install")
    assert "is as it should be" in again
    assert "at login" in machine.tars("service", "status")
    assert "tars.service of your systemd starts at login" in machine.tars("doctor")

    assert "removed" in machine.tars("service", "uninstall")
    assert units(machine) == []
    assert machine.show("LoadState") == "not-found"
    assert "not installed" in machine.tars("service", "uninstall")
    machine.tars("service", "status", status=3)
    machine.tars("status", status=3)


def test_ready_waits_for_the_handshake_and_says_so(machine: Machine) -> None:
    """Until the agent answers, the unit is activating and tells what it waits for."""
    home = machine.home / ".tars"
    home.mkdir(mode=0o700)
    pipe = machine.home / "pipe"
    os.mkfifo(pipe)
    (home / "config.toml").write_text(SLOW.format(pipe=pipe, python=sys.executable))
    (home / "config.toml").chmod(0o600)
    machine.tars("service", "install", "--no-start")
    machine.run("systemctl", "--user", "start", "--no-block", "tars.service")
    machine.until("StatusText", "echo: starting")
    assert machine.show("ActiveState") == "activating"
    pipe.open("w").close()  # cat comes to its end
    machine.until("ActiveState", "active")
    assert machine.show("StatusText") == "echo: ready"
    pipe.unlink()


def test_a_killed_daemon_is_started_again(machine: Machine) -> None:
    """kill -9: another process, ready again, and no agent of the one before is left."""
    machine.tars("service", "install")
    before = pid(machine)
    signal(machine, "KILL")
    machine.until("NRestarts", "1")
    machine.until("ActiveState", "active")
    assert pid(machine) not in (0, before)
    assert "ready" in machine.tars("status")


def test_a_daemon_that_hangs_is_ended_and_started_again(machine: Machine) -> None:
    """No heartbeat comes from a loop that stands still: the watchdog ends it. What is changed by
    a drop-in counts, and outlives the service."""
    override = drop_in(machine, "[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n")
    machine.tars("service", "install")
    assert str(override) in machine.tars("service", "status")
    signal(machine, "STOP")
    machine.until("NRestarts", "1")
    machine.until("ActiveState", "active")
    machine.until("StatusText", "echo: ready")
    assert "stays" in machine.tars("service", "uninstall")
    assert override.exists()


def test_a_reload_keeps_the_process(machine: Machine) -> None:
    """`systemctl reload` reads config.toml again, and the unit is active afterwards."""
    machine.tars("service", "install")
    before = pid(machine)
    done = machine.run("systemctl", "--user", "reload", "tars.service")
    assert done.returncode == 0, done.stderr
    machine.until("StatusText", "The configuration was read again.")
    assert machine.show("ActiveState") == "active"
    assert pid(machine) == before


def test_what_is_stopped_stays_stopped(machine: Machine) -> None:
    """`tars stop`, `start` and `restart` are the service's own; Restart= undoes none of them."""
    machine.tars("service", "install")
    first = pid(machine)
    assert f"pid {first} is gone" in machine.tars("stop")
    assert machine.show("ActiveState") == "inactive"
    assert machine.show("NRestarts") == "0"
    assert "tars is not running" in machine.tars("stop")
    machine.tars("service", "status", status=3)
    assert f"pid {pid(machine)}" not in machine.tars("start")
    second = pid(machine)
    assert second != 0
    assert "already running" in machine.tars("start")
    machine.tars("restart")
    assert pid(machine) not in (0, second)
    assert machine.show("ActiveState") == "active"
    # Another client of the control channel may end it, too.
    asked = "from tars.control.client import Client; from tars.home import find_home;"
    machine.run(sys.executable, "-c", f"{asked} Client(find_home().socket).shutdown()")
    machine.until("ActiveState", "inactive")
    assert machine.show("Result") == "success"
    assert machine.show("NRestarts") == "0"


def test_a_daemon_that_hangs_is_stopped_for_good(machine: Machine) -> None:
    """Also one that has to be killed: that is no failure to be mended by another start."""
    drop_in(machine, "[Service]\nTimeoutStopSec=1\n")
    machine.tars("service", "install")
    signal(machine, "STOP")
    machine.tars("stop")
    assert machine.show("MainPID") == "0"
    assert machine.show("ActiveState") in ("inactive", "failed")
    assert machine.show("NRestarts") == "0"
    machine.tars("start")
    assert machine.show("ActiveState") == "active"


def test_a_daemon_started_by_hand_is_handed_over(machine: Machine) -> None:
    """`install` ends no work under way; `tars restart` makes it the service's."""
    machine.tars("start")
    assert "`tars restart` hands over" in machine.tars("service", "install")
    assert pid(machine) == 0
    assert "is not the service's" in machine.tars("doctor")
    machine.tars("restart")
    assert pid(machine) != 0
    assert f"pid {pid(machine)}" in machine.tars("status")


def test_the_first_question_starts_it(machine: Machine) -> None:
    """systemd listens; the daemon takes the socket over, and its agents know nothing of it."""
    machine.tars("service", "install", "--socket")
    assert machine.show("ActiveState", "tars.socket") == "active"
    assert machine.show("ActiveState") == "inactive"
    assert "waits" not in machine.tars("service", "status")
    status = json.loads(machine.tars("status", "--json"))
    assert status["daemon"]["pid"] == pid(machine)
    machine.until("ActiveState", "active")
    agents = [p for p in psutil.process_iter() if _is_agent_of(p, machine)]
    assert agents
    for agent in agents:
        inherited = agent.environ().keys()
        assert not inherited & {"LISTEN_PID", "LISTEN_FDS", "NOTIFY_SOCKET", "WATCHDOG_USEC"}
    # Stopped is stopped: a question does not start it any more.
    machine.tars("stop")
    assert machine.show("ActiveState", "tars.socket") == "inactive"
    machine.tars("status", status=3)
    machine.tars("start")
    assert machine.show("ActiveState", "tars.socket") == "active"
    # Without the option the socket goes.
    machine.tars("service", "install")
    assert units(machine) == ["default.target.wants/tars.service", "tars.service"]
    assert "ready" in machine.tars("status")
    machine.tars("service", "install", "--socket")
    assert machine.show("ActiveState") == "inactive"
    assert "ready" in machine.tars("status")


#: What agents do, and what nothing of theirs needs. Run where the daemon is run.
WORK = """
import ctypes, errno, mmap, os, resource, subprocess, tempfile
sandbox = "unshare --user --map-root-user --mount --pid --fork true"
subprocess.run(sandbox.split(), check=True)
with tempfile.NamedTemporaryFile() as file:
    os.chmod(file.name, 0o2755)
mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.swapoff(b"/not/there") == -1 and ctypes.get_errno() == errno.EPERM
assert libc.prctl(39, 0, 0, 0, 0) == 1, "PR_GET_NO_NEW_PRIVS"
"""


def test_what_agents_do_is_allowed(machine: Machine) -> None:
    """Sandboxes, setgid files, memory that is written and run: only what nobody needs is not."""
    (machine.home / "work.py").write_text(WORK)
    run = f"ExecStartPre={sys.executable} {machine.home}/work.py"
    drop_in(machine, f"[Service]\n{run}\n")
    machine.tars("service", "install")
    assert machine.show("ActiveState") == "active"


def test_a_service_of_the_machine_runs_as_its_user(machine: Machine) -> None:
    """--system: User= is who was named, and never root by accident."""
    assert "--user NAME" in machine.tars("service", "install", "--system", status=1)
    home = machine.home / "nobodys"
    home.mkdir()
    shutil.chown(home, "nobody")
    named = ("--system", "--user", "nobody")
    done = machine.run("env", f"TARS_HOME={home}", "tars", "service", "install", *named)
    assert done.returncode == 0, done.stderr
    assert machine.show("ActiveState", system=True) == "active"
    assert machine.show("StatusText", system=True) == "echo: ready"
    process = _process(machine, int(machine.show("MainPID", system=True)))
    assert process.username() == "nobody"
    assert machine.show("UnitFileState", system=True) == "enabled"
    machine.tars("service", "uninstall", "--system")
    assert machine.show("LoadState", system=True) == "not-found"


def test_a_unit_changed_by_hand_is_left_alone(machine: Machine) -> None:
    """Neither `install` nor `uninstall` throws a person's own lines away, unless by --force."""
    machine.tars("service", "install", "--no-start")
    unit = machine.home / ".config/systemd/user/tars.service"
    unit.write_text(unit.read_text().replace("RestartSec=1", "RestartSec=7"))
    assert "by hand" in machine.tars("service", "install", status=5)
    assert "by hand" in machine.tars("service", "uninstall", status=5)
    assert "RestartSec=7" in unit.read_text()
    machine.tars("service", "install", "--no-start", "--force")
    assert "RestartSec=1\n" in unit.read_text()


def _is_agent_of(process: psutil.Process, machine: Machine) -> bool:
    try:
        return "tars.agents.echo" in process.cmdline() and process.environ().get("HOME") == str(
            machine.home
        )
    except psutil.Error:
        return False


def _process(machine: Machine, inner: int) -> psutil.Process:
    """The process that has this pid within the machine's namespace."""
    for process in psutil.Process(machine.pid).children(recursive=True):
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        numbers = next(line for line in lines if line.startswith("NSpid:")).split()
        if numbers[-1] == str(inner):
            return process
    raise AssertionError(f"no process has the pid {inner}")
