"""What Codex does comes out as tool calls, with what they touched and gave."""

import json
from typing import Any

import msgspec
import pytest

from tars.agents.codex import items
from tars.conversation.model import Garbled, Said, ToolCallChanged, ToolStatus, Unrecognised

RUNNING, COMPLETED, FAILED = ToolStatus.RUNNING, ToolStatus.COMPLETED, ToolStatus.FAILED


def read(completed: bool = True, **item: Any) -> Said | items.Answer | items.Nothing:
    raw = msgspec.Raw(json.dumps({"id": "i", **item}).encode())
    return items.read(raw, completed=completed)


@pytest.mark.parametrize(
    ("status", "completed", "expected"),
    [
        ("inProgress", False, RUNNING),
        ("completed", True, COMPLETED),
        ("failed", True, FAILED),
        ("declined", True, FAILED),
        ("aWordOfTomorrow", True, COMPLETED),
        ("aWordOfTomorrow", False, RUNNING),
    ],
)
def test_a_command(status: str, completed: bool, expected: ToolStatus) -> None:
    call = read(
        completed,
        type="commandExecution",
        command="make",
        status=status,
        commandActions=[{"type": "unknown", "command": "make"}],
        aggregatedOutput="done\n",
    )
    assert call == ToolCallChanged("i", expected, "make", "execute", output="done\n")


@pytest.mark.parametrize(
    ("actions", "kind"),
    [
        (["read"], "read"),
        (["read", "search"], "search"),
        (["listFiles"], "search"),
        ([], "execute"),
    ],
)
def test_a_command_that_only_looks(actions: list[str], kind: str) -> None:
    """Codex parses it, and names the files."""
    parsed = [{"type": action, "path": "/f"} for action in actions]
    call = read(type="commandExecution", command="x", commandActions=parsed)
    assert isinstance(call, ToolCallChanged)
    assert (call.kind, call.paths) == (kind, ("/f",) * len(actions))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ([{"type": "add"}, {"type": "update", "move_path": None}], "edit"),
        ([{"type": "delete"}], "delete"),
        ([{"type": "update", "move_path": "/g"}], "move"),
    ],
)
def test_changed_files(changes: list[dict[str, Any]], kind: str) -> None:
    """The output is the difference, once it is made."""
    told = [{"path": f"/{n}", "diff": f"+{n}", "kind": change} for n, change in enumerate(changes)]
    begun = read(False, type="fileChange", changes=told, status="inProgress")
    done = read(type="fileChange", changes=told, status="completed")
    paths = tuple(f"/{n}" for n in range(len(changes)))
    title = "move /0 → /g" if kind == "move" else f"{kind} {', '.join(paths)}"
    assert begun == ToolCallChanged("i", RUNNING, title, kind, paths)
    output = "\n".join(f"+{n}" for n in range(len(changes)))
    assert done == ToolCallChanged("i", COMPLETED, title, kind, paths, output)


def test_tools_of_servers() -> None:
    """What they answer in words, or why they failed."""
    content = [{"type": "text", "text": "a"}, {"type": "image"}, "x", {"text": "b"}]
    done = read(
        type="mcpToolCall", server="s", tool="t", status="completed", result={"content": content}
    )
    assert done == ToolCallChanged("i", COMPLETED, "s.t", "other", output="a\nb")
    failed = read(
        type="mcpToolCall", server="s", tool="t", status="failed", error={"message": "no"}
    )
    assert failed == ToolCallChanged("i", FAILED, "s.t", "other", output="no")
    dynamic = read(type="dynamicToolCall", namespace=None, tool="t", contentItems=[{"text": "c"}])
    assert dynamic == ToolCallChanged("i", COMPLETED, "t", "other", output="c")


def test_searches_and_pictures() -> None:
    search = read(False, type="webSearch", query="q", action=None)
    assert search == ToolCallChanged("i", RUNNING, "web search: q", "fetch")
    image = read(type="imageView", path="/p.png")
    assert image == ToolCallChanged("i", COMPLETED, "view /p.png", "read", ("/p.png",))
    made = read(type="imageGeneration", result="…", status="completed")
    assert made == ToolCallChanged("i", COMPLETED, "imageGeneration", "other")


def test_a_whole_answer_is_told_at_its_end() -> None:
    """For those whose pieces did not come."""
    assert read(False, type="agentMessage", text="") == items.Nothing()
    assert read(type="agentMessage", text="hi") == items.Answer("i", "hi")


def test_what_is_no_call_says_nothing() -> None:
    assert read(type="userMessage", content=[]) == items.Nothing()
    assert read(type="contextCompaction") == items.Nothing()


def test_what_is_new_is_counted_by_its_name() -> None:
    assert read(type="timeTravel", until="yesterday") == Unrecognised("item timeTravel")


@pytest.mark.parametrize(
    "item",
    [
        {"type": 5},
        {"type": "commandExecution", "command": 5},
        {"type": "agentMessage", "text": []},
        {"type": "fileChange", "changes": "x"},
        {"type": "mcpToolCall", "result": 5},
        {"type": "webSearch", "query": 5},
        {"type": "imageView", "path": {}},
    ],
)
def test_what_has_another_form_is_garbled(item: dict[str, Any]) -> None:
    assert isinstance(read(**item), Garbled)


def test_the_threads_of_subagents_are_found() -> None:
    """Only calls to subagents name them."""
    item = {"type": "collabAgentToolCall", "id": "i", "tool": "wait", "receiverThreadIds": ["a"]}
    assert items.subagents(msgspec.Raw(json.dumps(item).encode())) == ("a",)
    other = {"type": "mcpToolCall", "id": "i", "receiverThreadIds": ["a"]}
    assert items.subagents(msgspec.Raw(json.dumps(other).encode())) == ()
