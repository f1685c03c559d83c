"""What was sent before: a file in the home that only its owner can read, with a bound."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import History

from tars.home import FILE_MODE

#: How many prompts are kept; the file is made shorter when it has twice as many.
MOST = 1_000
#: A longer prompt is not kept: it was pasted.
LONGEST = 20_000
_MOST_BYTES = 4 * 1024 * 1024


class Kept(History):
    """A JSON string per line, the oldest first. A disk that does not take it is no fault."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """Give what is kept, the newest first."""
        lines = self._lines()
        if len(lines) > 2 * MOST:
            self._rewrite(lines[-MOST:])
        return [text for text in map(_text, reversed(lines[-MOST:])) if text]

    def store_string(self, string: str) -> None:
        """Add a prompt to the file."""
        if len(string) > LONGEST:
            return
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            descriptor = os.open(self._path, flags, FILE_MODE)
            with open(descriptor, "ab") as file:
                os.fchmod(file.fileno(), FILE_MODE)
                file.write(json.dumps(string).encode() + b"\n")

    def _lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _MOST_BYTES))
                return file.read().split(b"\n")[:-1]
        except OSError:
            return []

    def _rewrite(self, lines: list[bytes]) -> None:
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with open(descriptor, "wb") as file:
                file.writelines(line + b"\n" for line in lines)
            os.replace(draft, self._path)


def _text(line: bytes) -> str:
    try:
        text = json.loads(line)
    except ValueError:
        return ""
    return text if isinstance(text, str) else ""
