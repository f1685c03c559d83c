"""Every recording of the real Claude Code gives the conversation that is committed beside it."""

from pathlib import Path

import pytest

from tars.conversation.model import Garbled, RequestCounted, TextSaid, TurnEnded, Unrecognised
from tests.support.claude_transcripts import cases, replay
from tests.support.transcripts import Chop, as_lines, by_byte, by_line, expected, whole

EACH = pytest.mark.parametrize("case", cases(), ids=lambda case: str(case.name))


@pytest.mark.parametrize("chop", [whole, by_line, by_byte])
@EACH
def test_a_recording_gives_its_conversation_however_it_is_cut(case: Path, chop: Chop) -> None:
    """Whole, line by line and byte by byte are the same conversation, the committed one."""
    assert as_lines(replay(case, chop)) == expected(case)


@EACH
def test_all_that_it_says_is_known(case: Path) -> None:
    """A newer version may say more; what is recorded is understood to the last line."""
    assert [s for s in replay(case, whole) if isinstance(s, Garbled | Unrecognised)] == []


@EACH
def test_no_request_is_told_twice_and_no_total_is_below_the_requests(case: Path) -> None:
    """A turn's report is at least what its requests add up to, unless it was cut short."""
    ids: set[str] = set()
    output = 0
    for said in replay(case, whole):
        if isinstance(said, RequestCounted):
            assert said.request.id not in ids
            ids.add(said.request.id)
            output += said.request.output
        elif isinstance(said, TurnEnded):
            if said.usage is not None and not said.usage.at_least and "background" not in case.name:
                assert said.usage.output >= output
            output = 0


def test_no_text_is_told_twice() -> None:
    """It streams, and comes again with the finished message, and with the result."""
    [case] = [case for case in cases() if case.name == "2.1.316_tool_agent_think"]
    texts = [said.text for said in replay(case, whole) if isinstance(said, TextSaid)]
    assert "".join(texts) == (
        "I will run a command.\n\nAnswer number 2 from the fake model."
        "I will ask a sub-agent.\n\nAnswer number 5 from the fake model."
        "Answer number 6 from the fake model."
    )


def test_what_it_does_by_itself_is_counted_once_and_answers_nobody() -> None:
    """A task in the background wakes it: between two prompts, and before the second of them.

    The ten requests were billed 41 to 50 tokens of output.
    """
    [case] = [case for case in cases() if case.name == "2.1.316_background"]
    in_turns = between = told = 0
    texts = [""]
    for said in replay(case, whole):
        match said:
            case TextSaid(text):
                texts[-1] += text
            case RequestCounted(request) if texts[-1]:
                told += request.output
            case RequestCounted(request) if len(texts) == 2:
                between += request.output
            case RequestCounted(request):
                # The fourth prompt had been sent when this was used.
                told += request.output
            case TurnEnded(usage=usage) if usage is not None:
                in_turns += max(told, usage.output)
                told = 0
                texts.append("")
            case _:
                pass
    assert in_turns + between == sum(range(41, 51))
    assert texts == [
        "I will ask a sub-agent.\n\nAnswer number 3 from the fake model.",
        "Answer number 5 from the fake model.",
        "I will ask a sub-agent.\n\nAnswer number 8 from the fake model.",
        "Answer number 10 from the fake model.",
        "",
    ]


def test_all_recordings_are_found() -> None:
    """A moved folder would leave nothing to replay, and every test above would pass."""
    names = {case.name for case in cases()}
    assert {"2.1.197_control", "2.1.316_interrupts", "2.1.316_commands"} <= names
    assert len(names) == 18
