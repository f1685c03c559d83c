"""The property list for launchd, as far as it can be checked without a Mac."""

import os
import plistlib
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tars.errors import UserError
from tars.service.launchd import faults, property_list
from tars.service.plan import MACOS_PATH, documented

PLIST = Path(__file__).parents[2] / "launchd" / "org.tars.daemon.plist"

#: Prints what the daemon would see, in place of the daemon.
STAND_IN = '#!/bin/sh\necho "tars $* key=$GEMINI_API_KEY path=$PATH"\necho trouble >&2\n'


def test_the_list_of_the_repository_is_the_documented_one() -> None:
    """Whoever you are. Else: `make docs`."""
    assert PLIST.read_bytes() == property_list(documented("/Users/you", MACOS_PATH))
    assert PLIST.read_bytes() == property_list(documented("/Users/somebody else", MACOS_PATH))


def test_the_list_says_exactly_this() -> None:
    """Every key that launchd reads, but for the program itself."""
    plist = plistlib.loads(PLIST.read_bytes())
    program = plist.pop("ProgramArguments")
    assert program[:2] == ["/bin/sh", "-c"]
    assert len(program) == 3
    assert plist == {
        "Label": "org.tars.daemon",
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 45,
        "ProcessType": "Interactive",
    }
    assert faults(PLIST.read_bytes()) == []


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"Label": 1, "ProgramArguments": ["x"]}, "Label has to be of type str"),
        ({"Label": "x", "ProgramArguments": ["x"], "ExitTimeOut": True}, "ExitTimeOut has to be"),
        ({"Label": "x", "ProgramArguments": []}, "ProgramArguments has to be words"),
        ({"Label": "x", "ProgramArguments": ["x"], "Keepalive": True}, "Keepalive is not known"),
        ({"ProgramArguments": ["x"]}, "Label is missing"),
        (["x"], "no dictionary"),
    ],
)
def test_what_launchd_would_not_take_is_told(keys: dict[str, Any] | list[str], fault: str) -> None:
    """Types of known keys, and names that are none."""
    assert fault in "; ".join(faults(plistlib.dumps(keys)))


@pytest.mark.parametrize("data", [b"", b"no list", b"<plist><dict><key>x</plist>"])
def test_what_is_no_list_is_told(data: bytes) -> None:
    """Whatever somebody made of the file, it is told, not raised."""
    assert "not a property list" in faults(data)[0]


def run(home: Path, mode: int, *, moved: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Run the program of the list for this home, as launchd would."""
    plan = documented(str(home), ("/usr/bin", "/bin"))
    if moved:
        plan = replace(plan, home=f"{home}/it's moved")
    program = Path(plan.command[0])
    program.parent.mkdir(parents=True)
    program.write_text(STAND_IN)
    program.chmod(0o755)
    keys = Path(plan.keys)
    keys.parent.mkdir()
    keys.write_text("GEMINI_API_KEY=abc\n")
    keys.chmod(mode)
    argv = plistlib.loads(property_list(plan))["ProgramArguments"]
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(argv, env=env, capture_output=True, timeout=30)


@pytest.mark.parametrize("moved", [False, True])
def test_it_starts_the_daemon_with_its_keys_and_its_log(tmp_path: Path, moved: bool) -> None:
    """launchd expands nothing: the shell line finds the home, PATH, the keys and a private log."""
    home = tmp_path / "a home"
    done = run(home, 0o600, moved=moved)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    log = home / ("it's moved" if moved else ".tars") / "logs" / "launchd.log"
    path = f"{home}/.local/bin:/usr/bin:/bin"
    assert log.read_text() == f"tars start --foreground key=abc path={path}\ntrouble\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_keys_that_others_can_read_start_nothing(tmp_path: Path) -> None:
    """Status 0, or launchd would try again every ten seconds; the log says what to do."""
    home = tmp_path / "you"
    assert run(home, 0o644).returncode == 0
    log = (home / ".tars" / "logs" / "launchd.log").read_text()
    assert "chmod 600" in log
    assert "abc" not in log
    assert "start --foreground" not in log


def test_a_line_break_in_a_path_is_refused() -> None:
    """It would begin a command of its own."""
    with pytest.raises(UserError, match="cannot stand in a property list"):
        property_list(replace(documented("/Users/you"), home="/x\nrm"))
