"""The Agent Client Protocol from the client's side, as scripts of conversations."""

from typing import Any

import pytest

from tars.conversation.model import (
    Garbled,
    ModeChanged,
    Opened,
    OpenFailed,
    PermissionAsked,
    PermissionOption,
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
from tars.errors import Fault, FaultKind
from tars.protocols.acp import Acp
from tars.protocols.acp_permissions import MAX_OPEN
from tars.protocols.acp_turn import MAX_KNOWN_CALLS
from tars.protocols.codec import Choosing, Codec, Offered, Opening
from tests.support.acp_script import CHOICES, HELLO, NEW, Script, opened, prompted

CANCELLED = {"outcome": {"outcome": "cancelled"}}
NEVER_OPENED = Fault(FaultKind.CRASHED, "The agent's process ended before it was ready.")


def fault_of(said: list[Said]) -> FaultKind:
    """Give the fault of the last thing said, which has to have one."""
    last = said[-1]
    assert isinstance(last, TurnEnded | OpenFailed)
    assert last.fault is not None
    return last.fault.kind


# Another model or mode.


def test_what_is_chosen_is_set_before_the_next_prompt() -> None:
    """In the session that the prompt goes to, once; what the agent says of it is no answer."""
    script = opened()
    assert script.codec.choose("m2", "yolo")
    assert script.sent() == []
    script.codec.prompt("hello")
    assert script.expect("session/set_mode") == {"sessionId": "s1", "modeId": "yolo"}
    assert script.text("[MODE_UPDATE] yolo") == [ModeChanged("yolo")]
    assert script.text("stray") == []
    assert script.answer({}) == []
    assert script.expect("session/set_model") == {"sessionId": "s1", "modelId": "m2"}
    assert script.answer({}) == []
    script.expect("session/prompt")
    assert script.text("hi") == [TextSaid("hi")]
    assert script.answer({"stopReason": "end_turn"})[-1] == TurnEnded(Stop.DONE)
    script.codec.prompt("again")
    script.expect("session/prompt")


def test_a_choice_that_is_refused_ends_the_turn() -> None:
    """It says what was refused; the next prompt tries once more."""
    script = opened()
    assert script.codec.choose("", "yolo")
    script.codec.prompt("hello")
    script.expect("session/set_mode")
    assert fault_of(script.refuse(-32602, "Invalid mode")) is FaultKind.BAD_CONFIG
    script.codec.prompt("again")
    script.expect("session/set_mode")


def test_a_turn_that_is_cancelled_while_a_choice_is_made_is_not_sent() -> None:
    """Nor is a cancel, for the agent knows nothing of the turn."""
    script = opened()
    assert script.codec.choose("m2", "")
    script.codec.prompt("hello")
    script.expect("session/set_model")
    script.codec.cancel()
    assert script.sent() == []
    assert script.answer({}) == [TurnEnded(Stop.CANCELLED)]
    assert script.sent() == []


def test_the_agents_own_choice_takes_another_process() -> None:
    """What it would choose is seen in a new session only."""
    script = opened()
    assert script.codec.choose("m2", "")
    assert not script.codec.choose("", "")
    assert script.codec.choose("m3", "")


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ({"sessionId": "s1"}, Offered()),
        (
            {
                "sessionId": "s1",
                "modes": {"currentModeId": "a", "availableModes": [{"id": "a"}, {"id": 5}, "b"]},
                "models": {"currentModelId": "m", "availableModels": [{"modelId": "m"}, {}]},
            },
            Offered(("m",), ("a",)),
        ),
        (
            {
                "sessionId": "s1",
                "configOptions": [
                    {
                        "id": "o",
                        "category": "model",
                        "currentValue": "x",
                        "options": [{"options": [{"value": "x"}, {"value": "y"}]}],
                    }
                ],
            },
            Offered(("x", "y")),
        ),
    ],
)
def test_what_can_be_chosen_is_told(begun: dict[str, Any], offered: Offered) -> None:
    """As far as it makes sense."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    script.answer(HELLO)
    assert script.codec.offered is None
    script.expect("session/new")
    script.answer(begun)
    assert isinstance(script.codec, Choosing)
    assert script.codec.offered == offered


# The handshake.


def test_it_is_a_codec() -> None:
    """mypy checks the methods; this checks that nothing is sent before the opening."""
    codec: Codec = Acp()
    assert (codec.session_id, codec.quiet_seconds, codec.outgoing()) == (None, None, b"")
    assert codec.settle() == []
    assert codec.eof() == []


def test_the_handshake_opens_a_new_session() -> None:
    """initialize offers nothing, session/new gets the folder, and then the agent is ready."""
    script = Script(Acp("1.2"))
    script.codec.open(Opening("/cwd"))
    assert script.expect("initialize") == {
        "protocolVersion": 1,
        "clientCapabilities": {
            "fs": {"readTextFile": False, "writeTextFile": False},
            "terminal": False,
        },
        "clientInfo": {"name": "tars", "version": "1.2"},
    }
    assert script.answer(HELLO) == []
    assert script.expect("session/new") == {"cwd": "/cwd", "mcpServers": []}
    assert script.codec.session_id is None
    assert script.answer(NEW) == [
        Opened("s1", model="m1", mode="default", agent_version="9"),
    ]
    assert script.codec.session_id == "s1"
    assert script.sent() == []


def test_an_agent_may_say_little_of_itself() -> None:
    """Only the version and the session's id have to be there."""
    script = Script()
    script.codec.open(Opening("/cwd", mode="yolo", model="m2"))
    script.expect("initialize")
    script.answer({"protocolVersion": 1})
    script.expect("session/new")
    assert script.answer({"sessionId": "s1"}) == [Opened("s1")]


