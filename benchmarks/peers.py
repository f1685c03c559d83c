"""The supervisors that are compared, each with its own configuration and nothing tuned.

All have the same interface: `launch` makes the daemon's process with its children,
`answers` says whether its socket does, `end` ends it. Children are paths of scripts.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psutil

from benchmarks.wire import Connection

ROOT = Path(__file__).parents[1]
#: As it was called, not resolved: the virtual environment is found by this path.
PYTHON = sys.executable
SCRIPTS = Path(PYTHON).parent
PM2 = ROOT / ".cache" / "bench" / "node_modules" / "pm2" / "bin" / "pm2"

#: How long a daemon may take to come up or to go.
PATIENCE_SECONDS = 60.0
#: Every process that descends from a benchmark has this in its environment.
MARK = "TARS_BENCHMARK"


class Daemon(Protocol):
    """One supervisor in a folder of its own."""

    name: str

    def launch(self, children: Mapping[str, str]) -> None:
        """Start the daemon with these children (name: path of its script)."""

    def pid(self) -> int:
        """The daemon's process."""

    def end(self) -> None:
        """End the daemon and its children."""


class Peer(Daemon, Protocol):
    """One that can be asked. `env` is for its commands, too."""

    env: Mapping[str, str]
    socket: Path

    def status_command(self) -> list[str]:
        """The command with which a person asks how things are."""


def environment(folder: Path) -> dict[str, str]:
    """A small environment, the same for all; bytecode is written and used."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        MARK: str(folder),
    }


class _Foreground:
    """A daemon that stays in the foreground and ends at SIGTERM."""

    _process: "subprocess.Popen[bytes]"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.env: Mapping[str, str] = environment(folder)

    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _launch(self, argv: Sequence[str]) -> None:
        with open(self.folder / "output", "wb") as output:
            self._process = subprocess.Popen(
                argv,
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


class Tars(_Foreground):
    """tars; a child is a built-in agent behind a script."""

    name = "tars"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = folder / "h"
        self.env = {**self.env, "TARS_HOME": str(self.home)}
        self.socket = self.home / "run" / "tars.sock"

    def launch(self, children: Mapping[str, str]) -> None:
        tables = [
            f'[agents.{name}]\nkind = "echo"\ncommand = ["{script}"]\n'
            for name, script in children.items()
        ]
        self.launch_configured("\n".join(tables))

    def launch_configured(self, toml: str) -> None:
        self.home.mkdir(mode=0o700, exist_ok=True)
        config = self.home / "config.toml"
        config.write_text(toml)
        config.chmod(0o600)
        self._launch([self.command, "start", "--foreground"])

    def status_command(self) -> list[str]:
        return [self.command, "status"]

    def connect(self) -> Connection:
        return Connection(self.socket)

    def wait_ready(self) -> None:
        """Wait until every agent has answered its handshake."""
        await_answer(self)
        connection = self.connect()
        until(lambda: all(a["state"] == "ready" for a in connection.get("/v1/status")["agents"]))
        connection.close()

    @property
    def command(self) -> str:
        return str(SCRIPTS / "tars")


class Supervisord(_Foreground):
    """supervisord, http://supervisord.org."""

    name = "supervisord"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.socket = folder / "supervisor.sock"
        self._config = folder / "supervisord.conf"

    def launch(self, children: Mapping[str, str]) -> None:
        programs = "".join(
            f"[program:{name}]\ncommand={script}\nautorestart=true\n"
            for name, script in children.items()
        )
        self._config.write_text(
            f"[supervisord]\nnodaemon=true\nlogfile={self.folder}/log\npidfile={self.folder}/pid\n"
            f"[unix_http_server]\nfile={self.socket}\nchmod=0700\n"
            f"[supervisorctl]\nserverurl=unix://{self.socket}\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory="
            "supervisor.rpcinterface:make_main_rpcinterface\n" + programs
        )
        self._launch([str(SCRIPTS / "supervisord"), "-c", str(self._config)])

    def status_command(self) -> list[str]:
        return [str(SCRIPTS / "supervisorctl"), "-c", str(self._config), "status"]


