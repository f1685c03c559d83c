"""The built-in agent's own log of its model requests, as `memory` writes it."""

from pathlib import Path

import msgspec

from tars.conversation.model import RequestUsage


class _Record(msgspec.Struct):
    """One line of `<id>.requests.jsonl`."""

    id: str
    model: str
    input: int
    output: int
    cached: int
    thoughts: int
    at: str


_decoder = msgspec.json.Decoder(_Record)


class EchoHistory:
    """One session's requests. The mark is an offset in bytes."""

    def __init__(self, folder: Path, session_id: str, mark: str = "") -> None:
        self._path = folder / f"{session_id}.requests.jsonl"
        self._offset = int(mark) if mark.isdigit() else self._size()

    def mark(self) -> str:
        return str(self._offset)

    def read(self) -> tuple[RequestUsage, ...] | None:
        """Give the requests logged since the last call; None where the log cannot be read."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                # A line that is still being written is left for the next call.
                whole = file.read().rpartition(b"\n")[0]
            requests = tuple(_request(line) for line in whole.split(b"\n") if line)
        except (OSError, msgspec.MsgspecError):
            return None
        self._offset += len(whole) + bool(whole)
        return requests

    def guard(self) -> None:
        """Loading a session cannot harm it."""

    def tidy(self) -> None:
        """Loading a session leaves nothing."""

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def _request(line: bytes) -> RequestUsage:
    record = _decoder.decode(line)
    return RequestUsage(
        id=record.id,
        model=record.model,
        input=record.input,
        output=record.output,
        cached=record.cached,
        thoughts=record.thoughts,
        at=record.at,
    )
