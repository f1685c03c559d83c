"""What sessions are called in Claude Code's logs.

The name that a person gave one beats that which the model found for it, and that the summary of
older versions. Claude Code writes them again at the end of its log, so that only the ends of what
is read are looked at.
"""

import msgspec
from msgspec import Struct, field

from tars.history.decoding import UNDECODABLE
from tars.history.lines import Window

#: How much of each end is looked at.
_EDGE = 16 * 1024
#: A line with a title is short and begins with its type; a text that quotes one does not.
_MARK = b'-title","'
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
        self._began = False
        self.told: dict[str, str] = {}

    def look(self, window: Window) -> None:
        """Look at the ends of what was read."""
        data, last = window.data, max(0, window.end - _EDGE)
        if self.strength < 0 and data.startswith(_SUMMARY):
            self._note(data[: data.find(b"\n")], 0)
        if last and not self._began:
            self._search(window, 0, _EDGE)
        self._began = True
        self._search(window, last, window.end)

    def _search(self, window: Window, begin: int, end: int) -> None:
        """Go back from the last title to the first, as long as one would count more."""
        data, least = window.data, self.strength
        while least <= _STRONGEST and (mark := data.rfind(_MARK, begin, end)) >= 0:
            end = data.rfind(b"\n", 0, mark) + 1
            if self._note(data[end : data.find(b"\n", mark, window.end)], least):
                least = self.strength + 1

    def _note(self, line: bytearray, least: int) -> bool:
        try:
            told = _title.decode(line)
        except UNDECODABLE:
            return False
        title = (told.custom or told.found or told.summary).strip()
        strength = _STRONGEST if told.custom else int(bool(told.found))
        if not title or strength < least:
            return False
        self.told[told.session or self._session] = title
        self.strength = strength
        return True
