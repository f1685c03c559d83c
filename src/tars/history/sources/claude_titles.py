"""What sessions are called in Claude Code's logs.

The name that a person gave one beats that which the model found for it, and that the summary of
older versions.
"""

import msgspec
from msgspec import Struct, field

from tars.history.decoding import UNDECODABLE

#: A line with a title begins with its type; a text that quotes one does not.
_TYPE = b'{"type":"'
_MARK = b'-title","'
_SOON = 32
_SUMMARY = b'{"type":"summary","'
#: How much a person's own title counts; the model's is 1, a summary 0.
_STRONGEST = 2


class _Title(Struct):
    session: str = field(default="", name="sessionId")
    custom: str = field(default="", name="customTitle")
    found: str = field(default="", name="aiTitle")
    summary: str = ""


_title = msgspec.json.Decoder(_Title)


class Titles:
    """The titles in one file, which is named for a session. `strength` says how strong the one
    is that is known, for the next reading; below 0 none is."""

    def __init__(self, session: str, strength: int) -> None:
        self._session = session
        self.strength = strength
        self.told: dict[str, str] = {}

    def look(self, data: bytearray, begin: int, stop: int) -> None:
        """Look whether a line is a title, and remember it if it counts as much as the last."""
        if data.startswith(_SUMMARY, begin):
            if self.strength < 0:
                self._note(data[begin:stop])
        elif data.startswith(_TYPE, begin) and data.find(_MARK, begin, begin + _SOON) >= 0:
            self._note(data[begin:stop])

    def _note(self, line: bytearray) -> None:
        try:
            told = _title.decode(line)
        except UNDECODABLE:
            return
        title = (told.custom or told.found or told.summary).strip()
        strength = _STRONGEST if told.custom else int(bool(told.found))
        if title and strength >= self.strength:
            self.told[told.session or self._session] = title
            self.strength = strength
