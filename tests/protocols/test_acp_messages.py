"""What an ACP agent's messages mean, one by one."""

import json
from typing import Any

import pytest
from msgspec import Raw

from tars.conversation.model import (
    Garbled,
    ModeChanged,
    ModelTokens,
    ReportedUsage,
    TextSaid,
    ThoughtSaid,
    ToolStatus,
)
from tars.protocols.acp_messages import (
    PROMPT_ENDED,
    CommandsListed,
    ToolReport,
    Unused,
    Update,
    ends_replay,
    read_update,
    reported_usage,
)


def read(kind: str, /, **members: Any) -> Update:
    return read_update(Raw(json.dumps({"sessionUpdate": kind, **members}).encode()))


def block(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def usage(**members: Any) -> ReportedUsage | None:
    ended = {"stopReason": "end_turn", **members}
    return reported_usage(PROMPT_ENDED.decode(json.dumps(ended).encode()))


@pytest.mark.parametrize(
    ("text", "update"),
    [
        ("hello", TextSaid("hello")),
        ("", TextSaid("")),
        ("[MODE_UPDATE] yolo", ModeChanged("yolo")),
        ("[MODE_UPDATE] yolo\n", ModeChanged("yolo")),
        ("[MODE_UPDATE] ", TextSaid("[MODE_UPDATE] ")),
        ("[MODE_UPDATE] is a word of the CLI", TextSaid("[MODE_UPDATE] is a word of the CLI")),
        ("say [MODE_UPDATE] yolo", TextSaid("say [MODE_UPDATE] yolo")),
    ],
)
def test_a_piece_of_the_answer_may_be_a_change_of_mode(text: str, update: Update) -> None:
    """Only where the whole piece is one."""
    assert read("agent_message_chunk", content=block(text)) == update


def test_a_thought_is_a_thought() -> None:
    """Whatever it says."""
    assert read("agent_thought_chunk", content=block("hm")) == ThoughtSaid("hm")


@pytest.mark.parametrize("kind", ["agent_message_chunk", "agent_thought_chunk"])
def test_pictures_and_sounds_are_not_used(kind: str) -> None:
    """Only text is text."""
    assert read(kind, content={"type": "image", "data": "AA=="}) == Unused()


@pytest.mark.parametrize("kind", ["tool_call", "tool_call_update"])
def test_a_tool_call_tells_what_it_touches_and_what_came_out(kind: str) -> None:
    """Paths from locations and changes, each once; output is the text of its contents."""
    content = [
        {"type": "content", "content": block("one ")},
        {"type": "content", "content": {"type": "image", "data": "AA=="}},
        {"type": "diff", "path": "/a", "oldText": None, "newText": "x"},
        {"type": "diff", "path": "/b", "oldText": "", "newText": "x"},
        {"type": "terminal", "terminalId": "t"},
        {"type": "content", "content": block("two")},
    ]
    locations = [{"path": "/a", "line": 3}]
    call = {"title": "Edit", "kind": "edit", "status": "completed", "rawInput": {"x": 1}}
    assert read(kind, toolCallId="t", content=content, locations=locations, **call) == ToolReport(
        "t", ToolStatus.COMPLETED, "Edit", "edit", ("/a", "/b"), "one two"
    )


@pytest.mark.parametrize("status", [None, "something_new"])
def test_a_tool_call_may_say_almost_nothing(status: str | None) -> None:
    """Null is as good as left out, and an unknown status is no change."""
    empty = dict.fromkeys(("title", "kind", "content", "locations"))
    assert read("tool_call_update", toolCallId="t", status=status, **empty) == ToolReport(
        "t", None, "", "", (), ""
    )


def test_a_change_of_mode_may_come_as_the_protocol_has_it() -> None:
    """Not every agent writes it into the answer."""
    assert read("current_mode_update", currentModeId="plan") == ModeChanged("plan")


def test_the_commands_mark_the_end_of_a_replay() -> None:
    """And nothing else does."""
    assert read("available_commands_update", availableCommands=5) == CommandsListed()
    assert ends_replay(Raw(b'{"sessionUpdate":"available_commands_update"}'))
    assert not ends_replay(Raw(b'{"sessionUpdate":"plan"}'))
    assert not ends_replay(Raw(b"5"))


@pytest.mark.parametrize("kind", ["plan", "user_message_chunk", "session_info_update"])
def test_an_update_that_tars_does_not_use_is_harmless(kind: str) -> None:
    """Whatever form its members have."""
    assert read(kind, content=5, status=[], title={"a": 1}, locations="x") == Unused()


@pytest.mark.parametrize(
    "kind", ["agent_message_chunk", "agent_thought_chunk", "tool_call", "current_mode_update"]
)
@pytest.mark.parametrize("content", [None, "s3cr3t", {"type": 5, "text": "s3cr3t"}])
def test_a_malformed_update_is_garbled_and_not_quoted(kind: str, content: Any) -> None:
    """Its kind is one that tars knows; its content may be an answer."""
    garbled = read(kind, content=content)
    assert isinstance(garbled, Garbled)
    assert kind in garbled.reason
    assert "s3cr3t" not in garbled.reason


def test_an_update_without_a_kind_is_garbled() -> None:
    """There is no telling what it is."""
    assert read_update(Raw(b"{}")) == Garbled("a session/update without its kind", 2)


def test_the_quota_is_the_sum_and_its_models() -> None:
    """Gemini CLI says no more: cached and thought tokens stay unknown."""
    tokens = {"input_tokens": 3300, "output_tokens": 60}
    quota = {"token_count": tokens, "model_usage": [{"model": "m", "token_count": tokens}]}
    assert usage(_meta={"quota": quota}) == ReportedUsage(
        3300, 60, models=(ModelTokens("m", 3300, 60),)
    )
    assert usage(_meta={"quota": {"token_count": tokens}}) == ReportedUsage(3300, 60)


def test_the_protocols_own_usage_is_taken_as_it_stands() -> None:
    """Where there is no quota; nothing is added up."""
    counts = {"totalTokens": 99, "inputTokens": 10, "outputTokens": 5}
    assert usage(usage=counts) == ReportedUsage(10, 5)
    assert usage(usage={**counts, "cachedReadTokens": 7, "thoughtTokens": 3}) == ReportedUsage(
        10, 5, 7, 3
    )
    quota = {"token_count": {"input_tokens": 1, "output_tokens": 2}}
    assert usage(usage=counts, _meta={"quota": quota}) == ReportedUsage(1, 2)
    assert usage(usage=counts, _meta={"other": 1}) == ReportedUsage(10, 5)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"_meta": None, "usage": None},
        {"_meta": {"quota": {"token_count": {"input_tokens": "many", "output_tokens": 1}}}},
        {"_meta": {"quota": {"token_count": {"input_tokens": -1, "output_tokens": 1}}}},
        {"_meta": {"quota": {"token_count": {"input_tokens": 2**63, "output_tokens": 1}}}},
        {"usage": {"inputTokens": 1}},
        {"usage": [1, 2]},
    ],
)
def test_usage_of_another_form_is_none(members: dict[str, Any]) -> None:
    """And impossible counts are none; the end of the turn is not spoiled."""
    assert usage(**members) is None
