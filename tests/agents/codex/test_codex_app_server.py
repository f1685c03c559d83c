"""The codec keeps its word to both sides, whatever order Codex answers in."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tars.agents.codex.app_server import AppServer
from tars.conversation.model import (
    Garbled,
    Opened,
    OpenFailed,
    PermissionAsked,
    ReportedUsage,
    Retrying,
    Said,
    Stop,
    TextSaid,
    TurnEnded,
    Unrecognised,
)
from tars.errors import FaultKind
from tars.protocols.codec import Opening


class Script:
    """Both ends: what Codex says, and what it heard."""

    def __init__(self, opening: Opening | None = None) -> None:
        self.codec = AppServer("1")
        self.refused: list[int] = []
        self.codec.open(opening or Opening("/cwd"))

    def heard(self) -> list[dict[str, Any]]:
        """What was sent since the last look."""
        return [json.loads(line) for line in self.codec.outgoing().splitlines()]

    def say(self, **message: Any) -> list[Said]:
        return self.codec.receive(json.dumps(message).encode() + b"\n")

    def answer(self, method: str, result: Any = None, error: str = "") -> list[Said]:
        """Answer the one request that was sent, which has to be this one."""
        sent = self.heard()
        [request] = [m for m in sent if "id" in m and "method" in m]
        self.refused += [m["id"] for m in sent if m.get("result") == {"decision": "decline"}]
        assert request["method"] == method
        if error:
            return self.say(id=request["id"], error={"code": -32600, "message": error})
        return self.say(id=request["id"], result=result if result is not None else {})

    def greet(self) -> None:
        self.answer("initialize", {"userAgent": "tars/0.169.0 (Debian)"})

    def ready(self, thread: str = "t1") -> None:
        self.greet()
        assert self.answer("thread/start", opened(thread)) == []
        [said] = self.answer("account/read", {"account": None, "requiresOpenaiAuth": False})
        assert isinstance(said, Opened)

    def begin(self, text: str = "hi", turn: str = "u1") -> None:
        """A turn that runs."""
        self.codec.prompt(text)
        assert self.answer("turn/start", {"turn": {"id": turn}}) == []
        self.tell("turn/started", turn={"id": turn})

    def tell(self, method: str, thread: str = "t1", **params: Any) -> list[Said]:
        return self.say(method=method, params={"threadId": thread, **params})

    def ask(self, method: str, id: int | str = 0, thread: str = "t1", **params: Any) -> list[Said]:
        return self.say(id=id, method=method, params={"threadId": thread, **params})

    def complete(self, status: str = "completed", turn: str = "u1", **more: Any) -> list[Said]:
        return self.tell("turn/completed", turn={"id": turn, "status": status, **more})


@pytest.fixture
def script() -> Script:
    """A codec that is ready for a prompt."""
    script = Script()
    script.ready()
    return script


def opened(thread: str = "t1", model: str = "m") -> dict[str, Any]:
    sandbox = {"type": "readOnly"}
    return {
        "thread": {"id": thread},
        "model": model,
        "approvalPolicy": "never",
        "sandbox": sandbox,
    }


APPROVAL = "item/commandExecution/requestApproval"


# --- opening -----------------------------------------------------------------


def test_a_thread_is_started_with_what_the_opening_wants() -> None:
    """Raw events are asked for, which need the experimental protocol."""
    script = Script(Opening("/cwd", model="m", mode="auto"))
    [hello] = script.heard()
    assert "jsonrpc" not in hello
    assert hello["params"]["capabilities"] == {"experimentalApi": True}
    script.say(id=1, result={"userAgent": "tars/0.169.0 (x)"})
    initialized, start = script.heard()
    assert initialized == {"method": "initialized", "params": {}}
    assert start["params"] == {
        "cwd": "/cwd",
        "model": "m",
        "approvalPolicy": "on-request",
        "sandbox": "workspace-write",
        "experimentalRawEvents": True,
    }


def test_a_thread_is_resumed_without_its_turns() -> None:
    """They may be many megabytes, and nobody asks for them."""
    script = Script(Opening("/cwd", "t9"))
    script.greet()
    resume = script.heard()[-1]
    assert resume["params"] == {"cwd": "/cwd", "threadId": "t9", "excludeTurns": True}
    script.say(id=resume["id"], result=opened("t9"))
    [said] = script.answer("account/read", {"account": {"type": "apiKey"}})
    assert said == Opened("t9", True, "m", "never/read-only", "0.169.0")
    assert script.codec.session_id == "t9"


def test_without_an_account_it_does_not_open() -> None:
    """A provider of one's own needs none, and a version that cannot tell is believed."""
    for answer, error, kind in (
        ({"account": None, "requiresOpenaiAuth": True}, "", OpenFailed),
        ({"account": {"type": "chatgpt"}, "requiresOpenaiAuth": True}, "", Opened),
        ({"account": 5}, "", Opened),
        (None, "unknown variant", Opened),
    ):
        script = Script()
        script.greet()
        script.answer("thread/start", opened())
        [said] = script.answer("account/read", answer, error)
        assert isinstance(said, kind)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("failed to load configuration: x", FaultKind.BAD_CONFIG),
        ("Invalid request: x", FaultKind.PROTOCOL),
    ],
)
def test_what_cannot_be_opened_says_why(error: str, kind: FaultKind) -> None:
    script = Script()
    script.greet()
    [said] = script.answer("thread/start", error=error)
    assert isinstance(said, OpenFailed)
    assert said.fault.kind is kind