@pytest.mark.parametrize("answer", [{"protocolVersion": 2}, {"protocolVersion": "1"}, None, {}, 5])
def test_another_protocol_version_is_refused(answer: Any) -> None:
    """And so is an answer that makes no sense; nothing more is sent."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    assert fault_of(script.answer(answer)) is FaultKind.PROTOCOL
    assert script.sent() == []
    assert script.codec.eof() == []


def test_the_agent_may_refuse_to_begin() -> None:
    """The agent package says what its error means."""
    script = Script(Acp(classify=lambda error: Fault(FaultKind.BAD_KEY, error.message)))
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    assert script.refuse(-32603, "no key") == [OpenFailed(Fault(FaultKind.BAD_KEY, "no key"))]


def test_a_session_may_be_refused() -> None:
    """Not signed in: the handshake fails, and is over."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    script.answer(HELLO)
    script.expect("session/new")
    assert fault_of(script.refuse(-32000, "API key is missing")) is FaultKind.NOT_SIGNED_IN
    assert script.codec.eof() == []


@pytest.mark.parametrize("answer", [None, {}, {"sessionId": ""}, {"sessionId": 5}, []])
def test_a_session_needs_an_id(answer: Any) -> None:
    """Without one nothing could be sent to it."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    script.answer(HELLO)
    script.expect("session/new")
    assert fault_of(script.answer(answer)) is FaultKind.PROTOCOL


def test_mode_and_model_are_set_before_the_agent_is_ready() -> None:
    """One after the other, where they differ."""
    script = Script()
    script.codec.open(Opening("/cwd", mode="yolo", model="m2"))
    script.expect("initialize")
    script.answer(HELLO)
    script.expect("session/new")
    assert script.answer(NEW) == []
    assert script.expect("session/set_mode") == {"sessionId": "s1", "modeId": "yolo"}
    assert script.text("[MODE_UPDATE] yolo") == []
    assert script.answer({}) == []
    assert script.expect("session/set_model") == {"sessionId": "s1", "modelId": "m2"}
    assert script.answer({}) == [Opened("s1", model="m2", mode="yolo", agent_version="9")]


def test_what_the_agent_has_is_not_set() -> None:
    """The same mode and model cost no request."""
    script = Script()
    assert len(script.open(Opening("/cwd", mode="default", model="m1"))) == 1
    assert script.sent() == []


def opening_up_to(step: str) -> Script:
    """Give an agent that has to answer this step of an opening with a mode and a model."""
    script = Script()
    script.codec.open(Opening("/cwd", mode="yolo", model="m2"))
    for method, answer in (
        ("initialize", HELLO),
        ("session/new", NEW),
        ("session/set_mode", {}),
        ("session/set_model", {}),
    ):
        script.expect(method)
        if method == step:
            break
        script.answer(answer)
    return script


@pytest.mark.parametrize("step", ["session/set_mode", "session/set_model"])
def test_a_setting_that_is_refused_is_a_bad_configuration(step: str) -> None:
    """No restart mends it, and the message names it."""
    script = opening_up_to(step)
    [failed] = script.refuse(-32603, "Internal error", "Invalid or unavailable")
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.BAD_CONFIG
    assert "Invalid or unavailable" in failed.fault.message
    assert step.removeprefix("session/set_") in failed.fault.advice


def test_a_refused_setting_may_have_a_better_known_cause() -> None:
    """What the agent package knows to be a person's to mend stays as it says."""
    script = opening_up_to("session/set_mode")
    assert fault_of(script.refuse(-32000, "Sign in first")) is FaultKind.NOT_SIGNED_IN


