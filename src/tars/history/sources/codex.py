"""Codex's rollouts: its own log of each thread, a subagent's too.

They are `sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl` in Codex's folder, or in
`archived_sessions`, where a thread that is put away is moved to. Newer versions compress those that
rest for a week (`.jsonl.zst`), and make them plain again when they go on.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history.files import below
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading

PLAIN = ".jsonl"
#: Compressed with zstd.
COMPRESSED = ".zst"


class CodexSource:
    """Codex, whichever program wrote the rollout: they all write the same."""

    agent = "codex"
    newest_wins = False
    note = "Requests that failed or were cut short are not in these logs."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        folder = Path(env.get("CODEX_HOME") or home / ".codex")
        return folder / "sessions", folder / "archived_sessions"

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        return below(root, (PLAIN, PLAIN + COMPRESSED), folders)

    def resumable(self, found: Found) -> bool:
        return not found.path.endswith(COMPRESSED)

    def read(self, found: Found, mark: Mark) -> Reading:
        from tars.history.sources import codex_log

        return codex_log.read(found, mark, compressed=not self.resumable(found))


SOURCE = CodexSource()
