"""The codec for screens: when it types, what it presses, and what it makes of silence."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.conversation.model import (
    Opened,
    OpenFailed,
    PermissionAsked,
    Retrying,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    TurnEnded,
)
from tars.errors import FaultKind
from tars.protocols.codec import Opening
from tars.protocols.screen import MOST_WAITS, PERSON_SECONDS, SUBMIT_SECONDS, ScreenCodec
from tars.protocols.screen_look import MOST_STARTING
from tars.protocols.screen_rules import (
    AnswerRules,
    Covers,
    Failure,
    Part,
    Paste,
    Question,
    Reaction,
    Region,
    ScreenRules,
    Sight,
    UsageSight,
)
from tars.protocols.screen_typing import KEYS, typed


def sight(pattern: str, part: Part = Part.ALL, count: int = 0) -> Sight:
    return Sight(re.compile(pattern, re.MULTILINE), Region(part, count))


#: A program that draws `Q> ` when it is ready and `busy` while it works.
RULES = ScreenRules(
    name="Quiz",
    ready=(sight(r"^Q>$", Part.CURSOR),),
    thinking=(sight(r"^busy$", Part.BOTTOM, 1),),
    waiting=(sight(r"^retry (?P<reason>.*)", Part.TURN),),
    cancelled=(sight(r"^cancelled$", Part.TURN),),
    asking=(
        Question(sight(r"^(?P<title>May I .*)\? y/n$", Part.CURSOR), "edit", b"y\r", b"", b"n\r"),
    ),
    failed=(Failure(sight(r"^no key$", Part.TURN), FaultKind.BAD_KEY, "There is no key."),),
    start=(Reaction(sight(r"^press any key$"), b" "),),
    paste=Paste.BRACKETED,
    clear_line=b"\x15",
    cancel=b"\x1b",
    new_conversation="/new",
    answer=AnswerRules(begin=re.compile(r"^Q> "), end=re.compile(r"^---$")),
    usage=UsageSight(re.compile(r"^in (?P<input>\S+) out (?P<output>\S+)", re.M), Covers.TURN),
)


def opened(rules: ScreenRules = RULES, printed: bytes = b"hello\r\nQ> ") -> ScreenCodec:
    codec = ScreenCodec(rules, new_id=iter(f"s-{n}" for n in range(1, 9)).__next__)
    codec.open(Opening("/"))
    codec.receive(printed)
    assert [type(s) for s in codec.settle()] == [Opened]
    codec.outgoing()
    return codec


def submitted(codec: ScreenCodec, text: str = "one") -> ScreenCodec:
    """Let it type a prompt and submit it; the program shows it."""
    codec.prompt(text)
    assert codec.outgoing() == f"\x1b[200~{text}\x1b[201~".encode()
    codec.receive(text.encode())
    codec.settle()
    assert codec.outgoing() == b"\r"
    return codec


def texts(said: list[Said]) -> str:
    return "".join(s.text for s in said if isinstance(s, TextSaid))


def ended(said: list[Said]) -> TurnEnded:
    return next(s for s in said if isinstance(s, TurnEnded))


def test_a_prompt_is_pasted_and_then_submitted() -> None:
    """Enter follows when the paste was shown for a moment; the answer is what lies between."""
    codec = submitted(opened())
    assert codec.receive(b"\r\nbusy") == []
    assert codec.settle() == []
    said = codec.receive(b"\r\x1b[Kan answer\r\nof two lines\r\n---\r\nin 1.5k out 20\r\nQ> ")
    said += codec.settle()
    assert texts(said) == "an answer\nof two lines"
    assert ended(said).stop is Stop.DONE
    usage = ended(said).usage
    assert usage is not None
    assert (usage.input, usage.output, usage.estimated) == (1500, 20, True)


def test_enter_waits_until_the_paste_is_shown() -> None:
    """A program that is slow to read would take an Enter right behind the paste for a part of it;
    one that never shows what is typed gets its Enter in the end."""
    rules = replace(RULES, submit_seconds=0.15)
    codec = opened(rules)
    codec.prompt("one")
    assert codec.outgoing() == b"\x1b[200~one\x1b[201~"
    for _ in range(3):
        assert codec.settle() == []
        assert (codec.outgoing(), codec.quiet_seconds) == (b"", 0.15)
    codec.receive(b"one")
    codec.settle()
    assert codec.outgoing() == b"\r"

    blind = opened(rules)
    blind.prompt("two")
    blind.outgoing()
    for _ in range(MOST_WAITS):
        blind.settle()
    assert blind.outgoing() == b""
    blind.settle()
    assert blind.outgoing() == b"\r"


def test_a_prompt_that_still_stands_there_is_submitted_again() -> None:
    """Only while it does and nothing works: the key was lost. When it was cancelled meanwhile it
    is wiped instead."""
    rules = replace(RULES, unsent=sight(r"^Q> (?P<prompt>.+)", Part.BOTTOM, 2))
    codec = submitted(opened(rules))
    for _ in range(2):
        assert codec.settle() == []
        assert (codec.outgoing(), codec.quiet_seconds) == (b"\r", rules.quiet_seconds)
    codec.receive(b"\r\nbusy")
    assert (codec.settle(), codec.outgoing()) == ([], b"")
    codec.cancel()
    assert codec.outgoing() == b"\x1b"
    codec.receive(b"\r\x1b[K")
    codec.settle()
    assert codec.outgoing() == b"\x15"

    other = submitted(opened(rules))
    other.receive(b"\r\x1b[KQ> words of a person")
    assert (other.settle(), other.outgoing()) == ([], b""), "that is not the prompt"


def test_enter_is_not_pressed_for_ever() -> None:
    """A program that shows a prompt and ignores Enter is left alone after a while."""
    codec = submitted(opened(replace(RULES, unsent=sight(r"^Q> (?P<prompt>.+)"))))
    for _ in range(MOST_WAITS):
        codec.settle()
    assert codec.outgoing() == b"\r" * MOST_WAITS
    codec.settle()
    assert (codec.outgoing(), codec.quiet_seconds) == (b"", None)


def test_a_program_that_takes_keys_too_early_is_waited_for() -> None:
    """Until it shows what it shows once it has started, or has shown nothing of it for long."""
    rules = replace(RULES, started=(sight(r"^Quiz 1"),))
    codec = ScreenCodec(rules, new_id=lambda: "s-1")
    codec.open(Opening("/"))
    codec.receive(b"Q> ")
    assert (codec.settle(), codec.quiet_seconds) == ([], rules.quiet_seconds)
    codec.receive(b"\x1b[H\x1b[JQuiz 1\r\nQ> ")
    assert codec.settle() == [Opened("s-1")]

    silent = ScreenCodec(rules, new_id=lambda: "s-2")
    silent.open(Opening("/"))
    silent.receive(b"Q> ")
    said = [silent.settle() for _ in range(MOST_STARTING + 1)]
    assert said == [[]] * MOST_STARTING + [[Opened("s-2")]]


def test_the_screen_of_before_is_no_answer() -> None:
    """A program that has not reacted to Enter yet looks ready: that says nothing."""
    codec = opened()
    submitted(codec)
    codec.receive(b"\r\nfirst\r\n---\r\nQ> ")
    assert texts(codec.settle()) == "first"
    codec.prompt("one")
    codec.outgoing()
    codec.settle()
    codec.receive(b"")
    assert codec.settle() == []
    said = codec.receive(b"one\r\nsecond\r\n---\r\nQ> ") + codec.settle()
    assert texts(said) == "second"


def test_whole_lines_are_told_as_they_come() -> None:
    """A line is told when another follows and it was the same twice; none is told twice."""
    rules = ScreenRules(paste=Paste.LINES)
    codec = opened(rules, b"$ ")
    codec.prompt("go")
    said = []
    for piece in (b"go\r\n", b"line 1\r\nlin", b"e 2\r\nline 3\r", b"\x1b[Kline three\r\n", b"$ "):
        said.append(texts(codec.receive(piece)))
    said.append(texts(codec.settle()))
    assert "".join(said) == "line 1\nline 2\nline three"
    assert said[2] == "line 1"


def test_a_question_is_asked_once_and_answered_by_keys() -> None:
    """Allowing and refusing press their keys; another question is another request."""
    codec = submitted(opened())
    asked = codec.receive(b"\r\nMay I edit? y/n") + codec.settle()
    assert [(s.title, s.tool_kind) for s in asked if isinstance(s, PermissionAsked)] == [
        ("May I edit", "edit")
    ]
    codec.receive(b"\x1b[?25l")
    assert codec.settle() == []
    codec.answer("q9", "allow")
    assert codec.outgoing() == b""
    codec.answer("q1", "allow")
    assert codec.outgoing() == b"y\r"
    assert codec.settle() == []
    again = codec.receive(b"y\r\nMay I edit? y/n") + codec.settle()
    assert [s.request_id for s in again if isinstance(s, PermissionAsked)] == ["q2"]
    codec.answer("q2", None)
    assert codec.outgoing() == b"n\r"


def test_a_cancelled_turn_ends_when_the_program_is_ready() -> None:
    """The key is pressed at once; the end is told when the screen says so."""
    codec = submitted(opened())
    codec.receive(b"\r\nbusy")
    codec.cancel()
    assert codec.outgoing() == b"\x1b"
    assert codec.settle() == []
    said = codec.receive(b"\r\x1b[K---\r\nQ> ") + codec.settle()
    assert ended(said).stop is Stop.CANCELLED


def test_a_prompt_that_was_not_submitted_is_wiped() -> None:
    """Cancelling between typing and Enter clears the line; nothing is submitted."""
    codec = opened()
    codec.prompt("one")
    codec.outgoing()
    assert codec.quiet_seconds == SUBMIT_SECONDS
    codec.cancel()
    assert codec.outgoing() == b"\x15"
    assert ended(codec.settle()).stop is Stop.CANCELLED
    assert codec.outgoing() == b""


def test_a_screen_can_say_that_it_was_cancelled() -> None:
    """Somebody pressed the key at the screen itself."""
    codec = submitted(opened())
    said = codec.receive(b"\r\ncancelled\r\n---\r\nQ> ") + codec.settle()
    assert ended(said).stop is Stop.CANCELLED


def test_a_turn_that_is_given_up_for_a_refused_tool_was_not_cancelled() -> None:
    """Nobody wanted its end: the key that refuses a tool is the one that cancels. Who cancels
    it all the same, cancelled it."""
    for cancels in (False, True):
        codec = submitted(opened())
        codec.receive(b"\r\nMay I edit? y/n")
        codec.settle()
        codec.answer("q1", "deny")
        if cancels:
            codec.cancel()
        said = codec.receive(b"\r\x1b[Kcancelled\r\n---\r\nQ> ") + codec.settle()
        assert ended(said).stop is (Stop.CANCELLED if cancels else Stop.REFUSED)
        assert (ended(said).fault is None) is cancels


def test_what_failed_is_told_with_its_fault() -> None:
    """In a turn it ends the turn, when the program is ready again; before, the start."""
    codec = submitted(opened())
    codec.receive(b"\r\nno key\r\nbusy")
    assert codec.settle() == []
    said = codec.receive(b"\r\x1b[K---\r\nQ> ") + codec.settle()
    fault = ended(said).fault
    assert fault is not None
    assert fault.kind is FaultKind.BAD_KEY
    other = ScreenCodec(RULES, new_id=lambda: "s-1")
    other.open(Opening("/"))
    other.receive(b"no key\r\n")
    assert [type(s) for s in other.settle()] == [OpenFailed]


def test_what_stands_in_the_way_is_pressed_away_once() -> None:
    """The keys of a reaction are pressed when it is seen, and not again."""
    codec = ScreenCodec(RULES, new_id=lambda: "s-1")
    codec.open(Opening("/"))
    codec.receive(b"press any key")
    assert (codec.settle(), codec.outgoing()) == ([], b" ")
    codec.receive(b"\r\n")
    assert (codec.settle(), codec.outgoing()) == ([], b"")


def test_waiting_is_told_once() -> None:
    """What holds the turn up is told when it is seen first."""
    codec = submitted(opened())
    assert codec.receive(b"\r\nretry in 5 s\r\n") == [Retrying("in 5 s")]
    assert codec.receive(b"busy") == []


def test_a_person_who_types_is_not_interrupted() -> None:
    """A prompt waits until the person has paused, and the program is ready; and says why."""
    codec = opened()
    codec.person_typed()
    codec.prompt("one")
    assert codec.outgoing() == b""
    assert codec.receive(b"half a li") == [Retrying("a person is typing in the agent's terminal")]
    assert codec.quiet_seconds == PERSON_SECONDS
    assert codec.settle() == []
    assert codec.outgoing() == b"", "his line is not empty"
    codec.receive(b"\r\x1b[KQ> ")
    codec.settle()
    assert codec.outgoing() == b"\x1b[200~one\x1b[201~"


def test_when_everybody_has_left_nobody_types() -> None:
    """The next prompt need not wait."""
    codec = opened()
    codec.watch(on=True)
    codec.person_typed()
    codec.watch(on=False)
    codec.prompt("one")
    assert codec.outgoing() == b"\x1b[200~one\x1b[201~"


def test_a_new_conversation_is_asked_for_before_the_prompt() -> None:
    """What makes the program forget is submitted first, as a prompt would be."""
    codec = opened()
    codec.forget_session()
    codec.prompt("one")
    assert codec.settle() == [Opened("s-2")]
    codec.settle()
    assert codec.outgoing() == b"/new"
    codec.settle()
    assert codec.outgoing() == b"\r"
    codec.receive(b"/new\r\nQ> ")
    codec.settle()
    assert codec.outgoing() == b"\x1b[200~one\x1b[201~"


@pytest.mark.parametrize(
    ("opening", "said"),
    [
        (Opening("/"), [Opened("s-1")]),
        (Opening("/", "old"), [SessionLost, Opened("s-1")]),
        (Opening("/", None, new_id="given"), [Opened("given")]),
    ],
)
def test_a_process_has_one_conversation(opening: Opening, said: list[object]) -> None:
    """One that was to be brought back is lost, and that is told."""
    codec = ScreenCodec(ScreenRules(), new_id=lambda: "s-1")
    codec.open(opening)
    assert [
        s if s == wanted else type(s) for s, wanted in zip(codec.settle(), said, strict=True)
    ] == said
    codec.prompt("x", "another")
    fault = ended(codec.settle()).fault
    assert fault is not None
    assert fault.kind is FaultKind.SESSION_UNKNOWN


def test_the_end_of_the_program_ends_its_turn() -> None:
    """Once, with a fault; without a turn it says nothing."""
    codec = opened()
    assert codec.eof() == []
    submitted(codec)
    assert ended(codec.eof()).stop is Stop.ERROR
    assert codec.eof() == []


def test_last_words_quote_no_conversation() -> None:
    """The end of the screen tells why a program could not start; later it may be an answer."""
    codec = opened(ScreenRules(), b"".join(b"line %d\r\n" % n for n in range(9)))
    assert codec.last_words() == "line 4\nline 5\nline 6\nline 7\nline 8"
    codec.prompt("secret")
    assert codec.last_words() == ""


def test_an_idle_program_is_left_alone() -> None:
    """What it prints by itself wakes nobody."""
    codec = opened()
    codec.receive(b"tick")
    assert codec.quiet_seconds is None


@given(text=st.text(max_size=60), paste=st.sampled_from(Paste))
def test_a_prompt_presses_no_keys(text: str, paste: Paste) -> None:
    """Whatever a prompt holds, only printable text goes out, and inside of its paste."""
    keys = typed(text, paste).decode()
    if paste is Paste.BRACKETED:
        assert keys.startswith("\x1b[200~")
        assert keys.endswith("\x1b[201~")
        keys = keys[6:-6]
    allowed = {Paste.BRACKETED: "\r\t", Paste.LINES: "\r", Paste.LINE: ""}[paste]
    assert not [c for c in keys if (c < " " or "\x7f" <= c < "\xa0") and c not in allowed]


def test_keys_have_names() -> None:
    """As a keyboard sends them."""
    assert (KEYS["enter"], KEYS["escape"], KEYS["ctrl-c"]) == (b"\r", b"\x1b", b"\x03")


@pytest.mark.parametrize(
    ("region", "seen"),
    [
        (Region(), "a\nb\n\nc"),
        (Region(Part.TOP, 1), "a"),
        (Region(Part.BOTTOM, 2), "\nc"),
        (Region(Part.ROW, 2), "b"),
        (Region(Part.ROW, -1), "c"),
        (Region(Part.ROW, 9), ""),
        (Region(Part.CURSOR), "b"),
    ],
)
def test_regions_of_a_screen(region: Region, seen: str) -> None:
    """Empty lines at the bottom do not count."""
    assert region.of(["a", "b", "", "c", "", ""], 1) == seen


def generic(history: int = 2000, text: str = "go") -> ScreenCodec:
    """A shell without a description that was given a prompt, and has shown it."""
    codec = opened(ScreenRules(paste=Paste.LINES, history=history), b"$ ")
    codec.prompt(text)
    codec.receive(text.encode())
    return codec


def numbers(count: int, end: bytes = b"\r\n") -> bytes:
    return b"".join(b"%d" % n + end for n in range(1, count + 1))


@pytest.mark.parametrize("size", [7, 64, 1000, 65_536])
def test_an_answer_may_be_longer_than_what_is_kept(size: int) -> None:
    """Lines are told as they scroll off, however many come at once."""
    codec = generic()
    data = b"\r\n" + numbers(5000) + b"$ "
    said = [s for at in range(0, len(data), size) for s in codec.receive(data[at : at + size])]
    said += codec.settle()
    assert texts(said) == "\n".join(str(n) for n in range(1, 5001))
    assert ended(said).stop is Stop.DONE


@given(
    lines=st.lists(st.sampled_from(["", "a", "b" * 79, "c" * 200, "go", "$ x"]), max_size=150),
    size=st.integers(1, 3000),
)
@settings(deadline=None)
def test_however_it_comes_each_line_is_told_once(lines: list[str], size: int) -> None:
    """Empty lines and wrapped ones too, on the screen and off it."""
    codec = generic(history=100)
    data = ("\r\n" + "".join(f"{line}\r\n" for line in [*lines, "end"]) + "$ ").encode()
    said = [s for at in range(0, len(data), size) for s in codec.receive(data[at : at + size])]
    said += codec.settle()
    assert texts(said) == "\n".join([*lines, "end"]).lstrip("\n")


def test_a_line_longer_than_what_is_kept_stays_one_line() -> None:
    """It is told in parts."""
    codec = generic(history=100)
    data = b"\r\n" + numbers(9000, b" ") + b"\r\n$ "
    said = [s for at in range(0, len(data), 900) for s in codec.receive(data[at : at + 900])]
    told = texts(said + codec.settle())
    assert "".join(told.split(" ")) == numbers(9000, b"").decode()


def test_lines_that_were_lost_are_missed() -> None:
    """A program can scroll more away at once than is kept."""
    codec = generic(history=100)
    said = (
        codec.receive(b"\r\none\r\n\x1b[24;1H" + b"\x1b[24S" * 20 + b"two\r\n$ ") + codec.settle()
    )
    told = texts(said)
    assert re.search(r"\(\d+ lines were lost\)", told)
    assert told.endswith("two")


def test_a_described_answer_says_that_its_rest_is_lost() -> None:
    """Where the line that shows the prompt has scrolled away, its end cannot be read."""
    codec = submitted(opened(replace(RULES, history=100)))
    said = codec.receive(b"\r\n" + numbers(300) + b"---\r\nQ> ") + codec.settle()
    assert "rest was lost" in texts(said)
    assert ended(said).stop is Stop.DONE


@pytest.mark.parametrize(
    ("printed", "answer"),
    [
        (b"\r\nred\x1b[H\x1b[2J\x1b[3Jcleared\r\n$ ", "cleared"),
        (b"\r\n\x1b[H\x1b[J$ ", ""),
        (b"\r\n\x1b[H\x1b[2J" + b"1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n$ ", "1\n2\n3\n4\n5\n6"),
        (b"\r\n\x1b[H\x1b[2J" + numbers(60) + b"$ ", "\n".join(map(str, range(1, 61)))),
        (b"\r\n\x1bcreset\r\n$ ", "reset"),
        (b"\r\n\x1b[3Aup", ""),
    ],
)
def test_a_turn_that_clears_the_screen_ends(printed: bytes, answer: str) -> None:
    """It has printed something and been silent again; what is on the screen is the answer."""
    codec = opened(ScreenRules(paste=Paste.LINES), b"old\r\n" * 4 + b"$ ")
    codec.prompt("go")
    codec.receive(b"go")
    said = codec.receive(printed) + codec.settle()
    assert texts(said) == answer
    assert ended(said).stop is Stop.DONE


@pytest.mark.parametrize("cut", [1, 7, 100, 1 << 20])
@pytest.mark.parametrize("clearing", [b"\x1b[H\x1b[2J\x1b[3J", b"\x1b[3J\x1b[H\x1b[J", b"\x1bc"])
def test_what_scrolled_off_before_the_screen_was_cleared_is_told(clearing: bytes, cut: int) -> None:
    """However the bytes were cut: only what was still on the screen is gone with it."""
    codec = generic()
    printed = b"\r\n" + numbers(300) + clearing + b"all\r\n$ "
    said = [s for at in range(0, len(printed), cut) for s in codec.receive(printed[at : at + cut])]
    told = texts(said + codec.settle())
    assert told.startswith("\n".join(map(str, range(1, 270))))
    assert told.endswith("\nall")


@pytest.mark.parametrize("text", ["\x03\x07", "\x1b\n\x00", " \x01 "])
def test_a_prompt_of_which_nothing_can_be_typed_ends_at_once(text: str) -> None:
    """With a fault, and the next one is typed."""
    codec = opened()
    codec.prompt(text)
    fault = ended(codec.settle()).fault
    assert fault is not None
    assert "control characters" in fault.message
    assert codec.outgoing() == b""
    submitted(codec)


def test_a_prompt_with_joined_emoji_is_known_again() -> None:
    """Its echo is no part of the answer, joiners and accents or not."""
    text = "the 👩\u200d💻 and a ❤\ufe0f, e\u0301"
    codec = generic(text=text)
    said = codec.receive("\r\nfine 👨\u200d👩\u200d👧\r\n$ ".encode()) + codec.settle()
    assert texts(said) == "fine 👨\u200d👩\u200d👧"
