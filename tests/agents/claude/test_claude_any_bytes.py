"""Whatever Claude Code prints, and however it is cut: no exception, and one ending."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tars.conversation.model import Said, TurnEnded
from tests.agents.claude.script import busy
from tests.support.claude_transcripts import cases

_words = st.sampled_from(
    [
        *("stream_event", "assistant", "user", "system", "init", "status", "api_retry", "result"),
        *("control_request", "control_response", "control_cancel_request", "rate_limit_event"),
        *("message_start", "message_delta", "message_stop", "content_block_delta", "text_delta"),
        *("tool_use", "tool_result", "text", "can_use_tool", "success", "u1", "s1", "s2"),
    ]
)
_members = st.sampled_from(
    [
        *("type", "subtype", "event", "message", "usage", "delta", "text", "content", "id"),
        *("model", "input", "request", "response", "request_id", "session_id", "tool_name"),
        *("input_tokens", "output_tokens", "inputTokens", "outputTokens", "modelUsage"),
        *("model_usage_since_last_result", "is_error", "api_error_status", "result", "errors"),
        *("parent_tool_use_id", "rate_limit_info", "utilization", "resetsAt", "stop_reason"),
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_members, inner, max_size=4),
    max_leaves=12,
)
_lines = st.builds(
    lambda type, rest: json.dumps({**rest, "type": type}).encode() + b"\n",
    _words,
    st.dictionaries(_members, _json, max_size=6),
)
_recorded = [
    json.dumps(entry["msg"]).encode() + b"\n"
    for case in cases()
    if "197" not in case.name
    for entry in map(json.loads, (case / "stream.jsonl").read_text("utf-8").splitlines())
    if entry["dir"] == "<"
]
_bytes = st.lists(_lines | st.binary(max_size=20) | st.sampled_from(_recorded), max_size=8).map(
    b"".join
)


@given(_bytes, st.lists(st.integers(min_value=0), max_size=4))
def test_any_bytes_are_heard_and_the_turn_ends_once(data: bytes, cuts: list[int]) -> None:
    """However they are cut, it is the same conversation; what is sent is lines of JSON."""
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    whole, pieces = busy(), busy()
    said: list[Said] = [*whole.codec.receive(data), *whole.codec.eof()]
    assert sum(isinstance(one, TurnEnded) for one in said) == 1
    again = [one for a, b in pairwise(edges) for one in pieces.codec.receive(data[a:b])]
    assert [*again, *pieces.codec.eof()] == said
    whole.sent()
