"""tars' words in the protocol's, and back: prompts, pieces of an answer, ends and errors."""

from typing import Any

from tars.control import contract as c
from tars.conversation.model import TOOL_KINDS
from tars.editor import wire
from tars.editor.wire import Json
from tars.errors import NotRunning, SessionNotFound, TarsError

_STOPS = {"ok": "end_turn", "cancelled": "cancelled", "refused": "refusal"}
#: What an editor can offer its user a way to sign in for.
_SIGN_IN = ("not_signed_in", "bad_key")


class Unusable(Exception):
    """A prompt that tars cannot pass on; the message says why."""


def prompt_text(blocks: Any) -> str:
    """Give the text of a prompt's blocks. Raises Unusable."""
    if not isinstance(blocks, list) or not blocks:
        raise Unusable("A prompt is a list of blocks.")
    text = "".join(_block_text(block) for block in blocks)
    if not text.strip():
        raise Unusable("The prompt is empty.")
    return text


def tool_kind(kind: str) -> str:
    return kind if kind in TOOL_KINDS else "other"


def chunk(kind: str, text: str) -> Json:
    return {"sessionUpdate": kind, "content": {"type": "text", "text": text}}


def aside(words: str) -> Json:
    """What tars says of the turn itself: no part of the answer, and marked as tars' own."""
    update = chunk("agent_thought_chunk", f"[tars: {words}]\n")
    return {**update, "_meta": {"tars": {"aside": words}}}


def tool(event: c.Tool, *, known: bool) -> Json:
    return {
        "sessionUpdate": "tool_call_update" if known else "tool_call",
        "toolCallId": event.id,
        "title": event.title,
        "kind": tool_kind(event.kind),
        "status": event.status,
    }


def ended(result: c.TurnResult, *, cancelled: bool) -> Json | None:
    """Give the result of session/prompt, or None where the turn ended in an error.

    An editor that cancelled is told so in any case, as the protocol wants it.
    """
    stop = "cancelled" if cancelled else _STOPS.get(result.outcome)
    if stop is None:
        return None
    counted = usage(result.usage)
    found: Json = {"stopReason": stop, "_meta": {"tars": about(result)}}
    return found if counted is None else {**found, "usage": counted}


def usage(used: c.Usage) -> Json | None:
    """Give the turn's tokens in the protocol's unstable field; None where none were counted.

    As most agents have it: the parts add up to the total, and thoughts are in the output.
    """
    fresh = max(0, used.net_tokens - used.cache_write_tokens)
    output = used.output_tokens + used.thought_tokens
    total = fresh + used.cached_tokens + used.cache_write_tokens + output
    if not total:
        return None
    return {
        "inputTokens": fresh,
        "outputTokens": output,
        "cachedReadTokens": used.cached_tokens,
        "cachedWriteTokens": used.cache_write_tokens,
        "thoughtTokens": used.thought_tokens,
        "totalTokens": total,
    }


def about(result: c.TurnResult) -> Json:
    """What the protocol has no place for: the turn as tars has it in its ledger."""
    return {
        "turn": result.turn,
        "agent": result.agent,
        "session": result.session,
        "model": result.model,
        "durationMs": result.duration_ms,
        "costUsd": result.cost_usd,
        "usageSource": result.usage.source,
        "usageAtLeast": result.usage.at_least,
        "contextTokens": result.usage.context_tokens,
        "requests": result.usage.requests,
        "toolCalls": result.usage.tool_calls,
    }


def turn_error(id: wire.Id, result: c.TurnResult) -> bytes:
    """Answer a prompt whose turn ended in an error."""
    error = result.error or c.FaultStatus(kind=result.outcome, message=f"It was {result.outcome}.")
    code = wire.AUTH_REQUIRED if error.kind in _SIGN_IN else wire.INTERNAL_ERROR
    data = {"kind": error.kind, "advice": error.advice, **about(result)}
    return wire.refusal(id, code, f"{error.message} {error.advice}".strip(), data)


def tars_error(id: wire.Id, error: TarsError) -> bytes:
    """Answer a request that tars refused, or that found no daemon."""
    code = wire.NOT_FOUND if isinstance(error, SessionNotFound) else wire.INTERNAL_ERROR
    kind = "not_running" if isinstance(error, NotRunning) else type(error).__name__
    data = {"kind": kind, "advice": error.advice}
    return wire.refusal(id, code, f"{error} {error.advice}".strip(), data)


def permission(asked: c.PermissionStatus, session: str) -> Json:
    """Give the parameters of session/request_permission."""
    content = [{"type": "content", "content": {"type": "text", "text": asked.details}}]
    return {
        "sessionId": session,
        "toolCall": {
            "toolCallId": asked.tool_call or f"permission-{asked.id}",
            "title": asked.title,
            "kind": tool_kind(asked.tool_kind),
            "status": "pending",
            **({"content": content} if asked.details else {}),
        },
        "options": [{"optionId": o.id, "name": o.name, "kind": o.kind} for o in asked.options],
        "_meta": {"tars": {"permission": asked.id, "expiresInSeconds": asked.expires_in_seconds}},
    }


def _block_text(block: Any) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource_link", "uri": str(uri)}:
            return f"[{block.get('name') or uri}]({uri})"
        case {"type": "resource", "resource": {"uri": str(uri), "text": str(text)}}:
            return f'\n<context uri="{uri}">\n{text}\n</context>\n'
        case {"type": str(kind)}:
            raise Unusable(f"tars passes on text alone, and no block of type {kind!r}.")
        case _:
            raise Unusable("A block of the prompt has no type.")
