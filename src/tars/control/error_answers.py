"""How the control channel answers what went wrong: the one table from error to HTTP.

`code` is the stable word that clients map to their exit codes.
"""

from tars.control.contract import Error, ErrorBody
from tars.errors import (
    AgentNotFound,
    AgentUnavailable,
    AlreadyRunning,
    BudgetAsks,
    Busy,
    ConfigInvalid,
    FileUnreadable,
    NameInvalid,
    NotRunning,
    OverBudget,
    PermissionNotFound,
    QueueFull,
    Refused,
    RequestInvalid,
    SessionAmbiguous,
    SessionNotFound,
    StoreError,
    TarsError,
    UserError,
    ViewerNotFound,
)

#: Each class speaks for its subclasses that have no line of their own.
ANSWERS: dict[type[TarsError], tuple[int, str]] = {
    AgentNotFound: (404, "agent_not_found"),
    SessionNotFound: (404, "session_not_found"),
    SessionAmbiguous: (409, "session_ambiguous"),
    NameInvalid: (400, "name_invalid"),
    FileUnreadable: (422, "file_unreadable"),
    PermissionNotFound: (404, "permission_not_found"),
    ViewerNotFound: (404, "viewer_not_found"),
    RequestInvalid: (400, "request_invalid"),
    ConfigInvalid: (422, "config_invalid"),
    UserError: (400, "request_invalid"),
    Busy: (409, "busy"),
    QueueFull: (409, "queue_full"),
    BudgetAsks: (409, "budget_asks"),
    OverBudget: (409, "over_budget"),
    AlreadyRunning: (409, "already_running"),
    Refused: (409, "refused"),
    NotRunning: (503, "not_running"),
    AgentUnavailable: (503, "agent_unavailable"),
    StoreError: (507, "store_error"),
    TarsError: (500, "internal"),
}

#: What HTTP itself can get wrong, and a bug of the daemon.
HTTP_CODES: dict[int, str] = {
    400: "request_invalid",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    500: "internal",
    503: "too_many_connections",
}


def answer_to(error: TarsError) -> tuple[int, Error]:
    """Give the HTTP status and the body that tell a client about an error."""
    status, code = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    return status, Error(error=ErrorBody(code=code, message=str(error), advice=error.advice))


def http_answer(status: int, message: str, *, advice: str = "") -> Error:
    """Give the body for a fault of the request itself, or of the daemon."""
    code = HTTP_CODES.get(status, "request_invalid" if status < 500 else "internal")
    return Error(error=ErrorBody(code=code, message=message, advice=advice))