def test_a_wrong_mode_is_not_sent() -> None:
    """Codex would answer with a list of words."""
    script = Script(Opening("/cwd", mode="yolo"))
    [said] = script.answer("initialize", {})
    assert isinstance(said, OpenFailed)
    assert said.fault.kind is FaultKind.BAD_CONFIG


@pytest.mark.parametrize(
    ("last", "kind"),
    [(b"", FaultKind.CRASHED), (b"Usage: nonsense\n", FaultKind.PROTOCOL)],
)
def test_an_end_before_it_is_ready(last: bytes, kind: FaultKind) -> None:
    """What speaks something else is told apart from what died."""
    script = Script()
    script.codec.receive(last)
    [said] = script.codec.eof()
    assert isinstance(said, OpenFailed)
    assert said.fault.kind is kind


def test_malformed_answers_fail_the_opening() -> None:
    for method, result in (("initialize", 5), ("thread/start", {"thread": {"id": ""}})):
        script = Script()
        if method == "thread/start":
            script.greet()
        [said] = script.answer(method, result)
        assert isinstance(said, OpenFailed)
        assert said.fault.kind is FaultKind.PROTOCOL


# --- turns -------------------------------------------------------------------


def test_a_second_prompt_is_never_sent(script: Script) -> None:
    """It would join the first one's turn."""
    script.begin()
    with pytest.raises(RuntimeError):
        script.codec.prompt("again")
    assert script.heard() == []


def test_pieces_of_an_answer_are_one_text(script: Script) -> None:
    """With work between them; one that did not come in pieces is told whole."""
    script.begin()
    said = script.tell("item/agentMessage/delta", itemId="a", delta="one")
    said += script.tell("item/agentMessage/delta", itemId="a", delta=" two")
    item = {"type": "agentMessage", "id": "a", "text": "one two"}
    said += script.tell("item/completed", item=item)
    item = {"type": "agentMessage", "id": "b", "text": "three"}
    said += script.tell("item/completed", item=item)
    assert said == [TextSaid("one"), TextSaid(" two"), TextSaid("\n\nthree")]
    assert script.complete() == [TurnEnded(Stop.DONE)]


def test_what_belongs_to_no_turn_of_ours_is_not_said(script: Script) -> None:
    """Another thread's words, ours before and after a turn; where the thread is none that was
    opened here, they are counted by that."""
    delta = {"itemId": "a", "delta": "x"}
    assert script.tell("item/agentMessage/delta", **delta) == []
    script.begin()
    strange = [Unrecognised("update for another session")]
    assert script.tell("item/agentMessage/delta", thread="t2", **delta) == strange
    assert script.complete(turn="u9") == []
    assert script.tell("turn/completed", thread="t2", turn={"id": "u1", "status": "failed"}) == []
    assert script.complete() == [TurnEnded(Stop.DONE)]
    assert script.complete() == []
    assert script.tell("item/agentMessage/delta", **delta) == []


def test_a_turn_may_end_before_its_beginning_is_answered(script: Script) -> None:
    """The end is kept for the answer."""
    script.codec.prompt("hi")
    assert script.complete() == []
    assert script.answer("turn/start", {"turn": {"id": "u1"}}) == [TurnEnded(Stop.DONE)]


def test_another_turns_end_is_not_ours(script: Script) -> None:
    """Codex began one by itself, and it ended while ours was on its way."""
    script.codec.prompt("hi")
    assert script.complete(turn="u0") == []
    assert script.answer("turn/start", {"turn": {"id": "u1"}}) == []
    assert script.complete() == [TurnEnded(Stop.DONE)]


