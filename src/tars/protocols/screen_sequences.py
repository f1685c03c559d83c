"""What a terminal is sent, cut into pieces: text, control characters and sequences.

Bytes come cut anywhere; what is not whole yet is held back, within bounds. ECMA-48 names the
forms, and xterm's ctlseqs what is in use. Anything else is dropped, never an error.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

#: A title, a link, a picture: more than this of one is not kept.
LONGEST_STRING = 4096
_LONGEST_CONTROL = 64

_TEXT = r"[^\x00-\x1f\x7f-\x9f]+"
_PIECE = re.compile(
    rf"(?P<text>{_TEXT})"
    r"|\x1b\[(?P<marker>[<-?]?)(?P<numbers>[0-9:;]{0,64})(?P<between>[ -/]{0,4})(?P<final>[@-~])"
    rf"|\x1b(?P<string>[\]PX^_])(?P<held>[^\x07\x1b\x18\x1a]{{0,{LONGEST_STRING}}})(?:\x07|\x1b\\)"
    r"|\x1b(?P<escape>[ -/]{1,2}[0-~]|[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f])"
)
#: The beginning of something that may still become whole.
_UNFINISHED = re.compile(
    r"\x1b(?:\[[<-?]?[0-9:;]{0,64}[ -/]{0,4}|[\]PX^_][^\x07\x1b\x18\x1a]*\x1b?|[ -/]{0,2})?\Z"
)
_STRING_END = re.compile(r"\x07|\x1b\\|[\x18\x1a]")


class Kind(Enum):
    TEXT = "text"
    CONTROL = "control"
    ESCAPE = "escape"
    CSI = "csi"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Piece:
    """`raw` is how it was sent. Of a CSI sequence `name` is its marker, what stands between
    and its last character, and `numbers` its parameters; of the rest `name` is the character
    or the sequence's kind."""

    kind: Kind
    raw: str
    name: str = ""
    numbers: tuple[int, ...] = ()


class Sequences:
    """One stream of bytes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Give the pieces that are whole now."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        if self._skipping:
            text = self._skip(text)
        position = 0
        while position < len(text):
            match = _PIECE.match(text, position)
            if match is not None:
                position = match.end()
                yield _piece(match)
            elif _UNFINISHED.match(text, position):
                self._hold(text[position:])
                return
            else:
                # No sequence begins here: a C1 character, or an escape that was cut off.
                position += 1

    def _hold(self, rest: str) -> None:
        if len(rest) > LONGEST_STRING + _LONGEST_CONTROL:
            self._skipping = True
            # Its end may be cut in two.
            rest = "\x1b" if rest.endswith("\x1b") else ""
        self._held = rest

    def _skip(self, text: str) -> str:
        """Leave out the rest of a string that is too long."""
        end = _STRING_END.search(text)
        if end is None:
            self._held = "\x1b" if text.endswith("\x1b") else ""
            return ""
        self._skipping = False
        return text[end.end() :]


def _piece(match: re.Match[str]) -> Piece:
    raw = match[0]
    if match["text"] is not None:
        return Piece(Kind.TEXT, raw)
    if match["final"] is not None:
        name = f"{match['marker']}{match['between']}{match['final']}"
        return Piece(Kind.CSI, raw, name, _numbers(match["numbers"]))
    if match["string"] is not None:
        return Piece(Kind.STRING, raw, match["string"])
    if match["escape"] is not None:
        return Piece(Kind.ESCAPE, raw, match["escape"])
    return Piece(Kind.CONTROL, raw, raw)


def _numbers(text: str) -> tuple[int, ...]:
    """The parameters; those behind a colon refine the one before it, and are left out."""
    if not text:
        return ()
    return tuple(min(int(part.partition(":")[0] or 0), 9999) for part in text.split(";"))
