"""What tars has to know of an agent CLI, as two small interfaces.

A `Kind` says how the CLI is launched, which codec speaks to it, and what its last words
mean. A `History` is the CLI's own log of a conversation: the only place where some of
them tell what a turn used, and a thing that has to be guarded across restarts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tars.accounting.usage import RequestUsage
from tars.errors import Fault
from tars.protocols.codec import Codec


@dataclass(frozen=True, slots=True)
class Setup:
    """One configured agent, resolved: what its `Kind` needs to launch and read it.

    `env` is the whole environment of the process before the kind adds its own;
    `tmp` is a private folder that is emptied before each launch; `keep` is a folder
    for what has to outlive the process. `makes_cwd`: the working folder is tars' own, and
    is made before each launch if it is not there.
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


@dataclass(frozen=True, slots=True)
class Launch:
    """A process to make. `stdout_to_file`: its stdout is a file that is read as it grows,
    because the CLI drops what a pipe does not take at once. `diagnostics` is where the CLI
    writes what its stderr tells too late: a FIFO is made there and read for signs of life,
    and nothing of it is kept, for it may quote prompts. `litter` are patterns of what the CLI
    leaves in its TMPDIR and nobody reads; it is removed after each turn."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    stdout_to_file: bool = False
    diagnostics: Path | None = None
    litter: tuple[str, ...] = ()


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
    """One agent CLI."""

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

    def one_shot(self, protocol: str) -> bool:
        """Whether this protocol wants a process per prompt."""

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        """Say how to start it; `session_id` matters to one-shot protocols only."""

    def codec(self, setup: Setup) -> Codec:
        """Make the codec for one process."""

    def history(self, setup: Setup, session_id: str, mark: str = "") -> History | None:
        """Open the log of a session from a stored mark, or give None if it keeps none.

        An empty mark means: all that is there now was read already.
        """

    def retrying(self, line: str) -> str | None:
        """Say what the agent waits for, if this line of its stderr or diagnostics tells."""

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        """Say why the process ended, if its exit status and the end of its stderr tell."""
