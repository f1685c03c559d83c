"""What one of Codex's rollouts says: differences of a thread's sums."""

import math
from collections.abc import Iterable

from tars.history.compressed import CannotDecompress
from tars.history.compressed import windows as decompressed
from tars.history.lines import Line, Window, windows
from tars.history.source import ENOUGH, HEAD, Found, Mark, Reading, Request
from tars.history.sources import codex_lines
from tars.history.sources.codex import COMPRESSED, PLAIN
from tars.history.sources.codex_limits import Limits
from tars.history.sources.codex_lines import (
    EARLIEST,
    KIND,
    LATEST,
    PART,
    SIGNS,
    SILENT,
    TELLING,
    USUAL,
    Payload,
    Told,
)
from tars.history.sources.codex_thread import Thread

#: The length of a thread's id, a UUID.
_ID = 36


def read(found: Found, mark: Mark, *, compressed: bool) -> Reading:
    """Read a rollout: on from a mark, or whole where it is compressed."""
    rollout, problem = _Rollout(found, mark), ""
    if not compressed:
        rollout.read(windows(found.path, mark.offset, found.size), enough=ENOUGH)
    else:
        try:
            rollout.read(decompressed(found.path))
        except CannotDecompress as error:
            problem = str(error)
    return rollout.told(problem, found.size)


class _Rollout:
    """One reading of a rollout."""

    def __init__(self, found: Found, mark: Mark) -> None:
        self._thread = Thread(_thread_id(found.path), found.mtime // 1_000_000, mark.state)
        self._requests: list[Request] = []
        self._limits = Limits()
        self._offset, self._state = mark.offset, mark.state
        self._garbled = 0
        self._start = b""
        self._more = False

    def read(self, parts: Iterable[Window | Line], enough: float = math.inf) -> None:
        """Read on, until there are enough requests."""
        for part in parts:
            if isinstance(part, Line):
                self._read_single(part)
            else:
                self._read_window(part)
            if len(self._requests) >= enough:
                self._more = True
                break

    def told(self, problem: str, size: int) -> Reading:
        return Reading(
            Mark(self._offset, self._state),
            self._requests,
            self._garbled,
            problem,
            forks=self._thread.forks,
            limits=self._limits.told(),
            start=self._start,
            more=self._more and self._offset < size,
        )

    def _read_window(self, window: Window) -> None:
        """Read whole lines: those that may say something are decoded all at once. Half of them are
        parts of the conversation, and where most versions say so, that is seen at once."""
        data, begin, stop = window.data, 0, window.end
        if not window.offset:
            self._start = bytes(data[: min(stop, HEAD)])
        find, startswith = data.find, data.startswith
        lines: list[bytearray] = []
        while begin < stop:
            end = find(b"\n", begin)
            at = begin + USUAL
            if not startswith(PART, at, end):
                if not startswith(KIND, at, end):
                    at = find(KIND, begin + EARLIEST, min(begin + LATEST, end))
                if at < 0 or not startswith(TELLING, at):
                    silent = at >= 0 and startswith(SILENT, at)
                    if silent or not any(find(sign, begin, end) >= 0 for sign in SIGNS):
                        begin = end + 1
                        continue
                lines.append(data[begin : end + 1])
            begin = end + 1
        for line, told in zip(lines, codex_lines.told_by(lines), strict=True):
            # Most of them are counts.
            if told is not None and told.type == "event_msg" and told.payload is not None:
                self._count(told.payload, told.timestamp)
            else:
                self._read(line, told)
        self._offset, self._state = window.offset + window.end, self._thread.mark()

    def _read_single(self, line: Line) -> None:
        """Read a line that is not whole yet, or too long: that one tells nothing."""
        if not line.cut and any(sign in line.text for sign in SIGNS):
            garbled = self._garbled
            self._read(line.text, codex_lines.decoded(line.text))
            self._garbled = self._garbled if line.whole else garbled
        if line.whole:
            self._offset, self._state = line.end, self._thread.mark()

    def _read(self, line: bytes | bytearray, told: Told | None) -> None:
        if told is None:
            self._garbled += codex_lines.FIGURES in line
            return
        payload = told.payload
        if payload is None:
            return
        if told.type == "event_msg":
            self._count(payload, told.timestamp)
        elif told.type == "turn_context":
            self._thread.turn(payload)
        elif told.type == "token_usage_record":
            self._note(self._thread.record(payload, told.timestamp))
        elif told.type == "session_meta":
            self._thread.name(payload)

    def _count(self, payload: Payload, timestamp: str | None) -> None:
        if payload.type == "token_count":
            request = self._thread.count(payload, timestamp)
            if request is not None:
                self._requests.append(request)
            self._limits.note(payload.limits, timestamp)

    def _note(self, request: Request | None) -> None:
        if request is not None:
            self._requests.append(request)


def _thread_id(path: str) -> str:
    """Give the id of the thread that a rollout is named for."""
    name = path.rpartition("/")[2].removesuffix(COMPRESSED).removesuffix(PLAIN)
    return name[-_ID:] if name.startswith("rollout-") else name
