"""tars' side of the protocol, as scripts: what the editor says, what tars says, what comes out."""

import json
from typing import Any

import msgspec
import pytest

from tars.control import contract as c
from tars.editor.asks import AnswerPermission, Ask, CancelTurn, Narrate, OpenSession, SendPrompt
from tars.editor.server import MAX_PROMPTS, Server
from tars.errors import Busy, NotRunning


class Script:
    """An editor and tars, both written by hand."""

    def __init__(self) -> None:
        self.server = Server("1.2")

    def say(self, method: str, id: Any = None, **params: Any) -> list[Ask]:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        return self.raw({**message, "id": id} if id is not None else message)

    def raw(self, message: Any) -> list[Ask]:
        return self.server.receive(json.dumps(message).encode())

    def out(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.server.outgoing().splitlines()]

    def code(self) -> int:
        [message] = self.out()
        code: int = message["error"]["code"]
        return code

    def prompt(self, id: int = 9, session: str = "s1") -> list[Ask]:
        return self.say("session/prompt", id, sessionId=session, prompt=TEXT)


TEXT = [{"type": "text", "text": "hi"}]
WAITING = c.PermissionStatus(
    id="p1",
    agent="a",
    title="Run it",
    tool_kind="execute",
    options=[c.OptionStatus(id="yes", name="Yes", kind="allow_once")],
    asked_at="",
    expires_in_seconds=5.0,
    tool_call="c7",
)


def greeted() -> Script:
    script = Script()
    assert script.say("initialize", 1, protocolVersion=1) == []
    [hello] = script.out()
    assert hello["result"]["protocolVersion"] == 1
    assert hello["result"]["agentInfo"]["version"] == "1.2"
    return script


def joined(current: str | None = "s1") -> Script:
    """Give an editor in the agent's conversation."""
    script = greeted()
    [ask] = script.say("session/new", 2, cwd="/", mcpServers=[])
    assert ask == OpenSession(2)
    script.server.opened(ask, "a", current)
    script.out()
    return script


def test_initialize_comes_first() -> None:
    """And what tars does not offer is refused at any time."""
    script = Script()
    assert not script.server.open
    script.say("session/new", 1, cwd="/")
    assert script.code() == -32600
    script.say("session/list", 2)
    assert script.code() == -32601
    assert script.say("some/notification") == []
    assert script.out() == []


@pytest.mark.parametrize(("line", "code"), [(b"{", -32700), (b"[]", -32600), (None, -32600)])
def test_what_is_no_message_is_answered(line: bytes | None, code: int) -> None:
    """Under no id."""
    script = Script()
    assert script.server.receive(line) == []
    assert script.code() == code


def test_a_session_is_the_agents() -> None:
    """Its id, and what tars knows of it; MCP servers are not passed on, and that is told."""
    script = greeted()
    told, ask = script.say("session/new", 2, cwd="/", mcpServers=[{"name": "x"}])
    assert isinstance(told, Narrate)
    assert isinstance(ask, OpenSession)
    script.server.opened(ask, "a", "s1")
    [answer] = script.out()
    assert answer["result"] == {
        "sessionId": "s1",
        "_meta": {"tars": {"agent": "a", "session": "s1"}},
    }
    assert script.server.open


def test_a_session_cannot_be_had_without_a_daemon() -> None:
    """The error says what to do."""
    script = greeted()
    script.say("session/new", 2, cwd="/")
    script.server.refused(2, NotRunning("tars is not running."))
    [answer] = script.out()
    assert "tars start" in answer["error"]["message"]


def test_an_earlier_session_is_joined_by_its_id() -> None:
    """Also a stand-in of another process, which means the current one."""
    script = greeted()
    for id, method in ((2, "session/load"), (3, "session/resume")):
        [ask] = script.say(method, id, sessionId="old", cwd="/")
        assert ask == OpenSession(id, "old")
        script.server.opened(ask, "a", "s1")
        [answer] = script.out()
        assert answer["result"] == {"_meta": {"tars": {"agent": "a", "session": "old"}}}
    assert script.prompt(session="old") == [SendPrompt(1, "hi", "old")]
    [ask] = script.say("session/load", 3, sessionId="tars-session-1", cwd="/")
    assert isinstance(ask, OpenSession)
    script.server.opened(ask, "a", "s1")
    script.out()
    assert script.prompt(session="tars-session-1") == [SendPrompt(2, "hi", "s1")]
    script.say("session/load", 4, cwd="/")
    assert script.code() == -32602