def test_an_unknown_end_is_an_error(script: Script) -> None:
    script.begin()
    [ended] = script.complete("evaporated")
    assert isinstance(ended, TurnEnded)
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.PROTOCOL


def test_a_lost_thread_ends_the_turn_and_is_resumed_for_the_next(script: Script) -> None:
    script.codec.prompt("hi")
    [ended] = script.answer("turn/start", error="thread not found: t1")
    assert isinstance(ended, TurnEnded)
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.SESSION_UNKNOWN
    script.codec.prompt("hi")
    script.answer("thread/resume", opened())
    assert script.heard()[0]["method"] == "turn/start"


def test_a_prompt_may_go_to_another_thread(script: Script) -> None:
    """It is resumed first, and the next goes there too; the account is known by now."""
    script.codec.prompt("hi", "t2")
    [said] = script.answer("thread/resume", opened("t2"))
    assert isinstance(said, Opened)
    [start] = script.heard()
    assert start["params"]["threadId"] == script.codec.session_id == "t2"


def test_a_forgotten_session_gives_way_to_a_new_thread(script: Script) -> None:
    script.codec.forget_session()
    assert script.codec.session_id is None
    script.codec.prompt("hi")
    script.answer("thread/start", opened("t2"))
    assert script.heard()[0]["params"]["threadId"] == "t2"


def test_a_session_forgotten_while_it_is_resumed_is_not_opened() -> None:
    script = Script(Opening("/cwd", "t9"))
    script.greet()
    script.codec.forget_session()
    script.answer("thread/resume", opened("t9"))
    assert script.answer("account/read", {}) == []
    assert script.answer("thread/start", opened("t2")) == []
    [said] = script.answer("account/read", {})
    assert isinstance(said, Opened)
    assert (said.session_id, said.resumed) == ("t2", False)


# --- cancelling --------------------------------------------------------------


def interrupts(script: Script) -> list[dict[str, Any]]:
    return [m["params"] for m in script.heard() if m.get("method") == "turn/interrupt"]


@pytest.mark.parametrize("answer_first", [True, False])
def test_a_cancel_waits_until_the_turn_has_begun(script: Script, answer_first: bool) -> None:
    """Before that Codex refuses it, and the turn would run to its end."""
    script.codec.prompt("hi")
    [start] = script.heard()
    script.codec.cancel()
    assert interrupts(script) == []
    steps: list[Callable[[], list[Said]]] = [
        lambda: script.say(id=start["id"], result={"turn": {"id": "u1"}}),
        lambda: script.tell("turn/started", turn={"id": "u1"}),
    ]
    for step in steps if answer_first else reversed(steps):
        assert interrupts(script) == []
        step()
    assert interrupts(script) == [{"threadId": "t1", "turnId": "u1"}]
    script.codec.cancel()
    assert interrupts(script) == []
    cut = ReportedUsage(0, 0, cached=0, thoughts=0, cache_write=0, at_least=True)
    assert script.complete("interrupted") == [TurnEnded(Stop.CANCELLED, cut)]


def test_a_prompt_that_was_not_sent_is_cancelled_at_once() -> None:
    """When its thread is open, or cannot be."""
    script = Script()
    script.codec.prompt("hi")
    script.codec.cancel()
    script.greet()
    script.answer("thread/start", opened())
    said = script.answer("account/read", {})
    assert said[1:] == [TurnEnded(Stop.CANCELLED)]


def test_what_an_interrupted_turn_used_is_a_lower_bound(script: Script) -> None:
    """So is that of one whose process died."""
    usage = {"inputTokens": 9, "outputTokens": 5, "cachedInputTokens": 4}
    for status in ("interrupted", "died"):
        script.begin()
        script.tell("rawResponse/completed", turnId="u1", responseId=status, usage=usage)
        ended = script.codec.eof() if status == "died" else script.complete(status)
        assert isinstance(ended[-1], TurnEnded)
        cut = ReportedUsage(9, 5, cached=4, thoughts=0, cache_write=0, requests=1, at_least=True)
        assert ended[-1].usage == cut


def command(id: str) -> dict[str, str]:
    return {"type": "commandExecution", "id": id, "command": "x", "processId": f"p{id}"}


