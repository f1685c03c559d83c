"""Each of Codex's errors says whose fault it is and what to do."""

from typing import Any

import pytest

from tars.agents.codex import faults
from tars.agents.codex.messages import TurnError
from tars.errors import FaultKind
from tars.protocols.jsonrpc import RpcError


def failed(info: str | dict[str, Any] | None, message: str = "some words") -> TurnError:
    return TurnError(message, info)


def http(way: str, status: int | None) -> dict[str, Any]:
    return {way: {"httpStatusCode": status}}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failed("contextWindowExceeded"), FaultKind.CONTEXT_FULL),
        (failed("usageLimitExceeded"), FaultKind.QUOTA),
        (failed("sessionBudgetExceeded"), FaultKind.QUOTA),
        (failed("rateLimitExceeded"), FaultKind.RATE_LIMIT),
        (failed("modelNotFound"), FaultKind.UNKNOWN_MODEL),
        (failed("unauthorized"), FaultKind.NOT_SIGNED_IN),
        (failed("serverOverloaded"), FaultKind.OVERLOADED),
        (failed("flexUnavailable"), FaultKind.OVERLOADED),
        (failed("internalServerError"), FaultKind.OVERLOADED),
        (failed("cyberPolicy"), FaultKind.MODEL_ERROR),
        (failed(http("httpConnectionFailed", 401)), FaultKind.BAD_KEY),
        (failed(http("httpConnectionFailed", 403)), FaultKind.BAD_KEY),
        (failed(http("httpConnectionFailed", 404)), FaultKind.UNKNOWN_MODEL),
        (failed(http("responseTooManyFailedAttempts", 429)), FaultKind.RATE_LIMIT),
        (failed(http("httpConnectionFailed", 529)), FaultKind.OVERLOADED),
        (failed(http("httpConnectionFailed", 400)), FaultKind.MODEL_ERROR),
        (failed(http("responseStreamDisconnected", None)), FaultKind.MODEL_ERROR),
        (failed("badRequest"), FaultKind.MODEL_ERROR),
        (
            failed("badRequest", "The 'x' model is not supported when using Codex with a plan."),
            FaultKind.UNKNOWN_MODEL,
        ),
        (failed("other", "Missing environment variable: `KEY`."), FaultKind.NOT_SIGNED_IN),
        (failed("aWordOfTomorrow"), FaultKind.MODEL_ERROR),
        (failed({"new": 5}), FaultKind.MODEL_ERROR),
        (failed({}), FaultKind.MODEL_ERROR),
        (failed(None), FaultKind.MODEL_ERROR),
        (None, FaultKind.MODEL_ERROR),
    ],
)
def test_a_failed_turn_has_its_kind(error: TurnError | None, kind: FaultKind) -> None:
    """By Codex's word, by its words, or by the HTTP status."""
    assert faults.of_turn(error).kind is kind


def test_a_quota_says_when_it_is_renewed() -> None:
    """The account's limits tell; other errors do not wait for them."""
    assert faults.of_turn(failed("usageLimitExceeded"), 5.0).until == 5.0
    assert faults.of_turn(failed("serverOverloaded"), 5.0).until is None


def test_a_refused_key_is_not_quoted() -> None:
    """The server's words hold a part of it."""
    said = str(faults.of_turn(failed(http("httpConnectionFailed", 401), "bad sk-12…89")))
    assert "sk-" not in said


def test_a_missing_key_is_named() -> None:
    fault = faults.of_turn(failed("other", "Missing environment variable: `SOME_KEY`."))
    assert "SOME_KEY" in fault.message


def test_addresses_are_left_out() -> None:
    """They say nothing to a person, and may hold a tenant's name."""
    message = "unexpected status 529: Overloaded, url: http://host/v1/responses, request id: 5"
    said = faults.of_turn(failed(http("httpConnectionFailed", 529), message)).message
    assert said == "The model's server failed: unexpected status 529: Overloaded"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("no rollout found for thread id 5", FaultKind.SESSION_UNKNOWN),
        ("thread not found: 5", FaultKind.SESSION_UNKNOWN),
        ("invalid session id: invalid character", FaultKind.SESSION_UNKNOWN),
        ("failed to load configuration: Model provider `x` not found", FaultKind.BAD_CONFIG),
        ("codex account authentication required to read token usage", FaultKind.NOT_SIGNED_IN),
        ("Invalid request: unknown variant `x`", FaultKind.PROTOCOL),
    ],
)
def test_a_refused_request_has_its_kind(message: str, kind: FaultKind) -> None:
    """All have the same code."""
    assert faults.classify(RpcError(-32600, message)).kind is kind


def test_waiting_says_for_what() -> None:
    """Codex's own words count its attempts."""
    limited = failed(http("responseStreamDisconnected", 429), "Reconnecting... 1/5")
    assert faults.retrying(limited) == "the model's rate limit; Reconnecting... 1/5"
    assert "server" in faults.retrying(failed("other", "Reconnecting... 2/5"))


def test_a_broken_stream_may_have_cost_something() -> None:
    """It was cut off in the middle of a response."""
    assert faults.cut_off(failed("other", "stream disconnected before completion: x"))
    assert not faults.cut_off(failed("other"))
    assert not faults.cut_off(None)


def test_a_wrong_mode_names_the_right_ones() -> None:
    fault = faults.bad_mode("yolo")
    assert fault.kind is FaultKind.BAD_CONFIG
    assert "workspace-write" in fault.advice
