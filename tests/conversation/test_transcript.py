"""A turn's conversation, folded as it arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.conversation.model import (
    Garbled,
    ModeChanged,
    Opened,
    OpenFailed,
    PermissionAsked,
    Retrying,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.conversation.transcript import MAX_TOOLS, Transcript
from tars.errors import Fault, FaultKind


def told(*said: Said) -> Transcript:
    transcript = Transcript()
    for one in said:
        transcript.add(one)
    return transcript


@given(st.lists(st.text()))
def test_the_answer_is_what_was_said_in_order(pieces: list[str]) -> None:
    """However it was cut into pieces, and whatever characters it holds."""
    assert told(*(TextSaid(piece) for piece in pieces)).text == "".join(pieces)


def test_a_tool_call_counts_once() -> None:
    """All changes of one call are one call."""
    transcript = told(
        ToolCallChanged("c1", ToolStatus.PENDING),
        ToolCallChanged("c1", ToolStatus.RUNNING),
        ToolCallChanged("c2", ToolStatus.RUNNING),
        ToolCallChanged("c1", ToolStatus.COMPLETED),
    )
    assert transcript.tool_calls == 2
    assert transcript.running_tools == {"c2"}


@pytest.mark.parametrize(
    ("status", "runs"),
    [
        (ToolStatus.PENDING, True),
        (ToolStatus.RUNNING, True),
        (ToolStatus.COMPLETED, False),
        (ToolStatus.FAILED, False),
    ],
)
def test_a_tool_runs_until_it_is_over(status: ToolStatus, runs: bool) -> None:
    """While it runs, silence is no sign of a hang; one that is first seen at its end never ran."""
    transcript = told(ToolCallChanged("c1", status))
    assert ("c1" in transcript.running_tools) is runs
    assert transcript.tool_calls == 1


def test_garbage_is_counted_and_nothing_else() -> None:
    """What makes no sense does not disturb the answer."""
    transcript = told(TextSaid("a"), Garbled("not JSON", 3), Garbled("no UTF-8"), TextSaid("b"))
    assert (transcript.text, transcript.garbled) == ("ab", 2)


@pytest.mark.parametrize(
    "said",
    [
        Opened("s1"),
        OpenFailed(Fault(FaultKind.BAD_KEY, "The key is not valid.")),
        SessionLost("s1", "its file is gone"),
        ThoughtSaid("hm"),
        PermissionAsked("r1", "touch", "execute", ()),
        ModeChanged("yolo"),
        Retrying("429"),
        TurnEnded(Stop.DONE),
    ],
    ids=lambda said: type(said).__name__,
)
def test_everything_else_is_no_part_of_the_answer(said: Said) -> None:
    """Thoughts least of all."""
    assert told(said) == Transcript()


def test_a_tool_call_keeps_what_an_update_leaves_out() -> None:
    """Title and kind come with the first update; later ones need not repeat them."""
    transcript = Transcript()
    transcript.add(ToolCallChanged("c1", ToolStatus.RUNNING, "ls", "execute"))
    transcript.add(ToolCallChanged("c1", ToolStatus.COMPLETED))
    call = transcript.tools["c1"]
    assert (call.title, call.kind, call.status) == ("ls", "execute", ToolStatus.COMPLETED)


def test_a_flood_of_tool_calls_is_counted_and_not_remembered() -> None:
    """The oldest are forgotten, and no longer hold up the verdict on a silent agent."""
    calls = [ToolCallChanged(str(n), ToolStatus.RUNNING) for n in range(MAX_TOOLS + 5)]
    transcript = told(*calls)
    assert len(transcript.tools) == len(transcript.running_tools) == MAX_TOOLS
    assert transcript.tool_calls == MAX_TOOLS + 5
    assert str(MAX_TOOLS + 4) in transcript.tools
