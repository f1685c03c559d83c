"""What opencode's codec makes of a server, healthy and otherwise."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tars.agents.opencode import turn as turns
from tars.agents.opencode.codec import DOUBT_SECONDS
from tars.conversation.model import (
    ContextTold,
    Garbled,
    Opened,
    OpenFailed,
    PermissionAsked,
    RequestCounted,
    Retrying,
    SessionLost,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    TurnEnded,
    Unrecognised,
)
from tars.errors import FaultKind
from tars.protocols import http_frames as frames
from tars.protocols.codec import Offered
from tests.support.opencode_talk import Talk, ends, opened

NOT_FOUND = 404, {"name": "NotFoundError", "data": {"message": "Session not found: ses_9"}}


def whole(id: str, role: str, *parts: dict[str, object], created: int = 5000) -> dict[str, object]:
    """A message as the server lists it."""
    info = {"id": id, "role": role, "sessionID": "ses_1", "time": {"created": created}}
    told = [{"messageID": id, "sessionID": "ses_1", **part} for part in parts]
    return {"info": {**info, "providerID": "fake", "modelID": "fake-model"}, "parts": told}


def done(message: dict[str, object]) -> dict[str, object]:
    info = message["info"]
    assert isinstance(info, dict)
    return {**message, "info": {**info, "time": {"created": 5000, "completed": 6000}}}


def finish(id: str, input: int = 7) -> dict[str, object]:
    return {"id": id, "type": "step-finish", "tokens": {"input": input, "output": 1}, "cost": 0}


# --- the handshake --------------------------------------------------------------


def test_it_is_ready_when_it_was_greeted_and_has_a_session() -> None:
    """Whatever comes last."""
    for last in ("/global", "/config", "/session", "/agent"):
        talk = Talk()
        talk.held = (last,)
        assert talk.open(mode="build") == []
        assert talk.release() == [Opened("ses_1", mode="build", agent_version="1.18.33")]
        assert talk.codec.session_id == "ses_1"


def test_a_session_comes_back() -> None:
    """With the model that it has, and nothing of it is said or counted again."""
    talk = Talk()
    model = {"id": "m", "providerID": "p"}
    talk.answers["/session/ses_9/message"] = 200, [whole("msg_0", "assistant", finish("prt_0"))]
    talk.answers["/session/ses_9"] = 200, {"id": "ses_9", "model": model}
    opened = Opened("ses_9", resumed=True, model="p/m", agent_version="1.18.33")
    assert talk.open(session_id="ses_9") == [opened]


def test_a_lost_session_is_followed_by_a_new_one() -> None:
    """In the handshake: the conversation is gone, the agent is not."""
    talk = Talk()
    talk.answers["/session/ses_9"] = NOT_FOUND
    lost, began = talk.open(session_id="ses_9")
    assert isinstance(lost, SessionLost)
    assert began == Opened("ses_1", agent_version="1.18.33")


@pytest.mark.parametrize(
    ("wishes", "kind"),
    [
        ({"model": "fake/other"}, FaultKind.UNKNOWN_MODEL),
        ({"model": "fake-model"}, FaultKind.UNKNOWN_MODEL),
        ({"mode": "general"}, FaultKind.BAD_CONFIG),
        ({"mode": "nobody"}, FaultKind.BAD_CONFIG),
    ],
)
def test_a_wish_that_cannot_be_is_said_at_once(wishes: dict[str, str], kind: FaultKind) -> None:
    """And not with the first prompt; once only."""
    (failed,) = Talk().open(**wishes)
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is kind
    assert failed.fault.advice


def test_a_server_without_a_model_is_not_signed_in() -> None:
    """No prompt could be answered."""
    talk = Talk()
    talk.answers["/config/providers"] = 200, {"providers": []}
    (failed,) = talk.open()
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.NOT_SIGNED_IN


@pytest.mark.parametrize("answer", [(500, None), (200, "huh"), (401, None), (200, {"id": 3})])
def test_a_server_that_opens_nothing_fails_the_handshake(answer: tuple[int, object]) -> None:
    """With what it said; what it says of itself matters less."""
    talk = Talk()
    talk.answers["/session"] = answer
    talk.answers["/global/health"] = answer
    (failed,) = talk.open()
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.PROTOCOL


def test_a_lost_server_ends_what_is_under_way() -> None:
    """The handshake, and the turn; each once."""
    talk = Talk()
    talk.held = ("/",)
    talk.open()
    (failed,) = talk.raw(frames.failed_line("it is gone"))
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.CRASHED
    talk = opened()
    talk.begin()
    (ended,) = talk.raw(frames.failed_line("it is gone"))
    assert isinstance(ended, TurnEnded)
    assert ended.fault is not None
    assert "it is gone" in ended.fault.message
    assert talk.codec.eof() == []


# --- a turn -----------------------------------------------------------------------


def test_another_model_is_chosen_for_the_next_prompt() -> None:
    """The same server, the same session; its own choice is had from another one."""
    talk = Talk()
    talk.open()
    assert talk.codec.offered == Offered(("fake/fake-model",))
    assert talk.codec.choose("fake/fake-model", "build")
    assert not talk.codec.choose("", "build")
    talk.asked.clear()
    talk.prompt("hello")
    ((_, _, body),) = talk.asked
    assert body is not None
    assert body["model"] == {"providerID": "fake", "modelID": "fake-model"}
    assert body["agent"] == "build"


def test_a_prompt_is_sent_with_model_and_mode() -> None:
    """To the asynchronous door, each time: a session forgets neither, but others may change it."""
    talk = Talk()
    talk.open(model="fake/fake-model", mode="build")
    talk.asked.clear()
    talk.prompt("hello")
    body = {
        "parts": [{"type": "text", "text": "hello"}],
        "model": {"providerID": "fake", "modelID": "fake-model"},
        "agent": "build",
    }
    assert talk.asked == [("POST", "/session/ses_1/prompt_async", body)]


def test_text_is_told_once_however_it_comes() -> None:
    """In deltas and as a whole, again and again; a whole that has more gives the rest."""
    talk = opened()
    talk.begin()
    talk.part("prt_1", "text", text="")
    told = {"sessionID": "ses_1", "messageID": "msg_a1", "partID": "prt_1", "field": "text"}
    assert talk.event("message.part.delta", **told, delta="Hel") == [TextSaid("Hel")]
    assert talk.part("prt_1", "text", text="Hello") == [TextSaid("lo")]
    assert talk.part("prt_1", "text", text="Hello") == []
    assert talk.part("prt_2", "reasoning", text="why") == [ThoughtSaid("why")]
    assert talk.part("prt_3", "text", text="not yours", synthetic=True) == []
    assert talk.part("prt_4", "text", message="msg_u1", text="the prompt itself") == []


def test_a_turn_ends_when_nothing_is_open() -> None:
    """opencode says idle before it has written the message that failed, and then again."""
    talk = opened()
    talk.begin()
    assert talk.status("idle") == []
    assert talk.message(completed=True, finish="stop") == [TurnEnded(Stop.DONE)]
    assert talk.status("idle") == talk.event("session.idle", sessionID="ses_1") == []


def test_what_comes_late_from_the_turn_before_ends_nothing() -> None:
    """A second idle, and the error again: the new prompt's message was not there yet."""
    talk = opened()
    talk.begin()
    talk.message(completed=True)
    talk.status("idle")
    talk.prompt("another")
    assert talk.status("idle") == []
    assert talk.user("msg_u1") == []
    assert talk.status("idle") == []
    talk.user("msg_u2")
    talk.message("msg_a2", completed=True, finish="length")
    assert talk.status("idle") == [TurnEnded(Stop.LIMIT)]