@pytest.mark.parametrize(
    "step", ["initialize", "session/new", "session/set_mode", "session/set_model"]
)
def test_an_end_in_any_step_of_the_opening_fails_it_once(step: str) -> None:
    """The process is gone; a late answer would be to no request."""
    script = opening_up_to(step)
    assert script.codec.eof() == [OpenFailed(NEVER_OPENED)]
    assert script.codec.eof() == []
    [late] = script.answer({})
    assert isinstance(late, Garbled)
    assert late.reason == "an answer to no request"


def test_an_agent_that_speaks_something_else_is_no_acp_agent() -> None:
    """Only garbage until the end: it was not a crash."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    assert script.codec.receive(b"Usage: agent [OPTIONS]\n") == [Garbled("not JSON", 22)]
    assert fault_of(script.codec.eof()) is FaultKind.PROTOCOL


# An earlier session.


def loading(opening: Opening | None = None) -> Script:
    """Give an agent that has to answer session/load."""
    script = Script()
    script.codec.open(opening or Opening("/cwd", "s1"))
    script.expect("initialize")
    script.answer(HELLO)
    assert script.expect("session/load") == {
        "sessionId": "s1",
        "cwd": "/cwd",
        "mcpServers": [],
    }
    return script


def test_a_replay_is_dropped_until_its_end() -> None:
    """The end is the list of commands that comes after the result."""
    script = loading()
    assert script.text("from before") == []
    assert script.update("available_commands_update") == []
    assert script.codec.quiet_seconds is None
    assert script.answer(CHOICES) == []
    assert script.codec.quiet_seconds == 2.0
    assert script.text("from before") == []
    assert script.update("tool_call", toolCallId="t", status="completed") == []
    assert script.say(method="session/update", params={"sessionId": "s1", "update": {}}) == []
    assert script.update("available_commands_update", availableCommands=[]) == [
        Opened("s1", resumed=True, model="m1", mode="default", agent_version="9")
    ]
    assert script.codec.quiet_seconds is None
    assert script.codec.ignored == 5


def test_a_replay_may_be_taken_as_over() -> None:
    """Not every agent marks the end."""
    script = loading()
    script.answer(None)
    assert script.codec.settle() == [Opened("s1", resumed=True, agent_version="9")]
    assert script.codec.settle() == []


def test_mode_and_model_are_set_again_after_the_replay() -> None:
    """Loading puts them back to the agent's defaults."""
    script = loading(Opening("/cwd", "s1", mode="yolo", model="m2"))
    script.answer(CHOICES)
    assert script.codec.settle() == []
    script.expect("session/set_mode")
    script.answer({})
    script.expect("session/set_model")
    assert script.answer({}) == [
        Opened("s1", resumed=True, model="m2", mode="yolo", agent_version="9")
    ]


def test_a_lost_session_is_followed_by_a_new_one() -> None:
    """The person is told, and the agent gets ready all the same."""
    script = loading(Opening("/cwd", "s1"))
    [lost] = script.refuse(-32603, "Internal error", "Invalid session identifier")
    assert isinstance(lost, SessionLost)
    assert lost.session_id == "s1"
    assert "Invalid session identifier" in lost.reason
    script.expect("session/new")
    [opened] = script.answer({"sessionId": "s2"})
    assert opened == Opened("s2", agent_version="9")


def test_a_session_that_cannot_be_loaded_now_is_not_lost() -> None:
    """Any other error fails the handshake: the session is still there."""
    script = loading()
    assert fault_of(script.refuse(503, "Overloaded")) is FaultKind.OVERLOADED
    assert script.sent() == []