class Circus(_Foreground):
    """circusd, https://circus.readthedocs.io."""

    name = "circus"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.socket = folder / "circus.sock"

    @property
    def endpoint(self) -> str:
        return f"ipc://{self.socket}"

    def launch(self, children: Mapping[str, str]) -> None:
        watchers = "".join(f"[watcher:{n}]\ncmd={script}\n" for n, script in children.items())
        config = self.folder / "circus.ini"
        config.write_text(
            f"[circus]\nendpoint={self.endpoint}\n"
            f"pubsub_endpoint=ipc://{self.folder}/pubsub.sock\nstatsd=false\n" + watchers
        )
        self._launch([str(SCRIPTS / "circusd"), str(config)])

    def status_command(self) -> list[str]:
        return [str(SCRIPTS / "circusctl"), "--endpoint", self.endpoint, "status"]


class Pm2:
    """pm2, https://pm2.keymetrics.io. Its daemon goes into the background by itself."""

    name = "pm2"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.home = folder / "h"
        self.socket = self.home / "rpc.sock"
        self.env: Mapping[str, str] = {
            **environment(folder),
            "PM2_HOME": str(self.home),
            "PM2_DISABLE_VERSION_CHECK": "true",
        }
        self._client: subprocess.Popen[bytes] | None = None

    def launch(self, children: Mapping[str, str]) -> None:
        apps = [
            {"name": name, "script": script, "interpreter": "none", "vizion": False}
            for name, script in children.items()
        ]
        config = self.folder / "ecosystem.config.json"
        config.write_text(json.dumps({"apps": apps}))
        self._client = subprocess.Popen(
            [*self._command, "start", str(config)],
            env=self.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def status_command(self) -> list[str]:
        return [*self._command, "jlist"]

    def pid(self) -> int:
        return int((self.home / "pm2.pid").read_text())

    def end(self) -> None:
        assert self._client is not None
        self._client.wait(PATIENCE_SECONDS)
        subprocess.run(
            [*self._command, "kill"], env=self.env, capture_output=True, timeout=PATIENCE_SECONDS
        )

    @property
    def _command(self) -> list[str]:
        return [_node(), str(PM2)]


class Bare(_Foreground):
    """The least that can restart a child; see bare_supervisor."""

    name = "bare asyncio + pidfd"

    def launch(self, children: Mapping[str, str]) -> None:
        program = str(Path(__file__).with_name("bare_supervisor.py"))
        self._launch([PYTHON, "-P", program, *children.values()])


def others(folder: Path) -> list[Peer]:
    """The other supervisors; pm2 only where it is installed."""
    peers: list[Peer] = [Supervisord(folder / "s"), Circus(folder / "c")]
    return [*peers, Pm2(folder / "p")] if pm2_installed() else peers


def pm2_installed() -> bool:
    return PM2.exists() and shutil.which("node") is not None


def await_answer(peer: Peer) -> None:
    """Wait until somebody accepts connections on the daemon's socket."""
    until(lambda: answers(peer.socket))


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def until(claim: Callable[[], bool], *, pause: float = 0.005) -> None:
    """Wait until a claim holds. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        if time.monotonic() > deadline:
            raise TimeoutError("a daemon did not do what was waited for")
        time.sleep(pause)


@contextmanager
def ended_together(peers: Sequence[Daemon]) -> Iterator[None]:
    """End these daemons with the block, each one whatever becomes of the others."""
    try:
        yield
    finally:
        for peer in peers:
            with suppress(Exception):
                peer.end()


def end_strays(pids: set[int], folder: Path) -> None:
    """End what is still alive of our children, by its pid, and only if it shows that it is ours.

    By our mark, or by where it runs: circus gives its children no environment.
    """
    for pid in pids:
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            shown = process.environ().get(MARK, ""), process.cwd()
            if any(place.startswith(str(folder)) for place in shown):
                os.kill(pid, signal.SIGKILL)


def _node() -> str:
    found = shutil.which("node")
    assert found is not None, "asked only where Node.js is"
    return found