def test_a_turn_that_never_says_its_end_is_asked_about() -> None:
    """After a silence: idle with an open message, or an error before there was any."""
    talk = opened()
    talk.begin()
    assert talk.codec.quiet_seconds is None
    talk.status("idle")
    assert talk.codec.quiet_seconds == DOUBT_SECONDS
    talk.answers["/session/status"] = 200, {"ses_1": {"type": "busy"}}
    assert talk.settle() == []
    assert talk.codec.quiet_seconds is None
    talk.status("idle")
    talk.answers["/session/status"] = 200, {}
    assert ends(talk.settle()) == [TurnEnded(Stop.DONE)]
    talk.prompt("again")
    error = {"name": "UnknownError", "data": {"message": 'Agent not found: "x".'}}
    talk.event("session.error", sessionID="ses_1", error=error)
    (ended,) = ends(talk.settle())
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.BAD_CONFIG


def test_an_error_that_was_mended_is_none() -> None:
    """The last message decides: opencode compacts a conversation that is too long, and goes on."""
    talk = opened()
    talk.begin()
    error = {"name": "ContextOverflowError", "data": {"message": "too long"}}
    talk.event("session.error", sessionID="ses_1", error=error)
    talk.message(completed=True, error=error)
    talk.message("msg_a2", summary=True)
    assert talk.part("prt_s", "text", message="msg_a2", text="a summary") == []
    talk.message("msg_a2", summary=True, completed=True)
    talk.message("msg_a3", completed=True, finish="stop")
    assert talk.status("idle") == [TurnEnded(Stop.DONE)]


