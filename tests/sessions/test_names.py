"""Names are shown, typed again, and become files: nothing in them hides, none is a path."""

import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.errors import NameInvalid
from tars.sessions.names import LONGEST, automatic_name, check_name, file_name

ANY_TEXT = st.text(max_size=LONGEST + 5) | st.text("./\\-~% aA\u200d\u00e9e\u0301👩🚀\u202e\x00\n")


def is_name(text: str) -> bool:
    try:
        check_name(text)
    except NameInvalid:
        return False
    return True


NAMES = ANY_TEXT.filter(is_name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it is empty"),
        ("  \t", "only blanks"),
        ("\u3000", "only blanks"),
        ("\u2800", "braille pattern blank, which cannot be seen"),
        ("\u3164", "hangul filler"),
        ("../x", "slash"),
        ("a/b", "slash"),
        ("a\\b", "slash"),
        (".", "begins with a dot"),
        ("..", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("-x", "begins with a hyphen"),
        ("last", "means the newest session"),
        ("Last", "means the newest session"),
        ("x" * 300, "it has 300 characters, and 100 are the most"),
        ("a\nb", "U+000A"),
        ("a\x00b", "U+0000"),
        ("a\x1b[31mb", "U+001B"),
        ("abc\u202etxt", "right-to-left override"),
        ("a\u2066b", "left-to-right isolate"),
        ("a\u200bb", "zero width space"),
        ("a\u200db", "zero width joiner"),
        ("👩\u200d", "zero width joiner"),
        ("a\U000e0041", "tag latin capital letter a"),
        ("a\ufe01", "variation selector-2"),
        ("a\ud800", "U+D800"),
        (" a", "begins or ends with a blank"),
        ("a ", "begins or ends with a blank"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(name: str, why: str) -> None:
    """A refusal says what is wrong, and can be printed itself."""
    with pytest.raises(NameInvalid) as refused:
        check_name(name)
    assert why in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "a b",
        "fix-login.2",
        "🚀",
        "❤️",
        "👩🏽‍🚀",
        "👨‍👩‍👧",
        "план",
        "می‌خواهم",
        "日本語",
        "a%b~c",
        "x" * 100,
    ],
)
def test_what_people_write_is_a_name(name: str) -> None:
    """Other scripts and emoji are fine, those of several signs too."""
    assert check_name(name) == name


def test_a_name_is_kept_composed() -> None:
    """Two ways to write the same letter are the same name."""
    assert check_name("cafe\u0301") == check_name("caf\u00e9") == "caf\u00e9"


@given(NAMES)
def test_a_name_stays_what_it_is(name: str) -> None:
    """What was accepted is accepted again, unchanged, and can be printed."""
    kept = check_name(name)
    assert check_name(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)


def of_file(file: str) -> str | None:
    """The name that a file was named for; None where it was cut short."""
    return None if "~" in file else unquote(file, errors="strict")


@given(NAMES)
def test_a_file_of_a_name_never_leaves_its_folder(name: str) -> None:
    """It is one part of a path, short enough, no special one, and leads back to the name."""
    file = file_name(name)
    assert Path("/folder", file).parent == Path("/folder")
    assert Path("/folder", file).resolve().parent == Path("/folder")
    assert 0 < len(file.encode()) <= 200
    assert file[0] not in "-."
    assert of_file(file) in (None, check_name(name))
    assert (of_file(file) is None) == ("~" in file)


@given(NAMES, NAMES)
def test_two_names_are_two_files(one: str, other: str) -> None:
    """Different names never share a file."""
    assert (file_name(one) == file_name(other)) == (check_name(one) == check_name(other))


def test_long_names_that_begin_alike_are_two_files() -> None:
    """What is cut off still tells them apart."""
    one, other = file_name("🚀" * 99 + "a"), file_name("🚀" * 99 + "b")
    assert one != other
    assert one.startswith("🚀🚀")
    assert of_file(one) is None


@pytest.mark.parametrize(
    ("command", "feature", "name"),
    [
        ("implement", "login", "implement-login"),
        ("plan", "auth/single sign-on", "plan-auth-single-sign-on"),
        ("review", "../x\n", "review-x"),
        ("review", "a" * 200, "review-" + "a" * 84 + "-0b6e1fb2"),
    ],
)
def test_a_name_is_made_of_what_is_done(command: str, feature: str, name: str) -> None:
    """A feature may be anything, such as a branch; its name is always a good one."""
    assert automatic_name(command, feature) == name


def test_long_features_that_begin_alike_are_two_names() -> None:
    """What is cut off still tells them apart."""
    one, other = automatic_name("plan", "a" * 200 + "b"), automatic_name("plan", "a" * 200 + "c")
    assert one != other
    assert {len(one), len(other)} == {LONGEST}


def test_no_name_is_made_of_nothing() -> None:
    """A feature of slashes and blanks names nothing."""
    with pytest.raises(NameInvalid):
        automatic_name("plan", "../ /")
