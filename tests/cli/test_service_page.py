"""docs/service.md is true: its commands are typed, beside a `systemctl` that plays systemd.

`make systemd` does the same, and more, under a real one.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tars.service.units import is_sealed
from tests.support.service_managers import FakeManager, fake_systemctl
from tests.support.walkthrough import Page, pattern

PAGE = Page((Path(__file__).parents[2] / "docs" / "service.md").read_text())
USER = "--user --no-ask-password --no-pager"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a systemd of their own, who has installed tars."""

    folder: Path
    systemctl: FakeManager
    env: Mapping[str, str]

    @property
    def unit(self) -> Path:
        return self.folder / ".config/systemd/user/tars.service"

    def type(self, line: str) -> tuple[int, str, str]:
        """Run one line of a shell; give its status, stdout and stderr."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.rstrip(), done.stderr.rstrip()


@pytest.fixture
def you(tmp_path: Path) -> Iterator[Person]:
    folder = tmp_path / "you"
    (folder / ".local/bin").mkdir(parents=True)
    (folder / ".local/bin/tars").symlink_to(Path(sys.executable).parent / "tars")
    systemctl = fake_systemctl(tmp_path / "systemd")
    path = f"{systemctl.programs}:{folder}/.local/bin:/usr/bin:/bin"
    env = {"HOME": str(folder), "PATH": path, "XDG_RUNTIME_DIR": "/none", "LANG": "C.UTF-8"}
    yield Person(folder, systemctl, env)
    assert not (folder / ".tars/run/tars.sock").exists()  # nobody started a daemon


def test_the_page_shows_what_is_printed(you: Person) -> None:
    """Every command in order, each with what it printed."""
    assert len(PAGE.commands()) > 5
    for command, shown in PAGE.commands():
        status, out, err = you.type(command)
        assert (status, bool(re.fullmatch(pattern(shown), out))) == (0, True), f"{out}\n{err}"
    assert is_sealed((you.folder / "units.txt").read_text().partition("\n# tars.socket")[0] + "\n")
    assert (you.folder / "org.tars.daemon.plist").read_text().startswith("<?xml")


def test_start_and_stop_go_through_the_service(you: Person) -> None:
    """Where it is enabled for this very home; for another home the service is not asked."""
    you.type("tars service install --no-start")
    you.systemctl.calls()
    you.systemctl.know("active.tars.service")
    status, out, _ = you.type("tars stop")
    assert (status, out) == (0, "tars is stopped (pid 4242 is gone).")
    assert you.systemctl.calls() == [f"{USER} stop tars.service"]
    # The one of paper starts nothing, so there is no daemon afterwards.
    status, _, err = you.type("tars start")
    assert status == 3
    assert "not running" in err
    assert you.systemctl.calls() == [f"{USER} start tars.service"]
    assert you.type(f"TARS_HOME={you.folder}/other tars stop")[1] == "tars is not running."
    assert you.systemctl.calls() == []


def test_the_service_of_another_home_is_left_alone(you: Person) -> None:
    """One service serves one home. What is changed under a daemon that runs is said."""
    you.type("tars service install")
    status, _, err = you.type("TARS_HOME=$HOME/other tars service install")
    assert status == 5
    assert f"serves {you.folder}/.tars" in err
    assert "TARS_HOME" not in you.unit.read_text()
    status, _, err = you.type("TARS_HOME=$HOME/other tars service install --force")
    assert status == 0
    assert "`tars restart` starts it anew" in err
    assert "TARS_HOME=%h/other" in you.unit.read_text()


def test_a_broken_configuration_is_told_before_anything_is_started(you: Person) -> None:
    """Its faults are in config.toml, not in a journal."""
    you.type("tars service install --no-start")
    you.systemctl.calls()
    config = you.folder / ".tars/config.toml"
    config.parent.mkdir(mode=0o700)
    config.write_text("nonsense = 1\n")
    config.chmod(0o600)
    assert "nonsense" in you.type("tars start")[2]
    assert you.systemctl.calls() == []


def test_keys_that_others_can_read_are_refused(you: Person) -> None:
    """Nothing is written; what stands in the file is not told."""
    keys = you.folder / ".tars/env"
    keys.parent.mkdir(mode=0o700)
    keys.write_text("GEMINI_API_KEY=secret\n")
    keys.chmod(0o644)
    status, _, err = you.type("tars service install")
    assert status == 1
    assert f"chmod 600 {keys}" in err
    assert "secret" not in err
    assert not you.unit.exists()


def test_a_key_of_the_shell_alone_is_told(you: Person) -> None:
    """The service would not have it. Its value is not told; once it is in the file, nothing is."""
    line = "OPENAI_API_KEY=secret tars service install --no-start"
    _, out, err = you.type(line)
    assert "OPENAI_API_KEY is set here, and not for the service" in err
    assert "secret" not in out + err
    keys = you.folder / ".tars/env"
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    keys.write_text("OPENAI_API_KEY=secret\n")
    keys.chmod(0o600)
    assert "OPENAI_API_KEY" not in you.type(line)[2]


def test_what_is_gone_after_an_upgrade_is_told(you: Person) -> None:
    """The program of the unit, and a folder of its PATH: by status and by doctor."""
    node = you.folder / ".nvm/versions/node/v20.1.0/bin"
    node.mkdir(parents=True)
    (node / "node").write_text("#!/bin/sh\n")
    (node / "node").chmod(0o755)
    you.type(f"PATH={node}:$PATH tars service install --no-start")
    moved = you.folder / "tars"
    (you.folder / ".local/bin/tars").rename(moved)
    (node / "node").unlink()
    node.rmdir()
    status, _, err = you.type(f"{moved} service status")
    assert status == 3
    assert f"{you.folder}/.local/bin/tars is gone" in err
    assert f"{node} of PATH is gone" in err
    out = you.type(f"{moved} doctor")[1]
    assert "tars, which is gone" in out
    assert f"{node} of its PATH is gone" in out


def test_without_systemd_the_words_are_clear(you: Person) -> None:
    """A container: status 1 and what to do instead; doctor says that there is no service."""
    you.systemctl.know("broken", "System has not been booted with systemd as init system.\n")
    status, _, err = you.type("tars service install")
    assert status == 1
    assert err == (
        "tars: No systemd runs here, as in most containers. `tars start` keeps a daemon in the"
        " background without it."
    )
    assert "service: none" in you.type("tars doctor")[1]
    assert you.type("tars service status")[0] == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tars service install --user you", "--user goes with --system"),
        ("tars service print --launchd --socket", "--socket is systemd's"),
        ("tars service print --system --user no-such-person", "There is no user"),
        ("tars service", "say one of its commands"),
    ],
)
def test_wrong_words_are_refused(you: Person, line: str, said: str) -> None:
    """One line that says what was wrong."""
    status, _, err = you.type(line)
    assert status in (1, 2)
    assert said in err


@pytest.mark.skipif(os.getuid() != 0, reason="only for root is there nobody else to be")
def test_root_has_to_say_whose_daemon_it_is(you: Person) -> None:
    """A daemon with root's rights is nobody's by accident; under sudo it is the caller's."""
    status, _, err = you.type("tars service print --system")
    assert status == 1
    assert "--user NAME" in err
    assert "\nUser=root\n" in you.type("tars service print --system --user root")[1]
    printed = you.type("SUDO_USER=daemon tars service print --system")[1]
    assert "\nUser=daemon\n" in printed