def test_an_agent_that_keeps_no_sessions_begins_a_new_one() -> None:
    """Without the capability nothing is loaded."""
    script = Script()
    script.codec.open(Opening("/cwd", "s0"))
    script.expect("initialize")
    assert script.answer({"protocolVersion": 1, "agentCapabilities": {}}) == [
        SessionLost("s0", "The agent keeps no sessions.")
    ]
    script.expect("session/new")
    assert script.answer(NEW)[-1:] == [Opened("s1", model="m1", mode="default")]


def test_a_session_forgotten_while_it_is_loaded_gives_way_to_a_new_one() -> None:
    """The person asked for a fresh start before the agent was ready."""
    script = loading()
    script.codec.forget_session()
    script.answer(CHOICES)
    assert script.codec.settle() == []
    script.expect("session/new")
    assert script.answer({"sessionId": "s2"}) == [Opened("s2", agent_version="9")]
    assert script.codec.session_id == "s2"


def test_a_new_session_is_fresh_enough_for_one_who_forgot() -> None:
    """Forgetting while a new one is opened changes nothing."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    script.answer(HELLO)
    script.expect("session/new")
    script.codec.forget_session()
    script.answer(NEW)
    assert script.codec.session_id == "s1"


# A turn.


def test_a_turn_is_said_piece_by_piece() -> None:
    """Text, thoughts and tool calls, then the end with what was used."""
    script = opened()
    script.codec.prompt("hi")
    assert script.expect("session/prompt") == {
        "sessionId": "s1",
        "prompt": [{"type": "text", "text": "hi"}],
    }
    assert script.text("Hel") == [TextSaid("Hel")]
    thought = {"type": "text", "text": "hm"}
    assert script.update("agent_thought_chunk", content=thought) == [ThoughtSaid("hm")]
    call = {"toolCallId": "t", "status": "in_progress", "title": "ls", "kind": "execute"}
    assert script.update("tool_call", **call) == [
        ToolCallChanged("t", ToolStatus.RUNNING, "ls", "execute")
    ]
    assert script.answer({"stopReason": "end_turn"}) == [TurnEnded(Stop.DONE)]
    assert script.codec.eof() == []


def test_one_turn_at_a_time() -> None:
    """A second prompt is a bug of the caller: the agent would cancel the first."""
    script = prompted()
    with pytest.raises(RuntimeError, match="under way"):
        script.codec.prompt("again")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.DONE),
        ("cancelled", Stop.CANCELLED),
        ("refusal", Stop.REFUSED),
        ("max_tokens", Stop.LIMIT),
        ("max_turn_requests", Stop.LIMIT),
    ],
)
def test_a_turn_ends_for_a_reason(reason: str, stop: Stop) -> None:
    """In the protocol's words."""
    assert prompted().answer({"stopReason": reason}) == [TurnEnded(stop)]


@pytest.mark.parametrize("result", [{"stopReason": "s3cr3t"}, {}, None, []])
def test_an_end_without_a_known_reason_is_an_error(result: Any) -> None:
    """The turn is over all the same, and the next prompt can be sent."""
    script = prompted()
    said = script.answer(result)
    assert fault_of(said) is FaultKind.PROTOCOL
    assert "s3cr3t" not in str(said)
    script.begin("next")


def test_an_error_ends_the_turn() -> None:
    """The agent package says what it means; the session stays open."""
    script = prompted()
    assert fault_of(script.refuse(429, "Slow down")) is FaultKind.RATE_LIMIT
    script.begin("next")


def test_a_session_that_the_agent_lost_is_loaded_for_the_next_prompt() -> None:
    """The error is told, and the session is no longer taken as open."""
    script = prompted()
    assert fault_of(script.refuse(-32602, "Session not found: s1")) is FaultKind.SESSION_UNKNOWN
    script.codec.prompt("again")
    script.expect("session/load")


def test_the_end_of_the_process_ends_the_turn_once() -> None:
    """It crashed; the codec can be asked again."""
    script = prompted()
    assert fault_of(script.codec.eof()) is FaultKind.CRASHED
    assert script.codec.eof() == []
    script.codec.prompt("too late")
    assert fault_of(script.codec.eof()) is FaultKind.CRASHED


