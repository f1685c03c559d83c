"""An agent that writes garbage does not push everything else out of the log."""

from structlog.testing import capture_logs

from tars.conversation.model import Garbled
from tars.daemon.garbage import EVERY_SECONDS, MAX_KINDS, Garbage


def test_the_first_of_each_kind_is_told_and_the_rest_counted() -> None:
    """Once a minute, and when its process is gone; a new process begins anew."""
    now = 100.0
    garbage = Garbage(lambda: now)
    with capture_logs() as logs:
        for _ in range(1000):
            garbage.heard("one", Garbled("not JSON", 30))
        garbage.heard("one", Garbled("too long", 5))
        garbage.heard("two", Garbled("not JSON", 1))
        assert [(line["event"], line["agent"], line["size"]) for line in logs] == [
            ("agent_garbled", "one", 30),
            ("agent_garbled", "one", 5),
            ("agent_garbled", "two", 1),
        ]
        logs.clear()
        now += EVERY_SECONDS
        garbage.heard("one", Garbled("not JSON", 30))
        garbage.heard("one", Garbled("not JSON", 30))
        garbage.ended("one")
        garbage.ended("two")
        garbage.ended("three")
        assert [(line["count"], line["size"], line["reasons"]) for line in logs] == [
            (1000, 30_000, {"not JSON": 1000}),
            (1, 30, {"not JSON": 1}),
        ]
        logs.clear()
        garbage.heard("one", Garbled("not JSON", 30))
        assert [line["event"] for line in logs] == ["agent_garbled"]


def test_kinds_without_end_are_bounded() -> None:
    """What comes after the last that is told apart counts as the others."""
    garbage = Garbage(lambda: 0.0)
    with capture_logs() as logs:
        for number in range(MAX_KINDS + 3):
            garbage.heard("one", Garbled(f"kind {number}", 1))
        assert len(logs) == MAX_KINDS
        garbage.ended("one")
    assert logs[-1]["reasons"] == {"others": 3}
