"""What one ACP agent does differently from another, and what the protocol lets it."""

from typing import Any

import pytest

from tars.accounting.meter import Meter
from tars.accounting.rules import UsageRule
from tars.conversation.model import (
    ContextTold,
    Garbled,
    Opened,
    OpenFailed,
    ReportedUsage,
    RequestCounted,
    RequestUsage,
    Retrying,
    Said,
    Scope,
    SessionLost,
    Stop,
    TextSaid,
    ToolCallChanged,
    TurnEnded,
    Unrecognised,
)
from tars.errors import Fault, FaultKind
from tars.protocols.acp import Acp
from tars.protocols.acp_dialect import Dialect
from tars.protocols.codec import Opening
from tests.support.acp_script import HELLO, NEW, Script

FULL = Fault(FaultKind.CONTEXT_FULL, "The context is full.")


def counted_by(rule: UsageRule) -> Script:
    """Give an agent whose usage goes by this rule, in a turn in its session s1."""
    script = Script(
        Acp(
            "1.2",
            recognise=lambda _: Dialect(
                Meter(rule, "m"),
                unveil=lambda piece: FULL if piece == "full!" else None,
                asides={"wait a bit": "the server"},
            ),
        )
    )
    script.open()
    script.begin()
    return script


def asked_for(script: Script, opening: Opening, *, can: dict[str, Any]) -> dict[str, Any]:
    """Answer the handshake of an agent that can this, and give the next request's params."""
    script.codec.open(opening)
    script.expect("initialize")
    script.answer({**HELLO, "agentCapabilities": can})
    [message] = script.sent()
    script._id = message["id"]
    return {"method": message["method"], **message["params"]}


# How a session comes back.


def test_a_session_is_resumed_where_it_cannot_be_loaded() -> None:
    """There is no replay to wait for."""
    script = Script()
    can: dict[str, Any] = {"sessionCapabilities": {"resume": {}}}
    asked = asked_for(script, Opening("/cwd", "s1"), can=can)
    assert asked == {
        "method": "session/resume",
        "sessionId": "s1",
        "cwd": "/cwd",
        "mcpServers": [],
    }
    assert script.answer({}) == [Opened("s1", resumed=True, agent_version="9")]
    assert script.codec.quiet_seconds is None


@pytest.mark.parametrize("resume", [{"resume": None}, {}, None, "resume", ["resume"]])
def test_an_agent_that_offers_neither_begins_anew(resume: Any) -> None:
    """And says that the conversation is lost."""
    script = Script()
    script.codec.open(Opening("/cwd", "s1"))
    script.expect("initialize")
    said = script.answer({**HELLO, "agentCapabilities": {"sessionCapabilities": resume}})
    assert said == [SessionLost("s1", "The agent keeps no sessions.")]
    script.expect("session/new")


def test_a_load_is_preferred_and_its_replay_waited_for_as_long_as_told() -> None:
    """As the caller knows the agent."""
    script = Script(Acp(replay_seconds=0.25))
    can = {"loadSession": True, "sessionCapabilities": {"resume": {}}}
    assert asked_for(script, Opening("/cwd", "s1"), can=can)["method"] == "session/load"
    script.answer(None)
    assert script.codec.quiet_seconds == 0.25
    assert script.codec.settle() == [Opened("s1", resumed=True, agent_version="9")]


# How mode and model are chosen.


def option(category: str, current: str, *values: str) -> dict[str, Any]:
    return {
        "id": f"the-{category}",
        "category": category,
        "type": "select",
        "currentValue": current,
        "options": [{"value": v, "name": v} for v in values],
    }


def test_mode_and_model_may_be_options_of_the_session() -> None:
    """Each is set with its own option's id, and not where it is so already."""
    script = Script()
    opening = Opening("/cwd", mode="plan", model="big")
    asked_for(script, opening, can={})
    options = [option("mode", "ask", "ask", "plan"), option("model", "small", "small", "big")]
    assert script.answer({"sessionId": "s1", "configOptions": options}) == []
    assert script.expect("session/set_config_option") == {
        "sessionId": "s1",
        "configId": "the-mode",
        "value": "plan",
    }
    assert script.answer({"configOptions": []}) == []
    assert script.expect("session/set_config_option")["configId"] == "the-model"
    [opened] = script.answer({"configOptions": []})
    assert opened == Opened("s1", model="big", mode="plan", agent_version="9")


