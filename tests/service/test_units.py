"""The units: what systemd itself makes of them, and what the daemon relies on."""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tars.errors import UserError
from tars.service.plan import Plan, documented
from tars.service.units import is_sealed, sealed, service_unit, socket_unit

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "tars.service"


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


def verify(folder: Path, plan: Plan, *, spoil: str = "") -> str:
    """What systemd says of a plan's units, where its program is there."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is not installed, and CI has to have it")
        pytest.skip("systemd-analyze is not installed")
    program = Path(plan.command[0])
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    units = {"tars.service": service_unit(plan)}
    if plan.socket:
        units["tars.socket"] = socket_unit(plan)
    for name, text in units.items():
        (folder / name).write_text(text.replace(spoil, f"{spoil}s") if spoil else text)
    done = subprocess.run(
        [analyze, "verify", "--system" if plan.user else "--user", "--man=no"]
        + [str(folder / name) for name in units],
        env={"PATH": os.environ["PATH"], "HOME": plan.person, "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode == 0) is not bool(spoil), done.stderr
    return done.stdout + done.stderr


def test_the_unit_of_the_repository_is_the_documented_one() -> None:
    """tars from pipx, programs where every system has them, whoever you are. Else: `make docs`."""
    assert UNIT.read_text() == service_unit(documented("/home/you"))
    assert UNIT.read_text() == service_unit(documented("/home/somebody else"))


@pytest.mark.parametrize("socket", [False, True], ids=["alone", "with a socket"])
@pytest.mark.parametrize("system", [False, True], ids=["one's own", "of the system"])
def test_systemd_finds_no_fault(system: bool, socket: bool) -> None:
    """Every setting is known to systemd, every program is there, and nothing is warned of. A
    path may hold what has a meaning in a unit."""
    user = pwd.getpwuid(os.getuid()).pw_name if system else ""
    with tempfile.TemporaryDirectory(prefix="tars-") as name:  # the socket's path has to be short
        person = f"{name}/100%h $USER"
        plain = documented(person)
        path = (*plain.path, '/with "quotes" and \\')
        plan = replace(plain, path=path, user=user, socket=socket, home=f'{person}/"a"')
        assert verify(Path(name), plan) == ""


def test_a_misspelt_setting_would_be_found(tmp_path: Path) -> None:
    """The check above can fail: systemd ignores what it does not know, but says so."""
    plan = documented(str(tmp_path / "you"))
    with pytest.raises(AssertionError, match="WatchdogSecs"):
        verify(tmp_path, plan, spoil="WatchdogSec")


def test_the_unit_is_what_the_daemon_relies_on() -> None:
    """READY, the watchdog, the order of the ending, and who restarts whom."""
    service = settings("Service")
    assert service["Type"] == ["notify"]
    assert service["WatchdogSec"] == ["60"]
    assert service["KillMode"] == ["mixed"]
    assert service["Restart"] == ["on-failure"]
    assert service["ExecStart"] == ["%h/.local/bin/tars start --foreground"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert service["Environment"] == ["PATH=%h/.local/bin:/usr/local/bin:/usr/bin:/bin"]
    assert service["EnvironmentFile"] == ["-%h/.tars/env"]
    assert service["OOMPolicy"] == ["continue"]


def test_systemd_waits_for_the_whole_ladder() -> None:
    """Cancel 10 s, SIGINT 5 s, SIGTERM 5 s: being killed on the way would orphan the turn."""
    assert int(settings("Service")["TimeoutStopSec"][0]) >= 2 * (10 + 5 + 5)


def test_a_unit_of_the_system_names_its_user_and_no_folder_of_root() -> None:
    """There %h would be root's: every path is written out."""
    plan = replace(documented("/home/you"), user="you", socket=True)
    text = service_unit(plan)
    assert "\nUser=you\n" in text
    assert "\nExecStart=/home/you/.local/bin/tars start --foreground\n" in text
    assert "WantedBy=multi-user.target" in text
    assert "%h" not in text + socket_unit(plan)
    assert "\nSocketUser=you\n" in socket_unit(plan)


def test_a_moved_home_is_named() -> None:
    """TARS_HOME stands in the unit; the keys and the socket are there, too."""
    plan = replace(documented("/home/you"), home="/srv/tars", socket=True)
    assert "\nEnvironment=TARS_HOME=/srv/tars\n" in service_unit(plan)
    assert "\nEnvironmentFile=-/srv/tars/env\n" in service_unit(plan)
    assert "\nListenStream=/srv/tars/run/tars.sock\n" in socket_unit(plan)


def test_a_line_break_in_a_path_is_refused() -> None:
    """It would begin a setting of its own."""
    with pytest.raises(UserError, match="cannot stand in a unit"):
        service_unit(replace(documented("/home/you"), home="/srv/a\nUser=root"))


def test_a_program_that_systemd_would_not_run_is_refused() -> None:
    """It takes no quotes in the path of a program, however they are written."""
    with pytest.raises(UserError, match="quote in its path"):
        service_unit(documented("/home/you's"))


def test_a_seal_breaks_with_any_change() -> None:
    """One character more or less, anywhere, is a change by hand."""
    text = sealed("[Service]\nRestartSec=1\n")
    assert is_sealed(text)
    assert not is_sealed(text.replace("=1", "=2"))
    assert not is_sealed(text.replace("[Service]", "# mine\n[Service]"))
    assert not is_sealed("[Service]\nRestartSec=1\n")
    assert not is_sealed("")
