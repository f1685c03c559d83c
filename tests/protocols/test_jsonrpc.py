"""JSON-RPC 2.0, line by line."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.protocols import jsonrpc
from tars.protocols.jsonrpc import (
    Malformed,
    Notification,
    Request,
    Response,
    RpcError,
    decode,
    decoded,
)


def line(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize("id", [0, 1, -7, 2**70, "", "0", "abc"])
def test_a_request_has_an_id(id: int | str) -> None:
    """Integers and strings are ids, and 0 and the empty string are among them."""
    assert decode(line(id=id, method="m", params={})) == Request(id, "m", raw({}))


def test_a_notification_has_none() -> None:
    """Without an id nobody waits for an answer."""
    assert decode(line(method="m", params=[1])) == Notification("m", raw([1]))


def test_params_may_be_left_out() -> None:
    """They are null then."""
    assert decode(line(method="m")) == Notification("m", raw(None))


@pytest.mark.parametrize("result", [None, {}, 0, "x", [1]])
def test_any_result_is_an_answer(result: Any) -> None:
    """Also null, and what is false in Python."""
    assert decode(line(id=0, result=result)) == Response(0, raw(result))


def test_an_error_is_an_answer() -> None:
    """With or without an id: the other side may not have been able to read ours."""
    error = {"code": -32601, "message": "no"}
    assert decode(line(id=3, error=error)) == Response(3, RpcError(-32601, "no"))
    assert decode(line(id=None, error=error)) == Response(None, RpcError(-32601, "no"))


def test_an_error_of_null_is_none() -> None:
    """Some libraries write both members, with null in the one that does not hold."""
    assert decode(line(id=3, result=1, error=None)) == Response(3, raw(1))


@pytest.mark.parametrize(
    ("data", "details"),
    [
        ({"details": "why"}, "why"),
        ("why", "why"),
        (None, ""),
        ({"other": 1}, ""),
        ({"details": 5}, ""),
        ([{"message": "m"}], ""),
    ],
)
def test_the_details_of_an_error_are_words(data: Any, details: str) -> None:
    """What `data` says in another form than words is left out."""
    error = {"code": 1, "message": "m", "data": data}
    assert decode(line(id=1, error=error)) == Response(1, RpcError(1, "m", details))


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"null",
        b"123",
        b"[]",
        b'"s3cr3t"',
        b"true",
        b"s3cr3t is no JSON",
        b"\x00\xff\xfes3cr3t",
        b'{"jsonrpc":"2.0","method":"\xff s3cr3t"}',
        b'{"jsonrpc":"2.0","method":"\\ud800"}',
        b'{"jsonrpc":"2.0","method":"m"} trailing s3cr3t',
        b'{"jsonrpc":"2.0","method":"m","params":{"s3cr3t":',
        b'{"jsonrpc":"2.0","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'[{"jsonrpc":"2.0","method":"s3cr3t"}]',
        b"{}",
        b'{"id":1,"method":"s3cr3t"}',
        line(jsonrpc="s3cr3t", method="m"),
        line(id=1.5, method=SECRET),
        line(id=True, method=SECRET),
        line(id=[SECRET], method="m"),
        line(id=None, method=SECRET),
        line(method=5),
        line(id=1),
        line(result=SECRET),
        line(id=1, result=SECRET, error={"code": 1, "message": "m"}),
        line(id=1, method="m", result=SECRET),
        line(id=1, method="m", error={"code": 1, "message": SECRET}),
        line(id=1, error=SECRET),
        line(id=1, error={"code": SECRET, "message": "m"}),
        line(id=1, error={"message": SECRET}),
        line(id=1, error=None),
    ],
)
def test_everything_else_is_malformed_and_not_quoted(bad: bytes) -> None:
    """Decoding gives a reason that holds nothing of the line."""
    message = decode(bad)
    assert isinstance(message, Malformed)
    assert message.reason
    assert SECRET not in message.reason


@given(st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever an agent prints becomes a message or a reason."""
    assert decode(data) is not None


def test_raw_json_of_another_form_is_none() -> None:
    """Also where it hides bytes that are no text, which only a closer look finds."""
    texts = msgspec.json.Decoder(str)
    assert decoded(b'"a"', texts) == "a"
    assert decoded(b"5", texts) is None
    assert decoded(b'"\xff"', texts) is None


def test_what_is_written_can_be_read() -> None:
    """Each kind of message comes back as it was, one per line."""
    written = [
        jsonrpc.request(0, "m", {"a": [1]}),
        jsonrpc.notification("n", {"b": "ü\n"}),
        jsonrpc.response("x", None),
        jsonrpc.error(0, -32601, "no"),
    ]
    assert all(data.count(b"\n") == 1 and data.endswith(b"\n") for data in written)
    assert [type(decode(data)) for data in written] == [Request, Notification, Response, Response]
    assert decode(written[0]) == Request(0, "m", msgspec.Raw(b'{"a":[1]}'))
    assert decode(written[3]) == Response(0, RpcError(-32601, "no"))


def test_half_a_surrogate_pair_can_be_sent() -> None:
    """A prompt from a terminal that is not UTF-8 may hold one."""
    sent = jsonrpc.notification("m", {"text": "a\udcff"})
    assert json.loads(sent)["params"] == {"text": "a\udcff"}


def test_the_bare_dialect_names_no_version() -> None:
    """It writes none, needs none, and does not mind one; the strict one still asks for it."""
    written = [
        jsonrpc.request(0, "m", {}, bare=True),
        jsonrpc.notification("n", {}, bare=True),
        jsonrpc.response("x", None, bare=True),
        jsonrpc.error(0, -32601, "no", bare=True),
    ]
    assert not any(b"jsonrpc" in data for data in written)
    kinds = [type(decode(data, bare=True)) for data in written]
    assert kinds == [Request, Notification, Response, Response]
    assert isinstance(decode(written[0]), Malformed)
    assert decode(line(method="n"), bare=True) == decode(line(method="n"))
