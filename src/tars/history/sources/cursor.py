"""Cursor's conversations: `chats/<workspace>/<conversation>/store.db` in `~/.cursor`, and newer
ones in `~/.config/cursor`.

They have no tokens, by what others write of them: only that there are conversations, and what they
are called, can be told. The name stands in a table `meta`, in JSON that is written in hexadecimal.
"""

import binascii
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tars.history import databases
from tars.history.files import below
from tars.history.source import Found, Mark, Reading

#: A name and a little more; the conversation itself is in another table.
_LARGEST_META = 1024 * 1024


class Cursor:
    """The source of Cursor's conversations."""

    agent = "cursor"
    newest_wins = True
    note = "Tokens not recorded: Cursor writes none on this machine."

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
        newer = config / "cursor" / "chats"
        return (home / ".cursor" / "chats", *([newer] if newer.is_dir() else []))

    def find(self, root: Path) -> Iterable[Found]:
        for found in below(root, ("store.db",)):
            yield databases.found(Path(found.path)) or found

    def read(self, found: Found, mark: Mark) -> Reading:  # noqa: ARG002 - it is read anew
        reading = Reading(Mark(found.size))
        try:
            with databases.opened(found.path) as connection:
                for row in databases.rows(connection, "meta", ("value",)):
                    if name := _name(row["value"]):
                        reading.titles[Path(found.path).parent.name] = name
        except databases.Foreign as error:
            reading.problem = str(error)
        return reading

    def resumable(self, found: Found) -> bool:  # noqa: ARG002 - none of them only grows
        return False


SOURCE = Cursor()


class _Meta(msgspec.Struct):
    name: str | None = None


def _name(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _LARGEST_META:
        return None
    try:
        return msgspec.json.decode(binascii.unhexlify(value), type=_Meta).name
    except (binascii.Error, ValueError, RecursionError):
        return None
