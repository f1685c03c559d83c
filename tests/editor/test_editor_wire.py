"""JSON-RPC from the agent's side: what makes no sense has to be answered too."""

import json
from typing import Any

import pytest

from tars.editor import wire
from tars.editor.wire import Lines, Malformed, Notification, Request, Response, read


def line(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


def test_the_four_kinds_of_message() -> None:
    """Ids are numbers or words, and null is one like any other."""
    assert read(line(id=0, method="m", params={"a": 1})) == Request(0, "m", {"a": 1})
    assert read(line(id=None, method="m")) == Request(None, "m", {})
    assert read(line(method="m", params=None)) == Notification("m", {})
    assert read(line(id="x", result={"a": 1})) == Response("x", {"a": 1})
    assert read(line(id=1, error={"code": 1})) == Response(1, None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", wire.PARSE_ERROR),
        (b"\xff", wire.PARSE_ERROR),
        (b"[" * 100_000, wire.PARSE_ERROR),
        (b"5", wire.INVALID_REQUEST),
        (b'{"id":1,"method":"m"}', wire.INVALID_REQUEST),
        (line(id=True, method="m"), wire.INVALID_REQUEST),
        (line(id=[1], method="m"), wire.INVALID_REQUEST),
        (line(id=1, method=5), wire.INVALID_REQUEST),
        (line(id=1, method="m", params=[1]), wire.INVALID_REQUEST),
    ],
)
def test_what_is_no_message_has_its_error(data: bytes, code: int) -> None:
    """Whatever the bytes are."""
    message = read(data)
    assert isinstance(message, Malformed)
    assert message.code == code


def test_lines_come_in_pieces() -> None:
    """Blank ones are nothing."""
    lines = Lines()
    assert lines.feed(b"ab") == []
    assert lines.feed(b"c\n\n  \nd") == [b"abc"]
    assert lines.feed(b"\n") == [b"d"]


def test_a_line_that_is_too_long_is_told_and_not_kept() -> None:
    """The one after it is read."""
    lines = Lines(limit=4)
    assert lines.feed(b"abc") == []
    assert lines.feed(b"def") == []
    assert lines.feed(b"ghi\nok\n") == [None, b"ok"]
    assert lines.feed(b"abcde\nabcd\n") == [None, b"abcd"]


def test_what_goes_out_is_a_line() -> None:
    """An error may have data."""
    assert json.loads(wire.refusal(1, -1, "no")) == {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {"code": -1, "message": "no"},
    }
    assert json.loads(wire.refusal(1, -1, "no", {"a": 1}))["error"]["data"] == {"a": 1}
    assert wire.notification("m", {}).endswith(b"}\n")
