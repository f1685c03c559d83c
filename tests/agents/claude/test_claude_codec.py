"""Claude Code's streaming JSON: opening, turns, sessions, cancelling, and how it all ends."""

import json
from typing import Any

import pytest

from tars.conversation.model import (
    ContextTold,
    Garbled,
    Limit,
    LimitsTold,
    ModeChanged,
    Opened,
    OpenFailed,
    PermissionAsked,
    ReportedUsage,
    RequestCounted,
    Retrying,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
    Unrecognised,
)
from tars.errors import FaultKind
from tars.protocols.codec import Opening
from tests.agents.claude.script import NOW, Script, busy, ready, used

OK = {"subtype": "success"}
BY_ITSELF = {"kind": "task-notification"}


def ended(said: list[Said]) -> TurnEnded:
    """The one end of a turn among what was said."""
    [end] = [one for one in said if isinstance(one, TurnEnded)]
    return end


# --- opening ----------------------------------------------------------------


def test_ready_means_that_it_answered() -> None:
    """The id of a new conversation is the one that the launch chose."""
    script = Script()
    models = [{"value": "default", "resolvedModel": "opus-9"}, {"value": "haiku"}]
    said = script.open(claude_code_version="2.1", current_permission_mode="plan", models=models)
    assert said == [Opened("s1", False, "opus-9", "plan", "2.1")]
    assert script.asked() == ["initialize"]
    assert script.codec.session_id == "s1"


def test_a_conversation_is_brought_back() -> None:
    """What it had used before is asked for, so that it is not counted again."""
    script = Script()
    assert script.resume() == [Opened("s1", True)]
    assert script.asked() == ["initialize", "get_usage"]


def test_a_conversation_that_is_gone_is_told() -> None:
    """The launch found nothing to bring back, and began another one."""
    script = Script()
    script.codec.open(Opening("/cwd", "s0", new_id="s1"))
    lost, opened = script.hello()
    assert isinstance(lost, SessionLost)
    assert (lost.session_id, opened) == ("s0", Opened("s1"))


def test_nobody_is_signed_in() -> None:
    """It says so in its handshake: no prompt has to fail for it."""
    script = Script()
    [failed] = script.open(account={"tokenSource": "none", "apiProvider": "firstParty"})
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.NOT_SIGNED_IN


@pytest.mark.parametrize(
    "account",
    [
        {"tokenSource": "none", "apiKeySource": "ANTHROPIC_API_KEY"},
        {"tokenSource": "claude.ai", "email": "a@b.c"},
        {"tokenSource": "none", "apiProvider": "bedrock"},
        {},
    ],
)
def test_every_way_to_sign_in_is_one(account: dict[str, str]) -> None:
    """A key, an account, another cloud; and who does not say is believed."""
    assert isinstance(Script().open(account=account)[0], Opened)


def test_it_does_not_know_the_conversation() -> None:
    """It says so instead of a hello, and goes; the next process gets a new one."""
    script = Script()
    script.codec.open(Opening("/cwd", "s0"))
    errors = ["No conversation found with session ID: s0"]
    lost, failed = script.result(is_error=True, errors=errors)
    assert isinstance(lost, SessionLost)
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.SESSION_UNKNOWN
    assert script.codec.eof() == []


def test_a_refused_hello_is_no_opening() -> None:
    """Whatever it is, it does not speak as Claude Code does."""
    script = Script()
    script.codec.open(Opening("/cwd", new_id="s1"))
    answer = {"subtype": "error", "request_id": "initialize", "error": "no"}
    [failed] = script.hear("control_response", response=answer)
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.PROTOCOL


@pytest.mark.parametrize("before", [b"", b"hello?\n"])
def test_it_goes_before_it_is_ready(before: bytes) -> None:
    """The opening failed, and the prompt that waited with it."""
    script = Script()
    script.codec.open(Opening("/cwd", new_id="s1"))
    script.codec.prompt("hi")
    script.codec.receive(before)
    failed, end = script.codec.eof()
    assert isinstance(failed, OpenFailed)
    assert isinstance(end, TurnEnded)
    assert end.stop is Stop.ERROR


# --- turns ------------------------------------------------------------------


def test_a_prompt_waits_for_the_opening() -> None:
    """It is sent when the handshake was answered, once."""
    script = Script()
    script.codec.open(Opening("/cwd", new_id="s1"))
    script.codec.prompt("hi")
    assert script.asked() == ["initialize"]
    script.hello()
    assert script.asked() == ["hi"]