def test_an_interrupted_turn_leaves_no_command_running(script: Script) -> None:
    """Codex would let it run on. One that has ended is left alone."""
    script.begin()
    for id in ("a", "b"):
        script.tell("item/started", item=command(id))
    script.tell("item/completed", item={**command("b"), "status": "completed"})
    script.codec.cancel()
    script.complete("interrupted")
    sent = [m for m in script.heard() if m["method"].startswith("thread/background")]
    assert [m["params"] for m in sent] == [{"threadId": "t1", "processId": "pa"}]
    script.begin(turn="u2")
    assert script.complete(turn="u2") == [TurnEnded(Stop.DONE)]
    assert script.heard() == []


# --- requests ----------------------------------------------------------------


def test_a_permission_is_asked_and_answered(script: Script) -> None:
    script.begin()
    [asked] = script.ask(APPROVAL, itemId="c", command="make", availableDecisions=["accept"])
    assert isinstance(asked, PermissionAsked)
    assert (asked.title, asked.tool_kind, asked.call_id) == ("make", "execute", "c")
    assert [option.kind for option in asked.options] == ["allow_once", "reject_once"]
    script.codec.answer(asked.request_id, "accept")
    script.codec.answer(asked.request_id, "accept")
    assert script.heard() == [{"id": 0, "result": {"decision": "accept"}}]


@pytest.mark.parametrize(
    ("method", "params", "option", "answer"),
    [
        (APPROVAL, {}, "decline", {"decision": "decline"}),
        (APPROVAL, {}, "nonsense", {"decision": "decline"}),
        (APPROVAL, {}, None, {"decision": "cancel"}),
        (APPROVAL, {}, "acceptForSession", {"decision": "acceptForSession"}),
        (
            APPROVAL,
            {"availableDecisions": [{"acceptWithExecpolicyAmendment": {"a": ["x"]}}]},
            "acceptWithExecpolicyAmendment",
            {"decision": {"acceptWithExecpolicyAmendment": {"a": ["x"]}}},
        ),
        ("item/fileChange/requestApproval", {}, "accept", {"decision": "accept"}),
        (
            "item/permissions/requestApproval",
            {"permissions": {"network": {"enabled": True}}},
            "acceptForSession",
            {"permissions": {"network": {"enabled": True}}, "scope": "session"},
        ),
        (
            "item/permissions/requestApproval",
            {"permissions": {"network": {"enabled": True}}},
            "decline",
            {"permissions": {}, "scope": "turn"},
        ),
        (
            "mcpServer/elicitation/request",
            {"serverName": "s", "mode": "form", "message": "may I?"},
            "accept",
            {"action": "accept", "content": {}},
        ),
    ],
)
def test_each_request_has_its_answers(
    script: Script, method: str, params: dict[str, Any], option: str | None, answer: Any
) -> None:
    """An option that was not offered refuses."""
    script.begin()
    [asked] = script.ask(method, **params)
    assert isinstance(asked, PermissionAsked)
    script.codec.answer(asked.request_id, option)
    assert script.heard() == [{"id": 0, "result": answer}]


@pytest.mark.parametrize(
    ("method", "params", "answer"),
    [
        ("item/tool/requestUserInput", {}, {"result": {"answers": {}}}),
        (
            "mcpServer/elicitation/request",
            {"mode": "form", "requestedSchema": {"properties": {"name": {}}}},
            {"result": {"action": "decline"}},
        ),
        ("mcpServer/elicitation/request", {"mode": "url"}, {"result": {"action": "decline"}}),
        ("item/tool/call", {}, {"error": -32601}),
        ("new/thing", {}, {"error": -32601}),
    ],
)
def test_what_nobody_can_be_asked_is_refused_at_once(
    script: Script, method: str, params: dict[str, Any], answer: dict[str, Any]
) -> None:
    """And counted: a person may want it one day."""
    script.begin()
    assert script.ask(method, **params) == [Unrecognised(method)]
    [sent] = script.heard()
    if "error" in sent:
        sent["error"] = sent["error"]["code"]
    assert sent == {"id": 0, **answer}


def test_a_request_of_nobodys_turn_is_declined(script: Script) -> None:
    """Before a turn, for another thread, and after a cancel."""
    assert script.ask(APPROVAL, id=1) == []
    script.begin()
    assert script.ask(APPROVAL, id=2, thread="t2") == []
    script.codec.cancel()
    assert script.ask(APPROVAL, id=3) == []
    declined = [m["id"] for m in script.heard() if m.get("result") == {"decision": "decline"}]
    assert script.refused + declined == [1, 2, 3]