def test_a_session_of_another_time_is_opened_for_its_prompt() -> None:
    """It becomes the current one; one that is unknown ends the turn, and can be tried again."""
    talk = opened()
    assert talk.prompt("hi", "ses_2") == [Opened("ses_2", resumed=True, agent_version="1.18.33")]
    assert talk.asked[-1][1] == "/session/ses_2/prompt_async"
    talk = opened()
    talk.answers["/session/ses_9"] = NOT_FOUND
    (ended,) = ends(talk.prompt("hi", "ses_9"))
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.SESSION_UNKNOWN
    assert talk.codec.session_id == "ses_1"


def test_a_prompt_that_is_not_taken_ends_its_turn() -> None:
    """Refused, or without an answer: then it is called off, for it may have got there."""
    talk = opened()
    talk.answers["/session/ses_1/prompt_async"] = 400, {"name": "BadRequest"}
    (ended,) = ends(talk.prompt())
    assert ended.stop is Stop.ERROR
    talk = opened()
    talk.held = ("/session/ses_1/prompt_async",)
    talk.prompt()
    (ended,) = ends(talk.raw(frames.failed_line("no answer", 4)))
    assert ended.fault is not None
    assert talk.asked[-1][1] == "/session/ses_1/abort"


def test_a_forgotten_session_is_followed_by_a_new_one() -> None:
    talk = opened()
    talk.codec.forget_session()
    talk.session = "ses_3"
    assert talk.prompt() == [Opened("ses_3", agent_version="1.18.33")]


def test_a_retry_says_until_when() -> None:
    """In the provider's own words, taken out of their JSON."""
    talk = opened()
    talk.begin()
    wrapped = '{"message":"Overloaded","code":529}'
    said = talk.status("retry", attempt=1, message=wrapped, next=1795250157588)
    assert said == [Retrying("Overloaded", 1795250157.588)]


# --- tools and questions -------------------------------------------------------------


def test_a_call_is_told_when_it_changes() -> None:
    """With its subject, kind, paths and, once, its output."""
    talk = opened()
    talk.begin()
    tool = {"tool": "edit", "callID": "call_0"}
    running = {"status": "running", "input": {"filePath": "/a.py"}}
    (begun,) = talk.part("prt_1", "tool", **tool, state=running)
    assert isinstance(begun, ToolCallChanged)
    assert (begun.kind, begun.title, begun.paths) == ("edit", "/a.py", ("/a.py",))
    more = {**running, "metadata": {"output": "so far"}}
    assert talk.part("prt_1", "tool", **tool, state=more) == []
    failed = {**running, "status": "error", "error": "no such file"}
    (ended,) = talk.part("prt_1", "tool", **tool, state=failed)
    assert isinstance(ended, ToolCallChanged)
    assert (ended.status, ended.output) == ("failed", "no such file")
    assert talk.part("prt_1", "tool", **tool, state=running) == []


def permission(talk: Talk, id: str = "per_1", session: str = "ses_1") -> list[PermissionAsked]:
    said = talk.event(
        "permission.asked", id=id, sessionID=session, permission="bash", patterns=["ls"]
    )
    return [s for s in said if isinstance(s, PermissionAsked)]


