"""One line of a rollout, Codex's log of a thread → what it says."""

from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct, field

from tars.history.decoding import UNDECODABLE
from tars.history.lines import bare

#: No count of tokens is larger, and what has more bits could not be stored.
_Count = Annotated[int, Meta(ge=0, le=2**40)] | None

#: What a line has to hold to be worth decoding. In a text the quotes would be escaped.
FIGURES = b'_token_usage"'
SIGNS = (FIGURES, b'"token_count"', b'"turn_context"', b'"session_meta"')
#: Where a line says what it is: behind its time, and its number in newer versions.
KIND = b'"type":"'
EARLIEST, LATEST = 30, 90
#: Just there it is behind a time to the millisecond, as all versions write it.
USUAL = 40
_EVENT = b'"type":"event_msg","payload":{"type":"'
PART = b'"type":"response_item"'
#: How the lines begin that are most of a rollout, and say nothing that is counted.
SILENT = (
    PART,
    b'"type":"compacted"',
    b'"type":"world_state"',
    _EVENT + b"agent_",
    _EVENT + b"user_message",
    _EVENT + b"exec_command",
    _EVENT + b"item_",
    _EVENT + b"mcp_",
    _EVENT + b"patch_",
)
#: How the lines begin that say something.
TELLING = (_EVENT + b"token_count", b'"type":"turn_context"', b'"type":"token_usage_record"')


class Tokens(Struct, gc=False):
    """Sums, each within the first: cached and written input, and reasoning within output."""

    input_tokens: _Count = None
    cached_input_tokens: _Count = None
    cache_read_input_tokens: _Count = None
    cache_write_input_tokens: _Count = None
    output_tokens: _Count = None
    reasoning_output_tokens: _Count = None
    total_tokens: _Count = None


class Info(Struct, gc=False):
    total: Tokens | None = field(default=None, name="total_token_usage")
    last: Tokens | None = field(default=None, name="last_token_usage")
    model: str | None = None


class Git(Struct, gc=False):
    branch: str | None = None


class Payload(Struct, gc=False):
    """What lines of all kinds say, as far as it is read."""

    type: str | None = None
    # session_meta
    id: str | None = None
    session: str | None = field(default=None, name="session_id")
    forked_from: str | None = field(default=None, name="forked_from_id")
    source: Raw = Raw(b"null")
    provider: str | None = field(default=None, name="model_provider")
    git: Git | None = None
    # session_meta and turn_context
    cwd: str | None = None
    model: str | None = None
    # token_count
    info: Info | None = None
    limits: Raw = field(default=Raw(b"null"), name="rate_limits")
    # token_usage_record
    response: str | None = field(default=None, name="response_id")
    usage: Tokens | None = None
    thread_usage: Tokens | None = field(default=None, name="thread_token_usage")


class Told(Struct, gc=False):
    type: str | None = None
    timestamp: str | None = None
    payload: Payload | None = None


class _Spawn(Struct):
    parent: str | None = field(default=None, name="parent_thread_id")


class _Subagent(Struct):
    spawn: _Spawn | None = field(default=None, name="thread_spawn")


class _Source(Struct):
    subagent: Raw = Raw(b"")


_told = msgspec.json.Decoder(Told)
_source = msgspec.json.Decoder(_Source)
_subagent = msgspec.json.Decoder(_Subagent)


def told_by(lines: list[bytearray]) -> list[Told | None]:
    """Decode lines, each with its newline, all at once; None for one that makes no sense."""
    told: list[Told | None] = []
    with suppress(*UNDECODABLE):
        told += _told.decode_lines(b"".join(lines))
    # Nothing says that two objects are not on one line.
    return told if len(told) == len(lines) else [decoded(line) for line in lines]


def decoded(line: bytes | bytearray) -> Told | None:
    """Decode a line; None where it makes no sense."""
    try:
        return _told.decode(line)
    except UNDECODABLE:
        pass
    try:
        return _told.decode(bare(line).decode("utf-8", "replace"))
    except UNDECODABLE:
        return None


def subagent(source: Raw) -> tuple[bool, str]:
    """Whether a session's source says that it is a subagent's, and of which thread, if it does."""
    try:
        inner = _source.decode(source).subagent
    except UNDECODABLE:
        return False, ""
    try:
        spawn = _subagent.decode(inner).spawn
    except UNDECODABLE:
        # A word stands for a kind of subagents that no thread asked for.
        return bool(inner), ""
    return True, (spawn and spawn.parent) or ""
