"""Which lines of a log are wanted."""

from tars.control.log_text import LogEntry
from tars.tui.logs_view import Wanted, head, line

STEP = LogEntry("decided", at="12:00:00", level="info", agent="echo")
GRAVE = LogEntry("turn_failed", at="12:00:01", level="error", agent="echo", facts="why=quota")
FOREIGN = LogEntry("Traceback (most recent call last):")


def test_decisions_are_left_out_until_they_are_wanted() -> None:
    """They are most of the log, and hide the rest."""
    assert not Wanted().takes(STEP)
    assert Wanted().other_steps().takes(STEP)
    assert Wanted().takes(GRAVE)


def test_a_level_takes_what_is_as_grave_or_graver() -> None:
    """Info, warning, error, and round again."""
    wanted = Wanted().next_level()
    assert wanted.level == "warning"
    assert wanted.takes(GRAVE)
    assert not wanted.takes(FOREIGN)
    assert wanted.next_level().next_level().level == "info"


def test_a_text_is_found_anywhere_in_the_line() -> None:
    """Whoever it is of, in any case."""
    assert Wanted().finding("QUOTA").takes(GRAVE)
    assert not Wanted().finding("quota").takes(FOREIGN)


def test_sources_go_round_even_when_one_is_gone() -> None:
    """The daemon, each agent, the daemon."""
    wanted = Wanted().next_source(("a", "b"))
    assert wanted.agent == "a"
    assert wanted.next_source(("a", "b")).agent == "b"
    assert wanted.next_source(("b",)).agent is None
    assert Wanted(agent="b").next_source(("a", "b")).agent is None


def test_a_level_is_a_word_and_not_a_colour_alone() -> None:
    """Somebody who sees no colours reads it."""
    assert line(GRAVE).plain == "12:00:01 error   echo       turn_failed why=quota"
    assert line(FOREIGN).plain == "Traceback (most recent call last):"
    assert "error and graver" in head(Wanted(level="error"), following=True).plain
