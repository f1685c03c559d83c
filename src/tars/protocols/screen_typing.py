"""What is typed into a terminal program, so that a prompt presses no keys.

A prompt is text: only what submits it, which the program's description says, is a key.
"""

import re

from tars.protocols.screen_rules import Paste

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
#: C0 but tab and newline, delete, C1, and what ends a line in Unicode only.
_KEYS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile(r"\r\n|[\r\u2028\u2029\x85]")
_TAB = " " * 4

#: Names of keys, and what a keyboard sends for them. `ctrl-a` to `ctrl-z` are known too.
KEYS = {
    "enter": b"\r",
    "tab": b"\t",
    "shift-tab": b"\x1b[Z",
    "escape": b"\x1b",
    "backspace": b"\x7f",
    "space": b" ",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "page-up": b"\x1b[5~",
    "page-down": b"\x1b[6~",
    "delete": b"\x1b[3~",
    **{f"ctrl-{letter}": bytes([ord(letter) - 96]) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


def harmless(text: str) -> str:
    """Take out of a prompt whatever a terminal would take for a key."""
    return _KEYS.sub("", _LINE_ENDS.sub("\n", text))


def typed(text: str, paste: Paste) -> bytes:
    """Give a prompt as it is typed, without what submits it."""
    return _body(harmless(text), paste).encode("utf-8", "replace")


def _body(text: str, paste: Paste) -> str:
    match paste:
        case Paste.BRACKETED:
            # A terminal sends the ends of pasted lines as the Enter key would be sent.
            return PASTE_BEGINS + text.rstrip("\n").replace("\n", "\r") + PASTE_ENDS
        case Paste.LINES:
            # Outside of a paste a tab is the key that completes words.
            return text.rstrip("\n").replace("\t", _TAB).replace("\n", "\r")
        case Paste.LINE:
            return " ".join(text.replace("\t", _TAB).split("\n")).strip()