def test_an_option_is_used_where_it_offers_what_is_wanted() -> None:
    """Codex's adapter has both ways, with names of its own in each."""
    both = {**NEW, "configOptions": [option("model", "g5", "g5", "g6")]}
    for wanted, method in (("g6", "session/set_config_option"), ("g6[low]", "session/set_model")):
        script = Script()
        asked_for(script, Opening("/cwd", model=wanted), can={})
        script.answer(both)
        script.expect(method)
        [opened] = script.answer({})
        assert isinstance(opened, Opened)
        assert opened.model == wanted


def test_options_may_stand_in_groups() -> None:
    """The protocol lets an agent order its models by their makers."""
    script = Script()
    grouped = option("model", "a")
    grouped["options"] = [{"group": "x", "options": [{"value": "b", "name": "b"}]}, 5]
    asked_for(script, Opening("/cwd", model="b"), can={})
    script.answer({**NEW, "configOptions": [grouped]})
    script.expect("session/set_config_option")


@pytest.mark.parametrize("options", [5, [5], [{"id": "x"}], [option("model", "m")], None])
def test_options_of_another_form_are_as_if_they_were_not_there(options: Any) -> None:
    """The session opens with what else the agent says."""
    script = Script()
    asked_for(script, Opening("/cwd"), can={})
    if isinstance(options, list) and isinstance(options[0], dict):
        options[0]["currentValue"] = 5
    [opened] = script.answer({**NEW, "configOptions": options})
    assert isinstance(opened, Opened)
    assert opened.model == "m1"


# Who is not signed in.


def sign_in(methods: Any) -> str:
    script = Script(Acp(recognise=lambda _: Dialect()))
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    script.answer({**HELLO, "authMethods": methods})
    script.expect("session/new")
    [failed] = script.refuse(-32000, "Authentication required")
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.NOT_SIGNED_IN
    return failed.fault.advice


def test_somebody_who_is_not_signed_in_is_told_what_the_agent_offers() -> None:
    """Its own ways, with their descriptions, and a few of them only."""
    methods = [{"id": "a", "name": "Log in", "description": "Run `x login`\nin a terminal"}]
    more = [{"id": str(n), "name": f"Way {n}"} for n in range(9)]
    advice = sign_in([*methods, *more])
    assert advice.startswith("The agent offers: Log in (Run `x login`")
    assert "Way 3" in advice
    assert "Way 4" not in advice
    assert advice.endswith("Then `tars restart`.")


@pytest.mark.parametrize("methods", [[], None, 5, [{"id": "a"}]])
def test_an_agent_that_offers_nothing_has_a_command_of_its_own(methods: Any) -> None:
    """Or it takes a key."""
    assert "the agent's own command" in sign_in(methods)


# What it says of its context and cost.


def fill(script: Script, **members: Any) -> list[Said]:
    return script.update("usage_update", **members)


def test_the_fill_of_the_context_is_told_in_a_turn_and_after_it() -> None:
    """Kimi tells it when the turn is over."""
    script = counted_by(UsageRule.NONE)
    assert fill(script, used=3475, size=200000) == [ContextTold(3475, 200000)]
    assert script.answer({"stopReason": "end_turn"}) == [TurnEnded(Stop.DONE)]
    assert fill(script, used=3480) == [ContextTold(3480, 0)]


def test_an_empty_context_is_none() -> None:
    """opencode says 0 of a turn that failed. What is malformed is garbled, and not quoted."""
    script = counted_by(UsageRule.NONE)
    assert fill(script, used=0, size=200000) == []
    assert fill(script, used="s3cr3t") == [Garbled("a malformed usage_update", 51)]
    elsewhere = script.update("usage_update", "elsewhere", used=5)
    assert elsewhere == [Unrecognised("update for another session")]
    plain = Script()
    plain.open()
    assert fill(plain, used=5, size=10) == [ContextTold(5, 10)]


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        ({"amount": 0.0075306, "currency": "USD"}, 7531),
        ({"amount": 2, "currency": "usd"}, 2_000_000),
        ({"amount": 2, "currency": "EUR"}, None),
        ({"amount": -1, "currency": "USD"}, None),
        ({"amount": 1e300, "currency": "USD"}, None),
        (5, None),
    ],
)
def test_a_turn_costs_the_difference(cost: Any, told: int | None) -> None:
    """In dollars, where it is a sensible figure."""
    script = counted_by(UsageRule.PER_TURN)
    fill(script, used=10, size=100, cost=cost)
    usage = {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11}
    *_, ended = script.answer({"stopReason": "end_turn", "usage": usage})
    assert isinstance(ended, TurnEnded)
    assert ended.usage == ReportedUsage(10, 1, 0, 0, cache_write=0, cost_microusd=told)


