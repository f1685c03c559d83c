"""Text for people: cleaned of what commands a terminal, whatever the pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.cli.render import (
    Cleaner,
    clean,
    cleared_line,
    columns,
    count,
    fault_line,
    one_line,
    seconds,
    seconds_until,
    turn_line,
)
from tars.control.contract import FaultStatus, TokensStatus, TurnResult, Usage
from tests.control.samples import SESSION

NASTY = {
    "colour": ("a\x1b[31mb\x1b[0mc", "abc"),
    "title": ("a\x1b]0;owned\x07b", "ab"),
    "title with ST": ("a\x1b]2;owned\x1b\\b", "ab"),
    "clipboard": ("\x1b]52;c;cm0gLXJm\x07x", "x"),
    "device string": ("a\x1bP1$r0m\x1b\\b", "ab"),
    "reset": ("a\x1bcb", "ab"),
    "charset": ("a\x1b(0b", "ab"),
    "return": ("safe\rEVIL", "safeEVIL"),
    "backspace": ("a\x08\x08b", "ab"),
    "C1": ("a\x9b31mb", "a31mb"),
    "bell": ("a\x07b", "ab"),
    "kept": ("a\tb\nc é 漢 🙂", "a\tb\nc é 漢 🙂"),
}


@pytest.mark.parametrize(("dirty", "expected"), NASTY.values(), ids=NASTY)
def test_sequences_are_taken_out(dirty: str, expected: str) -> None:
    """Newlines, tabs and every letter stay."""
    assert clean(dirty) == expected


@pytest.mark.parametrize(("dirty", "expected"), NASTY.values(), ids=NASTY)
def test_a_sequence_cut_in_pieces_is_taken_out_too(dirty: str, expected: str) -> None:
    """One character at a time gives the same as all at once."""
    cleaner = Cleaner()
    assert "".join(cleaner.clean(character) for character in dirty) == expected


@given(st.lists(st.text(alphabet="\x1b[]P\\\x07;mc0 a\n\x9c?", max_size=20)))
def test_no_escape_ever_comes_out(pieces: list[str]) -> None:
    """Whatever is put in, in whatever pieces."""
    cleaner = Cleaner()
    out = "".join(cleaner.clean(piece) for piece in pieces)
    assert not set(out) & {"\x1b", "\x07", "\x9c"}


def test_what_is_held_back_is_bounded() -> None:
    """A sequence that never ends does not swallow memory; text after it is shown again."""
    cleaner = Cleaner()
    assert cleaner.clean("\x1b]" + "x" * 10_000) == ""
    assert cleaner.clean("hello") == "hello"


def test_one_line_is_one_line() -> None:
    """Line ends become spaces, and marks that turn the writing direction go."""
    assert one_line("rm \u202e-rf\n\n  /\x1b[2J") == "rm -rf /"


@pytest.mark.parametrize(
    ("value", "words"), [(0.9, "0 s"), (59.9, "59 s"), (65, "1 min 5 s"), (3725, "1 h 2 min")]
)
def test_durations_read_well(value: float, words: str) -> None:
    """Two units at most."""
    assert seconds(value) == words


def test_counts_agree_with_their_noun() -> None:
    """One prompt, 1,200 prompts."""
    assert (count(1, "prompt"), count(1200, "prompt")) == ("1 prompt", "1,200 prompts")


def test_a_turn_says_what_it_used() -> None:
    """Figures that are a guess or a lower bound say so, and no figure is made of none."""
    usage = Usage(input_tokens=3300, cached_tokens=1900, output_tokens=60, source="official")
    turn = TurnResult(turn="t", agent="gemini", outcome="ok", duration_ms=2100, usage=usage)
    assert turn_line(turn) == "gemini · 3,300 in (1,900 cached) · 60 out · 2.1 s"
    turn.usage = Usage(input_tokens=5, source="estimate")
    turn.cost_usd = 0.5
    assert turn_line(turn) == "gemini · 5 in · 0 out, estimated · 2.1 s · $0.5000"
    turn.usage, turn.cost_usd = Usage(source="estimate"), None
    assert turn_line(turn) == "gemini · tokens not counted · 2.1 s"
    turn.usage = Usage(input_tokens=5, source="official", at_least=True)
    assert turn_line(turn) == "gemini · at least 5 in · 0 out · 2.1 s"


def test_a_reset_says_how_its_sums_are_to_be_read() -> None:
    """As the status does."""
    marked = TokensStatus(context=0, net_input=0, output=0, at_least=True, context_is_sum=True)
    line = cleared_line("gemini", SESSION, marked)
    assert "at most 12,543 tokens of context, at least 3,410 output tokens" in line
    marked.counted = False
    assert cleared_line("gemini", SESSION, marked).endswith("17 prompts, tokens not counted.")


def test_columns_line_up() -> None:
    """No line ends in spaces."""
    assert columns([("A", "LONG"), ("bcd", "e")]) == "A    LONG\nbcd  e\n"


def test_a_fault_says_until_when() -> None:
    """Where that is known; in UTC, to the minute."""
    fault = FaultStatus(kind="quota", message="Used up.", advice="Wait.")
    assert fault_line(fault) == "Used up. Wait."
    fault.until = "2026-03-01T15:00:00.000Z"
    assert fault_line(fault) == "Used up. Wait. Until 2026-03-01 15:00 UTC."


def test_a_time_is_so_far_away() -> None:
    """None where there is no time, or what was sent is none."""
    past = seconds_until("2026-03-01T15:00:00.000Z")
    assert past is not None
    assert past != 0
    assert seconds_until(None) is None
    assert seconds_until("soon") is None
