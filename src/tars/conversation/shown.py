"""What a person has to see before he allows it: nothing hidden, and nothing cut in silence."""

import json
from collections.abc import Mapping
from typing import Any

#: How long the details of a permission request may be, in characters.
LONGEST_DETAILS = 10_000
#: How long a title may be, in characters.
LONGEST_TITLE = 200


def visible(text: str, limit: int = LONGEST_DETAILS) -> str:
    """Escape whatever a terminal would obey or not show, but for line ends and tabs. What does
    not fit the limit is counted in words."""
    if len(text) <= limit and text.isprintable():
        return text
    pieces: list[str] = []
    room = limit
    for at, char in enumerate(text):
        piece = char if char in "\n\t" or char.isprintable() else _escaped(char)
        room -= len(piece)
        if room < 0:
            return "".join(pieces) + f"… ({len(text) - at:,} characters more)"
        pieces.append(piece)
    return "".join(pieces)


def line(text: str, limit: int = LONGEST_TITLE) -> str:
    """Make one line of a text, in which its line ends are still seen."""
    lines = (" ".join(part.split()) for part in text.splitlines())
    return visible(" ⏎ ".join(part for part in lines if part), limit)


def compact(value: Any) -> str:
    """Give a value as JSON, in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def details(members: Mapping[str, Any], first: tuple[str, ...] = ()) -> str:
    """Put down the members of a tool's input, those named in `first` before the others.

    A value of several lines is set in, so that it cannot pretend to be another member.
    """
    names = [*(n for n in first if n in members), *(n for n in members if n not in first)]
    return visible("\n".join(_member(name, members[name]) for name in names))


def _member(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else compact(value)
    lines = text.splitlines()
    if len(lines) < 2:
        return f"{line(name)}: {''.join(lines)}"
    return "\n  ".join((f"{line(name)}:", *lines))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
