"""What Codex's errors mean, and what to do about each.

A failed turn has an error with `codexErrorInfo`: a word, or a way of failing with the HTTP
status. JSON-RPC errors all have the code -32600, so that their words have to tell.
"""

import re

from tars.agents.codex import modes
from tars.agents.codex.messages import TurnError
from tars.errors import Fault, FaultKind
from tars.protocols import faults
from tars.protocols.jsonrpc import RpcError

NOT_SIGNED_IN = Fault(
    FaultKind.NOT_SIGNED_IN,
    "Codex is not signed in.",
    "Run `codex login` (or `codex login --with-api-key`) as the user that runs tars, or set a "
    "`model_provider` with its `env_key` in Codex's config.toml; then `tars restart`.",
)
BAD_KEY = Fault(
    FaultKind.BAD_KEY,
    "The model's server refused Codex's key or account.",
    "Run `codex login` again, or mend the key that the provider's `env_key` names, in the "
    "agent's `env` or `env_file`; then `tars restart`.",
)
_CONTEXT_FULL = Fault(
    FaultKind.CONTEXT_FULL,
    "The conversation no longer fits into the model's context window.",
    "Run `tars reset` to begin a new one, or send a shorter prompt.",
)
_NO_SESSION = Fault(FaultKind.SESSION_UNKNOWN, "Codex does not know this session.")

_MODEL_ADVICE = (
    "Mend the agent's `model` in tars' config.toml, or `model` and the provider in Codex's; then "
    "`tars restart`."
)
_CONFIG_ADVICE = "Mend Codex's config.toml (in CODEX_HOME, or ~/.codex); then `tars restart`."

#: Codex's words in a JSON-RPC error for a thread that is not there, or not any more.
_LOST = ("no rollout found", "thread not found", "invalid session id", "invalid thread id")
_NOT_SUPPORTED = re.compile(r"model\b.*\b(?:is not supported|does not exist|not found)", re.I)
_URL = re.compile(r",? *(?:url|request id|cf-ray): *\S+")


def bad_mode(mode: str) -> Fault:
    """Say that the configured mode is none of Codex's."""
    known = ", ".join(("auto", "full-access", *modes.APPROVALS, *modes.SANDBOXES))
    return Fault(
        FaultKind.BAD_CONFIG,
        f"Codex has no mode {mode!r}.",
        f"Set the agent's `mode` to one of {known}, or to a policy and a sandbox as in "
        "`on-request/workspace-write`; then `tars restart`.",
    )


def classify(error: RpcError) -> Fault:
    """Turn a JSON-RPC error into a fault."""
    said = faults.plain(error.message)
    low = error.message.lower()
    if any(words in low for words in _LOST):
        return _NO_SESSION
    if "failed to load configuration" in low:
        return Fault(FaultKind.BAD_CONFIG, f"Codex's configuration: {said}", _CONFIG_ADVICE)
    if "authentication required" in low or "not logged in" in low:
        return NOT_SIGNED_IN
    return Fault(FaultKind.PROTOCOL, f"Codex refused a request: {said}")


def of_turn(error: TurnError | None, until: float | None = None) -> Fault:
    """Turn the error of a failed turn into a fault. `until` is when a used-up limit is
    renewed, as the account's limits tell it."""
    if error is None:
        return Fault(FaultKind.MODEL_ERROR, "Codex's turn failed, and it did not say why.")
    word, status = _info(error)
    return _by_word(word, error, until) or _by_text(error) or _by_status(status, _said(error))


def cut_off(error: TurnError | None) -> bool:
    """Whether a turn failed in the middle of a response."""
    return error is not None and "stream disconnected" in error.message


def retrying(error: TurnError) -> str:
    """Say what Codex waits for."""
    _, status = _info(error)
    what = "the model's rate limit" if status == 429 else "the model's server"
    return f"{what}; {faults.plain(error.message)}"


