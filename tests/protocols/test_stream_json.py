"""Gemini CLI's stream-json: one process, one prompt."""

import json
from typing import Any

import pytest

from tars.conversation.model import (
    Garbled,
    ModelTokens,
    Opened,
    OpenFailed,
    ReportedUsage,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Codec, Opening
from tars.protocols.jsonrpc import RpcError
from tars.protocols.stream_json import StreamJson

INIT = {"type": "init", "session_id": "s1", "model": "m"}
TOKENS = {"total_tokens": 3378, "input_tokens": 3300, "output_tokens": 60, "cached": 1900}
USAGE = ReportedUsage(3300, 60, 1900, 18, (ModelTokens("m", 3300, 60, 1900, 18),))
STATS = {**TOKENS, "duration_ms": 177, "models": {"m": TOKENS}}


def told(codec: StreamJson, **event: Any) -> list[Said]:
    return codec.receive(json.dumps(event).encode() + b"\n")


@pytest.fixture
def codec() -> StreamJson:
    """A process whose prompt was sent and whose first line was heard."""
    codec = StreamJson(classify=lambda e: Fault(FaultKind.QUOTA, f"{e.details}/{e.message}"))
    codec.prompt("hi")
    assert codec.outgoing() == b"hi"
    assert told(codec, **INIT) == [Opened("s1", model="m")]
    return codec


def test_it_is_a_codec() -> None:
    """mypy checks the methods; this checks that there is nothing to wait for at first."""
    codec: Codec = StreamJson()
    assert (codec.session_id, codec.quiet_seconds, codec.outgoing()) == (None, None, b"")
    assert codec.settle() == []


def test_the_prompt_is_all_of_stdin() -> None:
    """Text and nothing else, once; half a surrogate pair is replaced."""
    codec = StreamJson()
    codec.prompt("grüße\udcff")
    assert codec.outgoing() == "grüße?".encode()
    assert codec.outgoing() == b""


def test_one_prompt_at_a_time(codec: StreamJson) -> None:
    """A second one is a bug of the caller."""
    with pytest.raises(RuntimeError, match="under way"):
        codec.prompt("again")


def test_the_answer_comes_in_pieces(codec: StreamJson) -> None:
    """What the user said is echoed and dropped."""
    assert told(codec, type="message", role="user", content="hi") == []
    assert told(codec, type="message", role="assistant", content="a") == [TextSaid("a")]
    assert codec.ignored == 1


def test_a_tool_call_begins_and_ends(codec: StreamJson) -> None:
    """With success or without."""
    assert told(codec, type="tool_use", tool_id="t", tool_name="read", parameters={}) == [
        ToolCallChanged("t", ToolStatus.RUNNING, "read")
    ]
    assert told(codec, type="tool_result", tool_id="t", status="success", output="o") == [
        ToolCallChanged("t", ToolStatus.COMPLETED, output="o")
    ]
    assert told(codec, type="tool_result", tool_id="t", status="error") == [
        ToolCallChanged("t", ToolStatus.FAILED)
    ]


def test_success_is_a_result_that_says_so(codec: StreamJson) -> None:
    """Thoughts are what the total has beyond input and output."""
    assert told(codec, type="result", status="success", stats=STATS) == [
        TurnEnded(Stop.DONE, USAGE)
    ]
    assert codec.eof() == []


def test_an_error_keeps_what_was_used(codec: StreamJson) -> None:
    """The fault is made from the error's type and message."""
    error = {"type": "unknown", "message": "why"}
    assert told(codec, type="result", status="error", error=error, stats=STATS) == [
        TurnEnded(Stop.ERROR, USAGE, Fault(FaultKind.QUOTA, "unknown/why"))
    ]


def test_an_error_without_a_reason_takes_the_last_error_line(codec: StreamJson) -> None:
    """Warnings are none; without any line there is still a fault."""
    told(codec, type="error", severity="error", message="blocked")
    told(codec, type="error", severity="warning", message="old")
    [ended] = told(codec, type="result", status="error")
    assert ended == TurnEnded(Stop.ERROR, None, Fault(FaultKind.QUOTA, "/blocked"))
    codec.prompt("again")
    [ended] = told(codec, type="result", status="error")
    assert ended == TurnEnded(
        Stop.ERROR, None, Fault(FaultKind.QUOTA, "/The agent gave no reason.")
    )


def test_an_end_without_a_result_is_a_crash(codec: StreamJson) -> None:
    """Whatever was said before; and it is told once."""
    told(codec, type="message", role="assistant", content="a")
    [ended] = codec.eof()
    assert isinstance(ended, TurnEnded)
    assert ended.stop is Stop.ERROR
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.CRASHED
    assert codec.eof() == []


def test_a_result_cut_off_is_no_result(codec: StreamJson) -> None:
    """The CLI exits with 0 all the same."""
    assert codec.receive(b'{"type":"result","status":"succ') == []
    garbled, ended = codec.eof()
    assert isinstance(garbled, Garbled)
    assert isinstance(ended, TurnEnded)
    assert ended.stop is Stop.ERROR


def test_a_result_needs_no_newline(codec: StreamJson) -> None:
    """The last line is complete when its JSON is."""
    codec.receive(b'{"type":"result","status":"success"}')
    assert codec.eof() == [TurnEnded(Stop.DONE)]


def test_stats_of_another_form_are_none(codec: StreamJson) -> None:
    """They do not spoil the end of the turn; impossible counts are no counts."""
    stats = {**TOKENS, "input_tokens": -5}
    assert told(codec, type="result", status="success", stats=stats) == [TurnEnded(Stop.DONE)]


def test_thoughts_are_never_negative(codec: StreamJson) -> None:
    """A total below its parts is taken as no thoughts."""
    stats = {"total_tokens": 1, "input_tokens": 5, "output_tokens": 5}
    [ended] = told(codec, type="result", status="success", stats=stats)
    assert ended == TurnEnded(Stop.DONE, ReportedUsage(5, 5, 0, 0))


def test_a_cancelled_prompt_without_a_success_was_cancelled(codec: StreamJson) -> None:
    """The process is ended by a signal: no result, or one that is an error."""
    codec.cancel()
    assert codec.eof() == [TurnEnded(Stop.CANCELLED)]
    codec.prompt("again")
    codec.cancel()
    assert told(codec, type="result", status="error", stats=STATS) == [
        TurnEnded(Stop.CANCELLED, USAGE)
    ]


def test_a_cancel_comes_too_late_for_a_success(codec: StreamJson) -> None:
    """And without a turn it is nothing, also for the next one."""
    codec.cancel()
    assert told(codec, type="result", status="success") == [TurnEnded(Stop.DONE)]
    codec.cancel()
    codec.prompt("again")
    [ended] = codec.eof()
    assert isinstance(ended, TurnEnded)
    assert ended.stop is Stop.ERROR


def test_a_session_that_comes_back_is_resumed() -> None:
    """Whether it was named at the opening or with the prompt."""
    opened, prompted = StreamJson(), StreamJson()
    opened.open(Opening("/", "s1"))
    prompted.prompt("hi", "s1")
    assert opened.session_id == prompted.session_id == "s1"
    assert told(opened, **INIT) == [Opened("s1", resumed=True, model="m")]
    assert told(prompted, **INIT) == [Opened("s1", resumed=True, model="m")]


def test_another_session_than_the_wanted_one_is_a_loss() -> None:
    """The CLI began afresh; the person hears of it."""
    codec = StreamJson()
    codec.prompt("hi", "s0")
    lost, opened = told(codec, **INIT)
    assert isinstance(lost, SessionLost)
    assert lost.session_id == "s0"
    assert opened == Opened("s1", model="m")
    assert codec.session_id == "s1"


def test_a_session_can_be_forgotten(codec: StreamJson) -> None:
    """The next prompt's process gets a new one."""
    codec.forget_session()
    assert codec.session_id is None


def test_a_process_that_says_nothing_was_not_opened() -> None:
    """Without a prompt the opening failed; without an opening nothing happened."""
    codec = StreamJson()
    assert codec.eof() == []
    codec.open(Opening("/"))
    [failed] = codec.eof()
    assert isinstance(failed, OpenFailed)
    assert failed.fault.kind is FaultKind.CRASHED
    assert codec.eof() == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message", "role": "assistant", "content": "late"},
        {"type": "tool_use", "tool_id": "t"},
        {"type": "tool_result", "tool_id": "t", "status": "success"},
        {"type": "result", "status": "success"},
        {"type": "something_new", "content": {"x": 1}},
    ],
)
def test_what_belongs_to_no_turn_is_ignored(event: dict[str, Any]) -> None:
    """Before a prompt, after its end, and events of a later version."""
    codec = StreamJson()
    assert told(codec, **event) == []
    assert codec.ignored == 1


