"""Whatever an agent prints, and however it is cut: no exception, one ending, bounded memory."""

import json
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.agents.acp.presets import dialect_of
from tars.conversation.model import Garbled, Said, TurnEnded
from tars.protocols.acp import Acp
from tars.protocols.acp_dialect import Dialect
from tars.protocols.codec import Codec, Opening
from tars.protocols.lines import MEBIBYTE
from tars.protocols.stream_json import StreamJson
from tests.support.acp_script import Script
from tests.support.transcripts import GOLDEN


def acp() -> Codec:
    """An ACP agent that works on a prompt."""
    script = Script(Acp(line_limit=MEBIBYTE))
    script.open()
    script.begin()
    return script.codec


def any_acp() -> Codec:
    """One that is recognised, whose figures are read."""

    def recognise(name: str) -> Dialect:
        return dialect_of(name, (), "", mint="m")

    script = Script(Acp(line_limit=MEBIBYTE, recognise=recognise))
    script.open()
    script.begin()
    return script.codec


def stream_json() -> Codec:
    codec = StreamJson(line_limit=MEBIBYTE)
    codec.open(Opening("/cwd"))
    codec.prompt("hi")
    return codec


MAKE = pytest.mark.parametrize("make", [acp, any_acp, stream_json])

_NAMES = (
    *("type", "text", "content", "update", "sessionUpdate", "toolCallId", "stopReason"),
    *("_meta", "usage", "quota", "inputTokens", "outputTokens", "used", "cost"),
)

#: Almost messages: the members that both protocols know, with any values.
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner
            | st.sampled_from(["text", "tool_call", "agent_message_chunk", "end_turn"])
            | st.just("usage_update"),
            max_size=4,
        )
    ),
    max_leaves=6,
)
_messages = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0"),
        "id": st.sampled_from([0, 1, 3, "3", None]),
        "method": st.sampled_from(["session/update", "session/request_permission", "x"]),
        "params": _json
        | st.fixed_dictionaries({"sessionId": st.just("s1"), "update": _json})
        | st.fixed_dictionaries(
            {"sessionId": st.just("s1"), "toolCall": _json, "options": st.just([])}
        ),
        "result": _json,
        "error": _json | st.just({"code": 429, "message": "slow"}),
        "type": st.sampled_from(["init", "message", "tool_use", "tool_result", "error", "result"]),
        "status": st.sampled_from(["success", "error", 5]),
        "stats": _json,
        "session_id": st.text(max_size=3),
        "message": st.text(max_size=3),
        "content": _json,
        "role": st.just("assistant"),
        "tool_id": st.text(max_size=3),
    },
).map(lambda message: json.dumps(message).encode() + b"\n")

_bytes = st.lists(_messages | st.binary(max_size=20), max_size=8).map(b"".join)


def conversation(codec: Codec, pieces: list[bytes]) -> list[Said]:
    said = [said for piece in pieces for said in codec.receive(piece)]
    return said + codec.eof()


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@MAKE
@given(data=_bytes, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_no_bytes_raise_and_the_turn_ends_once(
    make: Callable[[], Codec], data: bytes, cuts: list[int]
) -> None:
    """However the bytes are cut, they say the same, and exactly one `TurnEnded` is in it."""
    said = conversation(make(), [data])
    assert sum(isinstance(s, TurnEnded) for s in said) == 1
    assert conversation(make(), cut(data, cuts)) == said


@given(cuts=st.lists(st.integers(0, 100_000), max_size=30))
def test_a_recorded_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    """A real run with tools says the same in any pieces."""
    data = (GOLDEN / "gemini" / "h03_tools_yolo" / "stdout.jsonl").read_bytes()
    assert conversation(stream_json(), cut(data, cuts)) == conversation(stream_json(), [data])


@MAKE
@pytest.mark.parametrize(
    "flood",
    [
        b"x" * 65536,
        b"\n" * 2000,
        b'{"jsonrpc":"2.0","id":7,"method":"fs/read_text_file"}\n' * 500,
        b'{"jsonrpc":"2.0","method":"x","type":"x"}\n' * 500,
        b'{"jsonrpc":"2.0","id":0,"result":{},"type":"message"}\n' * 500,
    ],
    ids=["no newline", "only newlines", "requests", "notifications", "answers"],
)
def test_a_flood_is_not_kept(make: Callable[[], Codec], flood: bytes) -> None:
    """Many megabytes go by; what the codec keeps does not grow with them."""
    codec = make()
    tracemalloc.start()
    try:
        for _ in range(20):
            codec.receive(flood)
            codec.outgoing()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(60):
            codec.receive(flood)
            codec.outgoing()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < MEBIBYTE // 8


@MAKE
def test_a_line_of_many_megabytes_is_one_event(make: Callable[[], Codec]) -> None:
    """And the conversation goes on after it."""
    codec = make()
    for _ in range(40):
        assert codec.receive(b"x" * 65536) == []
    assert codec.receive(b"\n") == [Garbled("a line longer than the limit", 40 * 65536)]
