"""The mark that every process of an agent bears, however far it went from its parent.

It is written twice. In the environment, which everybody can read and a process can drop.
And on Linux as a limit that means nothing (RLIMIT_LOCKS: no kernel has looked at it since
2.4.25): it is inherited through every fork and exec, and neither `env -i` nor a new session
changes it. Each process that tars makes has a mark of its own, and so has all that comes of it.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import psutil

#: `<home>:<agent>:<nonce>`, for people to find an agent's processes by, too.
VARIABLE = "TARS_AGENT_MARK"
_LIMIT = 10  # RLIMIT_LOCKS, which Python has no name for
#: The limit's top byte says that tars set it. Its other bits: 24 of the home, 32 of the nonce.
_TAG = 0x52
_HOME_BITS, _NONCE_BITS = 24, 32
_LINUX = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class Mark:
    """`home` and `nonce` are hexadecimal; `nonce` is new for every process."""

    home: str
    agent: str
    nonce: str

    def __str__(self) -> str:
        return f"{self.home}:{self.agent}:{self.nonce}"

    @classmethod
    def new(cls, home: str, agent: str) -> "Mark":
        return cls(home, agent, os.urandom(_NONCE_BITS // 8).hex())

    @property
    def number(self) -> int:
        return _home_number(self.home) << _NONCE_BITS | int(self.nonce, 16)


def home_id(root: Path) -> str:
    """Tell homes apart: by their path, and by the folder that is there now."""
    try:
        found = root.stat()
        folder = f"{found.st_dev}:{found.st_ino}"
    except OSError:
        folder = ""
    return blake2b(f"{root.absolute()}\0{folder}".encode(), digest_size=8).hexdigest()


@contextmanager
def handing_down(mark: Mark) -> Iterator[None]:
    """Let what is made within this block bear the mark as its limit; nothing elsewhere."""
    soft, hard = resource.getrlimit(_LIMIT) if _LINUX else (0, 0)
    if not _LINUX or hard != resource.RLIM_INFINITY:
        # Somebody lowered it for us: then the environment has to do.
        yield
        return
    resource.setrlimit(_LIMIT, (mark.number, hard))
    try:
        yield
    finally:
        resource.setrlimit(_LIMIT, (soft, hard))


def number_of(pid: int) -> int | None:
    """Give the mark that a process bears as its limit, or None. Zombies have theirs still."""
    if not _LINUX:
        return None
    try:
        soft = resource.prlimit(pid, _LIMIT)[0]
    except (OSError, ValueError):
        return None
    return soft if soft >> (_HOME_BITS + _NONCE_BITS) == _TAG else None


def is_of_home(number: int, home: str) -> bool:
    return number >> _NONCE_BITS == _home_number(home)


def text_of(pid: int) -> Mark | None:
    """Give the mark in a process's environment, as that was at its start, or None."""
    return _parsed(_variable_of(pid))


def _variable_of(pid: int) -> str:
    if not _LINUX:
        with suppress(psutil.Error, OSError):
            return psutil.Process(pid).environ().get(VARIABLE, "")
        return ""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = b"\0" + file.read()
    except OSError:
        return ""
    _, _, rest = environment.partition(f"\0{VARIABLE}=".encode())
    return rest.partition(b"\0")[0].decode(errors="replace")


def _parsed(text: str) -> Mark | None:
    home, _, rest = text.partition(":")
    agent, _, nonce = rest.rpartition(":")
    return Mark(home, agent, nonce) if home and agent and nonce else None


def _home_number(home: str) -> int:
    return _TAG << _HOME_BITS | int(home[: _HOME_BITS // 4], 16)
