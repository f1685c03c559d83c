"""Frames between a codec and an HTTP link: what is written is read, and nothing raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tars.conversation.model import Garbled
from tars.protocols.http_frames import (
    Answer,
    Event,
    Failed,
    Frames,
    Request,
    answer_line,
    asked,
    event_line,
    failed_line,
    request_line,
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(body=_json, path=st.text())
def test_a_request_comes_back_as_it_was(body: object, path: str) -> None:
    """With a body and without; several in one piece."""
    with_body = Request(1, "POST", path, Raw(json.dumps(body).encode()))
    without = Request(2, "GET", path)
    assert list(asked(request_line(with_body) + request_line(without))) == [with_body, without]


@given(body=_json, status=st.integers(100, 599))
def test_an_answer_carries_json_as_it_is(body: object, status: int) -> None:
    """Also where the server has put it on several lines."""
    data = json.dumps(body, indent=1).encode()
    (frame,) = Frames().feed(answer_line(7, status, data))
    assert isinstance(frame, Answer)
    assert (frame.id, frame.status, json.loads(bytes(frame.body))) == (7, status, body)


@pytest.mark.parametrize(
    ("body", "told"), [(b"", None), (b" \n", None), (b"<html>", "<html>"), (b'"\xff"', "\ufffd")]
)
def test_a_body_that_is_no_json_is_told_all_the_same(body: bytes, told: str | None) -> None:
    """As nothing, or as a string: its request has an answer."""
    (frame,) = Frames().feed(answer_line(7, 500, body))
    assert isinstance(frame, Answer)
    assert json.loads(bytes(frame.body)) == told


@given(event=_json)
def test_an_event_carries_json_as_it_is(event: object) -> None:
    """Whatever it is; the codec looks into it."""
    (frame,) = Frames().feed(event_line(json.dumps(event, indent=1).encode()))
    assert isinstance(frame, Event)
    assert json.loads(bytes(frame.data)) == event


def test_what_failed_is_told_with_its_request_or_without() -> None:
    """Without one, it is the server itself."""
    data = failed_line("no answer", 3) + failed_line("gone")
    assert Frames().feed(data) == [Failed("no answer", 3), Failed("gone")]


def test_an_event_that_is_no_json_is_garbled() -> None:
    """And the next one is read."""
    first, second = Frames().feed(event_line(b"{oops") + event_line(b"1"))
    assert isinstance(first, Garbled)
    assert isinstance(second, Event)


@given(st.lists(st.binary(max_size=40) | st.just(b'{"id":1}\n') | st.just(b"\n"), max_size=20))
def test_any_bytes_never_raise(pieces: list[bytes]) -> None:
    """However they are cut."""
    frames = Frames(line_limit=64)
    for piece in pieces:
        frames.feed(piece)
    assert isinstance(frames.feed(b'\n{"id":1,"status":200}\n')[-1], Answer)


def test_a_frame_that_is_too_long_is_dropped() -> None:
    """In bounded memory, and said."""
    frames = Frames(line_limit=1000)
    (garbled, event) = frames.feed(event_line(b'"' + b"x" * 2000 + b'"') + event_line(b"1"))
    assert garbled == Garbled("a message of the server is too long", 2012)
    assert isinstance(event, Event)


def test_nothing_said_is_shown() -> None:
    """A prompt or an answer does not get into a log by way of a frame."""
    request = Request(1, "POST", "/x", Raw(b'"secret"'))
    (answer, event) = Frames().feed(answer_line(1, 200, b'"secret"') + event_line(b'"secret"'))
    assert "secret" not in f"{request!r}{answer!r}{event!r}"
