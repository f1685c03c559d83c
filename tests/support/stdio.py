"""A real agent process, driven by the real codec with plain blocking I/O and one deadline.

Nothing of tars' runtime takes part, so that a failure is the agent's or the codec's.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tars.conversation.model import Opened, OpenFailed, PermissionAsked, Said, TextSaid, TurnEnded
from tars.protocols.acp import Acp
from tars.protocols.codec import Opening

#: For everything that a test waits for; only a failure takes this long.
DEADLINE_SECONDS = 30.0

ECHO = (sys.executable, "-P", "-m", "tars.agents.echo")
REPOSITORY = Path(__file__).parents[2]


class StdioAgent:
    """Use it in a ``with``: at its end the process group is killed and reaped."""

    def __init__(self, argv: tuple[str, ...] = ECHO, env: Mapping[str, str] | None = None) -> None:
        self.codec = Acp(client_version="test")
        self.errors = ""
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=REPOSITORY,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin = self._process.stdin
        self._stdout = self._process.stdout.fileno()
        self._stderr = self._process.stderr.fileno()
        self._open = {self._stdout, self._stderr}

    def __enter__(self) -> "StdioAgent":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_SECONDS)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(self, session_id: str | None = None, *, mode: str = "", model: str = "") -> list[Said]:
        """Begin the handshake, and hear all until its end."""
        self.codec.open(Opening(str(REPOSITORY), session_id, model, mode))
        return self.hear(lambda said: isinstance(said, (Opened, OpenFailed)))

    def ask(self, text: str) -> list[Said]:
        """Send a prompt, and hear all until the turn's end."""
        self.codec.prompt(text)
        return self.hear(lambda said: isinstance(said, TurnEnded))

    def begin(self, text: str, until: Callable[[Said], bool]) -> list[Said]:
        """Send a prompt, and hear until something was said."""
        self.codec.prompt(text)
        return self.hear(until)

    def hear(self, until: Callable[[Said], bool]) -> list[Said]:
        """Send what is to be sent, and hear until then, or until the agent says no more."""
        heard: list[Said] = []
        self.send(self.codec.outgoing())
        while not any(map(until, heard)) and self._stdout in self._open:
            heard += self._receive()
            self.send(self.codec.outgoing())
        return heard

    def hear_error(self, text: str) -> None:
        """Read until this stands on the agent's stderr."""
        self.send(self.codec.outgoing())
        while text not in self.errors:
            assert self._receive() == []

    def send(self, data: bytes) -> None:
        with suppress(BrokenPipeError):
            self._stdin.write(data)
            self._stdin.flush()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> int:
        """End stdin; give the exit status."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        return self.exit_status()

    def exit_status(self) -> int:
        """Read all until the exit; give its status, a negative one for a signal."""
        while self._open:
            self._receive()
        return self._process.wait(DEADLINE_SECONDS)

    def _receive(self) -> list[Said]:
        readable, _, _ = select.select(list(self._open), [], [], DEADLINE_SECONDS)
        assert readable, f"silent for {DEADLINE_SECONDS} s; stderr: {self.errors[-2000:]}"
        said: list[Said] = []
        for stream in readable:
            data = os.read(stream, 65536)
            if not data:
                self._open.remove(stream)
            if stream == self._stderr:
                self.errors += data.decode(errors="replace")
            else:
                said += self.codec.receive(data) if data else self.codec.eof()
        return said


def answer(said: list[Said]) -> str:
    """The text of an answer."""
    return "".join(s.text for s in said if isinstance(s, TextSaid))


def end(said: list[Said]) -> TurnEnded:
    """How the turn ended: exactly once, and last."""
    (ended,) = [s for s in said if isinstance(s, TurnEnded)]
    assert said[-1] is ended
    return ended


def opened(said: list[Said]) -> Opened:
    (found,) = [s for s in said if isinstance(s, Opened)]
    return found


def question(said: list[Said]) -> PermissionAsked:
    (found,) = [s for s in said if isinstance(s, PermissionAsked)]
    return found


def gone(pid: int, deadline_seconds: float = DEADLINE_SECONDS) -> bool:
    """Wait until no process has this id, through a descriptor of it and without polling."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], deadline_seconds)[0])
    finally:
        os.close(descriptor)
