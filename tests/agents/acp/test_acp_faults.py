"""What the errors of ACP agents mean, in the words that they were measured in."""

import pytest

from tars.agents.acp.faults import classify, unveil_codex, unveil_copilot
from tars.errors import FaultKind
from tars.protocols.jsonrpc import RpcError

OVERFLOW = (
    '{"error": {"message": "prompt is too long: 250001 tokens > 200000 maximum", '
    '"type": "invalid_request_error", "code": "context_length_exceeded", "param": null}}\n\n'
)
UNAUTHORISED = (
    "Error: Authentication failed with provider at http://127.0.0.1:1/v1 (HTTP 401).\n"
    "  Check your COPILOT_PROVIDER_API_KEY."
)


@pytest.mark.parametrize(
    ("code", "message", "details", "kind"),
    [
        (-32000, "Authentication required", "", FaultKind.NOT_SIGNED_IN),
        (-32000, "Authentication required: 401 invalid x-api-key", "", FaultKind.BAD_KEY),
        (-32603, "Internal error", "401 invalid x-api-key", FaultKind.BAD_KEY),
        (-32603, "Internal error: invalid x-api-key", "", FaultKind.BAD_KEY),
        (-32603, "Incorrect API key provided", "", FaultKind.BAD_KEY),
        (-32603, "Internal error: Prompt is too long", "", FaultKind.CONTEXT_FULL),
        (
            -32603,
            "Internal error: API Error: Request rejected (429) · This would exceed your limit",
            "",
            FaultKind.RATE_LIMIT,
        ),
        (-32603, "You exceeded your usage limit", "", FaultKind.QUOTA),
        (-32603, "API Error: 500 Internal server error.", "", FaultKind.OVERLOADED),
        (-32603, "Overloaded", "", FaultKind.OVERLOADED),
        (-32603, "The model 'x' does not exist", "", FaultKind.UNKNOWN_MODEL),
        (-32602, "Session not found", "", FaultKind.SESSION_UNKNOWN),
        (-32603, "Something else", "", FaultKind.MODEL_ERROR),
    ],
)
def test_an_error_has_its_kind(code: int, message: str, details: str, kind: FaultKind) -> None:
    """By its words before its code, for most agents have one code for all."""
    fault = classify(RpcError(code, message, details))
    assert fault.kind is kind
    assert (details or message) in fault.message


def test_codex_tells_a_full_context_as_its_answer() -> None:
    """A model that writes of errors does not."""
    fault = unveil_codex(OVERFLOW)
    assert fault is not None
    assert fault.kind is FaultKind.CONTEXT_FULL
    assert "250001 tokens" in fault.message
    assert "tars reset" in fault.advice
    assert unveil_codex("The JSON is " + OVERFLOW) is None
    other = unveil_codex('{"error": {"message": "no"}}')
    assert other is not None
    assert other.kind is FaultKind.MODEL_ERROR


def test_copilot_tells_every_error_as_its_answer() -> None:
    """Its first line is what is passed on."""
    fault = unveil_copilot(UNAUTHORISED)
    assert fault is not None
    assert fault.kind is FaultKind.BAD_KEY
    assert fault.message.endswith("(HTTP 401).")
    assert unveil_copilot("All is well. Error: none") is None
