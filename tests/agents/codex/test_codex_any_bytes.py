"""Whatever Codex prints, and however it is cut: no exception, one ending, bounded memory."""

import json
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.agents.codex.app_server import AppServer
from tars.conversation.model import Garbled, Opened, Said, TurnEnded
from tars.protocols.codec import Opening
from tars.protocols.lines import MEBIBYTE


def working() -> AppServer:
    """A codec whose turn runs: thread t1, turn u1."""
    codec = AppServer(line_limit=MEBIBYTE)
    codec.open(Opening("/cwd"))
    say(codec, id=1, result={"userAgent": "tars/0.169.0 (x)"})
    say(codec, id=2, result={"thread": {"id": "t1"}, "model": "m"})
    assert say(codec, id=3, result={"account": None}) == [
        Opened("t1", model="m", agent_version="0.169.0")
    ]
    codec.prompt("hi")
    say(codec, id=4, result={"turn": {"id": "u1"}})
    say(codec, method="turn/started", params={"threadId": "t1", "turn": {"id": "u1"}})
    return codec


def say(codec: AppServer, **message: object) -> list[Said]:
    codec.outgoing()
    return codec.receive(json.dumps(message).encode() + b"\n")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "id", "text", "status", "error", "message", "usage"]),
            inner | st.sampled_from(["agentMessage", "commandExecution", "failed", "completed"]),
            max_size=4,
        )
    ),
    max_leaves=6,
)
_params = _json | st.fixed_dictionaries(
    {"threadId": st.sampled_from(["t1", "t2"])},
    optional={
        "turn": st.fixed_dictionaries(
            {"id": st.sampled_from(["u1", "u2"])},
            optional={"status": st.text(max_size=3), "rootTurnId": st.just("u1"), "error": _json},
        ),
        "turnId": st.sampled_from(["u1", "u2"]),
        "item": _json
        | st.fixed_dictionaries(
            {
                "id": st.text(max_size=2),
                "type": st.sampled_from(
                    ["agentMessage", "commandExecution", "fileChange", "mcpToolCall", "new"]
                ),
            },
            optional={"status": _json, "changes": _json, "text": _json, "command": _json},
        ),
        "delta": st.text(max_size=3),
        "responseId": st.text(max_size=2),
        "usage": _json | st.just({"inputTokens": 1, "outputTokens": 1}),
        "tokenUsage": _json
        | st.fixed_dictionaries(
            {
                "total": st.fixed_dictionaries(
                    {"inputTokens": st.integers(-1, 3), "outputTokens": st.just(1)}
                ),
                "last": _json | st.just({"inputTokens": 1, "outputTokens": 1}),
            }
        ),
        "error": _json,
        "willRetry": st.booleans(),
        "rateLimits": _json,
        "permissions": _json,
        "requestId": st.sampled_from([0, "0", 7]),
        "availableDecisions": _json,
    },
)
_messages = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([0, 1, 5, "5", None]),
        "method": st.sampled_from(
            [
                "turn/started",
                "item/started",
                "item/completed",
                "item/agentMessage/delta",
                "item/reasoning/textDelta",
                "rawResponse/completed",
                "thread/tokenUsage/updated",
                "account/rateLimits/updated",
                "error",
                "serverRequest/resolved",
                "model/rerouted",
                "item/commandExecution/requestApproval",
                "item/fileChange/requestApproval",
                "item/permissions/requestApproval",
                "mcpServer/elicitation/request",
                "item/tool/requestUserInput",
                "new/thing",
            ]
        ),
        "params": _params,
        "result": _json,
        "error": _json | st.just({"code": -32600, "message": "thread not found"}),
    },
).map(lambda message: json.dumps(message).encode() + b"\n")

_bytes = st.lists(_messages | st.binary(max_size=20), max_size=8).map(b"".join)


def conversation(pieces: list[bytes]) -> list[Said]:
    codec = working()
    said = [said for piece in pieces for said in codec.receive(piece)]
    return said + codec.eof()


@given(data=_bytes, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_no_bytes_raise_and_the_turn_ends_once(data: bytes, cuts: list[int]) -> None:
    """However the bytes are cut, they say the same, and exactly one `TurnEnded` is in it."""
    said = conversation([data])
    assert sum(isinstance(s, TurnEnded) for s in said) == 1
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    assert conversation([data[a:b] for a, b in pairwise(edges)]) == said


@pytest.mark.parametrize(
    "message",
    [
        {"id": 7, "method": "item/tool/call"},
        {"method": "new/thing", "params": {}},
        {"id": 9, "result": {}},
        {"method": "turn/started", "params": {"threadId": "%", "turn": {"id": "u"}}},
        {
            "method": "turn/started",
            "params": {"threadId": "%", "turn": {"id": "%", "rootTurnId": "u1"}},
        },
        {
            "method": "rawResponse/completed",
            "params": {
                "threadId": "t1",
                "turnId": "u1",
                "responseId": "%",
                "usage": {"inputTokens": 1, "outputTokens": 1},
            },
        },
        {
            "method": "item/agentMessage/delta",
            "params": {"threadId": "t1", "itemId": "%", "delta": "x"},
        },
        {
            "id": "%",
            "method": "item/fileChange/requestApproval",
            "params": {"threadId": "t1", "itemId": "%"},
        },
    ],
    ids=["requests", "unknown", "answers", "turns", "subagents", "responses", "texts", "approvals"],
)
def test_a_flood_is_not_kept(message: dict[str, object]) -> None:
    """Many thousands of messages go by; what the codec keeps does not grow with them."""
    codec, template = working(), json.dumps(message)

    def flood(begin: int) -> None:
        for number in range(begin, begin + 2000):
            codec.receive(template.replace("%", str(number)).encode() + b"\n")
            codec.outgoing()

    flood(0)
    tracemalloc.start()
    try:
        flood(2000)
        before, _ = tracemalloc.get_traced_memory()
        flood(4000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < MEBIBYTE // 4


def test_a_line_of_many_megabytes_is_one_event() -> None:
    """And the conversation goes on after it."""
    codec = working()
    for _ in range(40):
        assert codec.receive(b"x" * 65536) == []
    assert codec.receive(b"\n") == [Garbled("a line longer than the limit", 40 * 65536)]