def test_a_second_prompt_is_a_bug() -> None:
    """The agent would melt the two into one."""
    script = busy()
    with pytest.raises(RuntimeError):
        script.codec.prompt("there")


def test_any_text_is_one_line_of_json() -> None:
    """A line that is not JSON would end the process."""
    script = ready()
    text = 'two\nlines, "quotes", \0, and half a pair: \ud800'
    script.codec.prompt(text)
    data = script.codec.outgoing()
    assert data.count(b"\n") == 1
    assert json.loads(data)["message"]["content"] == text


def test_the_answer_streams() -> None:
    """Thoughts are apart, and blocks of text have an empty line between them."""
    script = busy()
    script.began()
    script.event("content_block_start")
    thought = {"type": "thinking_delta", "thinking": "hm"}
    assert script.event("content_block_delta", delta=thought) == [ThoughtSaid("hm")]
    script.event("content_block_start")
    assert script.text("one") == [TextSaid("one")]
    assert script.text(" two") == [TextSaid(" two")]
    script.event("content_block_start")
    assert script.text("three") == [TextSaid("\n\nthree")]
    message = {"id": "m1", "model": "opus", "content": [{"type": "text", "text": "one two"}]}
    assert script.hear("assistant", message=message) == []
    assert ended(script.result(result="three")).stop is Stop.DONE


def test_a_message_that_did_not_stream_is_told_whole() -> None:
    """After a broken stream it asks again without one; that is counted too."""
    script = busy()
    script.codec.receive(b"")
    message = {
        "id": "m2",
        "model": "opus",
        "content": [{"type": "text", "text": "whole"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 7},
    }
    text, counted = script.hear("assistant", message=message)
    assert text == TextSaid("whole")
    assert isinstance(counted, RequestCounted)
    assert (counted.request.input, counted.request.output) == (5, 7)
    assert script.hear("assistant", message={**message, "content": []}) == []


def test_a_command_of_its_own_answers_in_the_result() -> None:
    """`/context` asks no model."""
    assert TextSaid("Context: 1 %") in busy().result(result="Context: 1 %")


def test_a_tool_call_has_its_kind_its_paths_and_its_result() -> None:
    """In the protocol's words: what it does, and to which files."""
    script = busy()
    use = {"type": "tool_use", "id": "t1", "name": "Edit", "input": {"file_path": "/a/b.py"}}
    message = {"id": "m1", "model": "opus", "content": [use]}
    assert script.hear("assistant", message=message) == [
        ToolCallChanged("t1", ToolStatus.RUNNING, "Edit: /a/b.py", "edit", ("/a/b.py",))
    ]
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "done"}
    assert script.hear("user", message={"content": [result]}) == [
        ToolCallChanged("t1", ToolStatus.COMPLETED, output="done")
    ]


def test_a_subagents_words_are_not_the_answer() -> None:
    """Its tools are told, its text is not, and its requests are its own."""
    script = busy()
    script.began("m1")
    script.began("m9", parent="t1", input_tokens=3)
    assert script.text("inner", parent="t1") == []
    block = {"type": "text", "text": "inner"}
    message = {"id": "m9", "model": "opus", "content": [block]}
    assert script.hear("assistant", message=message, parent_tool_use_id="t1") == []
    [counted] = script.event("message_stop", parent="t1")
    assert isinstance(counted, RequestCounted)
    assert (counted.request.id, counted.request.subagent) == ("m9", "t1")
    assert script.text("outer") == [TextSaid("outer")]


def test_a_turn_that_it_began_by_itself_ends_nobodys_prompt() -> None:
    """A task in the background woke it; its requests are counted all the same."""
    script = busy()
    script.result(user_message_uuid="u1")
    script.codec.prompt("there")
    script.sent()
    script.began("m2", input_tokens=4)
    [counted] = script.result(origin=BY_ITSELF)
    assert isinstance(counted, RequestCounted)
    assert ended(script.result(user_message_uuid="u2")).stop is Stop.DONE


def test_a_prompt_that_waits_for_such_a_turn_is_not_answered_by_it() -> None:
    """The agent says when it takes a prompt; a cancel is heard by that turn alone."""
    script = busy()
    script.result(user_message_uuid="u1")
    script.codec.prompt("there")
    script.sent()
    script.hear("command_lifecycle", command_uuid="u2", state="queued")
    script.began("m2")
    assert script.text("to itself") == []
    script.codec.cancel()
    assert script.asked() == []
    script.result()
    script.hear("command_lifecycle", command_uuid="u2", state="started")
    script.init()
    assert script.asked() == ["interrupt"]
    assert script.text("to you") == [TextSaid("to you")]
    result = {"is_error": True, "terminal_reason": "aborted_streaming"}
    assert ended(script.result(user_message_uuid="u2", **result)).stop is Stop.CANCELLED
    assert script.hear("command_lifecycle", command_uuid="u2", state="completed") == []


