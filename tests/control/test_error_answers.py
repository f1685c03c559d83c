"""Every exception has its HTTP status and its word."""

import pytest

from tars import errors
from tars.control.error_answers import answer_to, http_answer

FAULT = errors.Fault(errors.FaultKind.BAD_KEY, "The key is wrong.", "Mend it.")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.AgentNotFound("x"), 404, "agent_not_found"),
        (errors.SessionNotFound("x"), 404, "session_not_found"),
        (errors.PermissionNotFound("x"), 404, "permission_not_found"),
        (errors.ViewerNotFound("x"), 404, "viewer_not_found"),
        (errors.RequestInvalid("x"), 400, "request_invalid"),
        (errors.ConfigInvalid("config.toml", ("x",)), 422, "config_invalid"),
        (errors.UserError("x"), 400, "request_invalid"),
        (errors.Busy("x"), 409, "busy"),
        (errors.QueueFull("x"), 409, "queue_full"),
        (errors.OverBudget("x"), 409, "over_budget"),
        (errors.BudgetAsks("x"), 409, "budget_asks"),
        (errors.AlreadyRunning("x"), 409, "already_running"),
        (errors.Refused("x"), 409, "refused"),
        (errors.NotRunning("x"), 503, "not_running"),
        (errors.AgentUnavailable(FAULT), 503, "agent_unavailable"),
        (errors.StoreError("x"), 507, "store_error"),
        (errors.TarsError("x"), 500, "internal"),
    ],
)
def test_the_table(error: errors.TarsError, status: int, code: str) -> None:
    """Each class of the tree has its line, and the message comes through."""
    answered, body = answer_to(error)
    assert (answered, body.error.code) == (status, code)
    assert body.error.message == str(error)


def test_advice_comes_through() -> None:
    """What to do about it reaches the client."""
    _, body = answer_to(errors.AgentUnavailable(FAULT))
    assert (body.error.message, body.error.advice) == ("The key is wrong.", "Mend it.")


def test_a_new_class_is_answered_as_its_parent() -> None:
    """A class without a line of its own is its parent's case."""

    class VeryBusy(errors.Busy):
        """Busier."""

    assert answer_to(VeryBusy("x"))[1].error.code == "busy"


def test_unknown_http_faults_have_a_word() -> None:
    """A status without a line of its own says whose fault it is."""
    assert http_answer(418, "x").error.code == "request_invalid"
    assert http_answer(502, "x").error.code == "internal"