@pytest.mark.parametrize(
    "event",
    [
        {"type": kind, "content": 5, "message": 5, "output": "s3cr3t"}
        for kind in ("init", "message", "tool_use", "tool_result", "error", "result")
    ],
)
def test_a_malformed_event_is_garbled(codec: StreamJson, event: dict[str, Any]) -> None:
    """Its kind is named, its content is not quoted, and the turn goes on."""
    [garbled] = told(codec, **event)
    assert isinstance(garbled, Garbled)
    assert event["type"] in garbled.reason
    assert "s3cr3t" not in garbled.reason
    assert told(codec, type="result", status="success") == [TurnEnded(Stop.DONE)]


def test_garbage_is_garbled(codec: StreamJson) -> None:
    """Text, other JSON, and a line beyond the limit; the stream goes on."""
    assert codec.receive(b"Loading...\n") == [Garbled("not a stream-json event", 10)]
    assert codec.receive(b"null\n") == [Garbled("not a stream-json event", 4)]
    short = StreamJson(line_limit=4)
    assert short.receive(b"12345\n") == [Garbled("a line longer than the limit", 5)]


def test_permissions_are_never_asked_for(codec: StreamJson) -> None:
    """An answer goes nowhere."""
    codec.answer("0", "allow")
    assert codec.outgoing() == b""


def test_the_usual_reading_of_errors_is_built_in() -> None:
    """Without a reading of its own the generic one is used."""
    codec = StreamJson()
    codec.prompt("hi")
    [ended] = told(codec, type="result", status="error", error={"type": "t", "message": "m"})
    assert isinstance(ended, TurnEnded)
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.MODEL_ERROR
    assert RpcError(0, "m", "t").details == "t"
