"""Transcripts and summaries as lines: in order, folded, bounded, and obeyed by no terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tars.control.session_contract import Counted, Message, MessageList, SessionTurn, ToolCall
from tars.tui.session_pages import KEPT, Laid, Pages
from tars.tui.session_pieces import Line, Piece, plain, width_of
from tars.tui.session_prose import prose, verbatim
from tars.tui.session_summary import Whole, headings, lines
from tars.tui.session_transcript import Entry, Page, lines_of, nothing, page_of
from tests.control.costs_samples import REPORT
from tests.control.session_samples import CALL, MESSAGE, SESSION

_ANY = st.text(st.characters(codec="utf-8") | st.sampled_from("\x1b[]\u202e\u200d日👩`*#>-\n\t "))


def shown(found: Sequence[Line]) -> list[str]:
    return [plain(line).rstrip() for line in found]


@settings(max_examples=60, deadline=None)
@given(_ANY, st.integers(20, 90))
def test_no_text_is_obeyed_or_too_wide(text: str, width: int) -> None:
    """Whatever somebody wrote, a line is of printable signs, and fits."""
    for line in [*prose(text, width), *verbatim(text, width, before="| ")]:
        assert plain(line).isprintable()
        assert width_of(line) <= width


def test_no_word_is_lost() -> None:
    """What does not fit goes on below, word by word, and within one that is too long."""
    text = "one two three " * 20 + "x" * 100
    told = "".join(plain(line) for line in prose(text, 30))
    assert told.replace(" ", "") == text.replace(" ", "")


def test_markdown_is_marked_lightly() -> None:
    """Headings, marks, lists and code have tones; what they are made of goes."""
    text = (
        "# Head\nplain **bold** `code`\n- item\n3. third\n> said\n```py\nx = 1  # **no**\n```\nend"
    )
    found = list(prose(text, 60))
    assert shown(found) == [
        "Head",
        "plain bold code",
        "• item",
        "3. third",
        "│ said",
        "  x = 1  # **no**",
        "end",
    ]
    tones = {piece.text: piece.tone for line in found for piece in line}
    assert tones["Head"] == "title"
    assert tones["bold"] == "bold"
    assert tones["code"] == "code"
    assert tones["x = 1  # **no**"] == "code"


def test_what_was_said_and_done_is_in_one_order() -> None:
    """By its place in a turn; the parts of another turn by when they began."""
    said = [replace(MESSAGE, number=0, role="user"), replace(MESSAGE, number=2)]
    later = replace(MESSAGE, turn="t-2", number=0, began_at="2026-03-01T11:00:00.000Z")
    told = MessageList(session="s", messages=[*said, later], tool_calls=[CALL], after=None)
    page = page_of(7, told)
    assert page.entries == (said[0], CALL, said[1], later)
    assert page.last
    assert not page_of(0, replace(told, after=9)).last


def test_a_tool_call_is_one_line_until_it_is_unfolded() -> None:
    """Unfolded it has its files and its output, as far as that came."""
    call = replace(CALL, title="Edit\x1b[31m form.py", output="one\ntwo", size=9_900_007)
    folded = list(lines_of(call, "claude", 60, unfolded=False))
    assert shown(folded) == ["   ▸ ✓ Edit form.py  9.9 MB"]
    unfolded = shown(list(lines_of(call, "claude", 60, unfolded=True)))
    assert unfolded[0] == "   ▾ ✓ Edit form.py  9.9 MB"
    assert "       form.py" in unfolded
    assert unfolded[-3:] == ["     │ one", "     │ two", "     │ … 9.9 MB more"]


def test_a_long_message_says_what_is_missing() -> None:
    """And a thought is in a tone of its own."""
    message = replace(MESSAGE, role="thought", text="x" * 40, size=9_900_040, ended_at=None)
    found = list(lines_of(message, "claude", 60, unfolded=False))
    assert shown(found)[1].startswith(" Thought  10:00")
    assert shown(found)[-2:] == ["   … 9.9 MB more", "   …"]
    assert Piece("x" * 40, "italic") in found[2]


@pytest.mark.parametrize(
    ("source", "messages", "said"),
    [("log", 6, "ran outside tars"), ("tars", 0, "Nothing of what was said"), ("tars", 6, "")],
)
def test_it_is_said_why_there_is_no_transcript(source: str, messages: int, said: str) -> None:
    """A session of a log has none here; of others what was said may not have been kept."""
    session = replace(SESSION, source=source, messages=messages, tool_calls=0)
    told = nothing(session)
    assert said in told
    assert bool(told) == bool(said)


def laid(at: int, count: int, lines: int = 2, *, last: bool = False) -> Laid:
    """A page of so many entries, each of so many lines."""
    entries: tuple[Message | ToolCall, ...] = tuple(
        replace(MESSAGE, number=at + number) for number in range(count)
    )
    done = Laid(Page(at, entries, last))

    def line(number: int, entry: Entry) -> list[Line]:
        return [(Piece(f"{number}.{part}"),) for part in range(lines)]

    for _ in done.lay(lambda number, entry: iter(line(number, entry))):
        pass
    return done


def test_pages_grow_at_either_end_and_stay_bounded() -> None:
    """It is said by how many lines what is in sight moved."""
    pages = Pages()
    assert (len(pages), pages.begins_at, pages.ends_at, pages.is_last) == (0, 0, 0, True)
    pages.put([laid(100, 10)])
    assert pages.put_above(laid(90, 10)) == 20
    assert pages.put_below(laid(110, 5, last=True)) == 0
    assert (len(pages), pages.begins_at, pages.ends_at, pages.is_last) == (50, 90, 115, True)
    assert plain(pages[20]) == "100.0"
    assert pages.owner(21) == 100
    assert pages.owner(50) is None
    assert pages.begin_of(100) == 20
    assert pages.begin_of(7) == 0
    gone = [pages.put_below(laid(115 + number, 1)) for number in range(KEPT)]
    assert gone[-1] == 10
    assert len(pages.pages) == KEPT
    pages.renew_last(laid(115 + KEPT - 1, 3, last=True))
    assert pages.ends_at == 115 + KEPT + 2
    with pytest.raises(IndexError):
        pages[10_000]


TURN = SessionTurn(
    id="t-2",
    number=2,
    began_at="2026-03-01T10:00:00.000Z",
    ended_at=None,
    duration_ms=92_000,
    outcome=None,
    model="opus\x1b[2J",
    net_input_tokens=1,
    cache_read_tokens=2,
    cache_write_tokens=3,
    output_tokens=4,
    reasoning_tokens=0,
    total_tokens=10,
)


@pytest.mark.parametrize("width", [58, 78, 160])
def test_a_summary_has_everything(width: int) -> None:
    """Tokens by kind, what each model cost, turns, tools and files; the rest is counted."""
    turns = [TURN, replace(TURN, number=1, outcome="error", error="It\x07 broke")]
    tools, files = [Counted("edit", 6)], [Counted(f"f{n}.py", 9 - n) for n in range(9)]
    whole = Whole(SESSION, turns, 12, tools, files, 30, REPORT, is_told=True)
    told = shown(lines(whole, width))
    text = "\n".join(told)
    assert all(line.isprintable() for line in told)
    for word in ("Net input", "1,200", "Cache read", "9,000", "Cache written", "300", "Output"):
        assert word in text
    assert "≥10,950" in text
    assert "$1.2500" in text
    assert "claude-opus" in text
    assert "under way" in text
    assert "6x edit" in text
    assert "f7.py" in text
    assert "f8.py" not in text
    assert "… 22 more" in text
    assert "… 10 older" in text
    assert "It broke" in text
    head = headings(SESSION, datetime(2026, 3, 5, tzinfo=UTC), "/home/me", width)
    assert plain(head[0]).startswith("implement-login")
    assert plain(head[0]).endswith("● active")
    assert [width_of(line) for line in head] == [width, width]


def test_what_a_log_does_not_tell_is_not_said_to_be_nothing() -> None:
    """Turns, tools, files and how long it took are not in it; how many requests is."""
    spent = replace(SESSION.spent, turns=0, requests=14)
    outside = replace(SESSION, source="log", spent=spent, duration_ms=0)
    told = "\n".join(shown(lines(Whole(outside, is_told=True), 78)))
    assert "Requests  14" in told
    assert not any(word in told for word in ("Turns", "Tools", "Files"))
    about = plain(headings(outside, datetime(2026, 3, 5, tzinfo=UTC), "/home/me", 78)[1])
    assert ", 0s" not in about


def test_what_is_not_told_yet_is_not_said_to_be_nothing() -> None:
    """Of a session that was only just opened."""
    text = "\n".join(shown(lines(Whole(SESSION), 80)))
    assert "Cost                       …" in text
    assert "Turns" not in text