def test_the_last_line_needs_no_newline() -> None:
    """An answer that is complete but for its newline still counts."""
    script = prompted()
    script.codec.receive(b'{"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"}}')
    assert script.codec.eof() == [TurnEnded(Stop.DONE)]


def test_what_belongs_to_no_turn_is_dropped() -> None:
    """Before a prompt, after its end, and from other sessions; a change of mode is told, and
    an update for a session that was never opened is counted by that."""
    script = opened()
    assert script.text("early") == []
    assert script.update("tool_call", toolCallId="t") == []
    assert script.text("[MODE_UPDATE] yolo") == [ModeChanged("yolo")]
    assert script.update("current_mode_update", currentModeId="plan") == [ModeChanged("plan")]
    script.begin()
    strange = [Unrecognised("update for another session")]
    assert script.text("other", session="s9") == strange
    assert script.text("[MODE_UPDATE] yolo", session="s9") == strange
    script.answer({"stopReason": "end_turn"})
    assert script.text("late") == []
    assert script.codec.ignored == 3


def test_what_tars_does_not_use_is_counted() -> None:
    """In a turn or not."""
    script = prompted()
    assert script.update("available_commands_update") == []
    assert script.update("plan", entries=[]) == []
    assert script.update("session_info_update", title="x") == []
    assert script.codec.ignored == 3


def test_what_tars_does_not_know_is_told_by_its_name() -> None:
    """An agent newer than tars is no faulty agent; a name is cut, and nothing else is quoted."""
    script = prompted()
    assert script.update("something_new", content={"x": [1]}) == [
        Unrecognised("session/update something_new")
    ]
    assert script.say(method="_agent/notice", params={"x": "s3cr3t"}) == [
        Unrecognised("_agent/notice")
    ]
    [long] = script.say(method="x" * 10_000)
    assert isinstance(long, Unrecognised)
    assert len(long.what) < 100
    assert script.say(id=5, method="craft/drainMidTurnQueue", params={"sessionId": "s1"}) == [
        Unrecognised("craft/drainMidTurnQueue")
    ]
    [answer] = script.sent()
    assert (answer["id"], answer["error"]["code"]) == (5, -32601)


def test_a_tool_call_keeps_its_status_until_it_is_told_another() -> None:
    """An update may leave it out; a call that was never told begins as pending."""
    script = prompted()
    statuses = [
        said.status
        for update in ({"status": "in_progress"}, {}, {"status": "completed"}, {"title": "t"})
        for said in script.update("tool_call_update", toolCallId="t", **update)
        if isinstance(said, ToolCallChanged)
    ]
    running, completed = ToolStatus.RUNNING, ToolStatus.COMPLETED
    assert statuses == [running, running, completed, completed]
    assert script.update("tool_call", toolCallId="u") == [ToolCallChanged("u", ToolStatus.PENDING)]


def test_a_flood_of_tool_calls_is_not_remembered() -> None:
    """Beyond the bound the oldest is taken as never told."""
    script = prompted()
    for n in range(MAX_KNOWN_CALLS + 1):
        script.update("tool_call", toolCallId=f"t{n}", status="in_progress")
    assert script.update("tool_call_update", toolCallId="t1") == [
        ToolCallChanged("t1", ToolStatus.RUNNING)
    ]
    assert script.update("tool_call_update", toolCallId="t0") == [
        ToolCallChanged("t0", ToolStatus.PENDING)
    ]


# Other sessions.


def test_a_prompt_may_name_another_session() -> None:
    """It is loaded first, its replay is dropped, and it is the current one from then on."""
    script = opened()
    script.codec.prompt("hi", "s2")
    assert script.expect("session/load")["sessionId"] == "s2"
    assert script.text("from before", session="s2") == []
    script.answer({})
    assert script.codec.quiet_seconds == 2.0
    assert script.update("available_commands_update", session="s2") == [
        Opened("s2", resumed=True, agent_version="9")
    ]
    assert script.expect("session/prompt")["sessionId"] == "s2"
    assert script.text("new", session="s2") == [TextSaid("new")]
    assert script.answer({"stopReason": "end_turn"}) == [TurnEnded(Stop.DONE)]
    assert script.codec.session_id == "s2"
    script.begin("back", "s1")
    assert script.codec.session_id == "s1"


