"""tars as a launch agent of macOS: installed, looked at, started, stopped and removed."""

import os
import plistlib
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tars.errors import Refused, TarsError
from tars.service.installed import ServiceState
from tars.service.launchd import FILE, LABEL, faults, property_list
from tars.service.plan import Plan
from tars.service.unit_files import UnitFile

ANSWER_SECONDS = 60.0
_PID = re.compile(r"^\s*pid = (\d+)$", re.MULTILINE)
_STATE = re.compile(r"^\s*state = (.+)$", re.MULTILINE)
_HOME = re.compile(r"^export TARS_HOME=(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LaunchdService:
    """org.tars.daemon, of one person or (`system`) of the machine."""

    env: Mapping[str, str]
    system: bool = False
    uid: int = -1

    @property
    def name(self) -> str:
        return f"{LABEL} of {'the system' if self.system else 'your login'} (launchd)"

    @property
    def logs(self) -> str:
        return "tail ~/.tars/logs/launchd.log"

    @property
    def file(self) -> Path:
        if self.system:
            return Path("/Library/LaunchDaemons") / FILE
        return Path(self.env.get("HOME") or Path.home()) / "Library" / "LaunchAgents" / FILE

    def state(self) -> ServiceState | None:
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            return None
        script = "" if faults(data) else str(plistlib.loads(data)["ProgramArguments"][-1])
        done = self._call("print", self._target)
        loaded = done.returncode == 0
        pid, state = _PID.search(done.stdout), _STATE.search(done.stdout)
        person = self.env.get("HOME") or str(Path.home())
        home = _HOME.search(script)
        return ServiceState(
            file=self.file,
            home=_read(home[1], person) if home else f"{person}/.tars",
            command=_read(
                script.rpartition(" exec ")[2].removesuffix(" start --foreground"), person
            ),
            path=(),
            starts="at login",
            active=pid is not None,
            words=state[1] if loaded and state else "not loaded",
            says="",
            pid=int(pid[1]) if pid else None,
        )

    def install(
        self, plan: Plan, *, force: bool, start: bool, on_wait: Callable[[], None]
    ) -> list[str]:
        data = property_list(plan)
        unit = UnitFile(self.file)
        before = unit.text
        if before not in (None, data.decode()) and not force:
            raise Refused(
                f"{self.file} is there, and says something else.", advice="--force replaces it."
            )
        done = [f"{self.file} is written."] if unit.write(data.decode()) else []
        loaded = self._call("print", self._target).returncode == 0
        if loaded and done:
            self._run("bootout", self._target)
            loaded = False
        if start and not loaded:
            self._run("bootstrap", self._domain, str(self.file))
            done.append(f"{LABEL} is loaded.")
        on_wait()
        return done

    def uninstall(self, *, force: bool, on_wait: Callable[[], None]) -> list[str]:
        if UnitFile(self.file).text is None:
            return []
        if faults(self.file.read_bytes()) and not force:
            raise Refused(f"{self.file} was changed by hand.", advice="--force removes it.")
        if self._call("print", self._target).returncode == 0:
            self._run("bootout", self._target)
        UnitFile(self.file).remove()
        on_wait()
        return [f"{self.file} is removed."]

    def start(self, on_wait: Callable[[], None]) -> None:
        if self._call("print", self._target).returncode != 0:
            self._run("bootstrap", self._domain, str(self.file))
        self._run("kickstart", self._target)
        on_wait()

    def stop(self, on_wait: Callable[[], None]) -> None:
        # KeepAlive would start it again after any end but a good one: so it is unloaded.
        self._run("bootout", self._target)
        on_wait()

    @property
    def _domain(self) -> str:
        return "system" if self.system else f"gui/{os.getuid() if self.uid < 0 else self.uid}"

    @property
    def _target(self) -> str:
        return f"{self._domain}/{LABEL}"

    def _run(self, *words: str) -> None:
        done = self._call(*words)
        if done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"status {done.returncode}"
            raise TarsError(f"`launchctl {' '.join(words)}` failed: {said}")

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["launchctl", *words],
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=ANSWER_SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return subprocess.CompletedProcess(words, 1, "", str(error))


def _read(word: str, person: str) -> str:
    """Undo how a word was written for the shell; only for what `property_list` writes."""
    return word.replace('"$HOME"', person).replace("$HOME", person).replace('"', "").strip("'")
