"""Every recording of a real agent gives the conversation that is committed beside it."""

from pathlib import Path

import pytest

from tests.support.transcripts import (
    Chop,
    as_lines,
    by_byte,
    by_line,
    cases,
    expected,
    replay,
    whole,
)


@pytest.mark.parametrize("chop", [whole, by_line, by_byte])
@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_recording_gives_its_conversation_however_it_is_cut(case: Path, chop: Chop) -> None:
    """Whole, line by line and byte by byte are the same conversation, the committed one."""
    assert as_lines(replay(case, chop)) == expected(case)


def test_all_recordings_are_found() -> None:
    """A moved folder would leave nothing to replay, and every test above would pass."""
    names = {case.name for case in cases()}
    assert {"a01_basic", "a05_cancel", "a12_load_after_kill9", "h03_tools_yolo"} <= names
    assert {"claude_agent", "codex", "copilot", "kimi", "opencode", "qwen"} <= names
    assert len(names) == 45