def test_a_session_that_cannot_be_loaded_ends_the_turn() -> None:
    """Nobody wants an answer that knows nothing of the conversation: no new session."""
    script = opened()
    script.codec.prompt("hi", "s2")
    script.expect("session/load")
    said = script.refuse(-32603, "Internal error", "Invalid session identifier")
    assert len(said) == 1
    assert fault_of(said) is FaultKind.SESSION_UNKNOWN
    assert script.sent() == []
    assert script.codec.session_id == "s1"


def test_an_agent_that_keeps_no_sessions_knows_no_other() -> None:
    """It is asked all the same: whatever it answers, the session is unknown."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.expect("initialize")
    script.answer({"protocolVersion": 1})
    script.expect("session/new")
    script.answer(NEW)
    script.codec.prompt("hi", "s2")
    script.expect("session/load")
    assert fault_of(script.refuse(-32601, "Method not found")) is FaultKind.SESSION_UNKNOWN


def test_a_forgotten_session_gives_way_to_a_new_one_in_the_same_process() -> None:
    """With mode and model set as at the opening, and told before the turn's content."""
    script = Script()
    script.open(Opening("/cwd", mode="default", model="m1"))
    script.codec.forget_session()
    assert script.codec.session_id is None
    script.codec.prompt("hi")
    assert script.expect("session/new") == {"cwd": "/cwd", "mcpServers": []}
    other = {"sessionId": "s2", "modes": {"currentModeId": "plan"}, "models": None}
    assert script.answer(other) == []
    assert script.expect("session/set_mode") == {"sessionId": "s2", "modeId": "default"}
    assert script.answer({}) == [Opened("s2", mode="default", agent_version="9")]
    assert script.expect("session/prompt")["sessionId"] == "s2"
    assert script.text("new", session="s2") == [TextSaid("new")]
    assert script.text("old", session="s1") == []


def test_a_new_session_that_fails_ends_the_turn() -> None:
    """The handshake was long ago: it does not fail again."""
    script = opened()
    script.codec.forget_session()
    script.codec.prompt("hi")
    script.expect("session/new")
    said = script.refuse(500, "broken")
    assert len(said) == 1
    assert fault_of(said) is FaultKind.OVERLOADED


def test_a_session_may_be_forgotten_in_the_middle_of_its_turn() -> None:
    """The turn goes on where it is; the next one gets a new session."""
    script = prompted()
    script.codec.forget_session()
    assert script.text("still") == [TextSaid("still")]
    assert script.answer({"stopReason": "end_turn"}) == [TurnEnded(Stop.DONE)]
    script.codec.prompt("fresh")
    script.expect("session/new")


def test_a_session_may_be_forgotten_while_a_turn_waits_for_it() -> None:
    """The turn was meant for it, and only the next one gets a new session."""
    script = opened()
    script.codec.prompt("hi", "s2")
    script.expect("session/load")
    script.codec.forget_session()
    script.answer({})
    script.codec.settle()
    assert script.expect("session/prompt")["sessionId"] == "s2"
    assert script.codec.session_id is None
    script.answer({"stopReason": "end_turn"})
    script.codec.prompt("fresh")
    script.expect("session/new")


def test_a_prompt_may_come_before_the_agent_is_ready() -> None:
    """It waits for the session that is being opened."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.codec.prompt("hi")
    script.expect("initialize")
    script.answer(HELLO)
    script.expect("session/new")
    assert len(script.answer(NEW)) == 1
    assert script.expect("session/prompt")["sessionId"] == "s1"


def test_a_prompt_that_waits_for_another_session_goes_there() -> None:
    """The handshake's session is opened first, then its own."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.codec.prompt("hi", "s2")
    script.expect("initialize")
    script.answer(HELLO)
    script.expect("session/new")
    script.answer(NEW)
    assert script.expect("session/load")["sessionId"] == "s2"


def test_a_handshake_that_fails_ends_the_prompt_that_waits() -> None:
    """Both are told."""
    script = Script()
    script.codec.open(Opening("/cwd"))
    script.codec.prompt("hi")
    script.expect("initialize")
    opening, turn = script.refuse(-32000, "no key")
    assert isinstance(opening, OpenFailed)
    assert isinstance(turn, TurnEnded)
    assert opening.fault == turn.fault


