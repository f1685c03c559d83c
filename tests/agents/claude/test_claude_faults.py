"""What Claude Code's errors mean; the sentences are the ones that it said."""

import pytest

from tars.agents.claude import faults
from tars.errors import FaultKind


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (401, "Invalid API key · Fix external API key", FaultKind.BAD_KEY),
        (403, "Failed to authenticate. API Error: 403 forbidden", FaultKind.BAD_KEY),
        (402, "Payment required", FaultKind.QUOTA),
        (404, "not_found_error", FaultKind.UNKNOWN_MODEL),
        (413, "Request too large", FaultKind.CONTEXT_FULL),
        (429, "API Error: Request rejected (429)", FaultKind.RATE_LIMIT),
        (500, "API Error: 500 Internal server error.", FaultKind.OVERLOADED),
        (529, "API Error: 529 Overloaded.", FaultKind.OVERLOADED),
        (400, "API Error: 400 messages: bad", FaultKind.MODEL_ERROR),
        (400, "Prompt is too long", FaultKind.CONTEXT_FULL),
        (400, "Your credit balance is too low to access the API", FaultKind.QUOTA),
        (429, "You've hit your session limit · resets 3pm", FaultKind.QUOTA),
        (None, "Claude AI usage limit reached|1", FaultKind.QUOTA),
        (None, "Not logged in · Please run /login", FaultKind.NOT_SIGNED_IN),
        (None, "There's an issue with the selected model (x).", FaultKind.UNKNOWN_MODEL),
        (None, "No conversation found with session ID: x", FaultKind.SESSION_UNKNOWN),
        (None, "", FaultKind.MODEL_ERROR),
    ],
)
def test_an_error_is_understood(status: int | None, said: str, kind: FaultKind) -> None:
    """The words where they are clear, else the status; and what to do about it."""
    fault = faults.classify(status, said)
    assert fault.kind is kind
    assert fault.message
    assert fault.advice or kind is FaultKind.SESSION_UNKNOWN


def test_only_a_limit_ends_by_itself() -> None:
    """A bad key stays one, whatever limit was told before."""
    assert faults.classify(429, "slow down").until is None
    assert faults.classify(429, "slow down", 5.0).kind is FaultKind.QUOTA
    assert faults.classify(429, "slow down", 5.0).until == 5.0
    assert faults.classify(429, "You've hit your weekly limit", 5.0).until == 5.0
    assert faults.classify(401, "no", 5.0).until is None


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (
            "error: option '--permission-mode <mode>' argument 'x' is invalid. Allowed …",
            FaultKind.BAD_CONFIG,
        ),
        ("error: unknown option '--permission-prompt-tool'", FaultKind.BAD_CONFIG),
        ("--dangerously-skip-permissions cannot be used with root", FaultKind.BAD_CONFIG),
        ("Error: claude native binary not installed.", FaultKind.NOT_INSTALLED),
        ("No conversation found with session ID: x", FaultKind.SESSION_UNKNOWN),
    ],
)
def test_last_words_are_understood(stderr: str, kind: FaultKind) -> None:
    """What a person has to mend is not tried again."""
    fault = faults.last_words(1, f"something\n{stderr}\n")
    assert fault is not None
    assert fault.kind is kind


@pytest.mark.parametrize(("status", "stderr"), [(0, "unknown option"), (-9, ""), (1, "Oops")])
def test_other_last_words_say_nothing(status: int, stderr: str) -> None:
    """A signal, a goodbye, and what nobody has seen yet."""
    assert faults.last_words(status, stderr) is None


def test_why_it_could_not_begin() -> None:
    """A session that is not there is a fault of its own."""
    assert faults.opening("No conversation found").kind is FaultKind.SESSION_UNKNOWN
    assert faults.opening("Out of cheese").kind is FaultKind.CRASHED


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (429, "rate_limit", "rate limit"),
        (None, "rate_limit", "rate limit"),
        (401, "authentication_failed", "refused the key"),
        (529, "overloaded", "server"),
        (None, "unknown", "connection"),
    ],
)
def test_what_it_waits_for(status: int | None, error: str, words: str) -> None:
    """In words for a person."""
    assert words in faults.retrying(status, error, 1)
