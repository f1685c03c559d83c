"""Times in logs are read as what they say, to the millisecond."""

import pytest

from tars.history.timestamps import milliseconds


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-21T02:35:16.680Z", 1795228516680),
        ("2026-11-21T03:35:16.680+01:00", 1795228516680),
        ("2026-11-21 02:35:16", 1795228516000),
        ("2026-11-21T02:35:16.680999Z", 1795228516680),
        ("1969-12-31T23:59:59Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_and_what_is_none_is_not_guessed(text: str, at: int | None) -> None:
    """With and without a zone, with digits that nobody needs, and nonsense."""
    assert milliseconds(text) == at