# Cancelling.


def test_a_cancel_is_told_once_and_answered_by_the_agent() -> None:
    """The end comes as the prompt's result."""
    script = prompted()
    script.codec.cancel()
    script.codec.cancel()
    assert script.expect("session/cancel") == {"sessionId": "s1"}
    script.say(id=3, result={"stopReason": "cancelled"})


def test_a_cancel_without_a_turn_is_nothing() -> None:
    """The next prompt is not cancelled by it."""
    script = opened()
    script.codec.cancel()
    assert script.sent() == []
    script.begin()


def test_a_cancel_answers_what_the_agent_waits_for() -> None:
    """It does not hear the cancel before; what it asks later is answered at once."""
    script = prompted()
    script.ask_permission(0)
    script.ask_permission("x")
    script.codec.cancel()
    assert script.sent() == [
        {"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": "s1"}},
        {"jsonrpc": "2.0", "id": 0, "result": CANCELLED},
        {"jsonrpc": "2.0", "id": "x", "result": CANCELLED},
    ]
    assert script.ask_permission(1) == []
    assert script.sent() == [{"jsonrpc": "2.0", "id": 1, "result": CANCELLED}]
    script.codec.answer("0", "yes")
    assert script.sent() == []


@pytest.mark.parametrize(("cancelled", "stop"), [(True, Stop.CANCELLED), (False, Stop.DONE)])
def test_what_was_cancelled_while_it_asked_is_not_done(cancelled: bool, stop: Stop) -> None:
    """An agent that hears first that it may not, and then of the cancel, may end as if it were
    done. One that was only refused something is done."""
    script = prompted()
    script.ask_permission(0)
    script.codec.answer("0", None)
    if cancelled:
        script.codec.cancel()
    [ended] = script.say(id=3, result={"stopReason": "end_turn"})
    assert isinstance(ended, TurnEnded)
    assert ended.stop is stop


def test_a_turn_cancelled_while_its_session_is_opened_is_never_sent() -> None:
    """It ends when the session is open, so that the session can be used afterwards."""
    script = opened()
    script.codec.prompt("hi", "s2")
    script.expect("session/load")
    script.codec.cancel()
    assert script.sent() == []
    script.answer({})
    assert script.codec.settle() == [
        Opened("s2", resumed=True, agent_version="9"),
        TurnEnded(Stop.CANCELLED),
    ]
    assert script.sent() == []


def test_a_turn_cancelled_while_its_session_fails_to_open_was_cancelled() -> None:
    """Also when the process ends."""
    script = opened()
    script.codec.prompt("hi", "s2")
    script.expect("session/load")
    script.codec.cancel()
    assert script.codec.eof() == [TurnEnded(Stop.CANCELLED)]


# Permissions.


def test_a_permission_is_asked_and_answered() -> None:
    """Under a name; the agent gets its own id back, 0 as 0."""
    script = prompted()
    assert script.ask_permission(0, toolCallId="t", title="Write", kind="edit") == [
        PermissionAsked(
            "0", "Write", "edit", (PermissionOption("yes", "Allow", "allow_once"),), "t"
        )
    ]
    script.codec.answer("0", "yes")
    [answer] = script.sent()
    assert answer == {
        "jsonrpc": "2.0",
        "id": 0,
        "result": {"outcome": {"outcome": "selected", "optionId": "yes"}},
    }
    script.codec.answer("0", "yes")
    script.codec.answer("7", None)
    assert script.sent() == []


def test_a_permission_shows_the_command_and_the_change() -> None:
    """Where the title is what the model calls it, the command stands for it."""
    script = prompted()
    input = {"description": "Print hello", "command": "rm\n\x1bx"}
    [asked] = script.ask_permission(0, title="Print hello", kind="execute", rawInput=input)
    assert isinstance(asked, PermissionAsked)
    assert asked.title == "rm ⏎ \\x1bx"
    assert asked.details == "command:\n  rm\n  \\x1bx\ndescription: Print hello"
    content = [{"type": "diff", "path": "/f", "newText": "x"}]
    [asked] = script.ask_permission(1, title="Writing to /f", content=content)
    assert isinstance(asked, PermissionAsked)
    assert asked.title == "Writing to /f"
    assert asked.details == 'content: [{"type": "diff", "path": "/f", "newText": "x"}]'


