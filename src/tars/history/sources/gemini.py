"""Gemini CLI's logs: `~/.gemini/tmp/<project>/chats/session-*.jsonl`, or `.json` of old
versions."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tars.history.files import below, closed, is_closed
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading

#: A log that Gemini CLI could not read back, and set aside, has this in its name.
_SET_ASIDE = ".jsonl.unreadable-"


class Gemini:
    """The source of Gemini CLI's logs."""

    agent = "gemini"
    newest_wins = True
    note = "What the router, the summaries and failed answers used is not in these logs."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        base = Path(env.get("GEMINI_CLI_HOME") or home)
        # In Apple's sandbox Gemini CLI may write there only.
        sandboxed = base / ".cache" / ".gemini" / "tmp"
        return (base / ".gemini" / "tmp", *([sandboxed] if sandboxed.is_dir() else []))

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        folders = folders or Folders()
        folders.inside(str(root))
        try:
            inner = sorted(os.listdir(root))
        except FileNotFoundError:
            return
        except NotADirectoryError:
            yield from below(root, ("",), folders)
            return
        for folder in (root, *(root / name for name in inner)):
            chats = folder if folder.name == "chats" else folder / "chats"
            try:
                yield from filter(_is_log, below(chats, ("",), folders))
            except NotADirectoryError:
                continue
            except PermissionError:
                folders.doubt()
                yield closed(chats)
            except OSError:
                folders.doubt()

    def read(self, found: Found, mark: Mark) -> Reading:
        from tars.history.sources import gemini_log

        return gemini_log.read(found, mark, grows=self.resumable(found))

    def resumable(self, found: Found) -> bool:
        return not found.path.endswith(".json")


SOURCE = Gemini()


def _is_log(found: Found) -> bool:
    folder, name = os.path.split(found.path)
    ends = name.endswith((".json", ".jsonl")) or _SET_ASIDE in name
    named = name.startswith("session-") or os.path.basename(folder) != "chats"
    return is_closed(found) or (ends and named)
