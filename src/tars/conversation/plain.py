"""Words from outside as plain text: without what would command the terminal that shows them."""

import re

#: ECMA-48: a control sequence; a command or device string up to its terminator; any other.
SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Take terminal sequences and control characters out; newlines and tabs stay."""
    return CONTROLS.sub("", SEQUENCE.sub("", text))
