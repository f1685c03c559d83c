"""An agent that nobody measured is read by its figures, or not at all."""

import pytest

from tars.accounting.conventions import Tokens
from tars.accounting.detection import Detection, Evidence
from tars.accounting.rules import UsageRule

FRESH = Tokens()


def one_step(before: Tokens | None, filled: int = 0) -> Evidence:
    return Evidence(before, one_step=True, filled=filled)


def several(before: Tokens | None, filled: int = 0, filled_before: int = 0) -> Evidence:
    return Evidence(before, one_step=False, filled=filled, filled_before=filled_before)


def test_the_first_request_of_all_is_itself_under_every_rule() -> None:
    """Known without knowing the rule; the second one is not."""
    detection = Detection()
    first = Tokens(1000, 10)
    assert detection.weigh(first, one_step(FRESH)) == first
    assert detection.weigh(Tokens(2010, 20), one_step(first)) is None
    assert detection.rule is UsageRule.DETECT


def test_nothing_is_known_after_a_resume_or_of_several_requests() -> None:
    """An earlier process may have counted on, and the last request is not the turn."""
    assert Detection().weigh(Tokens(1000, 10), one_step(None)) is None
    assert Detection().weigh(Tokens(1000, 10), several(FRESH)) is None


def test_a_turn_that_was_not_counted_is_no_evidence() -> None:
    """A cancelled turn's zeros do not say that the figures fell."""
    detection = Detection()
    assert detection.weigh(Tokens(), one_step(Tokens(1000, 10))) is None
    assert UsageRule.CUMULATIVE in detection.left


def test_a_figure_that_falls_is_not_cumulative() -> None:
    """From then on a turn of one request is known; one of several is not."""
    detection = Detection()
    assert detection.weigh(Tokens(1000, 10), one_step(Tokens(1000, 20))) == Tokens(1000, 10)
    assert detection.weigh(Tokens(5000, 90), several(Tokens(1000, 10))) is None
    assert detection.left == {UsageRule.PER_TURN, UsageRule.LAST_STEP}


def gauged(filled: int = 1000) -> Detection:
    """One whose context window agreed with its first request."""
    detection = Detection()
    assert detection.weigh(Tokens(1000, 10), one_step(FRESH, filled)) == Tokens(1000, 10)
    return detection


def test_a_difference_that_fits_the_context_is_cumulative() -> None:
    """The figure is twice what the window holds, its growth is what it holds."""
    detection = gauged()
    before = Tokens(1000, 10)
    assert detection.weigh(Tokens(2020, 20), one_step(before, 1020)) == Tokens(1020, 10)
    assert detection.rule is UsageRule.CUMULATIVE


def test_a_figure_that_fits_the_context_is_not_cumulative() -> None:
    """It may still be the turn or its last request; several requests tell which."""
    detection = gauged()
    assert detection.weigh(Tokens(1040, 20), one_step(Tokens(1000, 10), 1050)) == Tokens(1040, 20)
    assert UsageRule.CUMULATIVE not in detection.left
    turn = Tokens(2200, 40)
    assert detection.weigh(turn, several(Tokens(1040, 20), 1120, 1050)) == turn
    assert detection.rule is UsageRule.PER_TURN


def test_several_requests_that_fit_the_context_once_are_the_last_alone() -> None:
    """Two of them would have sent it twice."""
    detection = gauged()
    assert detection.weigh(Tokens(1100, 20), several(Tokens(1000, 10), 1120, 1000)) is None
    assert detection.rule is UsageRule.LAST_STEP


def test_a_context_that_was_almost_empty_leaves_it_open() -> None:
    """The first of two requests may have been next to nothing."""
    detection = gauged()
    detection.weigh(Tokens(9000, 20), several(Tokens(1000, 10), 9000, 10))
    assert detection.rule is UsageRule.DETECT


@pytest.mark.parametrize("evidence", [one_step(Tokens(1000, 10), 500), several(None, 5000, 100)])
def test_figures_that_fit_nothing_strike_nothing_out(evidence: Evidence) -> None:
    """Neither the figure nor its growth is near what the window holds."""
    detection = gauged()
    detection.weigh(Tokens(2500, 20), evidence)
    assert detection.rule is UsageRule.DETECT


def test_a_gauge_that_is_an_estimate_is_no_evidence() -> None:
    """Copilot's window holds half as much again as its first request sent."""
    detection = gauged(1500)
    detection.weigh(Tokens(2020, 20), one_step(Tokens(1000, 10), 1020))
    assert detection.rule is UsageRule.DETECT


def test_contradictions_all_around_are_unknown_for_ever() -> None:
    """No rule is left: the figures are kept and count nothing."""
    detection = gauged()
    detection.weigh(Tokens(1100, 20), several(Tokens(1000, 10), 1120, 1000))
    detection.left -= {UsageRule.LAST_STEP}
    assert detection.rule is UsageRule.NONE
    assert detection.weigh(Tokens(1100, 20), one_step(None)) is None