def test_a_subagents_request_is_asked(script: Script) -> None:
    """It works for the turn; its words are not the answer's."""
    script.begin()
    script.tell("turn/started", thread="t2", turn={"id": "u2", "rootTurnId": "u1"})
    [asked] = script.ask(APPROVAL, thread="t2", command="x")
    assert isinstance(asked, PermissionAsked)
    assert script.tell("item/agentMessage/delta", thread="t2", itemId="a", delta="x") == []


def test_open_requests_end_with_the_turn(script: Script) -> None:
    """Codex may have answered one by itself; 0 and "0" are two."""
    script.begin()
    for id in (0, "0", 1):
        assert isinstance(script.ask(APPROVAL, id=id)[0], PermissionAsked)
    assert isinstance(script.ask(APPROVAL, id=0)[0], Garbled)
    script.say(method="serverRequest/resolved", params={"threadId": "t1", "requestId": 0})
    script.complete("interrupted")
    assert [m["id"] for m in script.heard()] == ["0", 1]


def test_a_change_of_files_is_asked_by_their_names(script: Script) -> None:
    """The request does not say them, the item before it did."""
    script.begin()
    changes = [
        {"path": "/a", "kind": {"type": "add"}, "diff": "x\ny\x1b"},
        {"path": "/b", "kind": {"type": "add"}},
    ]
    script.tell("item/started", item={"type": "fileChange", "id": "c", "changes": changes})
    method = "item/fileChange/requestApproval"
    [asked] = script.ask(method, itemId="c")
    assert isinstance(asked, PermissionAsked)
    assert (asked.title, asked.tool_kind, asked.call_id) == ("edit /a, /b", "edit", "c")
    assert asked.details == "/a:\n  x\n  y\\x1b\n/b: "
    [asked] = script.ask(method, id=1, itemId="d", grantRoot="/r", reason="harmless")
    assert isinstance(asked, PermissionAsked)
    assert asked.title == "change files in /r (harmless)"
    assert asked.details == "grantRoot: /r\nreason: harmless"


def test_a_command_is_asked_for_as_it_is(script: Script) -> None:
    """In one line that shows its line ends, and whole in the details."""
    script.begin()
    [asked] = script.ask(APPROVAL, command="a\nrm \x1b[8mb", cwd="/w", reason="harmless")
    assert isinstance(asked, PermissionAsked)
    assert asked.title == "a ⏎ rm \\x1b[8mb"
    assert asked.details == "command:\n  a\n  rm \\x1b[8mb\ncwd: /w\nreason: harmless"
    wanted = {"network": {"enabled": True}}
    method = "item/permissions/requestApproval"
    [asked] = script.ask(method, id=1, permissions=wanted, reason="harmless")
    assert isinstance(asked, PermissionAsked)
    assert asked.title == 'more permissions: {"network": {"enabled": true}}'


def test_too_many_requests_are_declined(script: Script) -> None:
    script.begin()
    for id in range(64):
        assert script.ask(APPROVAL, id=id)
    assert script.ask(APPROVAL, id=64) == []
    assert [m["id"] for m in script.heard()] == [64]


# --- the rest ----------------------------------------------------------------


def test_waiting_is_told(script: Script) -> None:
    """What ends the turn is told by its end alone."""
    script.begin()
    error = {"message": "Reconnecting... 1/5", "codexErrorInfo": "other"}
    waiting = Retrying("the model's server; Reconnecting... 1/5")
    assert script.tell("error", error=error, willRetry=True) == [waiting]
    assert script.tell("error", error=error, willRetry=False) == []
    assert script.tell("error", thread="t2", error=error, willRetry=True) == []


def test_a_rerouted_models_name_is_taken(script: Script) -> None:
    script.begin()
    script.tell("model/rerouted", toModel="other")
    usage = {"inputTokens": 1, "outputTokens": 1}
    [counted] = script.tell("rawResponse/completed", turnId="u1", responseId="r", usage=usage)
    assert "model='other'" in repr(counted)


@pytest.mark.parametrize(
    "method",
    ["turn/started", "turn/completed", "error", "item/started", "rawResponse/completed"],
)
def test_malformed_messages_are_garbled(script: Script, method: str) -> None:
    assert isinstance(script.say(method=method, params=5)[0], Garbled)


def test_unknown_messages_are_counted_by_name(script: Script) -> None:
    """Those that are known and say nothing are not."""
    assert script.say(method="new/thing", params={}) == [Unrecognised("new/thing")]
    assert script.say(method="thread/name/updated", params={}) == []
    assert script.say(method="warning", params={"message": "x"}) == []
    assert script.codec.ignored == 2