def test_clearing_is_not_mistaken_for_such_a_turn() -> None:
    """Its result names what it answers, or at least no other origin."""
    script = busy()
    script.result(user_message_uuid="u1")
    script.codec.forget_session()
    script.codec.prompt("there")
    assert script.asked() == ["/clear"]
    script.result(origin=BY_ITSELF)
    assert script.asked() == []
    script.result(user_message_uuid="u3")
    assert script.asked() == ["there"]


def test_what_is_said_between_turns_is_nobodys() -> None:
    """Text, tools and retries without a prompt are dropped."""
    script = ready()
    script.began()
    assert script.text("hello?") == []
    use = {"type": "tool_use", "id": "t1", "name": "Bash"}
    assert script.hear("assistant", message={"id": "m1", "content": [use]}) == []
    result = {"type": "tool_result", "tool_use_id": "t1"}
    assert script.hear("user", message={"content": [result]}) == []
    assert script.hear("system", subtype="api_retry", attempt=1) == []


@pytest.mark.parametrize(
    ("members", "stop"),
    [
        ({"stop_reason": "end_turn"}, Stop.DONE),
        ({"stop_reason": "refusal"}, Stop.REFUSED),
        ({"stop_reason": "max_tokens"}, Stop.LIMIT),
        ({"is_error": True, "subtype": "error_max_turns"}, Stop.LIMIT),
        ({"is_error": True, "api_error_status": 529, "result": "no"}, Stop.ERROR),
        ({"is_error": True, "subtype": "error_during_execution"}, Stop.ERROR),
    ],
)
def test_how_a_turn_ends(members: dict[str, Any], stop: Stop) -> None:
    """An error is `is_error`; the subtype says success all the same."""
    end = ended(busy().result(**members))
    assert end.stop is stop
    assert (end.fault is not None) is (stop is Stop.ERROR)


def test_the_context_and_its_size_are_told() -> None:
    """The size comes with the first result; subagents have contexts of their own."""
    script = busy()
    [told] = script.began(input_tokens=1, cache_read_input_tokens=20)
    assert told == ContextTold(21)
    assert not any(isinstance(s, ContextTold) for s in script.began("m9", parent="t1"))
    script.init(model="opus[1m]")
    window = {"opus[1m]": {"inputTokens": 1, "contextWindow": 200}}
    assert ContextTold(21, 200) in script.result(modelUsage=window)


# --- what it waits for --------------------------------------------------------


def test_a_retry_says_until_when() -> None:
    """The delay that it tells begins now."""
    retry = {"attempt": 2, "retry_delay_ms": 1500, "error_status": 429, "error": "rate_limit"}
    [said] = busy().hear("system", subtype="api_retry", **retry)
    assert said == Retrying("the model's rate limit; attempt 2 failed", NOW + 1.5)


def test_the_accounts_limits_are_told() -> None:
    """Its utilization is a fraction. A refused request ends when its limit does."""
    script = busy()
    info = {
        "status": "rejected",
        "rateLimitType": "five_hour",
        "utilization": 1.0,
        "resetsAt": 2000,
        "unifiedWindows": {"seven_day": {"utilization": 0.25, "resetsAt": 9000}},
    }
    assert script.hear("rate_limit_event", rate_limit_info=info) == [
        LimitsTold(
            (
                Limit("seven_day", 25.0, 9000),
                Limit("five_hour", 100.0, 2000, "rejected"),
            )
        )
    ]
    end = ended(script.result(is_error=True, result="You've hit your session limit"))
    assert end.fault is not None
    assert (end.fault.kind, end.fault.until) == (FaultKind.QUOTA, 2000)


