"""Claude Code's logs: one file for each session, and for each of its subagents.

They are `projects/<folder>/<session>.jsonl` and, at any depth, `…/<session>/subagents/**.jsonl`
in a configuration's folder. `.claude.json` has the limits of the account.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history.files import below
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading

#: What Claude Code remembers of its account is in this file.
ACCOUNT = ".claude.json"


class ClaudeSource:
    """Claude Code, whoever answers it: gateways to other models write the same."""

    agent = "claude"
    newest_wins = False
    note = (
        "Requests that failed, were cut short or compacted a conversation are not in these logs, "
        "and Claude Code deletes them after 30 days."
    )

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        names = [name.strip() for name in env.get("CLAUDE_CONFIG_DIR", "").split(",")]
        listed = [_expanded(name, home) for name in names if name]
        accounts = [path / ACCOUNT for path in listed]
        if not listed:
            config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
            listed = [config / "claude", home / ".claude"]
            accounts = [home / ACCOUNT]
        folders = [path if path.name == "projects" else path / "projects" for path in listed]
        return _each_once([*folders, *accounts])

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        return below(root, (".jsonl",), folders)

    def resumable(self, found: Found) -> bool:
        return not is_account(found.path)

    def read(self, found: Found, mark: Mark) -> Reading:
        if is_account(found.path):
            from tars.history.sources import claude_account

            return claude_account.read(found)
        from tars.history.sources import claude_log

        return claude_log.read(found, mark)


SOURCE = ClaudeSource()


def is_account(path: str) -> bool:
    """Whether a file is that of the account, and no log."""
    return path.endswith(f"/{ACCOUNT}")


def _expanded(name: str, home: Path) -> Path:
    return home / name.removeprefix("~").lstrip("/") if name[:2] in ("~", "~/") else Path(name)


def _each_once(paths: list[Path]) -> tuple[Path, ...]:
    """Leave out what is one of the others by another name."""
    known: dict[str, Path] = {}
    for path in paths:
        known.setdefault(os.path.realpath(path), path)
    return tuple(known.values())
