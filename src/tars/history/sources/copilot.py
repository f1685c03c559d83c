"""GitHub Copilot CLI's logs, below `~/.copilot`: a folder for each session, and a database of all.

They are `session-state/<session>/events.jsonl`, and `session-store.db`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history import databases
from tars.history.files import below, is_closed
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading

_STORE = "session-store.db"


class Copilot:
    """The source of GitHub Copilot CLI's logs."""

    agent = "copilot"
    newest_wins = True
    note = "Versions that wrote neither usage records nor a database left no tokens."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        return (Path(env.get("COPILOT_HOME") or home / ".copilot"),)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        if folders is not None:
            folders.doubt()  # a database grows beside itself
        for found in below(root / "session-state", ("events.jsonl",)):
            if Path(found.path).name == "events.jsonl" or is_closed(found):
                yield found
        store = databases.found(root / _STORE)
        if store is not None:
            yield store

    def read(self, found: Found, mark: Mark) -> Reading:
        from tars.history.sources import copilot_log

        return copilot_log.read(found, mark, grows=self.resumable(found))

    def resumable(self, found: Found) -> bool:
        return not found.path.endswith(".db")


SOURCE = Copilot()