@pytest.mark.parametrize(("option", "reply"), [("once", "once"), ("x", "reject"), (None, "reject")])
def test_a_permission_is_answered_once(option: str | None, reply: str) -> None:
    """What is no option is a refusal; a second answer is left alone."""
    talk = opened()
    talk.begin()
    (asked,) = permission(talk)
    assert (asked.title, asked.tool_kind) == ("bash: ls", "execute")
    assert permission(talk) == []
    talk.asked.clear()
    talk.answer("per_1", option)
    talk.answer("per_1", "always")
    assert talk.asked == [("POST", "/permission/per_1/reply", {"reply": reply})]


def test_a_permission_shows_what_would_be_done() -> None:
    """The whole command, the diff, and the input of a tool whose request does not tell it."""
    talk = opened()
    talk.begin()
    asked = {"sessionID": "ses_1", "permission": "bash", "patterns": ["a", "b"]}
    (bash,) = talk.event("permission.asked", id="p1", **asked, metadata={"command": "a\n\x1b|b"})
    assert isinstance(bash, PermissionAsked)
    assert bash.title == "bash: a ⏎ \\x1b|b"
    assert bash.details == "command:\n  a\n  \\x1b|b\npatterns: a, b"
    edit = {**asked, "permission": "edit", "patterns": ["f"]}
    (edited,) = talk.event("permission.asked", id="p2", **edit, metadata={"diff": "-x\n+y"})
    assert isinstance(edited, PermissionAsked)
    assert edited.details == "patterns: f\ndiff:\n  -x\n  +y"
    talk.part(
        "prt_1",
        "tool",
        tool="db_run",
        callID="c",
        state={"status": "running", "title": "harmless", "input": {"sql": "DROP"}},
    )
    other = {**asked, "permission": "db_run", "patterns": ["*"], "tool": {"callID": "c"}}
    (run,) = talk.event("permission.asked", id="p3", **other)
    assert isinstance(run, PermissionAsked)
    assert run.details == "sql: DROP\npatterns: *"


def test_a_permission_that_nobody_waits_for_is_refused() -> None:
    """Without a turn, and beyond the bound; one of a foreign session is not ours to answer."""
    talk = opened()
    assert permission(talk) == []
    assert talk.asked == [("POST", "/permission/per_1/reply", {"reply": "reject"})]
    talk.begin()
    talk.asked.clear()
    asked = [a for n in range(70) for a in permission(talk, f"per_{n}")]
    assert len(asked) == 64
    assert len(talk.asked) == 6
    assert permission(talk, session="ses_other") == []
    assert len(talk.asked) == 6


def test_what_somebody_else_answered_is_closed() -> None:
    """Another client of the server may do so."""
    talk = opened()
    talk.begin()
    permission(talk)
    talk.event("permission.replied", sessionID="ses_1", requestID="per_1", reply="once")
    talk.asked.clear()
    talk.answer("per_1", "once")
    assert talk.asked == []


def test_several_questions_are_answered_together() -> None:
    """Each is put by itself; refusing one refuses them all."""
    options = [{"label": "left"}, {"label": "right"}]
    questions = [{"question": f"{n}?", "options": options} for n in range(2)]
    asked = {"id": "que_1", "sessionID": "ses_1", "questions": questions}
    talk = opened()
    talk.begin()
    said = talk.event("question.asked", **asked)
    assert [s.request_id for s in said if isinstance(s, PermissionAsked)] == ["que_1#0", "que_1#1"]
    talk.asked.clear()
    talk.answer("que_1#1", "0")
    assert talk.asked == []
    talk.answer("que_1#0", "1")
    answers = {"answers": [["right"], ["left"]]}
    assert talk.asked == [("POST", "/question/que_1/reply", answers)]
    talk.event("question.asked", **{**asked, "id": "que_2"})
    talk.answer("que_2#0", "reject")
    talk.answer("que_2#1", "0")
    assert talk.asked[1:] == [("POST", "/question/que_2/reject", {})]


# --- cancelling -------------------------------------------------------------------------


