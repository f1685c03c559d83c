"""What the errors of ACP agents mean, by the words and codes that were measured.

Most agents pass on what the model's server said, under code -32603 or -32000, whatever it
was; Copilot and Codex's adapter tell some errors as if they were the answer.
"""

import re

from tars.errors import Fault, FaultKind
from tars.protocols import faults
from tars.protocols.jsonrpc import RpcError

_BAD_KEY = re.compile(r"(invalid|incorrect)\b.{0,12}\bapi[ -]key|\b401\b", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"prompt is too long|context_length_exceeded|maximum context length|context window",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"insufficient_quota|usage limit", re.IGNORECASE)
_LIMITED = re.compile(r"\b429\b|rate.?limit", re.IGNORECASE)
_OVERLOADED = re.compile(r"\b(500|502|503|504|529)\b|overloaded", re.IGNORECASE)
_NO_MODEL = re.compile(r"model_not_found|\bmodel\b.{0,80}\bdoes not exist", re.IGNORECASE)

#: How Codex's adapter shows an error of the model's server, and Copilot one of its own.
_CODEX_ERROR = re.compile(r'\s*\{\s*"error"\s*:\s*\{')
_COPILOT_ERROR = re.compile(r"\s*Error: ")

_MEND_KEY = "Mend the agent's key where it is set (`env` or `env_file`), then `tars restart`."


def classify(error: RpcError) -> Fault:
    """Turn an agent's error into a fault."""
    told = _by_words(f"{error.message} {error.details}", faults.classify(error).message)
    return told or faults.classify(error)


def unveil_codex(piece: str) -> Fault | None:
    """Codex's adapter ends a turn without an error when the context is full (2.6.0)."""
    if not _CODEX_ERROR.match(piece):
        return None
    return _of_piece(piece, faults.plain(piece.strip()))


def unveil_copilot(piece: str) -> Fault | None:
    """Copilot tells every error as its answer (1.0.102)."""
    if not _COPILOT_ERROR.match(piece):
        return None
    return _of_piece(piece, faults.plain(piece.strip().removeprefix("Error: ")))


def _of_piece(piece: str, said: str) -> Fault:
    message = f"The agent reported an error: {said}"
    return _by_words(piece, message) or Fault(FaultKind.MODEL_ERROR, message)


def _by_words(text: str, message: str) -> Fault | None:
    if _BAD_KEY.search(text):
        return Fault(FaultKind.BAD_KEY, message, _MEND_KEY)
    if _TOO_LONG.search(text):
        return Fault(
            FaultKind.CONTEXT_FULL,
            message,
            "The conversation is too long for the model: `tars reset` begins a new one.",
        )
    if _NO_MODEL.search(text):
        advice = "Mend the agent's `model` in config.toml, then `tars restart`."
        return Fault(FaultKind.UNKNOWN_MODEL, message, advice)
    if _QUOTA.search(text):
        return Fault(FaultKind.QUOTA, message, "Wait until it is renewed, or use another account.")
    if _LIMITED.search(text):
        return Fault(FaultKind.RATE_LIMIT, message, faults.IN_A_MINUTE)
    if _OVERLOADED.search(text):
        return Fault(FaultKind.OVERLOADED, message, faults.LATER)
    return None
