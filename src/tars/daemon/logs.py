"""Logs: one JSON object a line in tars.log, each agent's stderr in a file of its own.

Both are rotated and 0600. Prompts, answers and secrets never come here: nothing that is
logged has them as a value.
"""

import logging
import os
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec
import structlog

from tars.home import FILE_MODE, FOLDER_MODE


class PrivateFile(RotatingFileHandler):
    """A rotated file that nobody else can read. A full disk costs lines, never an exception."""

    _size = _coming = 0

    def _open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
        Path(self.baseFilename).parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(self.baseFilename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, FILE_MODE)
        # With the line for whose sake it is opened, when the file before is full.
        self._size = os.fstat(descriptor).st_size + self._coming
        os.close(descriptor)
        return super()._open()

    def shouldRollover(self, record: logging.LogRecord) -> int:
        """Go by what was written: the library asks the file system before every line."""
        if self.stream is None:
            self.stream = self._open()  # type: ignore[no-untyped-call]
        self._coming = len(self.format(record).encode()) + 1
        self._size += self._coming
        return int(0 < self.maxBytes <= self._size)

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def configure(path: Path, *, level: str, max_bytes: int, backups: int) -> None:
    """Send everything that is logged to this file from now on."""
    handler = PrivateFile(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class AgentLog:
    """One agent's stderr, line by line."""

    def __init__(self, path: Path, *, max_bytes: int, backups: int) -> None:
        self._file = PrivateFile(
            path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", delay=True
        )

    def write(self, lines: list[str]) -> None:
        for line in lines:
            self._file.emit(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        # What a full disk did not take is lost with the file.
        with suppress(OSError):
            self._file.close()


def _dumps(event: object, **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