def test_a_limit_that_is_spoken_of_no_more_is_well_again() -> None:
    """Its name is left out then; a later error does not end with it."""
    script = busy()
    info = {"status": "rejected", "rateLimitType": "five_hour", "resetsAt": 2000}
    script.hear("rate_limit_event", rate_limit_info=info)
    [said] = script.hear("rate_limit_event", rate_limit_info={"status": "allowed"})
    assert said == LimitsTold((Limit("five_hour", None, 2000, "allowed"),))
    end = ended(script.result(is_error=True, api_error_status=429, result="No."))
    assert end.fault is not None
    assert (end.fault.kind, end.fault.until) == (FaultKind.RATE_LIMIT, None)
    assert ready().hear("rate_limit_event", rate_limit_info={"status": "allowed"}) == []


def test_an_error_may_say_itself_when_its_limit_ends() -> None:
    """It comes in the clothes of an answer, which is not told."""
    script = busy()
    info = {"status": "rejected", "rateLimitType": "seven_day", "resetsAt": 3000}
    message = {"id": "x", "model": "<synthetic>", "content": [{"type": "text", "text": "No."}]}
    error = {"rate_limit_info": info}
    [said] = script.hear("assistant", message=message, api_error_params=error)
    assert isinstance(said, LimitsTold)
    end = ended(script.result(is_error=True, api_error_status=429, result="No."))
    assert end.fault is not None
    assert end.fault.until == 3000


def test_a_change_of_mode_is_told_once() -> None:
    """It says its mode with every turn."""
    script = Script()
    script.open(current_permission_mode="default")
    assert script.init(permissionMode="default") == []
    status = {"status": None, "permissionMode": "plan"}
    assert script.hear("system", subtype="status", **status) == [ModeChanged("plan")]
    assert script.hear("system", subtype="status", **status) == []


# --- cancelling ---------------------------------------------------------------


def test_a_turn_under_way_is_interrupted_once() -> None:
    """A second wish changes nothing; without a turn there is nothing to do."""
    script = busy()
    script.codec.cancel()
    script.codec.cancel()
    assert script.asked() == ["interrupt"]
    result = {"is_error": True, "terminal_reason": "aborted_streaming"}
    assert ended(script.result(**result)).stop is Stop.CANCELLED
    script.codec.cancel()
    assert script.sent() == []


def test_a_cancel_that_comes_too_early_is_said_again() -> None:
    """The agent hears no interrupt before it has begun the turn."""
    script = ready()
    script.codec.prompt("hi")
    script.codec.cancel()
    assert script.asked() == ["hi"]
    script.init()
    assert script.asked() == ["interrupt"]
    script.began()
    assert script.asked() == ["interrupt"]


def test_a_prompt_that_waits_is_cancelled_unsent() -> None:
    """The agent never hears of it."""
    script = Script()
    script.codec.open(Opening("/cwd", new_id="s1"))
    script.codec.prompt("hi")
    script.codec.cancel()
    assert ended(script.hello()).stop is Stop.CANCELLED
    assert script.asked() == ["initialize"]


def test_what_an_interrupted_turn_had_used_is_a_lower_bound() -> None:
    """The request that was cut short is told as far as it came."""
    script = busy()
    script.began(input_tokens=10, output_tokens=1)
    script.codec.cancel()
    told = {"terminal_reason": "aborted_streaming", "modelUsage": {}, "total_cost_usd": 0}
    counted, end = script.result(is_error=True, **told)
    assert isinstance(counted, RequestCounted)
    assert (counted.request.input, counted.request.output) == (10, 1)
    assert isinstance(end, TurnEnded)
    assert end.usage == ReportedUsage(0, 0, 0, 0, cache_write=0, at_least=True)


def test_a_success_in_spite_of_the_cancel_is_one() -> None:
    """It was faster."""
    script = busy()
    script.codec.cancel()
    assert ended(script.result(result="Done.")).stop is Stop.DONE


def test_it_goes_in_mid_turn() -> None:
    """What was seen of the turn is told, and that it may be more."""
    script = busy()
    script.began(input_tokens=10)
    counted, end = script.codec.eof()
    assert isinstance(counted, RequestCounted)
    assert isinstance(end, TurnEnded)
    assert end.stop is Stop.ERROR
    assert end.usage is not None
    assert end.usage.at_least


# --- sessions -----------------------------------------------------------------


def test_a_new_conversation_is_begun_in_the_same_process() -> None:
    """It is cleared when the next prompt comes, which then is sent."""
    script = used()
    script.codec.forget_session()
    assert script.codec.session_id is None
    script.codec.prompt("there")
    assert script.asked() == ["/clear"]
    assert script.init("s2", model="opus") == [Opened("s2", False, "opus")]
    assert script.result(result="") == []
    assert script.asked() == ["there"]
    assert script.codec.session_id == "s2"
    script.init("s2")
    assert ended(script.result()).stop is Stop.DONE


