"""What opencode's errors mean, and what to do about each."""

import re

import msgspec

from tars.agents.opencode.messages import Error, ErrorData
from tars.errors import Fault, FaultKind
from tars.protocols.faults import plain

_SIGN_IN = "`opencode auth login` signs in, or set the provider's key in `[agents.NAME.env]`."
# A session keeps the model of its last prompt, whatever opencode's configuration says by then.
_MODELS = (
    "`opencode models` lists them; set `model` in `[agents.NAME]` to one of them, "
    "then `tars restart`."
)
_AGENTS = "`opencode agent list` lists them; mend `mode` in `[agents.NAME]`, then `tars restart`."

#: Words in a provider's error, where its status says less. The first that fits is taken.
_WORDS = (
    (r"insufficient[ _]quota|credit|billing|usage limit|quota", FaultKind.QUOTA),
    (r"api.?key|unauthori[sz]ed|authentication", FaultKind.BAD_KEY),
    (r"rate.?limit|too many requests", FaultKind.RATE_LIMIT),
    (r"overloaded|unavailable|capacity", FaultKind.OVERLOADED),
)
_STATUS = {
    401: FaultKind.BAD_KEY,
    402: FaultKind.QUOTA,
    403: FaultKind.BAD_KEY,
    408: FaultKind.OVERLOADED,
    429: FaultKind.RATE_LIMIT,
}
_SAID = {
    FaultKind.BAD_KEY: ("The model's provider refused the key or the account", _SIGN_IN),
    FaultKind.QUOTA: (
        "The account has no quota left with the model's provider",
        "Wait until it is renewed, or choose another `model`.",
    ),
    FaultKind.RATE_LIMIT: ("The provider's rate limit was reached", "Try again in a while."),
    FaultKind.OVERLOADED: ("The provider's server failed", "Try again in a while."),
    FaultKind.MODEL_ERROR: ("The model's provider reported an error", ""),
}
_CONTEXT = r"context.?length|context.?window|prompt is too long|too many tokens"


def words(message: str) -> str:
    """Give an error's own words; some providers wrap them in JSON."""
    try:
        wrapped = msgspec.json.decode(message, type=ErrorData)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return plain(message)
    return plain(wrapped.message) or plain(message)


def of_error(error: Error) -> Fault:
    """Turn the error of a message or a session into a fault."""
    said = words(error.data.message)
    match error.name:
        case "ProviderAuthError":
            return Fault(
                FaultKind.NOT_SIGNED_IN, _sentence("opencode is not signed in", said), _SIGN_IN
            )
        case "ContextOverflowError":
            return _context_full(said)
        case "MessageOutputLengthError":
            return Fault(FaultKind.MODEL_ERROR, "The answer was longer than the model may write.")
        case "APIError":
            return _of_provider(error, said)
        case _:
            return _of_unknown(said)


def of_refusal(status: int, error: Error | None, what: str) -> Fault:
    """Turn a request that the server did not take into a fault; `what` it was in words."""
    said = words(error.data.message) if error else ""
    if status in (401, 403):
        return Fault(FaultKind.PROTOCOL, "opencode's server refuses the password tars gave it.")
    if status == 404:
        return session_unknown()
    return Fault(FaultKind.PROTOCOL, _sentence(f"opencode did not take {what}", said))


def session_unknown() -> Fault:
    return Fault(
        FaultKind.SESSION_UNKNOWN,
        "opencode does not know this session.",
        "`opencode session list` shows those it knows.",
    )


def unknown_model(model: str) -> Fault:
    if "/" not in model:
        message = f"opencode names models as provider/model, and `{model}` has no provider."
    else:
        message = f"opencode does not know the model `{model}`."
    return Fault(FaultKind.UNKNOWN_MODEL, message, _MODELS)


def unknown_agent(mode: str) -> Fault:
    return Fault(
        FaultKind.BAD_CONFIG, f"opencode has no agent `{mode}` that takes prompts.", _AGENTS
    )


def no_model() -> Fault:
    return Fault(FaultKind.NOT_SIGNED_IN, "opencode has no model to ask.", _SIGN_IN)


def lost(reason: str) -> Fault:
    return Fault(FaultKind.CRASHED, f"opencode's server cannot be reached: {reason}.")


def no_answer(reason: str, what: str) -> Fault:
    return Fault(FaultKind.PROTOCOL, f"opencode's server did not answer {what}: {reason}.")


def garbled(what: str) -> Fault:
    return Fault(FaultKind.PROTOCOL, f"opencode's answer to {what} is malformed.")


def empty() -> Fault:
    return Fault(FaultKind.MODEL_ERROR, "opencode ended the turn without an answer.")


def last_words(stderr_tail: str) -> Fault | None:
    """Say why the process ended, if the end of its stderr tells."""
    words = stderr_tail.lower()
    if "configinvaliderror" in words or "configuration is invalid" in words:
        return Fault(
            FaultKind.BAD_CONFIG,
            "opencode does not accept its own configuration.",
            "`opencode debug config` shows what is wrong; then `tars restart`.",
        )
    if "eaddrinuse" in words:
        return Fault(FaultKind.CRASHED, "opencode found no free port on loopback.")
    return None


def _of_provider(error: Error, said: str) -> Fault:
    kind = _kind(error)
    if kind is FaultKind.CONTEXT_FULL:
        return _context_full(said)
    if error.data.status == 404:
        return Fault(
            FaultKind.UNKNOWN_MODEL, _sentence("The provider does not know this", said), _MODELS
        )
    message, advice = _SAID[kind]
    return Fault(kind, _sentence(message, said), advice)


def _kind(error: Error) -> FaultKind:
    status = error.data.status
    words = f"{error.data.message} {error.data.body}".lower()
    if status in (400, 413, None) and re.search(_CONTEXT, words):
        return FaultKind.CONTEXT_FULL
    if status == 429 and re.search(_WORDS[0][0], words):
        return FaultKind.QUOTA
    if status in _STATUS:
        return _STATUS[status]
    if status is not None and status >= 500:
        return FaultKind.OVERLOADED
    told = (kind for pattern, kind in _WORDS if re.search(pattern, words))
    return next(told, FaultKind.MODEL_ERROR)


def _of_unknown(said: str) -> Fault:
    words = said.lower()
    if "model not found" in words or "modelnotfound" in words:
        return Fault(
            FaultKind.UNKNOWN_MODEL, _sentence("opencode has no such model", said), _MODELS
        )
    if "agent not found" in words:
        return Fault(FaultKind.BAD_CONFIG, _sentence("opencode has no such agent", said), _AGENTS)
    if "no providers" in words or "no model" in words:
        return no_model()
    if "session not found" in words:
        return session_unknown()
    return Fault(FaultKind.MODEL_ERROR, _sentence("opencode reported an error", said))


def _context_full(said: str) -> Fault:
    return Fault(
        FaultKind.CONTEXT_FULL,
        _sentence("The conversation no longer fits the model's context window", said),
        "`tars reset` begins a new one; or let opencode compact it (`compaction.auto`).",
    )


def _sentence(message: str, said: str) -> str:
    return f"{message}: {said}" if said else f"{message}."
