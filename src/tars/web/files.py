"""The page's own files, as they are shipped: nothing else of the disk can be asked for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file with its media type; `tag` changes with what is in it."""

    body: bytes
    media_type: str
    tag: str


class Files:
    """Every file under `static`, by its path in a URL. Each is read when it is first asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = (path for path in folder.rglob("*") if path.suffix in _TYPES and path.is_file())
        self._paths = {f"/{path.relative_to(folder).as_posix()}": path for path in found}
        self._paths["/"] = folder / "index.html"
        self._read: dict[str, File] = {}

    def get(self, path: str) -> File | None:
        """Give a file; None where there is none. Raises OSError."""
        known = self._read.get(path)
        if known is None and path in self._paths:
            body = self._paths[path].read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            known = self._read[path] = File(body, _TYPES[self._paths[path].suffix], tag)
        return known