def test_a_stand_in_becomes_the_conversation_that_its_turn_tells() -> None:
    """The first prompt goes to the current one, the second by its name."""
    script = joined(None)
    session = "tars-session-1"
    assert script.prompt(session=session) == [SendPrompt(1, "hi", None)]
    script.server.happened(1, c.Accepted(turn="t", agent="a"))
    script.server.happened(1, c.Started(turn="t", session="new"))
    assert script.prompt(10, session) == [SendPrompt(2, "hi", "new")]
    script.server.happened(2, c.TurnResult(turn="u", agent="a", outcome="ok", session="newer"))
    assert script.prompt(11, session) == [SendPrompt(3, "hi", "newer")]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"sessionId": "other", "prompt": TEXT}, -32002),
        ({"prompt": TEXT}, -32002),
        ({"sessionId": "s1", "prompt": [{"type": "image"}]}, -32602),
        ({"sessionId": "s1"}, -32602),
    ],
)
def test_a_prompt_that_cannot_be_is_refused(params: dict[str, Any], code: int) -> None:
    """Nothing is asked of tars."""
    script = joined()
    assert script.say("session/prompt", 3, **params) == []
    assert script.code() == code


def test_a_turn_is_streamed() -> None:
    """Thoughts, text, a tool call and its changes; then the answer to the prompt."""
    script = joined()
    [ask] = script.prompt()
    assert isinstance(ask, SendPrompt)
    happened = script.server.happened
    happened(1, c.Accepted(turn="t", agent="a"))
    happened(1, c.Text(text="hm"), thought=True)
    happened(1, c.Text(text="hello"))
    for status in ("pending", "completed"):
        happened(1, c.Tool(id="c", title="t", kind="read", status=status))
    happened(1, c.Usage())
    happened(1, c.Started(turn="t", session=None))
    happened(1, c.TurnResult(turn="t", agent="a", outcome="ok", session="s1", text="hello"))
    *updates, answer = script.out()
    assert [u["params"]["update"]["sessionUpdate"] for u in updates] == [
        "agent_thought_chunk",
        "agent_message_chunk",
        "tool_call",
        "tool_call_update",
    ]
    assert {u["params"]["sessionId"] for u in updates} == {"s1"}
    assert (answer["id"], answer["result"]["stopReason"]) == (9, "end_turn")
    assert happened(1, c.Text(text="late")) == []
    assert script.out() == []


def said(script: Script) -> list[str]:
    updates = [m["params"]["update"] for m in script.out()]
    assert all(u["_meta"]["tars"]["aside"] in u["content"]["text"] for u in updates)
    return [u["content"]["text"] for u in updates]


def test_what_holds_a_turn_up_is_told_as_an_aside() -> None:
    """It is no part of the answer; that it goes on shows by itself."""
    script = joined()
    script.prompt()
    script.server.happened(1, c.Waiting(reason="the model's rate limit"))
    script.server.happened(1, c.Waiting(reason=""))
    assert said(script) == ["[tars: waiting: the model's rate limit]\n"]


def test_another_agent_may_take_over() -> None:
    """Its turn is the one to cancel, and its conversation is not the editor's."""
    script = joined(None)
    script.prompt(9, "tars-session-1")
    script.server.happened(1, c.Accepted(turn="t", agent="a"))
    fell = c.FellBack(from_agent="a", to_agent="b", turn="u", reason="no quota")
    assert script.server.happened(1, fell) == []
    assert said(script) == ["[tars: a failed (no quota); b has the prompt now]\n"]
    assert script.say("session/cancel", sessionId="tars-session-1") == [CancelTurn("u")]
    assert script.server.happened(1, fell) == [CancelTurn("u")]
    script.server.happened(1, c.TurnResult(turn="u", agent="b", outcome="ok", session="of b"))
    assert script.prompt(10, "tars-session-1") == [SendPrompt(2, "hi", None)]


def test_an_editor_that_read_too_slowly_gets_the_whole_answer() -> None:
    """At the end, with a word of why."""
    script = joined()
    script.prompt()
    script.server.happened(1, c.Lagged(dropped=7))
    script.server.happened(1, c.TurnResult(turn="t", agent="a", outcome="ok", text="all of it"))
    update, _ = script.out()
    assert update["params"]["update"]["content"]["text"].endswith("all of it")


def test_a_turn_may_fail_and_a_prompt_be_refused() -> None:
    """Each is the prompt's answer, and the only one."""
    script = joined()
    script.prompt(9)
    script.prompt(10)
    script.server.happened(1, c.TurnResult(turn="t", agent="a", outcome="timeout"))
    assert script.code() == -32603
    script.server.failed(2, Busy("No."))
    assert script.code() == -32603
    script.server.failed(2, Busy("No."))
    assert script.out() == []