def test_ids_that_look_alike_are_kept_apart() -> None:
    """0 and "0" are two requests, each with its own answer."""
    script = prompted()
    [number], [string] = script.ask_permission(0), script.ask_permission("0")
    assert isinstance(number, PermissionAsked)
    assert isinstance(string, PermissionAsked)
    script.codec.answer(string.request_id, None)
    script.codec.answer(number.request_id, None)
    assert [message["id"] for message in script.sent()] == ["0", 0]


def test_an_id_in_use_cannot_ask_again() -> None:
    """Which of the two an answer is for could not be told."""
    script = prompted()
    script.ask_permission(0)
    [garbled] = script.ask_permission(0)
    assert isinstance(garbled, Garbled)
    assert script.sent() == []


def test_a_permission_that_belongs_to_no_turn_is_declined() -> None:
    """Nobody could be asked; the agent must not wait."""
    script = opened()
    assert script.ask_permission(0) == []
    assert script.sent() == [{"jsonrpc": "2.0", "id": 0, "result": CANCELLED}]
    script.begin()
    assert script.ask_permission(1, session="s9") == []
    assert script.sent() == [{"jsonrpc": "2.0", "id": 1, "result": CANCELLED}]


def test_a_flood_of_permission_requests_is_declined() -> None:
    """Only so many are open at once."""
    script = prompted()
    for id in range(MAX_OPEN):
        assert len(script.ask_permission(id)) == 1
    assert script.ask_permission(MAX_OPEN) == []
    [answer] = script.sent()
    assert answer["id"] == MAX_OPEN


def test_the_end_of_a_turn_answers_what_is_still_open() -> None:
    """Every request is answered, and its name is free again."""
    script = prompted()
    script.ask_permission(0)
    script.say(id=3, result={"stopReason": "end_turn"})
    assert script.sent() == [{"jsonrpc": "2.0", "id": 0, "result": CANCELLED}]
    script.begin()
    assert len(script.ask_permission(0)) == 1


def test_a_malformed_permission_request_is_refused() -> None:
    """The agent hears of it, and the person too."""
    script = prompted()
    [garbled] = script.say(id=0, method="session/request_permission", params={"options": []})
    assert isinstance(garbled, Garbled)
    [answer] = script.sent()
    assert answer["id"] == 0
    assert answer["error"]["code"] == -32602


# What an agent should not send.


@pytest.mark.parametrize("method", ["fs/read_text_file", "terminal/create", "elicitation/create"])
def test_what_tars_does_not_offer_is_refused_at_once(method: str) -> None:
    """It was not advertised, and the agent must not wait."""
    script = prompted()
    assert script.say(id=0, method=method, params={"sessionId": "s1"}) == []
    [answer] = script.sent()
    assert (answer["id"], answer["error"]["code"]) == (0, -32601)


@pytest.mark.parametrize("id", [99, "3", None, 3])
def test_an_answer_to_no_request_is_garbled(id: Any) -> None:
    """An unknown id, another type of it, none, and the same one again."""
    script = prompted()
    script.say(id=3, result={"stopReason": "end_turn"})
    [garbled] = script.say(id=id, result={})
    assert isinstance(garbled, Garbled)
    assert garbled.reason == "an answer to no request"


def test_garbage_between_messages_is_garbled_and_the_turn_goes_on() -> None:
    """Text, other JSON, binary, and a line beyond the limit."""
    script = Script(Acp(line_limit=500))
    script.open()
    script.begin()
    garbage = b"Loading...\nnull\n\xff\x00\n" + b"x" * 600 + b"\n"
    said = script.codec.receive(garbage)
    assert [type(s) for s in said] == [Garbled] * 4
    assert said[-1] == Garbled("a line longer than the limit", 600)
    assert script.text("on") == [TextSaid("on")]


@pytest.mark.parametrize("params", [None, [], {"sessionId": 5, "update": {}}, {"sessionId": "s1"}])
def test_an_update_without_a_session_is_garbled(params: Any) -> None:
    """It could be anybody's."""
    [garbled] = prompted().say(method="session/update", params=params)
    assert isinstance(garbled, Garbled)
    assert garbled.size > 0
