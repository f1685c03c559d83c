"""Qwen Code's logs, below `~/.qwen`: `usage/token-usage-<month>.jsonl`, and its conversations,
`projects/<folder>/chats/<session>.jsonl`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history.files import below, is_closed
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading

USAGE = "token-usage-"


class Qwen:
    """The source of Qwen Code's logs."""

    agent = "qwen"
    newest_wins = True
    note = ""

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        named = env.get("QWEN_RUNTIME_DIR") or env.get("QWEN_HOME")
        return (Path(named).expanduser() if named else home / ".qwen",)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        for found in below(root / "usage", (".jsonl",), folders):
            if Path(found.path).name.startswith(USAGE):
                yield found
        for found in below(root / "projects", (".jsonl",), folders):
            if Path(found.path).parent.name == "chats" or is_closed(found):
                yield found

    def read(self, found: Found, mark: Mark) -> Reading:
        from tars.history.sources import qwen_log

        return qwen_log.read(found, mark)

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - all of them only grow
        return True


SOURCE = Qwen()
