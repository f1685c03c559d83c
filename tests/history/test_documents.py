"""A document is given by its members, and its lists by their items, however large it is."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.history.documents import Malformed, _loaded, _Splitter, members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(
    document=st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
    chunk=st.integers(1, 9),
    indent=st.sampled_from([None, 1]),
)
def test_a_document_that_is_split_gives_what_a_loaded_one_gives(
    document: dict[str, object], chunk: int, indent: int | None
) -> None:
    """Wherever the pieces that are read end, and however it is laid out."""
    data = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    splitter = _Splitter(1000)
    found = [
        (name, json.loads(value))
        for at in range(0, len(data), chunk)
        for name, value in splitter.feed(data[at : at + chunk])
    ]
    assert splitter.ended
    assert found == [(name, json.loads(value)) for name, value in _loaded(data)]


def test_a_value_that_is_too_large_is_empty_and_the_others_are_given(tmp_path: Path) -> None:
    """So that one picture in a conversation loses nothing else of it."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"id": "a", "messages": [{"n": 1}, {"n": "x" * 500}, {"n": 3}]}))
    found = list(members(str(path), largest=100))
    assert found == [
        ("id", b'"a"'),
        ("messages", b'{"n": 1}'),
        ("messages", b""),
        ("messages", b'{"n": 3}'),
    ]


@pytest.mark.parametrize("largest", [10, 10_000])
@pytest.mark.parametrize(
    "text", ["", "[1, 2]" * 3, '{"id": "a", "messages": [{"n": 1}, {"n"', "\0\1\2 binary" * 2]
)
def test_what_is_no_whole_object_is_malformed(text: str, largest: int, tmp_path: Path) -> None:
    """Half a document, another kind of JSON, and no JSON at all."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(Malformed):
        list(members(str(path), largest=largest))