# What it counts.


def test_the_counters_go_on_record_as_they_came() -> None:
    """The unstable field and the extension, each by its own names."""
    script = counted_by(UsageRule.PER_TURN)
    usage = {"inputTokens": 98, "outputTokens": 128, "totalTokens": 3602, "cachedReadTokens": 3088}
    usage["cachedWriteTokens"] = 288
    count = {"inputTokens": 98, "outputTokens": 128, "totalTokens": 3602}
    count |= {"cachedInputTokens": 3088, "cacheWriteInputTokens": 288}
    quota = {"token_count": count, "model_usage": [{"model": "m", "token_count": count}]}
    counted, ended = script.answer(
        {"stopReason": "end_turn", "usage": usage, "_meta": {"quota": quota, "x": 1}}
    )
    assert isinstance(counted, RequestCounted)
    assert (counted.request.scope, counted.request.model) == (Scope.TURN, "m")
    assert '"cacheWriteInputTokens": 288' in counted.request.raw
    assert isinstance(ended, TurnEnded)
    assert ended.usage is not None
    assert (ended.usage.input, ended.usage.cache_write) == (3474, 288)
    assert [m.model for m in ended.usage.models] == ["m"]


def test_the_extension_alone_counts_too() -> None:
    """And a `usage` of another form is kept for the record."""
    script = counted_by(UsageRule.PER_TURN)
    count = {"inputTokens": 10, "outputTokens": 1}
    quota = {"token_count": count, "model_usage": []}
    _, ended = script.answer({"stopReason": "end_turn", "_meta": {"quota": quota}})
    assert isinstance(ended, TurnEnded)
    assert ended.usage is not None
    assert ended.usage.input == 10
    script.begin()
    said = script.answer({"stopReason": "end_turn", "usage": {"tokens": 5}})
    assert said == [TurnEnded(Stop.DONE)]


@pytest.mark.parametrize(
    "members",
    [
        {"usage": None, "_meta": {"quota": {"token_count": None, "model_usage": []}}},
        {"usage": None, "_meta": 5},
        {"_meta": {"quota": 5}},
        {},
    ],
)
def test_an_end_that_counts_nothing_has_no_usage(members: dict[str, Any]) -> None:
    """Codex's adapter says null of a turn that was cancelled."""
    script = counted_by(UsageRule.PER_TURN)
    assert script.answer({"stopReason": "cancelled", **members}) == [TurnEnded(Stop.CANCELLED)]


def test_counters_that_are_far_too_long_are_not_kept() -> None:
    """A record has its limit."""
    script = counted_by(UsageRule.PER_TURN)
    usage = {"inputTokens": 10, "outputTokens": 1, "x": "y" * 100_000}
    counted, _ = script.answer({"stopReason": "end_turn", "usage": usage})
    assert isinstance(counted, RequestCounted)
    assert counted.request.raw == '{"cut":true}'


def test_a_piece_may_count_a_request() -> None:
    """Qwen's is empty, and no piece of the answer then."""
    script = counted_by(UsageRule.PER_CALL)
    usage = {"inputTokens": 5407, "outputTokens": 447, "totalTokens": 5854}
    counted = RequestCounted(RequestUsage("m-1", "", 5407, 447, raw=_raw(usage)))
    piece: dict[str, Any] = {"content": {"type": "text", "text": ""}, "_meta": {"usage": usage}}
    assert script.update("agent_message_chunk", **piece) == [counted]
    spoken = {**piece, "content": {"type": "text", "text": "hi"}}
    said = script.update("agent_message_chunk", **spoken)
    assert [type(s) for s in said] == [TextSaid, RequestCounted]
    assert script.update("agent_message_chunk", **{**spoken, "_meta": 5, "messageId": 5}) == [
        TextSaid("hi")
    ]
    assert script.update("agent_message_chunk", **{**spoken, "_meta": {"usage": 5}}) == [
        TextSaid("hi")
    ]