def last_words(status: int, stderr_tail: str) -> Fault | None:
    """Say why the process ended, where its stderr tells."""
    low = stderr_tail.lower()
    if status > 0 and "error loading config" in low:
        return Fault(FaultKind.BAD_CONFIG, "Codex cannot read its config.toml.", _CONFIG_ADVICE)
    if status == 127 and "node" in low:
        return Fault(
            FaultKind.NOT_INSTALLED,
            "Codex's launcher needs Node.js, and `node` is not on the agent's PATH.",
            "Install Node.js, or set `command` to Codex's native binary; then `tars restart`.",
        )
    return None


def _info(error: TurnError) -> tuple[str, int]:
    """The word of an error, and its HTTP status or 0."""
    info = error.codex_error_info
    if not isinstance(info, dict):
        return info or "", 0
    word = next(iter(info), "")
    inner = info.get(word)
    status = inner.get("httpStatusCode") if isinstance(inner, dict) else None
    return word, status if isinstance(status, int) else 0


def _said(error: TurnError) -> str:
    return _URL.sub("", faults.plain(error.message)) or "no reason given"


def _by_word(word: str, error: TurnError, until: float | None) -> Fault | None:
    said = _said(error)
    match word:
        case "contextWindowExceeded":
            return _CONTEXT_FULL
        case "usageLimitExceeded":
            return Fault(
                FaultKind.QUOTA,
                f"The account's usage limit is reached: {said}",
                "Wait until it is renewed, or use another account or model.",
                until,
            )
        case "sessionBudgetExceeded":
            return Fault(FaultKind.QUOTA, f"The session's budget is used up: {said}")
        case "rateLimitExceeded":
            return _rate_limit(said, until)
        case "modelNotFound":
            return _unknown_model(said)
        case "unauthorized":
            # Its tokens could not be renewed: a key has none.
            return NOT_SIGNED_IN
        case "serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable":
            return _overloaded(said)
        case "internalServerError":
            return _overloaded(said)
        case "cyberPolicy" | "misalignmentPolicyViolation" | "inferenceHookDenied":
            return Fault(
                FaultKind.MODEL_ERROR,
                f"The model's provider refuses this request: {said}",
                "The same again will not help: change the prompt.",
            )
        case _:
            return None


def _by_text(error: TurnError) -> Fault | None:
    """Some errors have no word of their own."""
    if "missing environment variable" in error.message.lower():
        name = faults.plain(error.message).partition("`")[2].partition("`")[0]
        return Fault(
            FaultKind.NOT_SIGNED_IN,
            f"Codex found no key: the environment variable {name or '(unnamed)'} is not set.",
            "Set it in the agent's `env` table in config.toml or in an `env_file`; then "
            "`tars restart`.",
        )
    if _NOT_SUPPORTED.search(error.message):
        return _unknown_model(_said(error))
    return None


def _by_status(status: int, said: str) -> Fault:
    if status in (401, 403):
        return BAD_KEY  # Its words may quote a part of the key.
    if status == 404:
        return _unknown_model(said)
    if status == 429:
        return _rate_limit(said, None)
    if status >= 500:
        return _overloaded(said)
    if status:
        return Fault(
            FaultKind.MODEL_ERROR,
            f"The model's server refused the request: {said}",
            "The same again will not help: change the prompt, or `tars reset` if it is the "
            "conversation.",
        )
    return Fault(FaultKind.MODEL_ERROR, f"The model's answer failed: {said}", "Send it again.")


def _unknown_model(said: str) -> Fault:
    return Fault(
        FaultKind.UNKNOWN_MODEL,
        f"The provider does not know the model, or its address is wrong: {said}",
        _MODEL_ADVICE,
    )


def _rate_limit(said: str, until: float | None) -> Fault:
    message = f"The model's rate limit was reached, and waiting did not help: {said}"
    return Fault(FaultKind.RATE_LIMIT, message, faults.IN_A_MINUTE, until)


def _overloaded(said: str) -> Fault:
    return Fault(FaultKind.OVERLOADED, f"The model's server failed: {said}", faults.LATER)
