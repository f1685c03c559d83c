"""What sessions are called in Claude Code's logs.

The name that a person gave one beats that which the model found for it, and that the summary of
older versions. Claude Code writes them again at the end of its log, so that only the ends of what
is read are looked at.
"""

import msgspec
from msgspec import Struct, field

from tars.history.lines import Window

#: How much of each end is looked at.
_EDGE = 16 * 1024
#: How each kind begins, the weakest first; behind the first member anything may follow.
_KINDS = (b'{"type":"summary",', b'{"type":"ai-title",', b'{"type":"custom-title",')
#: A title is a name; what is longer is cut.
_LONGEST = 200


class _Title(Struct):
    session: str = field(default="", name="sessionId")
    custom: str = field(default="", name="customTitle")
    found: str = field(default="", name="aiTitle")
    summary: str = ""


_title = msgspec.json.Decoder(_Title)


class Titles:
    """The titles in one file, which is named for a session. `state` says how strong the one is
    that is known, for the next reading."""

    def __init__(self, session: str, state: bytes) -> None:
        self._session = session
        self._strength = int(state) if state.isdigit() else -1
        self._began = False
        self.told: dict[str, str] = {}

    @property
    def state(self) -> bytes:
        return b"" if self._strength < 0 else b"%d" % self._strength

    def look(self, window: Window) -> None:
        """Look at the ends of what was read."""
        last = max(0, window.end - _EDGE)
        if last and not self._began:
            self._search(window, 0, _EDGE)
        self._began = True
        self._search(window, last, window.end)

    def _search(self, window: Window, begin: int, end: int) -> None:
        data = window.data
        for strength, kind in enumerate(_KINDS):
            if strength < self._strength:
                continue
            at = data.rfind(b"\n" + kind, begin, end) + 1
            if at or (begin == 0 and data.startswith(kind)):
                self._note(data[at : data.find(b"\n", at, window.end)], strength)

    def _note(self, line: bytearray, strength: int) -> None:
        try:
            told = _title.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        if title := (told.custom or told.found or told.summary).strip()[:_LONGEST]:
            self.told[told.session or self._session] = title
            self._strength = strength
