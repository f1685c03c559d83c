"""What all messages of the control channel share."""

from datetime import UTC, datetime

import msgspec


class Wire(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=False):
    """What all messages share: camelCase names on the wire."""


def time_text(at: datetime) -> str:
    """Write an aware time as the wire has it: ISO 8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_or_null(at: datetime | None) -> str | None:
    """Write a time that need not be there."""
    return None if at is None else time_text(at)
