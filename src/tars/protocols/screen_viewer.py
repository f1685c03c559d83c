"""What a viewer's terminal is shown of what a program prints: only what a screen needs.

A program may be made to print anything, by a file that it shows for instance, and a terminal
does what it is told: it answers questions as if they were typed, and takes over a clipboard.
So nothing is passed on that is not known here, and nothing that leaving does not undo. What
the screen itself does not draw is not shown either: all see the same picture.
"""

import re

from tars.protocols.screen_sequences import Kind, Piece

#: Private modes (DECSET) that a viewer's terminal has to have as well, and that are off in one
#: that nobody changed: cursor keys, keypad, mouse, focus, bracketed paste. xterm's ctlseqs.
VIEWER_MODES = (1, 9, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 2004)
#: Auto-wrap and the cursor: they are on in a terminal that nobody changed.
USUALLY_ON = (7, 25)
_MODES = frozenset((*VIEWER_MODES, *USUALLY_ON))
_ANOTHER_SCREEN = frozenset({47, 1047, 1048, 1049})
_CONTROLS = frozenset("\a\b\t\n\v\f\r\x0e\x0f")
#: Save and restore the cursor; index, next line, reverse index; the keypad's two modes; and
#: the character sets of G0 and G1, ASCII and line drawing.
_ESCAPES = frozenset(("7", "8", "D", "E", "M", "=", ">", "(B", "(0", ")B", ")0"))
#: Cursor movement; inserting, deleting and erasing; the scroll region and scrolling; repeating.
_MOVES = frozenset("ABCDEFGHade`fLMPX@rSb")
#: Erasing, and the most that its number may be: `3J` would wipe a viewer's scrollback.
_ERASES = {"J": 2, "K": 2}
_TITLE = re.compile(r"\x1b\](?P<which>[02]);(?P<text>[^\x00-\x1f\x7f-\x9f]{0,256})(?:\x07|\x1b\\)")


def changes_screen(piece: Piece) -> bool:
    """Whether a viewer has to be shown the whole screen anew: it has only one, and is not
    reset with the program's."""
    switches = piece.kind is Kind.CSI and piece.name in ("?h", "?l")
    resets = (piece.kind, piece.name) in ((Kind.ESCAPE, "c"), (Kind.CSI, "!p"))
    return resets or (switches and not _ANOTHER_SCREEN.isdisjoint(piece.numbers))


def shown(piece: Piece) -> str:
    """Give what a viewer's terminal is sent for this; empty for all that is not known."""
    match piece.kind:
        case Kind.TEXT:
            return piece.raw
        case Kind.CONTROL:
            return piece.raw if piece.name in _CONTROLS else ""
        case Kind.ESCAPE:
            return piece.raw if piece.name in _ESCAPES else ""
        case Kind.STRING:
            title = _TITLE.fullmatch(piece.raw)
            return f"\x1b]{title['which']};{title['text']}\a" if title else ""
        case Kind.CSI:
            return _csi(piece)


def _csi(piece: Piece) -> str:
    name, numbers = piece.name, piece.numbers
    if name == "m":
        # As it was sent: colours may be told with colons.
        return piece.raw
    if name in ("?h", "?l"):
        numbers = tuple(n for n in numbers if n in _MODES)
        return _made("?", numbers, name[1]) if numbers else ""
    if name in _MOVES or max(numbers, default=0) <= _ERASES.get(name, -1):
        return _made("", numbers, name)
    return piece.raw if name in ("s", "u") and not numbers else ""


def _made(marker: str, numbers: tuple[int, ...], final: str) -> str:
    return f"\x1b[{marker}{';'.join(map(str, numbers))}{final}"
