"""Goose's database: `~/.local/share/goose/sessions/sessions.db`, from its source code alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history import databases
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading


class Goose:
    """The source of Goose's sessions."""

    agent = "goose"
    newest_wins = True
    note = "Only a sum for each session is recorded, which counts at one moment."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        if named := env.get("GOOSE_PATH_ROOT"):
            return (Path(named) / "data" / "sessions" / "sessions.db",)
        data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
        return (data / "goose" / "sessions" / "sessions.db",)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        if folders is not None:
            folders.doubt()  # a database grows beside itself
        found = databases.found(root / "sessions.db" if root.is_dir() else root)
        return () if found is None else (found,)

    def read(self, found: Found, mark: Mark) -> Reading:  # noqa: ARG002 - it is read anew
        from tars.history.sources import goose_log

        return goose_log.read(found)

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - none of them only grows
        return False


SOURCE = Goose()
