"""opencode's logs: `opencode.db` in `~/.local/share/opencode`, and of old versions one file for
each message, `storage/message/<session>/<message>.json`, which the database took over."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history import databases
from tars.history.files import below
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading


class Opencode:
    """The source of opencode's logs."""

    agent = "opencode"
    newest_wins = True
    note = "What the titles of sessions used is not in these logs."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        folder = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "opencode"
        named = env.get("OPENCODE_DB") or ""
        if named in ("", ":memory:") or (folder / named).parent == folder:
            return (folder,)
        return (folder, folder / named)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        if folders is not None:
            folders.doubt()  # a database grows beside itself
        if not root.is_dir():
            database = databases.found(root)
            yield from () if database is None else (database,)
            return
        for name in sorted(os.listdir(root)):
            if name.startswith("opencode") and name.endswith(".db"):
                database = databases.found(root / name)
                yield from () if database is None else (database,)
        yield from below(root / "storage" / "message", (".json",))

    def read(self, found: Found, mark: Mark) -> Reading:  # noqa: ARG002 - it is read anew
        from tars.history.sources import opencode_log

        return opencode_log.read(found)

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - none of them only grows
        return False


SOURCE = Opencode()
