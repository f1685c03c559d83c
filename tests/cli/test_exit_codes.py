"""Exit statuses: one table, and no error or outcome without its line."""

import pytest

from tars import errors
from tars.cli import exit_codes
from tars.core.agent import Outcome
from tars.errors import UNAVAILABLE, Fault, FaultKind, TarsError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RequestInvalid("x"), 2),
        (errors.NameInvalid("x"), 2),
        (errors.SessionAmbiguous("x"), 1),
        (errors.FileUnreadable("x"), 1),
        (errors.AgentNotFound("x"), 1),
        (errors.ConfigInvalid("f", ("x",)), 1),
        (errors.NotRunning("x"), 3),
        (errors.AgentUnavailable(Fault(FaultKind.BAD_KEY, "x")), 4),
        (errors.Busy("x"), 5),
        (errors.QueueFull("x"), 5),
        (errors.AlreadyRunning("x"), 5),
        (errors.StoreError("x"), 1),
        (TarsError("x"), 1),
        (OSError("x"), 1),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 1),
    ],
)
def test_an_error_has_its_status(error: BaseException, status: int) -> None:
    """The nearest line of the table speaks."""
    assert exit_codes.of_error(error) == status


def test_every_outcome_has_its_line() -> None:
    """The table names the outcomes of the contract, all of them and no others."""
    assert set(exit_codes.OUTCOMES) == set(Outcome)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.OVER_BUDGET])
def test_an_agent_that_cannot_work_is_4(kind: FaultKind) -> None:
    """The fault decides, whether the turn was refused or failed; a cancel stays a cancel."""
    expected = 4 if kind in UNAVAILABLE else None
    assert exit_codes.of_turn("error", kind) == (expected or 1)
    assert exit_codes.of_turn("refused", kind) == (expected or 5)
    assert exit_codes.of_turn("cancelled", kind) == 130
    assert exit_codes.of_turn("ok", kind) == 0


@pytest.mark.parametrize("outcome", ["cancelled", "error", "refused"])
def test_what_a_budget_ended_was_refused(outcome: str) -> None:
    """Whether its turn had begun or not; an answer that came all the same is one."""
    assert exit_codes.of_turn(outcome, "over_budget") == 5
    assert exit_codes.of_turn("ok", "over_budget") == 0


def test_an_outcome_of_the_future_is_a_failure() -> None:
    """What is not understood did not go well."""
    assert exit_codes.of_turn("abducted", None) == 1
