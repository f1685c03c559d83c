"""Kimi's logs: `~/.kimi-code/sessions/<folder>/<session>/agents/<agent>/wire.jsonl`.

Its predecessor, kimi-cli, wrote `~/.kimi/sessions/**/wire.jsonl`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history.files import below
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading


class Kimi:
    """The source of Kimi's logs."""

    agent = "kimi"
    newest_wins = True
    note = ""

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        older = Path(env.get("KIMI_SHARE_DIR") or home / ".kimi") / "sessions"
        now = Path(env.get("KIMI_CODE_HOME") or home / ".kimi-code") / "sessions"
        return (now, *([older] if older.is_dir() else []))

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        return below(root, ("wire.jsonl",), folders)

    def read(self, found: Found, mark: Mark) -> Reading:
        from tars.history.sources import kimi_log

        return kimi_log.read(found, mark)

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - all of them only grow
        return True


SOURCE = Kimi()
