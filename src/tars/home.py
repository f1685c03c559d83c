"""Where things live under ~/.tars, and how they are written there.

Folders are 0700 and files 0600: prompts, costs and keys are their owner's alone.
`TARS_HOME` moves the whole home.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

FOLDER_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one tars home. Nothing is touched until `prepare`."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration: a person's own file."""
        return self.root / "config.toml"

    @property
    def data(self) -> Path:
        """What has to last."""
        return self.root / "data"

    @property
    def store(self) -> Path:
        """All that tars remembers: prompts, turns, what was said, and what it used."""
        return self.data / "tars.db"

    @property
    def spool(self) -> Path:
        """What could not be written into a database elsewhere, until it can."""
        return self.data / "spool.db"

    @property
    def history(self) -> Path:
        """The index of what the agents' own logs tell; it can be built again from them."""
        return self.data / "history.db"

    @property
    def choices(self) -> Path:
        """The permissions that people chose for good."""
        return self.data / "permissions.json"

    @property
    def prices(self) -> Path:
        """The price list: that of the installed genai-prices, or a newer one."""
        return self.data / "prices.json"

    @property
    def rates(self) -> Path:
        """The prices of the models that were asked for, so that the list need not be read."""
        return self.data / "rates.json"

    @property
    def run(self) -> Path:
        """What belongs to the daemon that runs."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        """The control channel."""
        return self.run / "tars.sock"

    @property
    def lock(self) -> Path:
        """Held by the daemon of this home, with its pid."""
        return self.run / "tars.lock"

    @property
    def children(self) -> Path:
        """The processes under way, so that a daemon's successor can end its leftovers."""
        return self.run / "children.json"

    @property
    def visits(self) -> Path:
        """Where the page was open and to which browsers, for the daemon's successor."""
        return self.run / "web.json"

    @property
    def entrance(self) -> Path:
        """What `tars web` has a browser open: the page's address, with what lets it in."""
        return self.run / "web.html"

    @property
    def logs(self) -> Path:
        """The logs; how large they grow is bounded."""
        return self.root / "logs"

    @property
    def log(self) -> Path:
        """The daemon's own log, which `tars logs` shows; older ones end in a number."""
        return self.logs / "tars.log"

    @property
    def workspace(self) -> Path:
        """Where agents work that have no `cwd` in the configuration."""
        return self.root / "workspace"

    def agent_log(self, agent: str) -> Path:
        """What one agent wrote to its stderr."""
        return self.logs / "agents" / f"{agent}.log"

    def agent_data(self, agent: str) -> Path:
        """What tars keeps for one agent."""
        return self.data / agent

    def agent_tmp(self, agent: str) -> Path:
        """The agent's private TMPDIR: CLIs leave dumps of whole conversations there."""
        return self.run / "tmp" / agent

    def session_file(self, agent: str, *, default: bool) -> Path:
        """session.json of an agent; the default agent's stands at the top of data/."""
        return (self.data if default else self.agent_data(agent)) / "session.json"

    def prepare(self) -> None:
        """Make the folders, and take them back from everybody else.

        Raises OSError when the home cannot be written.
        """
        for folder in (
            self.root,
            self.data,
            self.run,
            self.logs,
            self.logs / "agents",
            self.workspace,
        ):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            folder.chmod(FOLDER_MODE)


def find_home() -> Home:
    """Give the home that this process's environment names: TARS_HOME, else ~/.tars."""
    named = os.environ.get("TARS_HOME")
    return Home(Path(named).expanduser().absolute() if named else Path.home() / ".tars")


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file so that a crash at any moment leaves the old or the new one, whole.

    A temporary file in the same folder, fsync, rename, fsync of the folder: a rename
    alone survives a crash of the process, but not one of the machine.
    Raises OSError (a full disk, say); the old file is then still there.
    """
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def write_cache(path: Path, data: bytes) -> None:
    """Replace a file that can be made again: whoever reads it finds the old or the new one, whole,
    and nobody waits for the disk. A crash of the machine may leave anything: who reads it checks.

    Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE)
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """Give a file (0600) to write to, which gets its name, durably, once all of it is written.

    What has the name is not replaced unless by `force`: FileExistsError. Raises OSError; nothing
    of the file is left then.
    """
    temporary = path.with_name(f".tars-{os.urandom(6).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(temporary, path)
        else:
            _name(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    sync_folder(path.parent)


def _name(temporary: Path, path: Path) -> None:
    """A link, other than a rename, never replaces what another process put there meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links. Two at the same moment are rare there.
        if os.path.lexists(path):
            raise FileExistsError(f"{path} exists") from None
        os.replace(temporary, path)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder last through a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path, at: datetime) -> Path:
    """Rename a file that cannot be read to `<name>.corrupt-<UTC time>`, and give the new path.

    Nothing that was set aside earlier is overwritten. Raises OSError when the file
    cannot be renamed; it must then not be written either.
    """
    stem = f"{path.name}.corrupt-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    target, count = path.with_name(stem), 1
    while os.path.lexists(target):
        count += 1
        target = path.with_name(f"{stem}-{count}")
    os.rename(path, target)
    sync_folder(path.parent)
    return target
