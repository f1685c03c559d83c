"""What an agent's error means, where nobody knows better."""

import pytest

from tars.errors import FaultKind
from tars.protocols.faults import classify, plain
from tars.protocols.jsonrpc import RpcError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RpcError(-32000, "Authentication required"), FaultKind.NOT_SIGNED_IN),
        (RpcError(-32602, "Session not found: x"), FaultKind.SESSION_UNKNOWN),
        (
            RpcError(-32603, "Internal error", "Invalid session identifier"),
            FaultKind.SESSION_UNKNOWN,
        ),
        (RpcError(-32002, "Resource not found: x"), FaultKind.SESSION_UNKNOWN),
        (RpcError(429, "Slow down"), FaultKind.RATE_LIMIT),
        (RpcError(500, "terminated"), FaultKind.OVERLOADED),
        (RpcError(503, "Overloaded"), FaultKind.OVERLOADED),
        (RpcError(599, "x"), FaultKind.OVERLOADED),
        (RpcError(600, "x"), FaultKind.MODEL_ERROR),
        (RpcError(400, "Bad request"), FaultKind.MODEL_ERROR),
        (RpcError(-32602, "Model not found"), FaultKind.MODEL_ERROR),
        (RpcError(0, "The session is fine"), FaultKind.MODEL_ERROR),
    ],
)
def test_an_error_is_classified(error: RpcError, kind: FaultKind) -> None:
    """By its code, and by the words for an unknown session."""
    assert classify(error).kind is kind


def test_a_fault_says_what_the_agent_said() -> None:
    """The message itself, or the details where the message says nothing, or the code."""
    assert classify(RpcError(1, "Out of luck", "x")).message.endswith(": Out of luck")
    assert classify(RpcError(1, "Internal error", "Disk full")).message.endswith(": Disk full")
    assert classify(RpcError(1, "Internal error")).message.endswith(": Internal error")
    assert classify(RpcError(17, "")).message.endswith(": error 17")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("  one\ntwo", "one"),
        ('{\n "error": {\n  "code": 400,\n  "message": "Bad key.\\nReally."\n }\n}', "Bad key."),
        ('{"error": "text"}', '{"error": "text"}'),
        ('{"other": 1}', '{"other": 1}'),
        ("{broken", "{broken"),
        ("{" + '"a":{' * 3, '{"a":{"a":{"a":{'),
        ("{\udcff}", "{\udcff}"),
        ("", ""),
    ],
)
def test_the_first_line_of_an_errors_own_words(message: str, said: str) -> None:
    """A model server's JSON body is unwrapped; anything else is taken as it is."""
    assert plain(message) == said


def test_a_long_message_is_cut() -> None:
    """At most 300 characters reach a person."""
    assert plain("x" * 300) == "x" * 300
    assert plain("x" * 301) == "x" * 299 + "…"


def test_a_deep_message_is_harmless() -> None:
    """Nesting beyond the interpreter's stack is not unwrapped."""
    assert len(plain('{"a":' * 100_000)) == 300