def test_a_piece_may_count_a_request_that_is_not_counted() -> None:
    """The agent counts otherwise; the piece is still a piece."""
    script = counted_by(UsageRule.NONE)
    usage = {"inputTokens": 5407, "outputTokens": 447}
    piece: dict[str, Any] = {"content": {"type": "text", "text": "hi"}, "_meta": {"usage": usage}}
    assert script.update("agent_message_chunk", **piece) == [TextSaid("hi")]


def test_two_messages_or_a_tool_are_several_requests() -> None:
    """The figure of the last one is a lower bound then."""
    for another in ({"messageId": "b"}, None):
        script = counted_by(UsageRule.LAST_STEP)
        content = {"type": "text", "text": "x"}
        script.update("agent_message_chunk", content=content, messageId="a")
        if another is None:
            script.update("tool_call", toolCallId="c", title="t")
        else:
            script.update("agent_message_chunk", content=content, **another)
        usage = {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11}
        *_, ended = script.answer({"stopReason": "end_turn", "usage": usage})
        assert isinstance(ended, TurnEnded)
        assert ended.usage is not None
        assert ended.usage.at_least


def _raw(usage: dict[str, int]) -> str:
    pairs = ", ".join(f'"{name}": {count}' for name, count in usage.items())
    return f'{{"usage":{{{pairs}}}}}'


# What is not what it seems.


def test_an_error_that_is_told_as_an_answer_is_an_error() -> None:
    """Where nothing was counted, and the last piece is what an error looks like."""
    script = counted_by(UsageRule.PER_TURN)
    script.text("full!")
    assert script.answer({"stopReason": "end_turn", "usage": None}) == [
        TurnEnded(Stop.ERROR, fault=FULL)
    ]


def test_an_answer_that_looks_like_an_error_is_an_answer() -> None:
    """It was paid for; one that was followed by another piece is none either."""
    script = counted_by(UsageRule.PER_TURN)
    script.text("full!")
    usage = {"inputTokens": 10, "outputTokens": 1}
    *_, ended = script.answer({"stopReason": "end_turn", "usage": usage})
    assert isinstance(ended, TurnEnded)
    assert ended.stop is Stop.DONE
    script.begin()
    script.text("full!")
    script.text("no")
    assert script.answer({"stopReason": "end_turn"}) == [TurnEnded(Stop.DONE)]
    script.begin()
    assert script.answer({"stopReason": "end_turn"}) == [TurnEnded(Stop.DONE)]


def test_an_aside_is_no_answer() -> None:
    """It says why the turn takes so long."""
    script = counted_by(UsageRule.PER_TURN)
    assert script.text("wait a bit") == [Retrying("the server")]


# What a tool gave.


@pytest.mark.parametrize(
    ("members", "output"),
    [
        ({"rawOutput": "plain"}, "plain"),
        ({"rawOutput": {"output": "of opencode", "metadata": {}}}, "of opencode"),
        ({"rawOutput": {"type": "shell", "text": "of qwen"}}, "of qwen"),
        ({"rawOutput": {"content": "of copilot"}}, "of copilot"),
        ({"_meta": {"terminal_output_delta": {"data": "of codex"}}}, "of codex"),
        ({"rawOutput": {"exit": 0}}, ""),
        ({"rawOutput": [1]}, ""),
        ({"_meta": {"terminal_output_delta": 5}}, ""),
        ({"content": [], "rawOutput": None}, ""),
    ],
)
def test_what_a_tool_gave_may_stand_in_several_places(members: dict[str, Any], output: str) -> None:
    """What is shown comes first."""
    script = counted_by(UsageRule.PER_TURN)
    call = {"toolCallId": "c", "status": "completed"}
    [said] = script.update("tool_call_update", **call, **members)
    assert isinstance(said, ToolCallChanged)
    assert said.output == output
    shown = [{"type": "content", "content": {"type": "text", "text": "shown"}}]
    [said] = script.update("tool_call_update", **call, **{**members, "content": shown})
    assert isinstance(said, ToolCallChanged)
    assert said.output == "shown"