def test_a_cancel_refuses_what_is_open_and_calls_off() -> None:
    """What the cut request used is in nobody's count, and that is said."""
    talk = opened()
    talk.begin()
    talk.finish("prt_1", cost=0.002)
    permission(talk)
    talk.asked.clear()
    talk.cancel()
    talk.cancel()
    assert [path for _, path, _ in talk.asked] == [
        "/permission/per_1/reply",
        "/session/ses_1/abort",
    ]
    error = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
    talk.event("session.error", sessionID="ses_1", error=error)
    talk.status("idle")
    (ended,) = ends(talk.message(completed=True, error=error))
    assert (ended.stop, ended.fault) == (Stop.CANCELLED, None)
    assert ended.usage is not None
    assert (ended.usage.at_least, ended.usage.input, ended.usage.requests) == (True, 43, 1)


def test_a_cancel_before_the_server_has_begun_is_repeated() -> None:
    """opencode forgets an abort that finds nothing to abort; five times at most."""
    talk = opened()
    talk.held = ("/session/ses_1/prompt_async",)
    talk.prompt()
    talk.cancel()
    assert len(talk.asked) == 1
    talk.release()
    talk.user()
    for _ in range(10):
        talk.status("busy")
    aborts = [path for _, path, _ in talk.asked if path.endswith("/abort")]
    assert len(aborts) == turns.MAX_ABORTS
    assert ends(talk.status("idle")) != []


# --- counting -----------------------------------------------------------------------------


def test_a_request_is_counted_once_in_our_words() -> None:
    """opencode's kinds are disjoint; ours has the cached in the input. The window is full by
    their sum."""
    talk = opened()
    talk.begin()
    counted, context = talk.finish("prt_1")
    assert isinstance(counted, RequestCounted)
    request = counted.request
    assert (request.input, request.cached, request.cache_write) == (43, 30, 3)
    assert (request.output, request.thoughts, request.cost_microusd) == (5, 2, 1500)
    assert (request.model, request.at) == ("fake/fake-model", "2026-11-21T08:35:35.062Z")
    assert json.loads(request.raw)["tokens"]["cache"] == {"read": 30, "write": 3}
    assert context == ContextTold(50, 200000)
    assert talk.finish("prt_1") == []


def test_a_subagent_is_counted_with_its_parent() -> None:
    """By its name; its text, its end and its errors are its own, its questions are put."""
    talk = opened()
    talk.begin()
    info = {"id": "ses_c", "parentID": "ses_1", "agent": "general"}
    talk.event("session.created", sessionID="ses_c", info=info)
    talk.user("msg_cu", "ses_c")
    talk.message("msg_c", session="ses_c")
    assert talk.part("prt_c", "text", message="msg_c", session="ses_c", text="mine") == []
    (counted,) = talk.finish("prt_f", message="msg_c", session="ses_c")
    assert isinstance(counted, RequestCounted)
    assert counted.request.subagent == "general"
    assert talk.status("idle", "ses_c") == []
    assert len(permission(talk, "per_c", "ses_c")) == 1


def test_another_session_is_no_business_of_ours() -> None:
    """Somebody may use the same server: it is counted, not shown."""
    talk = opened()
    talk.begin()
    before = talk.codec.ignored
    strange = [Unrecognised("update for another session")]
    assert talk.finish("prt_x", session="ses_x") == strange
    assert talk.message("msg_x", session="ses_x") == strange
    assert talk.part("prt_y", "text", message="msg_x", session="ses_x", text="no") == strange
    assert talk.status("idle", "ses_x") == []
    assert talk.codec.ignored == before + 1


