"""A throw-away home with a real daemon in it, used as a person would: by the `tars` command.

Nothing sleeps: the daemon's own event stream says when to look again.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tars.control.client import Client
from tars.control.contract import AgentStatus, PromptRequest, Status, TurnResult, Wire
from tars.home import Home
from tars.store.rows import TurnRow
from tars.store.store import Store
from tests.support import background

#: The longest that any one command of a test may take.
PATIENCE = 100.0
#: How long nothing has to happen before `until` looks again by itself.
MOMENT = 0.25


@dataclass(slots=True)
class TarsHome:
    """`env` is the whole environment of the daemon and of every command.

    `earlier` is how many turns of the ledger were another test's.
    """

    home: Home
    env: Mapping[str, str]
    client: Client = field(init=False)
    earlier: int = 0

    def __post_init__(self) -> None:
        self.client = Client(self.home.socket)

    # --- as a person ----------------------------------------------------------

    def tars(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tars", *args],
            env=self.env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def configure(self, toml: str) -> None:
        """Write config.toml as a person would: private, since it may hold keys."""
        self.home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.config.write_text(toml)
        self.home.config.chmod(0o600)

    def configure_echo(self, name: str = "echo", *, more: str = "", **keys: object) -> None:
        """Make the built-in agent the only one; `more` is TOML that follows its table."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        self.configure("\n".join([f"[agents.{name}]", 'kind = "echo"', *lines, more]))

    @contextmanager
    def running(
        self, *args: str, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """A command under way, with stdout and stderr on pipes; ended if it has not."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tars", *args],
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    @contextmanager
    def foreground(self, **env: str) -> Iterator[subprocess.Popen[str]]:
        """`tars start --foreground`, from when it told its service manager that it is ready."""
        with (
            service_manager(self.home.root.parent) as manager,
            self.running("start", "--foreground", env={**manager.env, **env}) as daemon,
        ):
            manager.until("READY=1")
            yield daemon

    def start(self) -> None:
        """What `tars start` does, which has to work; any trouble is the command's to tell."""
        if not background.start(self.home, self.client, self.env, self.until):
            done = self.tars("start")
            assert done.returncode == 0, f"{done.stdout}{done.stderr}{self.last_log()}"

    def stop(self) -> None:
        """What `tars stop` does, which has to work; any trouble is the command's to tell."""
        if not background.stop(self.client, PATIENCE):
            done = self.tars("stop")
            assert done.returncode == 0, f"{done.stdout}{done.stderr}{self.last_log()}"

    def begin(self, **keys: object) -> None:
        """Make a daemon that ran for another test as good as new: its configuration, its
        conversation, and what is told of its turns."""
        self.configure_echo(**keys)  # type: ignore[arg-type]
        self.client.reload()
        self.client.cancel()
        self.client.reset()
        self.earlier = 0
        self.earlier = len(self.ledger())

    # --- as a program -----------------------------------------------------------

    def status(self) -> Status:
        return self.client.status()

    def agent(self, name: str | None = None) -> AgentStatus:
        """One agent's status; the first unless named."""
        agents = self.status().agents
        return next(a for a in agents if name in (None, a.name))

    def prompt(self, text: str, **options: Any) -> TurnResult:
        """Send a prompt and give its result."""
        return result(self.client.prompt(PromptRequest(text=text, **options)))

    def under_way(self, text: str, sign: str = "text", **options: Any) -> Iterator[Any]:
        """Send a prompt and give its stream once this event came."""
        stream = self.client.prompt(PromptRequest(text=text, **options))
        for name, _ in stream:
            if name == sign:
                return stream
        raise AssertionError(f"the turn ended without a {sign}")

    def result(self, stream: Iterator[Any]) -> TurnResult:
        """Read a prompt's stream to its end."""
        return result(stream)

    def kill(self, pid: int) -> None:
        """kill -9, and wait until the process is gone."""
        kill(pid)

    def session(self) -> dict[str, Any]:
        """session.json as it is on disk."""
        found: dict[str, Any] = json.loads((self.home.data / "session.json").read_text())
        return found

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, beside the daemon if there is one."""
        store = Store.open(self.home.store)
        try:
            yield store
        finally:
            store.close()

    def ledger(self, agent: str | None = None) -> list[TurnRow]:
        """Every turn of this test, oldest first."""
        with self.store() as store:
            turns = store.turns(10_000)[::-1][self.earlier :]
        return [turn for turn in turns if agent in (None, turn.agent)]

    def until(self, claim: Callable[[Status], bool]) -> Status:
        """Wait until the status fulfils this; it is asked again whenever something happened,
        and once more when nothing did for a moment: what is on the disk may follow the event."""
        with self.happenings() as happened:
            # Something was sent at once, when the subscription began.
            happened.settimeout(MOMENT)
            for _ in range(round(PATIENCE / MOMENT)):
                with suppress(TimeoutError):
                    while happened.recv(65536):
                        status = self.status()
                        if claim(status):
                            return status
                    raise AssertionError("the daemon ended")
                status = self.status()
                if claim(status):
                    return status
        raise AssertionError("it never came to that")

    @contextmanager
    def happenings(self) -> Iterator[socket.socket]:
        """The daemon's events as they come; something comes at once, when it listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(PATIENCE)
            stream.connect(str(self.home.socket))
            stream.sendall(b"GET /v1/events HTTP/1.1\r\nHost: tars\r\n\r\n")
            yield stream

    def daemon_pid(self) -> int:
        pid = self.status().daemon.pid
        assert pid is not None
        return pid

    def agent_pid(self, name: str | None = None) -> int:
        pid = self.agent(name).pid
        assert pid is not None
        return pid

    # --- the end ----------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """Every process that was started from this home and lives."""
        return [p for p in psutil.process_iter() if _belongs(p, str(self.home.root))]

    def drain(self) -> None:
        """Ask for the end of everything; nothing of it may be alive then."""
        if not background.stop(self.client, PATIENCE) and self.processes():
            # The command knows how to end a daemon that does not answer.
            self.tars("stop")
        left = self.processes()
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        assert left == [], left

    def last_log(self) -> str:
        with suppress(OSError):
            return "\n" + "\n".join(self.home.log.read_text().splitlines()[-30:])
        return ""


def result(stream: Iterator[tuple[str, Wire]]) -> TurnResult:
    """Read a prompt's stream to its end."""
    last = [message for _, message in stream][-1]
    assert isinstance(last, TurnResult)
    return last


def kill(pid: int) -> None:
    """kill -9, and wait until the process has ended; somebody may still have to reap it."""
    os.kill(pid, signal.SIGKILL)
    assert background.is_gone(pid, 30), f"{pid} survived SIGKILL"


@dataclass(slots=True)
class ServiceManager:
    """The end of systemd's notification socket. `heard` are the messages so far."""

    socket: socket.socket
    env: Mapping[str, str]
    heard: list[dict[str, str]] = field(default_factory=list)

    def next(self) -> dict[str, str]:
        """Wait for one message, and give its variables."""
        lines = self.socket.recv(65536).decode().splitlines()
        self.heard.append(dict(line.split("=", 1) for line in lines))
        return self.heard[-1]

    def until(self, variable: str) -> dict[str, str]:
        """Wait for a message with this `NAME=value`."""
        name, value = variable.split("=", 1)
        while self.next().get(name) != value:
            pass
        return self.heard[-1]


@contextmanager
def service_manager(folder: Path) -> Iterator[ServiceManager]:
    """Listen as systemd does, on a socket in this folder."""
    path = folder / "notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(PATIENCE)
        listening.bind(str(path))
        yield ServiceManager(listening, {"NOTIFY_SOCKET": str(path)})


@contextmanager
def tars_home(root: Path, env: Mapping[str, str] | None = None) -> Iterator[TarsHome]:
    """A home under `root`, drained at the end. `env` is what the daemon needs besides."""
    home = Home(root / "tars")
    base = {"PATH": os.environ["PATH"], "HOME": str(root), "LANG": "C.UTF-8"}
    tars = TarsHome(home, {**base, **(env or {}), "TARS_HOME": str(home.root)})
    try:
        yield tars
    except BaseException:
        print(tars.last_log(), file=sys.stderr)
        with suppress(Exception):
            tars.drain()
        raise
    tars.drain()


def _belongs(process: psutil.Process, root: str) -> bool:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get("TARS_HOME") == root
    except psutil.Error:
        return False
