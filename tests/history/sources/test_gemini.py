"""Gemini CLI's requests are counted once each, wherever its messages are repeated."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import Tokens
from tars.history.documents import LARGEST
from tars.history.lines import WINDOW
from tars.history.source import Mark, Reading
from tars.history.sources.gemini import SOURCE
from tars.history.sources.gemini_lines import read_lines
from tests.support.agent_logs import (
    counted,
    found,
    golden,
    read,
    read_all,
    read_in_pieces,
    tokens,
    write,
)

USED = {"input": 1000, "output": 20, "cached": 900, "thoughts": 5, "tool": 60, "total": 1085}
AS_COUNTED = Tokens(net_input=160, cache_read=900, output=25, reasoning=5, requests=1)
META: Mapping[str, Any] = {"sessionId": "s1", "projectHash": "h", "kind": "main"}


def message(id: str, **more: object) -> dict[str, Any]:
    """A message as Gemini CLI orders it."""
    at = "2026-11-21T02:35:16.680Z"
    told = {"id": id, "timestamp": at, "type": "gemini", "content": "x", "thoughts": []}
    return {**told, "tokens": USED, "model": "gemini-3-flash", **more}


def log(*records: Mapping[str, Any], spaced: bool = False) -> str:
    separators = None if spaced else (",", ":")
    return "".join(json.dumps(record, separators=separators) + "\n" for record in records)


def chats(tmp_path: Path, project: str = "shop") -> Path:
    return tmp_path / ".gemini" / "tmp" / project / "chats"


@pytest.mark.parametrize(
    ("name", "used", "session"),
    [
        # 5000/10/0/3, 7880/19/0/0, 7924/22/0/0, and three of a tool's turn: 1000/10/0/5,
        # 1100/20/900/6, 1200/30/1000/7 (prompt, answer, cached, thoughts).
        (
            "headless",
            Tokens(net_input=22204, cache_read=1900, output=132, reasoning=21, requests=6),
            "11111111-2222-4333-8444-555555555555",
        ),
        # 5000/10/4000/7, and the tool's turn again.
        (
            "acp",
            Tokens(net_input=2400, cache_read=5900, output=95, reasoning=25, requests=4),
            "262c497a-8339-44d5-b9a5-40738f3f5164",
        ),
    ],
)
def test_what_the_real_program_wrote_is_counted_to_the_token(
    name: str, used: Tokens, session: str, tmp_path: Path
) -> None:
    """Each request that the server answered, once: those of resumes and of tools too."""
    path = write(tmp_path / "session-x.jsonl", golden(f"gemini/{name}.jsonl"))
    reading = read(SOURCE, path)
    assert tokens(reading.requests) == used
    assert {r.session for r in reading.requests} == {session}
    assert {(r.provider, r.model) for r in reading.requests} == {("google", "gemini-2.5-flash")}
    assert (reading.garbled, reading.problem) == (0, "")
    assert reading.titles == ({session: "Fake summary."} if name == "headless" else {})


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 12_000), max_size=6))
def test_a_log_that_is_read_as_it_grows_ends_in_the_same(cuts: list[int]) -> None:
    """Wherever a reading found the end of the file: within a line, a character or an escape."""
    data = golden("gemini/headless.jsonl")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session-x.jsonl"
        path.write_bytes(data)
        at_once = read(SOURCE, path).requests
        assert read_in_pieces(SOURCE, path, data, cuts) == at_once


def test_a_log_with_very_many_requests_is_read_in_several_readings(tmp_path: Path) -> None:
    """Window by window, so that memory is bounded; nothing is lost between them."""
    filler = {"id": "u", "type": "user", "content": "x" * (WINDOW // 3)}
    records = [record for n in range(9) for record in (message(f"m{n}"), filler)]
    path = write(tmp_path / "session-x.jsonl", log(META, *records))
    mark = Mark()
    readings: list[Reading] = []
    while not readings or readings[-1].more:
        readings.append(read_lines(found(path), mark, enough=3))
        mark = readings[-1].mark
    assert len(readings) > 2
    assert tokens(counted(SOURCE, readings)).requests == 9


def test_a_message_counts_once_with_its_last_figures(tmp_path: Path) -> None:
    """It is written without tokens, with them, and again with its tool calls."""
    calls = [{"args": {"tokens": {"input": 9, "output": 9}}, "result": '"tokens":{"input":7'}]
    path = write(
        tmp_path / "session-x.jsonl",
        log(
            META,
            message("a", tokens=None),
            message("a"),
            message("a", tokens={**USED, "output": 30}, toolCalls=calls),
            {"$rewindTo": "a"},
            {"$set": {"messages": [message("a", tokens={**USED, "output": 1}), message("b")]}},
        ),
    )
    assert tokens(read(SOURCE, path).requests) == AS_COUNTED._replace(output=35)


@pytest.mark.parametrize(
    "told",
    [
        message("a", content=[{"text": "x"}]),
        {"toolCalls": [{"args": {"tokens": USED}}], **message("a")},
        dict(reversed(message("a").items())),
        message("a", displayContent='"tokens":{"input":1,"output":1'),
        {**message("a"), "content": 'a "quoted\\" text', "thoughts": [{"subject": '"tokens":{'}]},
    ],
)
@pytest.mark.parametrize("spaced", [False, True])
def test_a_line_in_another_order_is_read_too(
    told: Mapping[str, Any], spaced: bool, tmp_path: Path
) -> None:
    """Content in parts, tool calls before the tokens, members in any order, blanks between."""
    path = write(tmp_path / "session-x.jsonl", log(META, told, spaced=spaced))
    assert tokens(read(SOURCE, path).requests) == AS_COUNTED


def test_a_twin_of_an_old_version_counts_once_and_the_newer_wins(tmp_path: Path) -> None:
    """A conversation that was resumed stays on disk as `.json`, and goes on as `.jsonl`."""
    old = {**META, "messages": [message("a"), message("b")]}
    write(chats(tmp_path) / "session-x.json", json.dumps(old, indent=2))
    newer = {**USED, "output": 100}
    write(chats(tmp_path) / "session-x.jsonl", log(META, message("a", tokens=newer)))
    rows = {r.key: r for r in read_all(SOURCE, tmp_path / ".gemini" / "tmp")}
    assert {key: row.output for key, row in rows.items()} == {"a": 105, "b": 25}


def test_copies_of_a_conversation_count_once(tmp_path: Path) -> None:
    """In a folder that was moved to its new name, and in a file that was set aside."""
    for project in ("shop", sha256(b"/home/dev/shop").hexdigest()):
        write(chats(tmp_path, project) / "session-x.jsonl", log(META, message("a")))
    aside = chats(tmp_path) / "session-x.jsonl.unreadable-1795228516680"
    write(aside, log(META, message("a"), message("b")))
    assert tokens(read_all(SOURCE, tmp_path / ".gemini" / "tmp")).requests == 2


def test_a_subagents_requests_are_of_the_session_that_a_person_began(tmp_path: Path) -> None:
    """At any depth: a subagent's own subagents have a folder beside it."""
    main = chats(tmp_path)
    write(main / "session-2026-11-21T02-35-parent00.jsonl", log(META, message("a")))
    write(main / "s1" / "sub1.jsonl", log({**META, "sessionId": "sub1"}, message("b")))
    write(main / "sub1" / "sub2.jsonl", log({**META, "sessionId": "sub2"}, message("c")))
    write(main / "s1" / "deeper" / "sub3.jsonl", log({**META, "sessionId": "x"}, message("d")))
    rows = {r.key: r for r in read_all(SOURCE, tmp_path / ".gemini" / "tmp")}
    assert {r.session for r in rows.values()} == {"s1"}
    assert {key for key, row in rows.items() if row.sidechain} == {"b", "c", "d"}


