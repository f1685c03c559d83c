"""A service as it is found: the same words for whichever manager has it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tars.service.plan import Plan


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What the manager knows, with what a person changed beside the unit.

    `home` is the tars home that it serves, `command` the program that it runs, `path` what its
    agents search. `starts` says when it starts by itself, and is empty where it does not;
    `active` and `words` say how it is; `says` is what the daemon told. `listens`: the manager
    listens on the control socket. `stale`: the files changed since the manager read them.
    """

    file: Path
    home: str
    command: str
    path: tuple[str, ...]
    starts: str
    active: bool
    words: str
    says: str
    pid: int | None
    listens: bool = False
    stale: bool = False
    edited: bool = False
    drop_ins: tuple[Path, ...] = ()


class Service(Protocol):
    """One daemon in one manager's hands. `on_wait` is called some ten times a second while it
    takes its time. Everything raises TarsError and OSError."""

    @property
    def name(self) -> str:
        """What it is, in a person's words."""

    @property
    def logs(self) -> str:
        """What a person types to read what the daemon wrote to stderr."""

    @property
    def file(self) -> Path:
        """Where its definition is, or would be."""

    def state(self) -> ServiceState | None:
        """None where it is not installed."""

    def install(
        self, plan: Plan, *, force: bool, start: bool, on_wait: Callable[[], None]
    ) -> list[str]:
        """Write and enable it, and say what was done; nothing where it is so already."""

    def uninstall(self, *, force: bool, on_wait: Callable[[], None]) -> list[str]:
        """Stop it and remove what `install` wrote, and say what was done."""

    def start(self, on_wait: Callable[[], None]) -> None:
        """Start it, and return once the daemon is ready."""

    def stop(self, on_wait: Callable[[], None]) -> None:
        """Stop it for good: nothing starts it again by itself before the next login."""
