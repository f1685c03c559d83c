"""What a session has used, as its agent's protocol tells it and its log shows it."""

from datetime import UTC, datetime
from pathlib import Path

from tars.conversation.model import (
    ReportedUsage,
    RequestCounted,
    RequestUsage,
    Said,
    Stop,
    TextSaid,
    TurnEnded,
)
from tars.runtime.counting import Counting
from tars.runtime.turn import LiveTurn, Prompt
from tests.support.scripted_kind import ScriptedKind
from tests.support.stage import Stage

REQUEST = RequestUsage("m1", "opus", 10, 1)
CUT_SHORT = ReportedUsage(0, 0, at_least=True)


def a_turn() -> LiveTurn:
    return LiveTurn(Prompt("t1", "one", "hi"), datetime.now(UTC), 0.0)


def test_what_a_codec_knew_last_of_a_turn_is_counted(tmp_path: Path) -> None:
    """Its process went in the midst of an answer, of which the beginning was seen."""
    counting = Counting("one", ScriptedKind(), Stage(tmp_path, None).loop)
    turn = a_turn()
    last: list[Said] = [TextSaid("x"), RequestCounted(REQUEST), TurnEnded(Stop.ERROR, CUT_SHORT)]
    counting.told_last(turn, last)
    assert (turn.told, turn.reported) == ((REQUEST,), CUT_SHORT)


def test_what_was_reported_before_the_end_stands(tmp_path: Path) -> None:
    """The codec only says again that the process is gone."""
    counting = Counting("one", ScriptedKind(), Stage(tmp_path, None).loop)
    turn = a_turn()
    turn.reported = ReportedUsage(7, 7)
    counting.told_last(turn, [TurnEnded(Stop.ERROR, CUT_SHORT)])
    assert turn.reported == ReportedUsage(7, 7)


def test_a_last_request_without_a_turn_is_the_sessions(tmp_path: Path) -> None:
    """It is used by nobody's prompt."""
    stage = Stage(tmp_path, None)
    counting = Counting("one", ScriptedKind(), stage.loop)
    counting.go_to("s1", None)
    counting.told_last(None, [RequestCounted(REQUEST)])
    assert stage.witness.late == [("one", "s1", (REQUEST,))]
