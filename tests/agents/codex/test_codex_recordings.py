"""Every recording of the real Codex gives the conversation that is committed beside it."""

import json
from pathlib import Path

import pytest

from tars.conversation.model import RequestCounted
from tests.support.codex_recordings import CODEX, cases, replay
from tests.support.transcripts import Chop, as_lines, by_byte, by_line, expected, whole


@pytest.mark.parametrize("chop", [whole, by_line, by_byte])
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_recording_gives_its_conversation_however_it_is_cut(case: Path, chop: Chop) -> None:
    """Whole, line by line and byte by byte are the same conversation, the committed one."""
    assert as_lines(replay(case, chop)) == expected(case)


def test_all_recordings_are_found() -> None:
    """A moved folder would leave nothing to replay, and every test above would pass."""
    assert len(cases()) == 14


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_each_response_is_counted_once(case: Path) -> None:
    """What a thread's total grew by is what was counted, whatever was told twice."""
    counted = [said.request for said in replay(case, whole) if isinstance(said, RequestCounted)]
    assert len({request.id for request in counted}) == len(counted)
    assert sum(r.input for r in counted) == grown(case)
    for request in counted:
        raw = json.loads(request.raw)
        assert request.input == raw["inputTokens"]
        assert request.output + request.thoughts == raw["outputTokens"]


def grown(case: Path) -> int:
    """Add up the rises of every thread's total; a full context window sets it to 0."""
    totals: dict[str, int] = {}
    resumed, grown = "", 0
    for line in (case / "app-server.jsonl").read_text("utf-8").splitlines():
        message = json.loads(line)["msg"]
        params = message.get("params", {})
        if message.get("method") == "thread/resume":
            resumed = params["threadId"]
        if message.get("method") != "thread/tokenUsage/updated":
            continue
        thread, total = params["threadId"], params["tokenUsage"]["total"]["inputTokens"]
        # The first that a resumed thread tells is the sum of long ago.
        grown += max(0, total - totals.get(thread, total if thread == resumed else 0))
        totals[thread] = total
    return grown


def test_a_resumed_thread_tells_no_raw_events() -> None:
    """That is why the totals have to be understood."""
    text = (CODEX / "resumed_with_tool" / "app-server.jsonl").read_text("utf-8")
    assert "thread/resume" in text
    assert "rawResponse" not in text
