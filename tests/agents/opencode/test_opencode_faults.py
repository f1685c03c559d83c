"""What opencode's errors mean: whose fault it is, and what to do."""

import pytest

from tars.agents.opencode import faults
from tars.agents.opencode.messages import Error, ErrorData
from tars.errors import FaultKind


@pytest.mark.parametrize(
    ("name", "status", "message", "kind"),
    [
        ("ProviderAuthError", None, "no credentials", FaultKind.NOT_SIGNED_IN),
        ("APIError", 401, "invalid x-api-key", FaultKind.BAD_KEY),
        ("APIError", 403, "forbidden", FaultKind.BAD_KEY),
        ("APIError", 402, "payment required", FaultKind.QUOTA),
        ("APIError", 429, "slow down", FaultKind.RATE_LIMIT),
        ("APIError", 429, "You exceeded your current quota", FaultKind.QUOTA),
        ("APIError", 500, "oops", FaultKind.OVERLOADED),
        ("APIError", 529, "Overloaded", FaultKind.OVERLOADED),
        ("APIError", 404, "no such model", FaultKind.UNKNOWN_MODEL),
        ("APIError", 400, "prompt is too long: 3 > 2", FaultKind.CONTEXT_FULL),
        ("APIError", 400, "bad request", FaultKind.MODEL_ERROR),
        ("APIError", None, "Incorrect API key provided", FaultKind.BAD_KEY),
        ("APIError", None, "Too Many Requests", FaultKind.RATE_LIMIT),
        ("ContextOverflowError", None, "too long", FaultKind.CONTEXT_FULL),
        ("UnknownError", None, "Model not found: a/b.", FaultKind.UNKNOWN_MODEL),
        ("UnknownError", None, 'Agent not found: "x"', FaultKind.BAD_CONFIG),
        ("UnknownError", None, "Session not found: ses_1", FaultKind.SESSION_UNKNOWN),
        ("UnknownError", None, "no providers found", FaultKind.NOT_SIGNED_IN),
        ("NewError", None, "", FaultKind.MODEL_ERROR),
    ],
)
def test_an_error_has_its_kind(
    name: str, status: int | None, message: str, kind: FaultKind
) -> None:
    """By its name, its status and, where these say nothing, its words."""
    fault = faults.of_error(Error(name, ErrorData(message, status)))
    assert fault.kind is kind
    if fault.needs_a_person or kind is FaultKind.CONTEXT_FULL:
        assert fault.advice


def test_the_provider_s_body_is_read_and_not_quoted() -> None:
    """It may hold more than a person should see."""
    data = ErrorData("Bad Request", 400, body='{"error":{"code":"context_length_exceeded"}}')
    fault = faults.of_error(Error("APIError", data))
    assert fault.kind is FaultKind.CONTEXT_FULL
    assert "context_length" not in fault.message


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"message":"Overloaded","code":529}', "Overloaded"),
        ('{"error":{"message":"inner"}}', "inner"),
        ("plain\nmore", "plain"),
        ("{broken", "{broken"),
        ("[1]", "[1]"),
    ],
)
def test_words_are_taken_out_of_their_wrapping(said: str, words: str) -> None:
    """One line of them."""
    assert faults.words(said) == words


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, FaultKind.SESSION_UNKNOWN), (401, FaultKind.PROTOCOL), (500, FaultKind.PROTOCOL)],
)
def test_a_refused_request_is_a_fault(status: int, kind: FaultKind) -> None:
    """With the server's words, if there are any."""
    error = Error("BadRequest", ErrorData("Expected array"))
    assert faults.of_refusal(status, error, "the prompt").kind is kind
    assert faults.of_refusal(status, None, "the prompt").kind is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Error: Configuration is invalid at /x/opencode.json", FaultKind.BAD_CONFIG),
        ("Error: listen EADDRINUSE", FaultKind.CRASHED),
        ("a warning", None),
    ],
)
def test_the_last_words_tell_why_it_ended(words: str, kind: FaultKind | None) -> None:
    """Where they do."""
    fault = faults.last_words(words)
    assert (None if fault is None else fault.kind) is kind
