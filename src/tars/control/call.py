"""A request to the control channel that was read whole, and how its parts are understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tars.control.wire import Wire
from tars.errors import RequestInvalid

Message = TypeVar("Message", bound=Wire)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read whole. `path` holds the parts of its path by name; `peer` is the
    process at the other end, where the system tells."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    peer: int | None = None

    def read(self, kind: type[Message]) -> Message:
        """Understand the body; an empty one is `{}`. Raises RequestInvalid."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=kind)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise RequestInvalid(f"The body is not a {kind.__name__}: {error}") from None

    def flag(self, name: str) -> bool:
        value = self.query.get(name, "0")
        if value not in ("0", "1"):
            raise RequestInvalid(f"`{name}` is 0 or 1, not {value!r}.")
        return value == "1"

    def count(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.query.get(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise RequestInvalid(f"`{name}` is a whole number, not {value!r}.")
        if not least <= int(value) <= most:
            raise RequestInvalid(f"`{name}` is from {least} to {most}, not {value}.")
        return int(value)
