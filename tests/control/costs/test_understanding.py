"""What is asked for in words: which sessions a report is of."""

from datetime import UTC, datetime

import pytest

from tars.config_costs import CostsConfig
from tars.control.costs.layout import Face
from tars.control.costs.understanding import MOST_SESSIONS, understand
from tars.control.costs.words import Given
from tars.costs.facts import Only
from tars.errors import RequestInvalid
from tars.sessions.ranges import find_zone

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def only(session: str, report: str = "by-session") -> Only:
    given: Given = {"report": report, "session": session}
    zone = find_zone("UTC")
    return understand(given, config=CostsConfig(), zone=zone, now=NOW, face=Face()).only


def test_a_report_is_of_one_session_or_of_several() -> None:
    """One may be the beginning of an id; several are whole ids."""
    assert only("3f2a") == Only(session="3f2a")
    assert only("3f2a,") == Only(sessions=frozenset({"3f2a"}))
    assert only("a, b,,a") == Only(sessions=frozenset({"a", "b"}))


@pytest.mark.parametrize(
    ("session", "report"),
    [
        (",", "by-session"),
        (",".join(map(str, range(MOST_SESSIONS + 1))), "by-session"),
        ("a,b", "reconcile"),
    ],
)
def test_what_no_report_is_of_is_refused(session: str, report: str) -> None:
    """None at all, more than a query takes, and several where one is compared."""
    with pytest.raises(RequestInvalid):
        only(session, report)


@pytest.mark.parametrize(
    "given",
    [
        {"report": "daily", "limit": "many"},
        {"report": "daily", "rate": "-1"},
        {"report": "limits", "range": "all"},
        {"report": "limits", "model": "opus"},
        {"report": "daily", "since": "2026-03-02", "until": "2026-03-01"},
    ],
)
def test_an_error_names_words_as_everybody_says_them(given: Given) -> None:
    """Who asks over a socket knows of no options of the command line."""
    with pytest.raises(RequestInvalid) as told:
        understand(given, config=CostsConfig(), zone=find_zone("UTC"), now=NOW, face=Face())
    assert "--" not in f"{told.value} {told.value.advice}"
