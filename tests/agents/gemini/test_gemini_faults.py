"""Gemini CLI's errors mean what they say, whichever way they come."""

import json
from pathlib import Path

import pytest

from tars.agents.gemini.faults import classify, last_words, retrying
from tars.errors import Fault, FaultKind
from tars.protocols.jsonrpc import RpcError

RECORDED = Path(__file__).parents[2] / "golden" / "gemini"


def body(code: int, status: str, message: str, **more: object) -> str:
    """An error as Google's servers answer it."""
    error = {"code": code, "status": status, "message": message, **more}
    return json.dumps({"error": error}, separators=(",", ":"))


def headless(message: str) -> RpcError:
    """The same error in the result line of stream-json, which has no code."""
    return RpcError(0, f"[API Error: {message}]", "unknown")


DAILY = "You have exhausted your daily quota on this model."
BAD_KEY = body(
    400,
    "INVALID_ARGUMENT",
    "API key not valid. Please pass a valid API key.",
    details=[{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
)
LEAKED = body(
    403,
    "PERMISSION_DENIED",
    "Your API key was reported as leaked. Please use another API key.",
)
INVALID = body(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
NO_MODEL = body(
    404,
    "NOT_FOUND",
    "models/gemini-9 is not found for API version v1beta, or is not supported.",
)
LIMITED = body(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.")
INTERNAL = body(500, "INTERNAL", "An internal error has occurred.")
UNAVAILABLE = body(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
BROKEN_JSON = "Expected property name or '}' in JSON at position 1"
UNKNOWN_ID = (
    'Invalid session identifier "99999999-2222-4333-8444-555555555555".\n'
    "  Searched for sessions in {HOME}/.gemini/tmp/proj/chats."
)

ERRORS = [
    (RpcError(429, DAILY), FaultKind.QUOTA),
    (headless(DAILY), FaultKind.QUOTA),
    (RpcError(400, BAD_KEY), FaultKind.BAD_KEY),
    (headless(BAD_KEY), FaultKind.BAD_KEY),
    (RpcError(403, LEAKED), FaultKind.BAD_KEY),
    (RpcError(403, body(403, "PERMISSION_DENIED", "No.")), FaultKind.BAD_KEY),
    (RpcError(401, body(401, "UNAUTHENTICATED", "No.")), FaultKind.BAD_KEY),
    (RpcError(-32000, "Gemini API key is missing or not configured."), FaultKind.NOT_SIGNED_IN),
    (RpcError(-32000, "Authentication required"), FaultKind.NOT_SIGNED_IN),
    (
        RpcError(500, "Could not load the default credentials. Browse to https://…"),
        FaultKind.NOT_SIGNED_IN,
    ),
    (
        RpcError(
            -32603,
            "Internal error",
            "Cannot enable privileged approval modes in an untrusted folder.",
        ),
        FaultKind.UNTRUSTED_FOLDER,
    ),
    (RpcError(-32602, "Session not found: nope"), FaultKind.SESSION_UNKNOWN),
    (RpcError(-32603, "Internal error", UNKNOWN_ID), FaultKind.SESSION_UNKNOWN),
    (
        RpcError(-32603, "Internal error", "No previous sessions found for this project."),
        FaultKind.SESSION_UNKNOWN,
    ),
    (RpcError(404, NO_MODEL), FaultKind.UNKNOWN_MODEL),
    (headless(NO_MODEL), FaultKind.UNKNOWN_MODEL),
    (RpcError(404, "Not Found"), FaultKind.UNKNOWN_MODEL),
    (RpcError(400, INVALID), FaultKind.MODEL_ERROR),
    (headless(INVALID), FaultKind.MODEL_ERROR),
    (RpcError(429, LIMITED), FaultKind.RATE_LIMIT),
    (RpcError(500, INTERNAL), FaultKind.OVERLOADED),
    (RpcError(503, UNAVAILABLE), FaultKind.OVERLOADED),
    (RpcError(500, "terminated"), FaultKind.MODEL_ERROR),
    (headless("terminated"), FaultKind.MODEL_ERROR),
    (RpcError(500, BROKEN_JSON), FaultKind.MODEL_ERROR),
    (headless(BROKEN_JSON), FaultKind.MODEL_ERROR),
    (RpcError(-32601, '"Method not found": session/list'), FaultKind.MODEL_ERROR),
]


def name(value: object) -> str | None:
    return f"{value.code}-{value.message[:30]}" if isinstance(value, RpcError) else None


def stderr(case: str) -> str:
    return (RECORDED / case / "stderr.txt").read_text()


@pytest.mark.parametrize(("error", "kind"), ERRORS, ids=name)
def test_each_error_has_its_kind(error: RpcError, kind: FaultKind) -> None:
    """The words decide where the code does not tell: both protocols give the same."""
    assert classify(error).kind is kind


@pytest.mark.parametrize(("error", "kind"), ERRORS, ids=name)
def test_what_needs_a_person_says_what_to_do(error: RpcError, kind: FaultKind) -> None:
    """A fault that waiting does not mend comes with advice, and in whole sentences."""
    fault = classify(error)
    assert fault.message.strip()
    assert fault.advice or not fault.needs_a_person
    assert "{" not in fault.message


def test_google_speaks_in_its_own_words() -> None:
    """The sentence is taken out of the JSON and out of the headless mode's wrapping."""
    for error in (RpcError(400, INVALID), headless(INVALID)):
        message = classify(error).message
        assert message.endswith("Request contains an invalid argument.")
        assert "INVALID_ARGUMENT" not in message
        assert "API Error" not in message


@pytest.mark.parametrize("code", [0, 400, 401, 403, 404, 429, 500, 503, -32603])
@pytest.mark.parametrize("long", ["x" * 5000, body(500, "INTERNAL", "x" * 5000)])
def test_a_long_message_is_cut(code: int, long: str) -> None:
    """A server may quote the prompt: no more than 300 characters of it are passed on."""
    for error in (RpcError(code, long), RpcError(code, f"[API Error: {long}]")):
        fault = classify(error)
        assert 200 < fault.message.count("x") <= 300 + 10
        assert len(fault.message) < 400


@pytest.mark.parametrize(
    ("status", "case", "kind"),
    [
        (173, "h11_429day", FaultKind.QUOTA),
        (144, "h16_bad_key", FaultKind.BAD_KEY),
        (41, "h17_no_key", FaultKind.NOT_SIGNED_IN),
        (55, "h47_untrusted", FaultKind.UNTRUSTED_FOLDER),
        (42, "s08_resume_bad_id", FaultKind.SESSION_UNKNOWN),
        (144, "h14_400", None),
        (1, "h30_cut", None),
        (1, "h31_malformed", None),
        (42, "d03_no_input", None),
        (53, "h45_max_session_turns", None),
        (0, "h32_empty", None),
    ],
)
def test_a_recorded_end_is_understood(status: int, case: str, kind: FaultKind | None) -> None:
    """The exit status and stderr tell why it ended, or nothing does."""
    assert json.loads((RECORDED / case / "run.json").read_text())["exit"] == status
    assert _kind(last_words(status, stderr(case))) is kind


@pytest.mark.parametrize(
    ("status", "tail", "kind"),
    [
        (41, "", FaultKind.NOT_SIGNED_IN),
        (55, "", FaultKind.UNTRUSTED_FOLDER),
        (127, "/usr/bin/env: 'node': No such file or directory", FaultKind.NOT_INSTALLED),
        (127, "sh: 1: gemini: not found", None),
        (42, "", None),
        (1, "", None),
        (1, "Please set an Auth method in your settings.json", FaultKind.NOT_SIGNED_IN),
        (0, DAILY, None),
        (-9, DAILY, None),
        (-15, "", None),
    ],
)
def test_an_exit_is_read(status: int, tail: str, kind: FaultKind | None) -> None:
    """A signal or a goodbye explains nothing, whatever was written before it."""
    fault = last_words(status, tail)
    assert _kind(fault) is kind
    assert fault is None or fault.advice or not fault.needs_a_person


def _kind(fault: Fault | None) -> FaultKind | None:
    return None if fault is None else fault.kind


def said(case: str) -> list[str]:
    found = (retrying(line) for line in stderr(case).splitlines())
    return [line for line in found if line is not None]


def test_a_recorded_rate_limit_is_heard() -> None:
    """One line has the attempt, the next the delay; both name the rate limit."""
    attempt, delay = said("h10_429_once")
    assert "rate limit" in attempt
    assert "attempt 1 " in attempt
    assert "rate limit" in delay
    assert "5 s" in delay


def test_a_recorded_server_error_is_heard() -> None:
    """It is not blamed on a limit, and the server's body is not repeated."""
    heard = [line for line in said("a05_cancel") if "server" in line]
    assert heard
    assert all("attempt 1 " in line and "rate limit" not in line for line in heard)
    assert all("internal error" not in line.lower() for line in heard)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Attempt 3 failed with status 429. Retrying with backoff...", ("rate limit", "3")),
        ("Attempt 9 failed with status 503. Retrying with backoff...", ("server", "9")),
        ("Attempt 2 failed: fetch failed. Retrying after 30000ms...", ("server", "30 s")),
        ("Suggested retry after 61s.. Retrying after 61250.7 ms...", ("rate limit", "61 s")),
    ],
)
def test_a_retry_says_what_is_waited_for(line: str, words: tuple[str, ...]) -> None:
    """The one at fault, and the attempt or the delay."""
    heard = retrying(line)
    assert heard is not None
    assert all(word in heard for word in words)


@pytest.mark.parametrize("case", ["h14_400", "h16_bad_key", "h30_cut", "h32_empty", "h17_no_key"])
def test_other_lines_are_no_retry(case: str) -> None:
    """Stack traces and the noise of the start are not waiting."""
    assert said(case) == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (LIMITED, FaultKind.RATE_LIMIT),
        (INTERNAL, FaultKind.OVERLOADED),
        (UNAVAILABLE, FaultKind.OVERLOADED),
    ],
)
def test_the_headless_mode_tells_the_status_in_the_body_alone(answer: str, kind: FaultKind) -> None:
    """Its result line has no code."""
    assert classify(headless(answer)).kind is kind


def test_an_internal_error_is_told_by_its_details() -> None:
    """The message says nothing; the details say what it was."""
    fault = classify(RpcError(-32603, "Internal error", "Directory does not exist: /nowhere"))
    assert "Directory does not exist" in fault.message
