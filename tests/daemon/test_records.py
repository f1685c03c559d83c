"""What the store is told of turns."""

from datetime import UTC, datetime, timedelta

import pytest

from tars.conversation.model import RequestUsage
from tars.daemon import records

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "began"),
    [
        (("2026-11-21T11:50:00Z", "2026-11-21T11:40:00.500Z"), NOW - timedelta(seconds=1199.5)),
        (("", "2026-11-21T11:59:00+00:00"), NOW - timedelta(minutes=1)),
        (("2026-11-21T13:00:00Z",), NOW),
        (("", "some time"), NOW),
    ],
)
def test_what_belongs_to_no_turn_began_with_its_first_request(
    told: tuple[str, ...], began: datetime
) -> None:
    """By that time it is known again in the agent's log, and is not counted twice. What says no
    time, or one that is still to come, began when it was found."""
    requests = tuple(RequestUsage(str(n), "m", 1, 1, at=at) for n, at in enumerate(told))
    record = records.background("gemini", "s1", requests, NOW)
    assert (record.began_at, record.ended_at) == (began, NOW)
