"""tars' words in the protocol's."""

import json
from typing import Any

import pytest

from tars.control import contract as c
from tars.editor import words
from tars.errors import Busy, NotRunning, SessionNotFound, TarsError


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        ([{"type": "text", "text": "hi"}, {"type": "text", "text": " you"}], "hi you"),
        ([{"type": "resource_link", "uri": "file:///a", "name": "a"}], "[a](file:///a)"),
        ([{"type": "resource_link", "uri": "file:///a"}], "[file:///a](file:///a)"),
        (
            [{"type": "resource", "resource": {"uri": "file:///a", "text": "x"}}],
            '\n<context uri="file:///a">\nx\n</context>\n',
        ),
    ],
)
def test_a_prompt_is_text(blocks: list[dict[str, Any]], text: str) -> None:
    """What an editor refers to is named, and what it hands over stands in it."""
    assert words.prompt_text(blocks) == text


@pytest.mark.parametrize(
    "blocks",
    [
        None,
        [],
        "hi",
        [{"type": "text", "text": "  "}],
        [{"type": "image", "data": "x"}],
        [{"type": "resource", "resource": {"uri": "file:///a", "blob": "x"}}],
        [5],
        [{}],
    ],
)
def test_a_prompt_that_is_not_text_is_refused(blocks: Any) -> None:
    """With the reason."""
    with pytest.raises(words.Unusable, match=r"\w"):
        words.prompt_text(blocks)


def result(outcome: str, **fields: Any) -> c.TurnResult:
    return c.TurnResult(turn="t", agent="a", outcome=outcome, **fields)


def test_an_end_has_its_reason_and_its_tokens() -> None:
    """The parts of the usage add up to its total."""
    used = c.Usage(
        input_tokens=1000,
        output_tokens=10,
        cached_tokens=600,
        cache_write_tokens=100,
        thought_tokens=5,
        net_tokens=400,
    )
    end = words.ended(result("ok", usage=used, cost_usd=0.5), cancelled=False)
    assert end is not None
    assert end["stopReason"] == "end_turn"
    assert end["usage"] == {
        "inputTokens": 300,
        "outputTokens": 15,
        "cachedReadTokens": 600,
        "cachedWriteTokens": 100,
        "thoughtTokens": 5,
        "totalTokens": 1015,
    }
    assert end["_meta"]["tars"]["costUsd"] == 0.5


def test_what_is_not_known_is_not_told() -> None:
    """A turn whose tokens nobody counted has no usage."""
    end = words.ended(result("refused"), cancelled=False)
    assert end is not None
    assert end["stopReason"] == "refusal"
    assert "usage" not in end


def test_an_editor_that_cancelled_is_told_so() -> None:
    """However the turn ended; one that did not has an error."""
    assert words.ended(result("error"), cancelled=False) is None
    end = words.ended(result("error"), cancelled=True)
    assert end is not None
    assert end["stopReason"] == "cancelled"


@pytest.mark.parametrize(
    ("kind", "code"), [("not_signed_in", -32000), ("bad_key", -32000), ("overloaded", -32603)]
)
def test_an_error_has_its_advice(kind: str, code: int) -> None:
    """An editor can offer to sign in for some."""
    fault = c.FaultStatus(kind=kind, message="It failed.", advice="Mend it.")
    error = json.loads(words.turn_error(1, result("error", error=fault)))["error"]
    assert (error["code"], error["message"]) == (code, "It failed. Mend it.")
    assert error["data"]["kind"] == kind
    bare = json.loads(words.turn_error(1, result("interrupted")))["error"]
    assert bare["message"] == "It was interrupted."


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (NotRunning("No daemon."), -32603, "not_running"),
        (SessionNotFound("No session."), -32002, "SessionNotFound"),
        (Busy("Busy."), -32603, "Busy"),
    ],
)
def test_a_refusal_of_tars_is_an_error(error: TarsError, code: int, kind: str) -> None:
    """Its class is in the data."""
    found = json.loads(words.tars_error(1, error))["error"]
    assert (found["code"], found["data"]["kind"]) == (code, kind)
    assert found["message"].startswith(str(error))


def test_a_tool_of_a_kind_that_the_protocol_does_not_have_is_other() -> None:
    """Editors refuse what they do not know."""
    tool = c.Tool(id="c", title="t", kind="levitate", status="pending")
    assert words.tool(tool, known=False)["kind"] == "other"
    assert words.tool(tool, known=True)["sessionUpdate"] == "tool_call_update"
