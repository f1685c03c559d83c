"""systemd, spoken to through systemctl: a person's own manager, or that of the system."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tars.errors import TarsError

#: Beyond this systemctl does not answer. `start` takes as long as an agent's handshake.
ANSWER_SECONDS = 30.0
WAKE_SECONDS = 0.1
#: Where systemd is the first process, it made this (sd_booted(3)).
BOOTED = Path("/run/systemd/system")
#: A file here for each person whose manager starts with the machine.
LINGER = Path("/var/lib/systemd/linger")


class NoManager(TarsError):
    """No systemd can be asked here. ``tars start`` works without."""


class ManagerRefused(TarsError):
    """systemctl failed; its own words are in the message."""


@dataclass(frozen=True, slots=True)
class Systemd:
    """`system`: the manager of the whole system, not of one person."""

    env: Mapping[str, str]
    system: bool = False

    @property
    def units(self) -> Path:
        """The folder that an administrator's, or a person's, own units are in."""
        if self.system:
            return Path("/etc/systemd/system")
        configured = self.env.get("XDG_CONFIG_HOME", "")
        home = Path(self.env.get("HOME") or Path.home())
        config = Path(configured) if configured.startswith("/") else home / ".config"
        return config / "systemd" / "user"

    @property
    def words(self) -> str:
        """What a person types."""
        return "sudo systemctl" if self.system else "systemctl --user"

    @property
    def journal(self) -> str:
        """What a person types to read the service's own words."""
        return "sudo journalctl -u tars" if self.system else "journalctl --user -u tars"

    def reach(self) -> None:
        """Make sure that the manager answers. Raises NoManager, which says why it cannot."""
        if shutil.which("systemctl", path=self.env.get("PATH")) is None:
            raise NoManager("systemd is not installed here.", advice=_WITHOUT)
        done = self._call("show", "--property=Version")
        alone = not self.system and self._runtime() is None
        if "not been booted with systemd" in done.stderr or (alone and not BOOTED.is_dir()):
            raise NoManager("No systemd runs here, as in most containers.", advice=_WITHOUT)
        if alone:
            raise NoManager(
                "You have no systemd user manager: XDG_RUNTIME_DIR is not set, as after `su` or"
                " without a login session.",
                advice="`sudo loginctl enable-linger $USER` starts one that stays; or take"
                " `sudo tars service install --system`.",
            )
        if done.returncode != 0:
            raise NoManager(
                f"systemd does not answer: {_last_line(done.stderr)}.",
                advice="Log in again (not through `su` or `sudo`), or take"
                " `sudo tars service install --system`.",
            )

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Give properties of a unit; empty where it is not known. Raises ManagerRefused."""
        done = self.run("show", unit, f"--property={','.join(names)}")
        lines = (line.partition("=") for line in done.splitlines())
        return {name: value for name, _, value in lines}

    def run(self, *words: str, on_wait: Callable[[], None] | None = None) -> str:
        """Run systemctl to its end. With `on_wait`, called ten times a second, it may take as
        long as it takes. Raises ManagerRefused."""
        done = self._call(*words) if on_wait is None else self._wait(words, on_wait)
        if done.returncode != 0:
            said = _last_line(done.stderr) or f"status {done.returncode}"
            raise ManagerRefused(f"`{self.words} {' '.join(words)}` failed: {said}")
        return done.stdout

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                self._argv(words),
                env=self._env(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=ANSWER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            message = f"systemctl said nothing for {ANSWER_SECONDS:g} s"
        except OSError as error:
            message = f"systemctl: {error.strerror}"
        return subprocess.CompletedProcess(words, 1, "", message)

    def _wait(
        self, words: tuple[str, ...], on_wait: Callable[[], None]
    ) -> subprocess.CompletedProcess[str]:
        with subprocess.Popen(
            self._argv(words),
            env=self._env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            while True:
                try:
                    out, err = process.communicate(timeout=WAKE_SECONDS)
                except subprocess.TimeoutExpired:
                    on_wait()
                else:
                    return subprocess.CompletedProcess(words, process.returncode, out, err)

    def _argv(self, words: tuple[str, ...]) -> list[str]:
        scope = "--system" if self.system else "--user"
        return ["systemctl", scope, "--no-ask-password", "--no-pager", *words]

    def _env(self) -> dict[str, str]:
        env = {**self.env, "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
        runtime = None if self.system else self._runtime()
        return env if runtime is None else {**env, "XDG_RUNTIME_DIR": runtime}

    def _runtime(self) -> str | None:
        """Where the person's manager listens; ssh and cron often do not say so."""
        named = self.env.get("XDG_RUNTIME_DIR")
        if named:
            return named
        usual = Path(f"/run/user/{os.getuid()}")
        return str(usual) if usual.is_dir() else None


def variables(listed: str) -> dict[str, str]:
    """Read the property `Environment`: words as a shell quotes them."""
    try:
        words = shlex.split(listed)
    except ValueError:
        return {}
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def lingers(user: str, env: Mapping[str, str]) -> bool | None:
    """Whether a person's manager goes on without a session; None where nobody knows."""
    try:
        done = subprocess.run(
            ["loginctl", "show-user", user, "--property=Linger", "--value"],
            env={**env, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    said = done.stdout.strip()
    if done.returncode == 0 and said in ("yes", "no"):
        return said == "yes"
    # Who has no session is not known to logind, but may have been told to linger.
    return True if (LINGER / user).exists() else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""


_WITHOUT = "`tars start` keeps a daemon in the background without it."
