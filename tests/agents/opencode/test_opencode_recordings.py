"""Every recording of opencode gives the conversation that is committed beside it."""

from pathlib import Path

import pytest

from tests.support.opencode_talk import cases, expected, replay
from tests.support.transcripts import Chop, as_lines, by_byte, by_line, whole


@pytest.mark.parametrize("chop", [whole, by_line])
@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case.name))
def test_a_recording_gives_its_conversation(case: Path, chop: Chop) -> None:
    """The committed one, fact by fact."""
    assert as_lines(replay(case, chop)) == expected(case)


def test_however_it_is_cut() -> None:
    """Byte by byte is the same conversation."""
    case = next(case for case in cases() if case.name == "question")
    assert as_lines(replay(case, by_byte)) == expected(case)


def test_all_recordings_are_found() -> None:
    """A moved folder would leave nothing to replay, and every test above would pass."""
    assert len(cases()) == 11
