"""What Claude Code's errors mean, and what to do about each.

An API error ends a turn with `is_error`, the HTTP status in `api_error_status` and a sentence
for people. The subtype says "success" all the same.
"""

from dataclasses import replace

from tars.errors import Fault, FaultKind
from tars.protocols import faults

NOT_SIGNED_IN = Fault(
    FaultKind.NOT_SIGNED_IN,
    "Claude Code is not signed in: it found no API key and no account.",
    "Run `claude` once and sign in, or set ANTHROPIC_API_KEY in the agent's `env` table in "
    "config.toml or in an `env_file`; then `tars restart`.",
)
SESSION_UNKNOWN = Fault(
    FaultKind.SESSION_UNKNOWN, "Claude Code does not know this session in this folder."
)
_KEY_ADVICE = (
    "Mend ANTHROPIC_API_KEY where it is set (`env` or `env_file`), or sign in anew with `claude`; "
    "then `tars restart`."
)
_MODEL_ADVICE = "Mend the agent's `model` in config.toml, then `tars restart`."

_TOO_MANY = 429
_REFUSED = (401, 403)
_SERVER = range(500, 600)
#: What waiting mends, when it says until when.
_ENDS_BY_ITSELF = (FaultKind.QUOTA, FaultKind.RATE_LIMIT)


def classify(status: int | None, said: str, until: float | None = None) -> Fault:
    """Turn a failed turn into a fault. `until` is when the limit ends that it ran into."""
    if status == _TOO_MANY and until is not None:
        return replace(_used_up(said), until=until)
    fault = _by_text(said) or _by_status(status, faults.plain(said))
    return replace(fault, until=until) if fault.kind in _ENDS_BY_ITSELF else fault


def opening(said: str) -> Fault:
    """Say why a process gave up before it was ready."""
    if _unknown_session(said.lower()):
        return SESSION_UNKNOWN
    return Fault(FaultKind.CRASHED, f"Claude Code could not begin: {faults.plain(said)}")


def last_words(status: int, stderr_tail: str) -> Fault | None:
    """Say why the process ended, where its stderr tells."""
    low = stderr_tail.lower()
    if status <= 0:
        return None
    if "native binary" in low:
        return Fault(
            FaultKind.NOT_INSTALLED,
            "Claude Code's own program is missing: its npm package was installed in part.",
            "Install it anew with `npm install -g @anthropic-ai/claude-code`, without "
            "--omit=optional; then `tars restart`.",
        )
    if "--permission-mode" in low and "invalid" in low:
        return Fault(
            FaultKind.BAD_CONFIG,
            f"Claude Code does not know the configured mode. {_last_line(stderr_tail)}",
            "Mend the agent's `mode` in config.toml, then `tars restart`.",
        )
    if "cannot be used with root" in low:
        return Fault(
            FaultKind.BAD_CONFIG,
            "Claude Code does not skip permissions for root.",
            "Set another `mode`, or run tars as another user.",
        )
    if "unknown option" in low:
        return Fault(
            FaultKind.BAD_CONFIG,
            f"This version of Claude Code does not know an option: {_last_line(stderr_tail)}",
            "Update it with `claude update`, and see that `command` in config.toml is right; then "
            "`tars restart`.",
        )
    return SESSION_UNKNOWN if _unknown_session(low) else None


def retrying(status: int | None, error: str, attempt: int) -> str:
    """Say what Claude Code waits for before it tries again."""
    if status == _TOO_MANY or error == "rate_limit":
        what = "the model's rate limit"
    elif status in _REFUSED:
        what = "the model's server, which refused the key"
    elif status is None:
        what = "the connection to the model's server"
    else:
        what = "the model's server"
    return f"{what}; attempt {attempt} failed"


def _by_text(said: str) -> Fault | None:
    low = said.lower()
    if "not logged in" in low or "please run /login" in low:
        return NOT_SIGNED_IN
    if "credit balance is too low" in low:
        return Fault(
            FaultKind.QUOTA,
            "The credit of this Anthropic account is used up.",
            "Buy some at console.anthropic.com, or use another key; then `tars restart`.",
        )
    if ("hit your" in low and "limit" in low) or "usage limit reached" in low:
        return _used_up(said)
    if "prompt is too long" in low or "context window" in low or "conversation too long" in low:
        return Fault(
            FaultKind.CONTEXT_FULL,
            "The conversation no longer fits into the model's context window.",
            "`tars reset` begins a new one; `/compact` as a prompt makes this one shorter.",
        )
    if _unknown_session(low):
        return SESSION_UNKNOWN
    if "issue with the selected model" in low or "may not exist or you may not have access" in low:
        return Fault(
            FaultKind.UNKNOWN_MODEL,
            "Claude Code has no access to the configured model, or there is none of that name.",
            _MODEL_ADVICE,
        )
    return None


def _used_up(said: str) -> Fault:
    return Fault(
        FaultKind.QUOTA,
        f"The account's limit is used up: {faults.plain(said)}",
        "Wait until it is renewed, set another `model`, or use another account.",
    )


def _by_status(status: int | None, said: str) -> Fault:
    match status:
        case 401 | 403:
            return Fault(FaultKind.BAD_KEY, f"Anthropic refused access: {said}", _KEY_ADVICE)
        case 402:
            return Fault(
                FaultKind.QUOTA, f"The account has to pay first: {said}", "See its billing page."
            )
        case 404:
            return Fault(
                FaultKind.UNKNOWN_MODEL,
                f"Anthropic does not know what was asked for: {said}",
                _MODEL_ADVICE,
            )
        case 413:
            return Fault(
                FaultKind.CONTEXT_FULL,
                f"The request is too large: {said}",
                "`tars reset` begins a new conversation.",
            )
        case 429:
            return Fault(
                FaultKind.RATE_LIMIT,
                f"The model's rate limit was reached, and waiting did not help: {said}",
                faults.IN_A_MINUTE,
            )
        case int() if status in _SERVER:
            return Fault(
                FaultKind.OVERLOADED,
                f"The model's server failed: {said}",
                faults.LATER,
            )
        case 400:
            return Fault(
                FaultKind.MODEL_ERROR,
                f"Anthropic refused the request: {said}",
                "The same again will not help: change the prompt, or `tars reset` if it is the "
                "conversation.",
            )
        case _:
            return Fault(
                FaultKind.MODEL_ERROR,
                f"The model's answer failed: {said or 'no reason was given'}",
                faults.AGAIN,
            )


def _unknown_session(low: str) -> bool:
    return "no conversation found" in low or "no session found" in low


def _last_line(text: str) -> str:
    return faults.plain(text.strip().rpartition("\n")[2])
