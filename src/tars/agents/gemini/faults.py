"""What Gemini CLI's errors mean, and what to do about each.

Over ACP an API error is a JSON-RPC error whose code is the HTTP status and whose message
is often the raw JSON body. Headless, it is a message behind "[API Error: …]" and an exit
status: 41 sign-in, 42 input, 55 untrusted folder, or the HTTP status modulo 256.
"""

import re

from tars.errors import Fault, FaultKind
from tars.protocols import faults
from tars.protocols.jsonrpc import RpcError

NOT_SIGNED_IN = Fault(
    FaultKind.NOT_SIGNED_IN,
    "Gemini CLI is not signed in: it found no API key and no account.",
    "Set GEMINI_API_KEY in the agent's `env` table in config.toml or in an `env_file`, or run "
    "`gemini` once and sign in; then `tars restart`.",
)
UNTRUSTED = Fault(
    FaultKind.UNTRUSTED_FOLDER,
    "Gemini CLI does not trust its working folder.",
    'Run `gemini` there once and trust it, or set GEMINI_CLI_TRUST_WORKSPACE = "true" in the '
    "agent's `env` table in config.toml; then `tars restart`.",
)
_UNKNOWN_SESSION = (
    "invalid session identifier",
    "session not found",
    "no previous sessions found",
)
_NO_CREDENTIALS = (
    "api key is missing",
    "invalid auth method",
    "set an auth method",
    # What a resumed session says at its first prompt: its load asks for no key.
    "could not load the default credentials",
)
_KEY_ADVICE = "Mend GEMINI_API_KEY where it is set (`env` or `env_file`), then `tars restart`."
_MODEL_ADVICE = "Mend the agent's `model` in config.toml, then `tars restart`."

_EXIT_AUTH, _EXIT_INPUT, _EXIT_UNTRUSTED, _EXIT_NOT_FOUND = 41, 42, 55, 127

_BODY_CODE = re.compile(r'"code"\s*:\s*(\d{3})\b')
_RETRY = re.compile(r"Attempt (\d+) failed\b(?::\s*(.*))?")
_RETRY_AFTER = re.compile(r"Retrying after (\d+(?:\.\d+)?)\s*ms")


def classify(error: RpcError) -> Fault:
    """Turn an error of the ACP or the stream-json protocol into a fault."""
    text = f"{error.message} {error.details}"
    code = error.code or _code_within(text)
    said = error.details if error.message == "Internal error" else ""
    return _by_text(text) or _by_code(code, _plain(said or error.message), text)


def last_words(status: int, stderr_tail: str) -> Fault | None:
    """Say why the process ended, where its exit status or its stderr tells."""
    if status == _EXIT_AUTH:
        return NOT_SIGNED_IN
    if status == _EXIT_UNTRUSTED:
        return UNTRUSTED
    if status == _EXIT_NOT_FOUND and "node" in stderr_tail:
        return Fault(
            FaultKind.NOT_INSTALLED,
            "Gemini CLI needs Node.js, and `node` is not on the agent's PATH.",
            "Install Node.js 20 or newer, or set PATH in the agent's `env`; then `tars restart`.",
        )
    if status == _EXIT_INPUT and "resume" in stderr_tail.lower():
        return Fault(FaultKind.SESSION_UNKNOWN, "Gemini CLI does not know this session.")
    return _by_text(stderr_tail) if status > 0 else None


def retrying(line: str) -> str | None:
    """Say what Gemini CLI waits for: it retries for minutes and tells nobody else.

    What it writes about one attempt may span lines, and each is read for itself. A server's
    suggested delay comes with rate limits only.
    """
    low = line.lower()
    limited = "quota" in low or "suggested retry" in low or "status 429" in low
    what = "the model's rate limit" if limited else "the model's server"
    if after := _RETRY_AFTER.search(line):
        return f"{what}; trying again in {float(after.group(1)) / 1000:.0f} s"
    if attempt := _RETRY.search(line):
        return f"{what}; attempt {attempt.group(1)} failed"
    return None


def _code_within(text: str) -> int:
    """The HTTP status in Google's error body: the headless mode tells it nowhere else."""
    found = _BODY_CODE.search(text)
    return int(found.group(1)) if found else 0


def _plain(message: str) -> str:
    """Give the sentence inside an error, without the wrapping of the headless mode."""
    return faults.plain(message.strip().removeprefix("[API Error:").removesuffix("]"))


def _by_text(text: str) -> Fault | None:
    """Some errors come with different codes on different ways, but always with these words."""
    low = text.lower()
    if "untrusted folder" in low or "not trusted" in low or "not running in a trusted" in low:
        return UNTRUSTED
    if "api_key_invalid" in low or "api key not valid" in low:
        return Fault(FaultKind.BAD_KEY, "Google refused the API key: it is not valid.", _KEY_ADVICE)
    if "reported as leaked" in low:
        return Fault(
            FaultKind.BAD_KEY, "Google refused the API key: it was reported as leaked.", _KEY_ADVICE
        )
    if any(words in low for words in _NO_CREDENTIALS):
        return NOT_SIGNED_IN
    if "exhausted your daily quota" in low:
        return Fault(
            FaultKind.QUOTA,
            "The daily quota of this model is used up.",
            "Wait until it is renewed, set another `model`, or use another key.",
        )
    if any(words in low for words in _UNKNOWN_SESSION):
        return Fault(FaultKind.SESSION_UNKNOWN, "Gemini CLI does not know this session.")
    if "is not found for api version" in low:
        return Fault(
            FaultKind.UNKNOWN_MODEL,
            "Google does not know the configured model.",
            _MODEL_ADVICE,
        )
    return None


def _by_code(code: int, message: str, text: str) -> Fault:
    match code:
        case -32000:
            return NOT_SIGNED_IN
        case 401 | 403:
            return Fault(FaultKind.BAD_KEY, f"Google refused access: {message}", _KEY_ADVICE)
        case 404:
            return Fault(
                FaultKind.UNKNOWN_MODEL,
                f"Google does not know what was asked for: {message}",
                _MODEL_ADVICE,
            )
        case 429:
            return Fault(
                FaultKind.RATE_LIMIT,
                f"Google's rate limit was reached, and waiting did not help: {message}",
                faults.IN_A_MINUTE,
            )
        # 500 is also what a broken stream gets; the server's own errors have its body.
        case 500 | 502 | 503 | 504 if '"status"' in text:
            return Fault(
                FaultKind.OVERLOADED,
                f"The model's server failed: {message}",
                faults.LATER,
            )
        case 400:
            return Fault(
                FaultKind.MODEL_ERROR,
                f"Google refused the request: {message}",
                "The same again will not help: change the prompt, or `tars reset` if it is the "
                "conversation.",
            )
        case _:
            return Fault(
                FaultKind.MODEL_ERROR,
                f"The model's answer failed: {message}",
                faults.AGAIN,
            )