def test_a_conversation_in_which_nothing_was_said_is_new_enough() -> None:
    """It needs no clearing, but its id is told again."""
    script = ready()
    script.codec.forget_session()
    script.codec.prompt("hi")
    assert script.asked() == ["hi"]
    assert script.init() == [Opened("s1")]


def test_a_cancel_while_it_clears() -> None:
    """The prompt is not sent; the conversation is the new one."""
    script = used()
    script.codec.forget_session()
    script.codec.prompt("there")
    script.codec.cancel()
    script.init("s2")
    assert ended(script.result()).stop is Stop.CANCELLED
    assert script.asked() == ["/clear"]
    assert script.codec.session_id == "s2"


def test_a_clearing_that_fails_ends_the_turn() -> None:
    """The prompt must not go to the conversation that was to be forgotten."""
    script = used()
    script.codec.forget_session()
    script.codec.prompt("there")
    assert ended(script.result(is_error=True, result="No.")).stop is Stop.ERROR
    assert script.asked() == ["/clear"]
    script.codec.prompt("again")
    assert script.asked() == ["/clear"]


def test_a_person_may_clear_it() -> None:
    """`/clear` as a prompt begins another conversation too, and that is told."""
    script = used()
    script.codec.prompt("/clear")
    assert Opened("s2") in script.init("s2")
    assert ended(script.result(result="")).stop is Stop.DONE


# --- questions ----------------------------------------------------------------


def ask(script: Script, id: str = "q1", **members: Any) -> list[Said]:
    """The agent asks whether it may."""
    question = {
        "subtype": "can_use_tool",
        "tool_name": "Bash",
        "tool_use_id": "t1",
        "input": {"command": "ls"},
        **members,
    }
    return script.hear("control_request", request_id=id, request=question)


SUGGESTED = [{"type": "addRules", "behavior": "allow"}]


@pytest.mark.parametrize(
    ("option", "answer"),
    [
        ("allow", {"behavior": "allow", "updatedInput": {"command": "ls"}}),
        (
            "allow_always",
            {
                "behavior": "allow",
                "updatedInput": {"command": "ls"},
                "updatedPermissions": SUGGESTED,
            },
        ),
        ("reject", {"behavior": "deny", "message": "The user does not allow this."}),
        (
            None,
            {"behavior": "deny", "message": "The user does not allow this.", "interrupt": True},
        ),
    ],
)
def test_a_question_is_answered_once(option: str | None, answer: dict[str, Any]) -> None:
    """In its own terms; no option says that the turn was cancelled."""
    script = busy()
    [asked] = ask(script, permission_suggestions=SUGGESTED)
    assert isinstance(asked, PermissionAsked)
    assert (asked.request_id, asked.title, asked.tool_kind) == ("q1", "Bash: ls", "execute")
    assert [o.kind for o in asked.options] == ["allow_once", "allow_always", "reject_once"]
    script.codec.answer("q1", option)
    [sent] = script.sent()
    assert sent["response"] == {**OK, "request_id": "q1", "response": answer}
    script.codec.answer("q1", "allow")
    assert script.sent() == []


@pytest.mark.parametrize(
    ("tool", "input", "title"),
    [
        ("Bash", {"description": "Print hello", "command": "rm -rf ~"}, "Bash: rm -rf ~"),
        ("Bash", {"command": "ls\n\x1b[2Krm x"}, "Bash: ls ⏎ \\x1b[2Krm x"),
        ("Bash", {"command": "x" * 3612}, f"Bash: {'x' * 200}… (3,412 characters more)"),
        ("WebFetch", {"prompt": "read", "url": "http://u"}, "WebFetch: http://u"),
        (
            "mcp__db__run",
            {"path": "a", "sql": "DROP"},
            'mcp__db__run: {"path": "a", "sql": "DROP"}',
        ),
        ("Agent", {"description": "look", "prompt": "Look around."}, "Agent: look"),
    ],
)
def test_a_question_shows_what_would_run(tool: str, input: dict[str, str], title: str) -> None:
    """Not what the model calls it; and nothing is cut or hidden without a sign."""
    [asked] = ask(busy(), tool_name=tool, input=input)
    assert isinstance(asked, PermissionAsked)
    assert asked.title == title
    assert all(name in asked.details for name in input)
    assert asked.details not in repr(asked)


