"""Real programs' screens, replayed byte by byte: what is typed, told and asked stays the same."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tars.agents.pty.description import rules_of
from tars.protocols.codec import Opening
from tars.protocols.screen import ScreenCodec
from tests.support.screen_recording import codec_for, recording, told

NAMES = ("aider", "gemini")


def replay(name: str, cuts: list[int]) -> list[dict[str, Any]]:
    """Feed a recording to a new codec, its output cut into pieces of these sizes; give what
    was asked of it, what it typed and what it said. Pieces of text are joined."""
    return replayed(codec_for(name), name, cuts)


def replayed(codec: ScreenCodec, name: str, cuts: list[int]) -> list[dict[str, Any]]:
    """Replay it to this codec."""
    codec.open(Opening("/"))
    seen: list[dict[str, Any]] = []
    printed = b""
    for step in recording(name):
        if "out" in step:
            printed += step["out"].encode("latin-1")
            continue
        for piece in pieces(printed, cuts):
            note(seen, [told(said) for said in codec.receive(piece)])
            typed(seen, codec)
        printed = b""
        if "do" in step:
            what, words = step["do"]
            seen.append({"do": [what, words]})
            act(codec, seen, what, words)
        elif "still" in step:
            note(seen, [told(said) for said in codec.settle()])
        typed(seen, codec)
    return seen


@cache
def whole(name: str) -> list[dict[str, Any]]:
    """The replay of uncut output: several tests look at it, and it is slow."""
    return replay(name, [])


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    cut, at, number = [], 0, 0
    while at < len(data):
        size = sizes[number % len(sizes)] if sizes else len(data)
        cut.append(data[at : at + size])
        at, number = at + size, number + 1
    return cut


def act(codec: ScreenCodec, seen: list[dict[str, Any]], what: str, words: str) -> None:
    match what:
        case "prompt":
            codec.prompt(words)
        case "cancel":
            codec.cancel()
        case _:
            asked = [s for s in seen if s.get("kind") == "PermissionAsked"]
            codec.answer(asked[-1]["request_id"], words)


def typed(seen: list[dict[str, Any]], codec: ScreenCodec) -> None:
    if keys := codec.outgoing():
        seen.append({"in": keys.decode("latin-1")})


def note(seen: list[dict[str, Any]], said: list[dict[str, Any]]) -> None:
    """Text in pieces is one text, wherever the terminal's questions were answered between."""
    for one in said:
        before = next((s for s in reversed(seen) if not answers_terminal(s)), None)
        if one["kind"] == "TextSaid" and before is not None and before.get("kind") == "TextSaid":
            before["text"] += one["text"]
        else:
            seen.append(one)


def answers_terminal(step: dict[str, Any]) -> bool:
    """Whether this is where the cursor is, or what kind of terminal it is."""
    return "in" in step and step["in"].startswith("\x1b[") and step["in"][-1] in "Rc"


def meant(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what depends on when exactly the terminal was asked, and what only may be
    seen on the way."""
    kept = [s for s in steps if not answers_terminal(s) and s.get("kind") != "Retrying"]
    return [{k: v for k, v in s.items() if k != "details"} for s in kept]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_told_as_it_was(name: str) -> None:
    """Each step types the same keys and says the same: states, questions, answers, figures."""
    wanted: list[dict[str, Any]] = []
    for step in recording(name):
        note(wanted, step.get("said", []))
        wanted += [{key: step[key]} for key in ("do", "in") if key in step]
    assert meant(whole(name)) == meant(wanted)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=2, deadline=None)
@example(sizes=[1, 511])
@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5).filter(lambda s: sum(s) > 500))
def test_how_the_bytes_are_cut_changes_nothing(name: str, sizes: list[int]) -> None:
    """The same states, questions and texts come of the same bytes in any pieces."""
    assert meant(replay(name, sizes)) == meant(whole(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_screens_are_drawn_as_they_were(name: str) -> None:
    """The picture at every decision is the recorded one; read them in the recording."""
    codec = codec_for(name)
    codec.open(Opening("/"))
    compared = 0
    for step in recording(name):
        if "out" in step:
            codec.receive(step["out"].encode("latin-1"))
        elif "screen" in step:
            shown = "\n".join(codec.screen.shown()).rstrip().splitlines()
            assert shown == step["screen"]
            compared += 1
    assert compared > 5


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        (
            "gemini",
            ["Hello from the fake model.", "part0 part1 part2 done.", "Wrote it."],
        ),
        ("aider", ["Answer number 1 from the fake model.", "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9"]),
    ],
)
def test_the_answers_are_the_models(name: str, answers: list[str]) -> None:
    """What was answered is in what was told, without the program's decoration."""
    texts = [s["text"] for s in whole(name) if s.get("kind") == "TextSaid"]
    for answer in answers:
        assert any(answer in text for text in texts), texts
    for text in texts:
        assert not any(sign in text for sign in "✦▀▄─│╭⠋"), text


def test_an_enter_that_was_lost_or_became_a_new_line_is_pressed_again() -> None:
    """Gemini CLI has no input box while it resumes a session: the first Enter of this recording
    falls there. The second prompt's comes right behind the paste, and becomes a part of it."""
    rules = replace(rules_of("gemini"), started=(), submit_seconds=0.01)
    steps = replayed(ScreenCodec(rules, new_id=lambda: "s-1"), "gemini-busy", [])
    keys = [s["in"] for s in steps if "in" in s]
    assert keys == [s["in"] for s in recording("gemini-busy") if "in" in s]
    assert keys[2:4] == keys[5:7] == ["\r", "\r"]
    (answer,) = [s["text"] for s in steps if s.get("kind") == "TextSaid"]
    assert "'FAKE:echo'" in answer


def test_gemini_is_not_ready_before_its_name_is_on_the_screen() -> None:
    """It draws its input box first, and has it no longer for a moment when it has started."""
    codec = codec_for("gemini")
    codec.open(Opening("/"))
    printed = [s["out"].encode("latin-1") for s in recording("gemini-busy") if "out" in s]
    for out in printed[:2]:
        codec.receive(out)
    assert any("Type your message" in line for line in codec.screen.shown())
    assert codec.settle() == []
    assert codec.quiet_seconds == rules_of("gemini").quiet_seconds, "it is looked at again"
    for out in printed[2:5]:
        codec.receive(out)
    assert [told(said)["kind"] for said in codec.settle()] == ["Opened"]