@pytest.mark.parametrize("how", ["marked", "listed", "hashed"])
def test_a_log_is_of_the_folder_that_it_was_written_in(how: str, tmp_path: Path) -> None:
    """By the mark in its folder, or by the list of all projects, of which old ones are hashes."""
    folder = "/home/dev/shop"
    project = sha256(folder.encode()).hexdigest() if how == "hashed" else "shop"
    path = write(chats(tmp_path, project) / "session-x.jsonl", log(META, message("a")))
    if how == "marked":
        write(chats(tmp_path, project).parent / ".project_root", folder)
    else:
        listed = {"projects": {folder: "shop", "/other": "other"}}
        write(tmp_path / ".gemini" / "projects.json", json.dumps(listed))
    assert [r.project for r in read(SOURCE, path).requests] == [folder]


def test_a_message_without_a_model_has_that_of_the_one_before(tmp_path: Path) -> None:
    """Gemini CLI leaves it out of those that it makes up; the rest of the file is read later."""
    first, second = message("a"), message("b")
    del second["model"]
    path = write(tmp_path / "session-x.jsonl", log(META, first))
    reading = read(SOURCE, path)
    write(path, log(META, first, second))
    more = read(SOURCE, path, reading.mark)
    assert [r.model for r in (*reading.requests, *more.requests)] == ["gemini-3-flash"] * 2


@pytest.mark.parametrize(
    ("line", "garbled"),
    [
        ('{"id":"b","timestamp":"2026-11-21T02:35:16Z","tokens":{"inp', 1),
        (log(message("b", tokens={"input": -1, "output": 2})), 1),
        (log(message("b", tokens={"input": "many", "output": 2})), 1),
        (log(message("b", tokens={"input": 10**30, "output": 2})), 1),
        (log(message("b", timestamp="yesterday")), 1),
        ("\0\1\2 nothing of ours", 0),
        (log(message("b", type="user")), 0),
        ("[" * 20_000, 0),
        ("\ufeff\r\n", 0),
    ],
)
def test_a_line_that_cannot_be_read_is_seenand_the_others_count(
    line: str, garbled: int, tmp_path: Path
) -> None:
    """And what never had figures is not called garbled."""
    text = log(META, message("a")) + line.rstrip("\n") + "\n" + log(message("c"))
    reading = read(SOURCE, write(tmp_path / "session-x.jsonl", text))
    assert [r.key for r in reading.requests] == ["a", "c"]
    assert reading.garbled == garbled