def test_a_question_has_all_of_the_input() -> None:
    """What would run first, within the bound; control characters can be seen."""
    [asked] = ask(busy(), input={"description": "d" * 20_000, "command": "ls\nrm \x1bx"})
    assert isinstance(asked, PermissionAsked)
    assert asked.details.startswith("command:\n  ls\n  rm \\x1bx\ndescription: ddd")
    assert asked.details.endswith(" characters more)")
    assert len(asked.details) < 10_100


def test_for_good_is_offered_only_where_it_means_something() -> None:
    """Without a suggestion there is nothing to remember."""
    [asked] = ask(busy())
    assert isinstance(asked, PermissionAsked)
    assert [o.id for o in asked.options] == ["allow", "reject"]


def test_a_question_that_was_withdrawn_gets_no_answer() -> None:
    """The agent no longer waits for it; nor after the turn."""
    script = busy()
    ask(script)
    assert script.hear("control_cancel_request", request_id="q1") == []
    ask(script, "q2")
    script.result()
    script.codec.answer("q1", "allow")
    script.codec.answer("q2", "allow")
    assert script.sent() == []


def test_a_question_that_nobody_would_answer_is_refused_at_once() -> None:
    """Without a turn, in one that is cancelled, and when too many are open."""
    script = ready()
    assert ask(script) == []
    assert script.sent()[0]["response"]["response"]["behavior"] == "deny"
    script = busy()
    for n in range(64):
        assert ask(script, f"q{n}") != []
    assert ask(script, "q64") == []
    script.codec.cancel()
    assert ask(script, "q65") == []


def test_the_same_question_twice_is_no_question() -> None:
    """The first one is still open."""
    script = busy()
    ask(script)
    assert isinstance(ask(script)[0], Garbled)


def test_what_tars_does_not_offer_is_refused() -> None:
    """Every question gets an answer: the agent waits for it."""
    script = ready()
    question = {"subtype": "mcp_message"}
    [said] = script.hear("control_request", request_id="q1", request=question)
    assert said == Unrecognised("control_request/mcp_message")
    assert script.sent()[0]["response"]["subtype"] == "error"


# --- what is not understood -----------------------------------------------------


def test_what_is_unknown_is_counted_by_its_name() -> None:
    """A newer version says more; the conversation goes on."""
    script = busy()
    assert script.hear("brand_new", x=1) == [Unrecognised("brand_new")]
    assert script.hear("system", subtype="new") == [Unrecognised("system/new")]
    assert script.hear("keep_alive") == []
    assert script.codec.ignored == 3


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[]",
        b'{"type":"result","is_error":"yes"}',
        b'{"type":"stream_event","event":7}',
        b'{"type":"assistant","message":{"content":7}}',
        b'{"type":"user"}',
        b'{"type":"control_request"}',
        b'{"type":"control_cancel_request"}',
        b'{"type":"control_response"}',
        b'{"type":"system","subtype":"init"}',
        b'{"type":"system","subtype":"status","status":7}',
        b'{"type":"system","subtype":"api_retry","attempt":-1}',
        b'{"type":"rate_limit_event"}',
        b'{"type":"command_lifecycle"}',
    ],
)
def test_what_makes_no_sense_is_garbled(line: bytes) -> None:
    """The conversation goes on, and nothing of the line is quoted."""
    script = busy()
    assert isinstance(script.codec.receive(line + b"\n")[0], Garbled)
    assert ended(script.result()).stop is Stop.DONE


def test_an_endless_line_is_dropped() -> None:
    """In bounded memory."""
    script = Script(line_limit=100)
    script.open()
    assert isinstance(script.codec.receive(b"x" * 200 + b"\n")[0], Garbled)


def test_silence_says_nothing() -> None:
    """There is no replay to wait for."""
    codec = ready().codec
    assert (codec.quiet_seconds, codec.settle()) == (None, [])


def test_what_a_resumed_session_had_used_is_known_before_its_first_turn() -> None:
    """An older version's results have only totals, which may go on from there."""
    script = Script()
    script.resume()
    before = {"opus": {"inputTokens": 100, "outputTokens": 10}}
    script.control("get_usage", session={"model_usage": before, "total_cost_usd": 1})
    script.codec.prompt("hi")
    script.init()
    totals = {"opus": {"inputTokens": 130, "outputTokens": 14}}
    end = ended(script.result(modelUsage=totals, total_cost_usd=1.5))
    assert end.usage is not None
    assert (end.usage.input, end.usage.output, end.usage.cost_microusd) == (30, 4, 500_000)
