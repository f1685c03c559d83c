"""Where an ACP agent counts: the end of a prompt, single pieces of an answer, `usage_update`.

`usage` of a prompt's answer is an unstable part of the protocol, `_meta.quota` an extension
of Claude's and Codex's adapters, `_meta.usage` of a piece one of Qwen's. What is not of a
known form counts nothing and spoils nothing.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from tars.conversation.counters import Answer, Counters
from tars.protocols.counts import Count
from tars.protocols.jsonrpc import decoded

_NULL = Raw(b"null")
#: More of an agent's own counters is not kept.
_LONGEST_RAW = 16_384


@dataclass(frozen=True, slots=True)
class Filled:
    """The context window's fill and size in tokens, and what the session has cost so far,
    in millionths of a US dollar."""

    used: int
    size: int
    cost_microusd: int | None = None


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: Count
    output_tokens: Count
    total_tokens: Count | None = None
    cached_read_tokens: Count | None = None
    cached_write_tokens: Count | None = None
    thought_tokens: Count | None = None

    @property
    def counters(self) -> Counters:
        return Counters(
            self.input_tokens,
            self.output_tokens,
            self.total_tokens,
            self.cached_read_tokens,
            self.cached_write_tokens,
            self.thought_tokens,
        )


class _TokenCount(msgspec.Struct, rename="camel"):
    """Claude's adapter says `cachedWriteTokens`, and Codex's `cacheWriteInputTokens`."""

    input_tokens: Count
    output_tokens: Count
    total_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cached_write_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None
    reasoning_output_tokens: Count | None = None


class _ModelUsage(msgspec.Struct):
    model: str
    token_count: _TokenCount


class _Quota(msgspec.Struct):
    token_count: _TokenCount | None = None
    model_usage: list[_ModelUsage] = []


class _EndMeta(msgspec.Struct):
    quota: Raw = _NULL


class _PieceMeta(msgspec.Struct):
    usage: Raw = _NULL


class _Piece(msgspec.Struct, rename="camel"):
    message_id: Any = None
    meta: _PieceMeta | None = msgspec.field(default=None, name="_meta")


class _Cost(msgspec.Struct):
    amount: Annotated[float, Meta(ge=0, le=1e9)]
    currency: str = ""


class _Fill(msgspec.Struct):
    used: Count
    size: Count = 0
    cost: Raw = _NULL


_USAGE = msgspec.json.Decoder(_Usage)
_QUOTA = msgspec.json.Decoder(_Quota)
_END_META = msgspec.json.Decoder(_EndMeta)
_PIECE = msgspec.json.Decoder(_Piece)
_FILL = msgspec.json.Decoder(_Fill)
_COST = msgspec.json.Decoder(_Cost)


def of_end(told_usage: Raw, told_meta: Raw) -> Answer | None:
    """Give what `usage` and `_meta` of a prompt's result count, or None where they do not."""
    meta = decoded(told_meta, _END_META) or _EndMeta()
    quota = decoded(meta.quota, _QUOTA) or _Quota()
    usage = decoded(told_usage, _USAGE)
    models = tuple(_counters(m.token_count, m.model) for m in quota.model_usage)
    if usage is not None:
        return Answer(usage.counters, models, _raw(usage=told_usage, quota=meta.quota))
    if quota.token_count is not None or models:
        counted = None if quota.token_count is None else _counters(quota.token_count)
        return Answer(counted, models, _raw(quota=meta.quota))
    if bytes(told_usage) != b"null":
        # Counters of another form: for the record, and for whoever comes to know them.
        return Answer(None, (), _raw(usage=told_usage))
    return None


def of_piece(raw: Raw) -> tuple[str, Counters | None, str]:
    """Give the message that a piece of the answer belongs to, or an empty string, and what
    the piece counts, with its JSON."""
    piece = decoded(raw, _PIECE)
    if piece is None:
        return "", None, ""
    message = piece.message_id if isinstance(piece.message_id, str) else ""
    usage = None if piece.meta is None else decoded(piece.meta.usage, _USAGE)
    if piece.meta is None or usage is None:
        return message, None, ""
    return message, usage.counters, _raw(usage=piece.meta.usage)


def of_update(raw: Raw) -> Filled | None:
    """Read a `usage_update`."""
    fill = decoded(raw, _FILL)
    if fill is None:
        return None
    cost = decoded(fill.cost, _COST)
    in_dollars = cost is not None and cost.currency.upper() == "USD"
    amount = round(cost.amount * 1e6) if cost is not None and in_dollars else None
    return Filled(fill.used, fill.size, amount)


def _counters(count: _TokenCount, model: str = "") -> Counters:
    written = count.cached_write_tokens
    return Counters(
        count.input_tokens,
        count.output_tokens,
        count.total_tokens,
        count.cached_input_tokens,
        count.cache_write_input_tokens if written is None else written,
        count.reasoning_output_tokens,
        model,
    )


def _raw(**parts: Raw) -> str:
    told = {name: part for name, part in parts.items() if bytes(part) != b"null"}
    text = msgspec.json.encode(told).decode("utf-8", "replace")
    return text if len(text) <= _LONGEST_RAW else '{"cut":true}'
