"""What values become in a column: bounded counts, text that any database takes, times in UTC."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, String, Text, TypeDecorator

#: More than any count can be; a number that an agent made up must not break the sums.
LARGEST_COUNT = 2**53 - 1


class Count(TypeDecorator[int]):
    """A count from 0 to LARGEST_COUNT; what lies outside is brought to the nearer end."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else max(0, min(value, LARGEST_COUNT))


def clean(text: str) -> str:
    """Give a text as any database takes it: what is no character becomes U+FFFD."""
    return _whole(text.replace("\0", "\ufffd"))


def object_of(text: str) -> dict[str, Any]:
    """Read free JSON, such as metadata; what is no object, by a hand in the store, is empty."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Words(TypeDecorator[str]):
    """Text from outside. Half a surrogate pair is no character and becomes U+FFFD; so does NUL
    where the database takes none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return clean(value) if dialect.name == "postgresql" else _whole(value)


def _whole(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Utc(TypeDecorator[datetime]):
    """An aware datetime, to the microsecond."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)
