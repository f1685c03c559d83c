"""What one of Cursor's conversations says.

They have no tokens, by what others write of them: only that there are conversations, and what they
are called, can be told. The name stands in a table `meta`, in JSON that is written in hexadecimal.
"""

import binascii
from pathlib import Path

import msgspec

from tars.history import databases
from tars.history.source import Found, Mark, Reading

#: A name and a little more; the conversation itself is in another table.
_LARGEST_META = 1024 * 1024


def read(found: Found) -> Reading:
    """Read a conversation's name."""
    reading = Reading(Mark(found.size))
    try:
        with databases.opened(found.path) as connection:
            for row in databases.rows(connection, "meta", ("value",)):
                if name := _name(row["value"]):
                    reading.titles[Path(found.path).parent.name] = name
    except databases.Foreign as error:
        reading.problem = str(error)
    return reading


class _Meta(msgspec.Struct):
    name: str | None = None


def _name(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _LARGEST_META:
        return None
    try:
        return msgspec.json.decode(binascii.unhexlify(value), type=_Meta).name
    except (binascii.Error, ValueError, RecursionError):
        return None
