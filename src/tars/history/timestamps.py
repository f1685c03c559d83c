"""When something was, as logs write it → milliseconds since 1970 in UTC."""

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(text: str) -> int | None:
    """Read an ISO 8601 time; one without a zone is UTC. None where it is no time after 1970."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    since = at - _EPOCH
    # To divide one timedelta by another takes as long as all the rest.
    found = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return found if found > 0 else None
