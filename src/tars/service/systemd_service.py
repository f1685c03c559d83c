"""tars as a unit of systemd: installed, looked at, started, stopped and removed."""

import os
import pwd
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tars.errors import TarsError
from tars.home import FOLDER_MODE
from tars.service.installed import ServiceState
from tars.service.plan import Plan
from tars.service.systemd import ManagerRefused, Systemd, variables
from tars.service.unit_files import UnitFile
from tars.service.units import SERVICE, SOCKET, is_sealed, service_unit, socket_unit

_PROPERTIES = (
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "StatusText",
    "UnitFileState",
    "NeedDaemonReload",
    "Environment",
    "ExecStart",
    "User",
)
#: The service's unit is not at rest: it runs, or something is under way that would start it.
_ASTIR = ("active", "activating", "reloading", "deactivating")


@dataclass(frozen=True, slots=True)
class SystemdService:
    """tars.service, with tars.socket where that was wanted, in one manager's hands."""

    manager: Systemd

    @property
    def name(self) -> str:
        whose = "the system's" if self.manager.system else "your"
        return f"{SERVICE} of {whose} systemd"

    @property
    def logs(self) -> str:
        return self.manager.journal

    @property
    def file(self) -> Path:
        return self.manager.units / SERVICE

    def state(self) -> ServiceState | None:
        text = self._service.text
        if text is None:
            return None
        self.manager.reach()
        shown = self.manager.show(SERVICE, *_PROPERTIES)
        sockets = self.manager.show(SOCKET, "ActiveState", "UnitFileState")
        env = variables(shown.get("Environment", ""))
        return ServiceState(
            file=self.file,
            home=env.get("TARS_HOME") or f"{self._person(shown)}/.tars",
            command=_program(shown.get("ExecStart", "")),
            path=tuple(env.get("PATH", "").split(os.pathsep)),
            starts=self._starts(shown, sockets),
            active=shown.get("ActiveState") in _ASTIR,
            words=_words(shown),
            says=shown.get("StatusText", ""),
            pid=int(shown.get("MainPID") or 0) or None,
            listens=sockets.get("ActiveState") == "active",
            stale=shown.get("NeedDaemonReload") == "yes",
            edited=not is_sealed(text),
            drop_ins=(*self._service.drop_ins, *self._socket.drop_ins),
        )

    def install(
        self, plan: Plan, *, force: bool, start: bool, on_wait: Callable[[], None]
    ) -> list[str]:
        texts = {self._service: service_unit(plan)}
        if plan.socket:
            texts[self._socket] = socket_unit(plan)
        self.manager.reach()
        for unit in (self._service, self._socket):
            unit.check(force=force)
        self._own_folders(plan)
        if self._service.text is not None and plan.socket is (self._socket.text is None):
            # Another listens from now on: what the daemon has open would lead nowhere.
            self._run("stop", on_wait)
        done = [f"{unit.path} is written." for unit, text in texts.items() if unit.write(text)]
        if not plan.socket and self._socket.text is not None:
            self.manager.run("disable", "--now", SOCKET, on_wait=on_wait)
            self._socket.remove()
            done.append(f"{self._socket.path} is removed.")
        if done:
            self.manager.run("daemon-reload")
        return [*done, *self._enable(plan, start=start, on_wait=on_wait)]

    def uninstall(self, *, force: bool, on_wait: Callable[[], None]) -> list[str]:
        units = [unit for unit in (self._socket, self._service) if unit.text is not None]
        if not units:
            return []
        for unit in units:
            unit.check(force=force)
        self.manager.reach()
        self.manager.run("disable", "--now", *(unit.path.name for unit in units), on_wait=on_wait)
        for unit in units:
            unit.remove()
        self.manager.run("daemon-reload")
        # What failed stays listed without this; there may be nothing that did.
        with suppress(ManagerRefused):
            self.manager.run("reset-failed", SERVICE, SOCKET)
        kept = [*self._service.drop_ins, *self._socket.drop_ins]
        return [
            *(f"{unit.path} is removed." for unit in units),
            *(f"{path} is yours, and stays." for path in kept),
        ]

    def start(self, on_wait: Callable[[], None]) -> None:
        self.manager.reach()
        # Too many failures in a row would refuse what a person wants now.
        if self.manager.show(SERVICE, "ActiveState").get("ActiveState") == "failed":
            with suppress(ManagerRefused):
                self.manager.run("reset-failed", *self._names)
        self._run("start", on_wait)

    def stop(self, on_wait: Callable[[], None]) -> None:
        self.manager.reach()
        self._run("stop", on_wait)

    @property
    def _service(self) -> UnitFile:
        return UnitFile(self.manager.units / SERVICE)

    @property
    def _socket(self) -> UnitFile:
        return UnitFile(self.manager.units / SOCKET)

    @property
    def _names(self) -> list[str]:
        """The socket first: stopped after the service, it would start that again."""
        return [SOCKET, SERVICE] if self._socket.text is not None else [SERVICE]

    def _run(self, verb: str, on_wait: Callable[[], None]) -> None:
        try:
            self.manager.run(verb, *self._names, on_wait=on_wait)
        except ManagerRefused as error:
            advice = f"`{self.logs} -n 20` and `tars doctor` tell more."
            if self.manager.system and os.geteuid() != 0:
                advice = f"It is the machine's: `sudo systemctl {verb} {' '.join(self._names)}`."
            raise TarsError(str(error), advice=advice) from None

    def _enable(self, plan: Plan, *, start: bool, on_wait: Callable[[], None]) -> list[str]:
        """With a socket the service waits until somebody asks for it."""
        wanted, other = (SOCKET, SERVICE) if plan.socket else (SERVICE, None)
        before = self.manager.show(wanted, "UnitFileState", "ActiveState")
        done = []
        if other and self.manager.show(other, "UnitFileState").get("UnitFileState") == "enabled":
            self.manager.run("disable", other)
        if before.get("UnitFileState") != "enabled":
            self.manager.run("enable", wanted)
            done.append(f"{wanted} is enabled.")
        if start and before.get("ActiveState") != "active":
            self.manager.run("start", wanted, on_wait=on_wait)
            done.append(f"{wanted} is started.")
        return done

    def _own_folders(self, plan: Plan) -> None:
        """systemd would make the socket's folder for root, and the daemon could not use it."""
        if not (plan.user and plan.socket):
            return
        owner = pwd.getpwnam(plan.user)
        for folder in (Path(plan.home), Path(plan.control_socket).parent):
            if not folder.exists():
                folder.mkdir(mode=FOLDER_MODE)
                os.chown(folder, owner.pw_uid, owner.pw_gid)

    def _person(self, shown: dict[str, str]) -> str:
        if self.manager.system:
            with suppress(KeyError):
                return pwd.getpwnam(shown.get("User") or "root").pw_dir
        return self.manager.env.get("HOME") or str(Path.home())

    def _starts(self, shown: dict[str, str], sockets: dict[str, str]) -> str:
        if sockets.get("UnitFileState") == "enabled":
            return "when first asked"
        if shown.get("UnitFileState") != "enabled":
            return ""
        return "with the machine" if self.manager.system else "at login"


def _words(shown: dict[str, str]) -> str:
    words = f"{shown.get('ActiveState', 'unknown')} ({shown.get('SubState', 'unknown')})"
    result = shown.get("Result", "success")
    return words if result in ("", "success") else f"{words}: {result}"


def _program(shown: str) -> str:
    """`{ path=/usr/bin/tars ; argv[]=/usr/bin/tars start --foreground ; … }`"""
    return shown.partition("path=")[2].partition(" ; argv[]=")[0]
