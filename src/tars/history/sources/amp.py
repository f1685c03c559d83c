"""Amp's threads: `~/.local/share/amp/threads/T-*.json`, from what others write of them alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history.files import below, is_closed
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading


class Amp:
    """The source of Amp's threads."""

    agent = "amp"
    newest_wins = True
    note = "Messages without a time of their own count at that of the one before."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        if named := env.get("AMP_DATA_DIR"):
            return (Path(named) / "threads",)
        data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
        return (data / "amp" / "threads",)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        for found in below(root, (".json",), folders):
            if Path(found.path).name.startswith("T-") or is_closed(found):
                yield found

    def read(self, found: Found, mark: Mark) -> Reading:  # noqa: ARG002 - it is read anew
        from tars.history.sources import amp_log

        return amp_log.read(found)

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - all are rewritten whole
        return False


SOURCE = Amp()