def test_what_the_stream_missed_is_read_from_the_messages() -> None:
    """Text, calls and figures, once each; nothing from before the turn, and its end."""
    talk = Talk()
    old = done(whole("msg_0", "assistant", finish("prt_0", 1000)))
    talk.answers["/session/ses_1/message"] = 200, [old]
    talk.open(session_id="ses_1")
    talk.event("server.connected")
    talk.begin()
    talk.part("prt_t", "text", text="Hel")
    talk.finish("prt_1")
    listed = [
        old,
        whole("msg_u1", "user", {"id": "prt_u", "type": "text", "text": "hi"}),
        done(
            whole(
                "msg_a1",
                "assistant",
                {"id": "prt_t", "type": "text", "text": "Hello"},
                finish("prt_1"),
                finish("prt_2"),
            )
        ),
    ]
    talk.answers["/session/ses_1/message"] = 200, listed
    said = talk.event("server.connected")
    assert TextSaid("lo") in said
    assert [s.request.id for s in said if isinstance(s, RequestCounted)] == ["prt_2"]
    assert ends(said) == [TurnEnded(Stop.DONE)]
    assert talk.event("server.connected") == []


# --- whatever comes ---------------------------------------------------------------------------


def test_unknown_events_are_named_and_known_ones_are_not() -> None:
    """A name is cut, for it comes from outside."""
    talk = opened()
    assert talk.event("brand.new") == [Unrecognised("brand.new")]
    assert talk.event("x" * 1000) == [Unrecognised("x" * 60)]
    assert talk.event("plugin.added", id="x") == []
    (garbled,) = talk.event("message.updated", info=3)
    assert isinstance(garbled, Garbled)


_TYPES = [
    *("message.updated", "message.part.updated", "message.part.delta", "session.status"),
    *("session.idle", "session.error", "session.created", "permission.asked", "question.asked"),
    *("permission.replied", "server.connected", "server.heartbeat", "x"),
]
_MEMBERS = [
    *("id", "sessionID", "messageID", "type", "info", "part", "status", "time", "tokens", "role"),
    *("error", "data", "message", "state", "input", "text", "cost", "questions", "requestID"),
]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(_MEMBERS),
            inner
            | st.sampled_from(["ses_1", "msg_a1", "prt_1", "assistant", "user", "text", "idle"]),
            max_size=5,
        )
    ),
    max_leaves=10,
)
_events = st.fixed_dictionaries(
    {"type": st.sampled_from(_TYPES)}, optional={"properties": _json, "id": st.just("evt")}
)
_lines = (
    _events.map(lambda e: frames.event_line(json.dumps(e).encode()))
    | _json.map(lambda e: frames.event_line(json.dumps(e).encode()))
    | st.builds(frames.failed_line, st.text(max_size=3), st.integers(1, 9))
    | st.builds(
        lambda id, status, body: frames.answer_line(id, status, json.dumps(body).encode()),
        st.integers(1, 9),
        st.sampled_from([200, 204, 404, 500]),
        _json,
    )
    | st.binary(max_size=20).map(lambda data: data + b"\n")
)


@given(lines=st.lists(_lines, max_size=8), held=st.booleans(), cut=st.lists(st.integers(0, 300)))
def test_any_frames_never_raise(lines: list[bytes], held: bool, cut: list[int]) -> None:
    """However they are cut; the turn ends once, at the latest with the process."""
    talk = Talk() if held else opened()
    if held:
        talk.held = ("/",)
        talk.open(session_id="ses_1")
    talk.begin()
    data = b"".join(lines)
    bounds = sorted({0, *(min(at, len(data)) for at in cut), len(data)})
    for begin, end in pairwise(bounds):
        talk.raw(data[begin:end])
        talk.settle()
    talk.cancel()
    assert len(ends(talk.said + talk.codec.eof())) == 1


def test_a_flood_of_parts_is_held_within_bounds() -> None:
    """Every kind of memory of a turn and of a server has its end."""
    talk = opened()
    talk.begin()
    for n in range(turns.MAX_PARTS + 500):
        talk.codec.receive(
            frames.event_line(
                b'{"type":"message.part.updated","properties":{"part":{"id":"prt_%d","type":"text",'
                b'"messageID":"msg_a1","sessionID":"ses_1","text":"x"}}}' % n
            )
        )
    turn = talk.codec._hearing.turn
    assert turn is not None
    assert len(turn._texts) == turns.MAX_PARTS


def test_no_prompt_shows_in_what_is_logged() -> None:
    """A representation of a turn does not hold its text."""
    assert "secret" not in repr(turns.Turn("secret", None))
    assert "secret" not in repr(frames.Request(1, "POST", "/", Raw(b'"secret"')))
