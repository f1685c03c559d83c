"""The service files: what systemd and launchd themselves make of them."""

import os
import plistlib
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "tars.service"
PLIST = ROOT / "launchd" / "org.tars.daemon.plist"

#: Prints what the daemon would see, in place of the daemon.
STAND_IN = '#!/bin/sh\necho "tars $* key=$GEMINI_API_KEY"\necho trouble >&2\n'


def settings(section: str) -> dict[str, list[str]]:
    """One section of the unit; a name may stand there more than once."""
    _, _, rest = UNIT.read_text().partition(f"[{section}]\n")
    body, _, _ = rest.partition("\n[")
    found: dict[str, list[str]] = {}
    for line in body.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def verify(unit: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What systemd says of a unit, in a home that holds a `tars` to start."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is not installed, and CI has to have it")
        pytest.skip("systemd-analyze is not installed")
    program = folder / "home" / ".local" / "bin" / "tars"
    program.parent.mkdir(parents=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    copy = folder / "tars.service"
    copy.write_text(unit.replace("%h", str(folder / "home")))
    return subprocess.run(
        [analyze, "verify", "--user", "--man=no", str(copy)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    """Every setting is known to systemd, every program is there, and nothing is warned of."""
    done = verify(UNIT.read_text(), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_misspelt_setting_would_be_found(tmp_path: Path) -> None:
    """The check above can fail: systemd ignores what it does not know, but says so."""
    done = verify(UNIT.read_text().replace("WatchdogSec=", "WatchdogSecs="), tmp_path)
    assert "WatchdogSecs" in done.stderr


def test_the_unit_is_what_the_daemon_relies_on() -> None:
    """READY, the watchdog, the order of the ending, and who restarts whom."""
    service = settings("Service")
    assert service["Type"] == ["notify"]
    assert service["WatchdogSec"] == ["60"]
    assert service["KillMode"] == ["mixed"]
    assert service["Restart"] == ["on-failure"]
    assert service["ExecStart"] == ["%h/.local/bin/tars start --foreground"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert service["EnvironmentFile"] == ["-%h/.tars/env"]
    assert service["OOMPolicy"] == ["continue"]


def test_systemd_waits_for_the_whole_ladder() -> None:
    """Cancel 10 s, SIGINT 5 s, SIGTERM 5 s: being killed on the way would orphan the turn."""
    assert int(settings("Service")["TimeoutStopSec"][0]) >= 2 * (10 + 5 + 5)


def test_the_plist_says_exactly_this() -> None:
    """Every key that launchd reads, but for the program itself."""
    with PLIST.open("rb") as file:
        plist = plistlib.load(file)
    program = plist.pop("ProgramArguments")
    assert program[:2] == ["/bin/sh", "-c"]
    assert len(program) == 3
    assert plist == {
        "Label": "org.tars.daemon",
        "EnvironmentVariables": {
            "PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        },
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 45,
        "ProcessType": "Interactive",
    }


def test_the_plist_starts_the_daemon_with_its_keys_and_its_log(tmp_path: Path) -> None:
    """launchd expands nothing: the shell line finds the home, the keys and a private log."""
    home = tmp_path / "a home"
    program = home / ".local" / "bin" / "tars"
    program.parent.mkdir(parents=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    (home / ".tars").mkdir()
    (home / ".tars" / "env").write_text("GEMINI_API_KEY=abc\n")
    with PLIST.open("rb") as file:
        argv = plistlib.load(file)["ProgramArguments"]

    done = subprocess.run(
        argv, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}, capture_output=True, timeout=30
    )

    log = home / ".tars" / "logs" / "launchd.log"
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert log.read_text() == "tars start --foreground key=abc\ntrouble\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