@pytest.mark.parametrize("where", ["content", "toolCalls", "before"])
def test_a_line_that_is_too_long_to_load_is_counted_all_the_same(
    where: str, tmp_path: Path
) -> None:
    """Its figures are near one of its ends."""
    huge = "x" * (3 << 20)
    told = message("a")
    match where:
        case "content":
            told["content"] = huge
        case "toolCalls":
            told["toolCalls"] = [{"tokens": USED, "result": huge}]
        case _:
            told["thoughts"] = [{"description": huge}]
    path = write(tmp_path / "session-x.jsonl", log(META, told, message("b")))
    assert tokens(read(SOURCE, path).requests).requests == 2


def test_an_old_conversation_that_is_too_large_to_load_is_counted(tmp_path: Path) -> None:
    """And one message of another form spoils none of the others."""
    filler = {"id": "f", "type": "user", "content": "x" * (LARGEST // 8)}
    odd = message("odd", tokens={"input": "?", "output": 1})
    document = {**META, "messages": [message("a"), *[filler] * 9, odd, message("b")]}
    path = write(tmp_path / "session-x.json", json.dumps(document, indent=2))
    reading = read(SOURCE, path)
    assert [r.key for r in reading.requests] == ["a", "b"]
    assert {r.session for r in reading.requests} == {"s1"}
    assert (reading.garbled, reading.problem) == (1, "")


def test_half_a_conversation_of_an_old_version_is_a_problem(tmp_path: Path) -> None:
    """It is being written, or was cut off: what the next reading finds, counts."""
    document = json.dumps({**META, "messages": [message("a")]})
    reading = read(SOURCE, write(tmp_path / "session-x.json", document[:-20]))
    assert (reading.requests, reading.problem) == ([], "It is no whole JSON document.")


def test_only_conversations_are_found(tmp_path: Path) -> None:
    """Of all that Gemini CLI keeps in a project's folder; without it, none."""
    root = tmp_path / ".gemini" / "tmp"
    assert list(SOURCE.find(root)) == []
    write(chats(tmp_path) / "session-x.jsonl", log(META))
    write(chats(tmp_path) / "notes.jsonl", "x")
    write(chats(tmp_path).parent / "logs" / "session-y.jsonl", "x")
    write(chats(tmp_path).parent / "logs.json", "x")
    assert [Path(each.path).name for each in SOURCE.find(root)] == ["session-x.jsonl"]
    assert SOURCE.roots({"GEMINI_CLI_HOME": str(tmp_path)}, Path("/nowhere")) == (root,)


def test_a_generated_conversation_is_exact_by_model_and_day(tmp_path: Path) -> None:
    """Whatever its rows repeat: held against what was put in."""
    dice = random.Random(7)
    truth: dict[tuple[str, str], Tokens] = {}
    records: list[Mapping[str, Any]] = [META]
    for number in range(60):
        at = datetime.fromtimestamp(1_795_200_000 + number * 7000, UTC)
        read_, out, cached = dice.randrange(9000), dice.randrange(900), dice.randrange(900)
        used = {**USED, "input": read_ + cached, "output": out, "cached": cached}
        model = dice.choice(["gemini-3-pro", "gemini-3-flash"])
        told = message(
            f"m{number}", timestamp=f"{at:%Y-%m-%dT%H:%M:%S}.000Z", tokens=used, model=model
        )
        records += [{**told, "tokens": None}, told, {**told, "toolCalls": [{"id": "x"}]}]
        key = (model, f"{at:%Y-%m-%d}")
        counts = Tokens(read_ + 60, cached, 0, 0, out + 5, 5, 1)
        truth[key] = truth.get(key, Tokens()).plus(counts)
    reading = read(SOURCE, write(tmp_path / "session-x.jsonl", log(*records)))
    seen: dict[tuple[str, str], Tokens] = {}
    for row in counted(SOURCE, [reading]):
        key = (row.model, f"{datetime.fromtimestamp(row.at / 1000, UTC):%Y-%m-%d}")
        seen[key] = seen.get(key, Tokens()).plus(tokens([row]))
    assert seen == truth


def test_a_state_of_another_format_is_not_trusted(tmp_path: Path) -> None:
    """The file is then read on by what its place says."""
    path = write(tmp_path / "session-x.jsonl", log(message("a")))
    mark = Mark(0, b'{"session": 7}')
    assert [r.session for r in read(SOURCE, path, mark).requests] == ["session-x"]


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """Whoever reads the logs tells it."""
    path = write(tmp_path / "session-x.jsonl", "")
    gone = read(SOURCE, path)
    assert gone.requests == []
    with pytest.raises(OSError, match="session-y"):
        SOURCE.read(
            next(iter(SOURCE.find(path)))._replace(path=str(tmp_path / "session-y")), Mark()
        )