def test_prompts_are_bounded() -> None:
    """More than so many of one editor are refused."""
    script = joined()
    for number in range(MAX_PROMPTS):
        assert script.prompt(100 + number)
    assert script.prompt(9) == []
    assert script.code() == -32603


def test_a_cancel_reaches_the_turn_however_early_it_comes() -> None:
    """Once it has one, and once only; a request may be named instead of the session."""
    script = joined()
    script.prompt(9)
    assert script.say("session/cancel", sessionId="s1") == []
    accepted = c.Accepted(turn="t", agent="a")
    assert script.server.happened(1, accepted) == [CancelTurn("t")]
    assert script.say("session/cancel", sessionId="s1") == []
    script.server.happened(1, c.TurnResult(turn="t", agent="a", outcome="ok"))
    assert script.out()[-1]["result"]["stopReason"] == "cancelled"
    script.prompt(10)
    script.server.happened(2, c.Accepted(turn="u", agent="a"))
    assert script.say("$/cancel_request", requestId=10) == [CancelTurn("u")]


def test_a_closed_session_cancels_what_runs_in_it() -> None:
    """And takes no prompts any more."""
    script = joined()
    script.prompt(9)
    script.server.happened(1, c.Accepted(turn="t", agent="a"))
    assert script.say("session/close", 5, sessionId="s1") == [CancelTurn("t")]
    script.server.happened(1, c.TurnResult(turn="t", agent="a", outcome="ok", session="s1"))
    script.out()
    assert script.prompt(10) == []
    assert script.code() == -32002


@pytest.mark.parametrize(
    "method", ["session/set_mode", "session/set_model", "session/set_config_option"]
)
def test_what_is_the_configurations_is_refused(method: str) -> None:
    """With the key to set."""
    script = joined()
    assert script.say(method, 3, sessionId="s1", modeId="x") == []
    [answer] = script.out()
    assert answer["error"]["code"] == -32601
    assert "config.toml" in answer["error"]["message"]
    script.say("authenticate", 4, methodId="x")
    assert script.code() == -32602


# Permissions.


def asked(script: Script, *waiting: c.PermissionStatus) -> list[dict[str, Any]]:
    script.server.waits(list(waiting), "s1")
    return script.out()


def answer(script: Script, id: Any, outcome: Any) -> list[Ask]:
    return script.raw({"jsonrpc": "2.0", "id": id, "result": {"outcome": outcome}})


def test_a_permission_is_put_to_the_editor_once() -> None:
    """With the tool call that it is of."""
    script = joined()
    [question] = asked(script, WAITING)
    assert question["method"] == "session/request_permission"
    assert question["params"]["toolCall"]["toolCallId"] == "c7"
    assert question["params"]["options"] == [
        {"optionId": "yes", "name": "Yes", "kind": "allow_once"}
    ]
    assert asked(script, WAITING) == []
    chosen = {"outcome": "selected", "optionId": "yes"}
    assert answer(script, question["id"], chosen) == [AnswerPermission("p1", "yes")]
    assert answer(script, question["id"], chosen) == []
    assert asked(script) == []


def test_a_permission_of_a_call_that_is_not_told_has_a_call_of_its_own() -> None:
    """The protocol wants an id."""
    [question] = asked(joined(), msgspec.structs.replace(WAITING, tool_call=""))
    assert question["params"]["toolCall"]["toolCallId"] == "permission-p1"


def test_a_permission_that_somebody_else_answered_is_withdrawn() -> None:
    """A late answer changes nothing."""
    script = joined()
    [question] = asked(script, WAITING)
    [withdrawn] = asked(script)
    assert withdrawn["method"] == "$/cancel_request"
    assert withdrawn["params"] == {"requestId": question["id"]}
    assert answer(script, question["id"], {"outcome": "selected", "optionId": "yes"}) == []


@pytest.mark.parametrize("outcome", [{"outcome": "cancelled"}, {"outcome": "selected"}, 5, None])
def test_an_editor_that_does_not_answer_leaves_it_to_others(outcome: Any) -> None:
    """Its time-out refuses it in the end."""
    script = joined()
    [question] = asked(script, WAITING)
    assert answer(script, question["id"], outcome) == []
    assert answer(script, "not ours", outcome) == []
    assert asked(script, WAITING) == []


def test_a_permission_of_another_conversation_is_not_the_editors() -> None:
    """Unless its session may become that one."""
    script = joined("s2")
    assert asked(script, WAITING) == []
    script = joined(None)
    [question] = asked(script, WAITING)
    assert question["params"]["sessionId"] == "tars-session-1"
