"""A file is known by its content, and a bad one is refused with its place and a clear word."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tars.errors import FileUnreadable
from tars.sessions.export_format import Record, SessionPart
from tars.sessions.library import Library
from tars.sessions.reading import Source, checked
from tests.support.exports import AT, NOW, library, take, told, written

HEAD = b'{"type":"export","format":"tars.sessions","version":1}\n'
SESSION = (
    b'{"type":"session","id":"s","agent":"a",'
    b'"createdAt":"2026-01-01","lastActivityAt":"2026-01-01"}\n'
)
END = b'{"type":"end","sessions":1,"records":1}\n'

TALK = [{"role": "user", "content": "hello, you"}, {"role": "assistant", "content": "yes"}]
TOON = b'messages[2]{role,content}:\n  user,"hello, you"\n  assistant,yes\n'


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Library]:
    with library(tmp_path / "home") as opened:
        yield opened


def read(data: bytes) -> list[Record]:
    return list(checked(Source(io.BytesIO(data), "file", NOW)))


def said(library: Library, place: int = 0) -> list[tuple[str, str]]:
    entries = told(library)[place]["entries"]
    return [(e.get("role", e.get("title")), e.get("text", e.get("output"))) for e in entries]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(TALK).encode(),
        b"\xef\xbb\xbf \n" + json.dumps({"messages": TALK}, indent=2).encode(),
        "\n".join(map(json.dumps, TALK)).encode(),
        TOON,
        b'[2|]{role|content}:\n  user|"hello, you"\n  assistant|yes\n',
        b"messages[2]:\n  - role: user\n    content: hello, you\n"
        b"  - role: assistant\n    content: yes\n",
        b"messages[2\t]{role\tcontent}:\n  user\thello, you\n  assistant\tyes\n",
        b'# a comment\nmessages[2]{role,content}:\r\n  user,"hello, you"\r\n  assistant,yes\r\n',
    ],
)
def test_a_conversation_is_read_whatever_notation_it_is_in(here: Library, data: bytes) -> None:
    """A list of messages as JSON, JSON lines or TOON in its forms is the same conversation."""
    (done,) = take(here, data)
    assert done.id.startswith("import-")
    assert said(here) == [("user", "hello, you"), ("assistant", "yes")]
    assert told(here)[0]["title"] == "hello, you"
    assert told(here)[0]["figures"]["turns"] == 0


def test_a_nested_toon_document_is_read(here: Library) -> None:
    """Objects in objects, quoted strings, lists and tables in one document."""
    data = (
        'session_id: s-7\nmetadata:\n  team:\n    name: "a: b"\n    sizes[3]: 1,2.5,"3"\n'
        'tags[2|]: x|y\nmessages[2]:\n  - role: user\n    content: "line\\nbreak"\n'
        "  - role: assistant\n    content[1]{type,text}:\n      text,fine\n"
    )
    take(here, data)
    (found,) = told(here)
    assert (found["id"], found["tags"]) == ("s-7", ["x", "y"])
    assert found["metadata"] == {"team": {"name": "a: b", "sizes": [1, 2.5, "3"]}}
    assert said(here) == [("user", "line\nbreak"), ("assistant", "fine")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "file: it is empty"),
        (b" \n\t", "file: it holds nothing but blanks"),
        (b"\x1f\x8b\x08", "file: it is compressed"),
        (b"SQLite format 3\0...", "file: it is a database"),
        (b"PK\x03\x04", "file: it is a zip"),
        ("{}".encode("utf-16"), "file: it is UTF-16"),
        (b"\x89PNG\r\n\x00", "file: it is not text"),
        (b'{"messages": [\n{"role":"user","content":"\xff"}]}', "file, line 2: it is not UTF-8"),
        (b"[1,2]", r"file, messages\[0\]: a message should be an object"),
        (b"{}", "file: neither an export of sessions nor a list of messages"),
        (b'{"messages":[]', "file, line 1: not the JSON that it should be"),
        (b'{"messages":[],\n\n"messages":[]}', "stands twice"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"messages":' + b"[" * 150 + b"]" * 150 + b"}", "nested too deeply"),
        (b'{"messages":[{"role":"user","content":"x","n":' + b"9" * 5000 + b"}]}", "5000 digits"),
        (b'{"messages":[{"role":"user","content":"x","n":1e999}]}', "too large"),
        (b'{"messages":[{"role":"user","content":"x","n":NaN}]}', "no number"),
        (b'{"messages":[{"role":"king","content":"x"}]}', r"messages\[0\]: a message's role"),
        (b'{"messages":[{"role":"user"}]}', r"messages\[0\]: a message without content"),
        (b'{"messages":[{"role":"user","content":7}]}', "content should be a text"),
        (b'{"messages":[{"role":"user","content":"x","timestamp":"soon"}]}', "a time is none"),
        (b"hello", "file: neither JSON nor TOON"),
        (b"messages[3]{role,content}:\n  user,a\n", "file, line 1: neither JSON nor TOON"),
        (b"messages[1]{role,content}:\n  user,a,b\n", "file, line 2: neither JSON nor TOON"),
        (b'a: 1\nb: "open\n', "file, line 2: neither JSON nor TOON"),
        (HEAD, "it was cut off"),
        (HEAD + SESSION, "it was cut off"),
        (HEAD + END, "lines are missing"),
        (HEAD + SESSION + END + SESSION, "line 4: something follows"),
        (HEAD + HEAD, "line 2: an export begins in another one"),
        (HEAD + SESSION + SESSION + END, "line 3: the session s is in the file twice"),
        (HEAD + SESSION[:-10] + b"\n" + END, "line 2: not the JSON"),
        (HEAD + SESSION.replace(b'"a"', b"7") + END, r"line 2: Expected `str`, got `int`"),
        (HEAD + SESSION.replace(b'"a"', b'"a","x":1') + END, "line 2: Object contains unknown"),
        (HEAD + SESSION.replace(b'"s"', b'"a\\u0007"') + END, "line 2: id holds what cannot be"),
        (HEAD + b'{"type":"turn","id":"t","beganAt":"2026-01-01"}\n' + END, "before any session"),
        (HEAD.replace(b"1}", b"2}") + SESSION + END, "a newer tars wrote it: version 2"),
        (HEAD.replace(b"tars.sessions", b"other") + SESSION, "the format should be tars.sessions"),
        (b'{"format":"tars.sessions","version":9,"sessions":[]}', "a newer tars wrote it"),
        (b'{"format":"tars.sessions","version":1,"sessions":{}}', "a list of sessions"),
        (b'{"format":"tars.sessions","version":1,"sessions":[]}', "there is no session in it"),
        (b'{"format":"tars.sessions","version":1,"sessions":[[]]}', r"sessions\[0\]: it should be"),
        (b'{"format":"tars.backup","version":1}', "the format should be tars.sessions"),
        (b'{"totalInputTokens":-1,"sessionId":"","createdAt":"x"}', "not the session.json that"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(data: bytes, why: str) -> None:
    """Which file, which line, and what it should be; and that nothing was imported."""
    with pytest.raises(FileUnreadable, match=why) as refused:
        read(data)
    assert str(refused.value).endswith("Nothing was imported.")
    assert "\n" not in str(refused.value)


def test_an_export_that_another_program_wrote_anew_is_one() -> None:
    """With blanks, or with its keys in another order."""
    lines = [json.loads(line) for line in (HEAD + SESSION + END).splitlines()]
    for sort in (False, True):
        data = "\n".join(json.dumps(line, sort_keys=sort) for line in lines)
        assert read(data.encode()) == read(HEAD + SESSION + END)


def test_figures_that_do_not_add_up_are_refused() -> None:
    """A turn's split by model makes the turn's own figures, to the token and micro-dollar."""
    share = {"model": "m", "output": 4, "costMicrousd": 1}
    turn = {"type": "turn", "id": "t", "outcome": "ok", "beganAt": AT, "endedAt": AT}
    session = {"type": "session", "id": "s", "agent": "a", "createdAt": AT, "lastActivityAt": AT}
    for wrong in ({"output": 5, "costMicrousd": 1}, {"output": 4, "costMicrousd": 2}):
        data = written({**session, "turns": [{**turn, **wrong, "models": [share]}]})
        with pytest.raises(FileUnreadable, match=r"sessions\[0\].turns\[0\]: .* add up"):
            read(data.encode())


def test_a_million_sessions_do_not_fill_the_memory(tmp_path: Path) -> None:
    """JSON lines are read line by line: what is wrong in the third costs no more than three."""
    lines = iter([HEAD, SESSION, b"{}\n"])

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, *_where: int) -> int:
            nonlocal lines
            lines = iter([HEAD, SESSION, b"{}\n"])
            return 0

        def readinto(self, buffer: Any) -> int:
            data = next(lines, SESSION * 100)[: len(buffer)]
            buffer[: len(data)] = data
            return len(data)

    endless = io.BufferedReader(Endless(), buffer_size=256)
    with pytest.raises(FileUnreadable, match="line 3"):
        list(checked(Source(endless, "file", NOW)))


def test_what_openai_and_anthropic_call_content_is_understood(here: Library) -> None:
    """Parts, thoughts, tool calls and their results become what was said, in its order."""
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": [{"type": "input_text", "text": "be kind"}]},
        {
            "role": "human",
            "content": [{"type": "text", "text": "a"}, {"type": "image", "data": "…"}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "text", "text": "b"},
                {"type": "tool_use", "id": "u1", "name": "Read", "input": {"file_path": "x.py"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "u1", "content": [{"text": "code"}]}
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c2", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c2", "content": "done"},
        {"role": "model", "parts": [{"text": "c"}], "timestamp": 1767225600, "mood": "good"},
    ]
    take(here, json.dumps(messages))
    assert said(here) == [
        ("system", "be kind"),
        ("user", "a"),
        ("user", "[image]"),
        ("thought", "hm"),
        ("assistant", "b"),
        ("Read", "code"),
        ("bash", "done"),
        ("assistant", "c"),
    ]
    entries = told(here)[0]["entries"]
    assert entries[5]["files"] == ["x.py"]
    assert [e["kind"] for e in entries if e["type"] == "toolCall"] == ["read", "execute"]
    assert entries[-1]["beganAt"] == "2026-01-01T00:00:00.000000Z"
    assert entries[-1]["extra"] == {"mood": "good"}
    assert told(here)[0]["figures"]["messages"] == 5


@pytest.mark.parametrize(
    "session",
    [
        {"id": "abc", "createdAt": "2026-01-18T10:00:00Z", "updatedAt": "2026-01-18T11:00:00Z"},
        {"sessionId": "abc", "created": "2026-01-18T10:00:00Z", "updated": 1768734000},
        {"session_id": "abc", "created_at": "2026-01-18T10:00:00", "last_activity": 1768734000000},
    ],
)
def test_sessions_of_taurus_are_understood(here: Library, session: dict[str, Any]) -> None:
    """By each of the names that its versions and its documentation have for the same."""
    more = {
        "messages": [{"role": "user", "content": "Help"}],
        "toolCalls": [{"tool": "read", "file": "a.ts", "timestamp": "2026-01-18T10:24:15.789Z"}],
        "metadata": {"k": 1},
        "theme": "dark",
    }
    take(here, json.dumps(session | more), agent="taurus")
    (found,) = told(here)
    assert (found["id"], found["agent"]) == ("abc", "taurus")
    assert found["createdAt"] == "2026-01-18T10:00:00.000000Z"
    assert found["lastActivityAt"] == "2026-01-18T11:00:00.000000Z"
    assert found["metadata"] == {"k": 1, "theme": "dark"}
    assert found["entries"][1]["files"] == ["a.ts"]


def test_a_session_json_brings_its_figures_once(here: Library) -> None:
    """Nine fields: no messages, and one turn that stands for all that they count."""
    fields = {
        "sessionId": "abc",
        "createdAt": "2026-01-18T10:00:00Z",
        "totalInputTokens": 500,
        "totalOutputTokens": 60,
        "totalCachedTokens": 100,
        "totalNetTokens": 400,
        "interactionCount": 3,
        "lastInteractionAt": "2026-01-18T11:00:00Z",
        "lastInputTokens": 500,
    }
    for _ in range(2):
        take(here, json.dumps(fields, indent=2))
    (found,) = told(here)
    figures = found["figures"]
    assert figures["tokens"] == 460
    assert figures["atLeast"]
    assert (figures["interactionCount"], figures["turns"]) == (3, 1)
    assert {name: figures[name] for name in fields if name.startswith("total")} == {
        name: value for name, value in fields.items() if name.startswith("total")
    }


def test_several_sessions_in_one_foreign_file(here: Library) -> None:
    """A list of sessions, or an object that has one, is as many sessions."""
    take(here, json.dumps({"sessions": [{"messages": TALK}, {"id": "b", "messages": TALK}]}))
    assert len(told(here)) == 2
    kinds = [type(record) for record in read(json.dumps([{"messages": TALK}] * 2).encode())]
    assert kinds.count(SessionPart) == 2
