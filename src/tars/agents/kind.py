"""What tars has to know of an agent CLI, as two small interfaces.

A `Kind` says how the CLI is launched, which codec speaks to it, and what its last words
mean. A `History` is the CLI's own log of a conversation: the only place where some of
them tell what a turn used, and a thing that has to be guarded across restarts.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tars.conversation.model import RequestUsage
from tars.errors import Fault
from tars.protocols.codec import Codec


@dataclass(frozen=True, slots=True)
class Setup:
    """One configured agent, resolved: what its `Kind` needs to launch and read it.

    `env` is the whole environment of the process before the kind adds its own;
    `tmp` is a private folder that is emptied before each launch; `keep` is a folder
    for what has to outlive the process. `makes_cwd`: the working folder is tars' own, and
    is made before each launch if it is not there. `usage` is the rule by which an ACP agent
    counts, and `screen` the description of a terminal program's screen; both are empty for
    the kind's own choice.
    """

    name: str
    command: tuple[str, ...]
    protocol: str
    model: str
    mode: str
    cwd: Path
    env: Mapping[str, str]
    tmp: Path
    keep: Path
    makes_cwd: bool = False
    usage: str = ""
    screen: str = ""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The process gets a pseudo-terminal of this size, for its stdin, stdout and stderr."""

    rows: int = 24
    columns: int = 80


@dataclass(frozen=True, slots=True)
class HttpServer:
    """The process serves HTTP on loopback, and its codec speaks in frames (`http_frames`).

    `listening` is a regular expression for the line of its stdout that tells the address:
    its group 1 is the URL. `user` and `password` are for basic authentication. `events` is
    the path of its stream of Server-Sent Events, and `heartbeat` the `type` of those that
    only say that it is there.
    """

    listening: str
    user: str
    password: str = field(repr=False)
    events: str
    heartbeat: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """A process to make, on pipes unless `terminal` or `http` is set. `stdout_to_file`: its
    stdout is a file that is read as it grows, because the CLI drops what a pipe does not take
    at once. `diagnostics` is where the CLI
    writes what its stderr tells too late: a FIFO is made there and read for signs of life,
    and nothing of it is kept, for it may quote prompts. `litter` are patterns of what the CLI
    leaves in its TMPDIR and nobody reads; it is removed after each turn. `session_id` is for a
    process that has one conversation: the one that was asked for, or the id of a new one where
    none was, or where that one is gone. For any other that exists the process is replaced."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    stdout_to_file: bool = False
    diagnostics: Path | None = None
    litter: tuple[str, ...] = ()
    terminal: Terminal | None = None
    http: HttpServer | None = None
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What tars can know of an agent over one protocol, and do with it; the documentation's
    table is made of these. `tokens` is in words (`every request`, `every turn`, `nothing` …),
    and `note` one sentence or empty. `tested` is the version that the tests drive, or empty
    where no real one was driven."""

    tokens: str
    cache_read: bool = False
    cache_write: bool = False
    reasoning: bool = False
    per_model: bool = False
    subagents: bool = False
    cost: bool = False
    context: bool = False
    limits: bool = False
    tools: bool = False
    permissions: bool = False
    cancel: bool = True
    resume: bool = False
    model: bool = False
    mode: bool = False
    tested: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Traces:
    """What a CLI leaves on the machine of whoever uses it. `signed_in` is None where that
    cannot be told without asking its server; `logs` are the folders or files that exist."""

    signed_in: bool | None = None
    logs: tuple[Path, ...] = ()


class History(Protocol):
    """The agent's own log of one session, read only forward. Every method is quick."""

    def mark(self) -> str:
        """Give the position up to which the log has been read, to be stored."""

    def read(self) -> tuple[RequestUsage, ...] | None:
        """Give the model requests logged since the last call, each once.

        None when the log is not there or no longer has the form that is understood.
        """

    def guard(self) -> None:
        """Before a process loads the session: make sure that loading cannot lose it."""

    def tidy(self) -> None:
        """After the process has loaded the session: remove what the loading left."""


class Kind(Protocol):
    """One agent CLI. What a method says here is true of a CLI without surprises."""

    @property
    def name(self) -> str: ...

    @property
    def protocols(self) -> tuple[str, ...]:
        """What it offers; the first is the default."""

    @property
    def command(self) -> tuple[str, ...]:
        """The command that starts it, when the configuration names none."""

    @property
    def trusts_exit_status(self) -> bool:
        """Whether an exit with status 0 is a goodbye."""

    @property
    def install_advice(self) -> str:
        """What to do when the command is not there."""

    @property
    def counts_on_the_wire(self) -> bool:
        """Whether its protocol counts every request to the model. Its log is then only
        compared with that, and stands in for it after a crash."""

    def knowledge(self, protocol: str) -> Knowledge:
        """Say what tars can know over this protocol."""

    def traces(self, env: Mapping[str, str]) -> Traces:
        """Look for what the CLI has left on this machine, for somebody with this environment."""
        return Traces()

    def program(self, command: tuple[str, ...], env: Mapping[str, str]) -> str | None:
        """Give the file that this command really runs, or None where it is not there."""
        return shutil.which(command[0], path=env.get("PATH"))

    def one_shot(self, protocol: str) -> bool:
        """Whether this protocol wants a process per prompt."""
        return False

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        """Say how to start it; `session_id` matters to one-shot protocols only."""

    def codec(self, setup: Setup) -> Codec:
        """Make the codec for one process."""

    def history(self, setup: Setup, session_id: str, mark: str = "") -> History | None:
        """Open the log of a session from a stored mark, or give None if it keeps none.

        An empty mark means: all that is there now was read already.
        """
        return None

    def retrying(self, line: str) -> str | None:
        """Say what the agent waits for, if this line of its stderr or diagnostics tells."""
        return None

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        """Say why the process ended, if its exit status and the end of its stderr tell."""
        return None


def npm_advice(package: str) -> str:
    """Say what to do about the command of a CLI that comes from npm."""
    return (
        f"Install it with `npm install -g {package}`, or set `command` in "
        "`[agents.NAME]`; then `tars restart`."
    )
