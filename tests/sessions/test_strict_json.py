"""JSON from anywhere is read whole and without doubt, or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.sessions.strict_json import Doubtful, dumps, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    """As it was, in UTF-8 and on one line."""
    text = dumps(value)
    assert "\n" not in text
    assert loads(text) == value
    assert loads(json.dumps(value)) == value
    text.encode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "😀"),
        (r'"\ud83d"', "\ufffd"),
        (r'"\ude00\ud83d"', "\ufffd\ufffd"),
        (r'"\\ud83d"', r"\ud83d"),
        (r'"\\\ud83d\n"', "\\\ufffd\n"),
        (r'"\uD83Dx\uDE00"', "\ufffdx\ufffd"),
    ],
)
def test_half_a_pair_is_no_character(text: str, value: str) -> None:
    """It becomes U+FFFD; whole pairs and escaped backslashes stay."""
    assert loads(text) == value


def test_half_a_pair_is_never_written() -> None:
    """Nor does it hide that two keys are one."""
    assert dumps({"\ud800": "a\udfffb"}) == '{"\ufffd":"a\ufffdb"}'
    with pytest.raises(Doubtful, match="twice"):
        loads(r'{"\ud800":1,"\ufffd":2}')


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", '{"a":1,"a":2}', "[NaN]", "[-Infinity]", "[1e999]", "9" * 101, "[1]x"),
        *("[" * 99_999, "[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101),
    ],
)
def test_what_is_doubtful_is_refused(text: str) -> None:
    """No JSON, keys that stand twice, numbers that are none, bombs."""
    with pytest.raises(Doubtful):
        loads(text)
