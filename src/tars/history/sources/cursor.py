"""Cursor's conversations: `chats/<workspace>/<conversation>/store.db` in `~/.cursor`, and newer
ones in `~/.config/cursor`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history import databases
from tars.history.files import below
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading


class Cursor:
    """The source of Cursor's conversations."""

    agent = "cursor"
    newest_wins = True
    note = "Tokens not recorded: Cursor writes none on this machine."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
        newer = config / "cursor" / "chats"
        return (home / ".cursor" / "chats", *([newer] if newer.is_dir() else []))

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        if folders is not None:
            folders.doubt()  # a database grows beside itself
        for found in below(root, ("store.db",)):
            yield databases.found(Path(found.path)) or found

    def read(self, found: Found, mark: Mark) -> Reading:  # noqa: ARG002 - it is read anew
        from tars.history.sources import cursor_log

        return cursor_log.read(found)

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - none of them only grows
        return False


SOURCE = Cursor()
