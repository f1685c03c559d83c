import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.history.source import Limit, Mark, Request
from tars.history.sources.claude import SOURCE
from tests.support.agent_logs import GOLDEN, found
from tests.support.readings import counted, read, read_in_parts, written

NOON = int(datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp() * 1000)

#: A tool may be called with what looks like a message.
NESTED = {"content": [], "stop_reason": 1, "usage": {"output_tokens": 99}, "id": "other"}


def line(id: str | None = "m1", output: int | None = 7, second: int = 0, **more: Any) -> str:
    """Give a line as Claude Code writes it; `more` goes into the line, its message or usage."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 200,
        "cache_read_input_tokens": 4000,
        "cache_creation": {"ephemeral_5m_input_tokens": 150, "ephemeral_1h_input_tokens": 50},
        "output_tokens": output,
    } | more.pop("usage", {})
    message = {
        "model": "claude-opus-4-8",
        "id": id,
        "type": "message",
        "role": "assistant",
        "content": more.pop("content", [{"type": "text", "text": 'a "word" \n'}]),
        "stop_reason": None,
        "usage": usage,
    } | more.pop("message", {})
    told = {
        "parentUuid": None,
        "isSidechain": False,
        "cwd": "/work",
        "sessionId": "s1",
        "gitBranch": "main",
        "type": "assistant",
        "message": message,
        "requestId": "req1",
        "uuid": "u1",
        "timestamp": f"2026-05-04T12:00:{second:02}.000Z",
    } | more
    return json.dumps(told, separators=(",", ":"))


def requests(log: Path, *lines: bytes | str) -> list[Request]:
    [reading] = read(SOURCE, written(log, *lines))
    assert reading.garbled == 0
    return reading.requests


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "projects/-work"
    folder.mkdir(parents=True)
    return folder / "s1.jsonl"


def test_a_line_tells_a_request(log: Path) -> None:
    """Everything that a line says of a request is there, with disjoint counts."""
    assert requests(log, line()) == [
        Request(
            key="m1",
            session="s1",
            at=NOON,
            model="claude-opus-4-8",
            net_input=3,
            cache_read=4000,
            cache_write=200,
            cache_write_1h=50,
            output=7,
            provider="anthropic",
            project="/work",
            branch="main",
            rank=requests(log, line())[0].rank,
        )
    ]


def test_of_a_messages_lines_the_one_with_the_most_output_counts(log: Path) -> None:
    """A message's blocks have a line each; it happened when the first was written."""
    [row] = requests(log, line(output=2), line(output=90, second=3), line(output=90, second=4))
    assert (row.output, row.at) == (90, NOON)


@pytest.mark.parametrize(
    ("told", "cost"), [(0.25, 25 * 10**10), (3, 3 * 10**12), (0, None), (-1, None), (1e300, None),
                       (True, None), ("1", None), (None, None)],
)  # fmt: skip
def test_what_older_versions_say_of_the_cost_is_theirs(log: Path, told: Any, cost: Any) -> None:
    """Their own price stands; what cannot be one is none, and the tokens count all the same."""
    [row] = requests(log, line(costUSD=told))
    assert (row.cost, row.output) == (cost, 7)


def test_a_message_is_the_same_in_every_file(tmp_path: Path) -> None:
    """The message's id alone says which request it was, whatever else differs."""
    one = written(tmp_path / "p/s1.jsonl", line(output=5))
    two = written(tmp_path / "p/s2.jsonl", line(output=9, sessionId="s2", requestId=None))
    [row] = counted(SOURCE, read(SOURCE, one, two)).values()
    assert (row.output, row.session) == (9, "s2")


def test_a_conversation_beats_what_a_subagent_repeats_of_it(tmp_path: Path) -> None:
    """A subagent's log repeats its parent's messages: the parent's row counts, even with less
    output."""
    main = written(tmp_path / "p/s1.jsonl", line(output=5))
    side = written(tmp_path / "p/s1/subagents/agent-a.jsonl", line(output=9, isSidechain=True))
    for files in ((main, side), (side, main)):
        [row] = counted(SOURCE, read(SOURCE, *files)).values()
        assert (row.output, row.sidechain) == (5, False)


def test_a_branch_belongs_to_what_it_was_copied_from(tmp_path: Path) -> None:
    """The lines of `/branch` say which session they come from: they count there, and the
    original beats them."""
    copy = written(tmp_path / "p/s2.jsonl", line(sessionId="s2", forkedFrom={"sessionId": "s1"}))
    [row] = counted(SOURCE, read(SOURCE, copy)).values()
    assert row.session == "s1"
    main = written(tmp_path / "p/s1.jsonl", line(cwd="/original"))
    [row] = counted(SOURCE, read(SOURCE, copy, main)).values()
    assert row.project == "/original"


def test_a_forks_copies_belong_to_what_they_were_copied_from(tmp_path: Path) -> None:
    """`--fork-session` copies lines with their times into a file that begins later: there they
    count only while the original is not there."""
    fork = '{"type":"queue-operation","timestamp":"2026-05-04T12:30:00.000Z"}'
    copy = written(tmp_path / "p/s2.jsonl", fork, line(output=9, sessionId="s2"))
    main = written(tmp_path / "p/s1.jsonl", line(output=5))
    for files in ((main, copy), (copy, main)):
        [row] = counted(SOURCE, read(SOURCE, *files)).values()
        assert (row.session, row.output) == ("s1", 5)
    [row] = counted(SOURCE, read(SOURCE, copy)).values()
    assert (row.session, row.at) == ("s2", NOON)


@pytest.mark.parametrize(
    "silent",
    [
        line(type="user"),
        line(type="progress"),
        line(message={"model": "<synthetic>"}),
        line(message={"usage": None}),
        '{"type":"assistant","message":null,"output_tokens":5}',
        line(
            output=0,
            usage={
                "input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation_input_tokens": 0,
                "cache_creation": {},
            },
        ),
        line(
            output=0,
            usage={
                "input_tokens": None,
                "cache_read_input_tokens": 0,
                "cache_creation_input_tokens": 0,
                "cache_creation": None,
            },
        ),
        '{"type":"cost-state","modelUsage":{"claude-opus-4-8":{"output_tokens":5}}}',
        '{"type":"user","toolUseResult":{"message":{"id":"x","usage":{"output_tokens":5}},'
        '"type":"assistant","usage":{"output_tokens":7}}}',
        '{"type":"progress","data":{"message":' + line() + "}}",
    ],
)
def test_what_is_no_request_counts_nothing(log: Path, silent: str) -> None:
    """Only an assistant line's own figures count: no copies within other lines, no errors that
    Claude Code makes up, no sums."""
    assert requests(log, silent) == []


def test_what_a_tool_used_is_not_the_answers(log: Path) -> None:
    """An answer's figures are its message's, whatever else is in its line: in what it gave to a
    tool, or in what came of it."""
    other = json.loads(line("m2", 99))["message"] | {"content": [{"type": "text", "text": "b"}]}
    given = [{"type": "tool_use", "id": "t", "name": "Save", "input": other}]
    rows = requests(log, line(content=given), line("m3", toolUseResult=other))
    assert [(row.key, row.output) for row in rows] == [("m1", 7), ("m3", 7)]


def test_nulls_are_nothing(log: Path) -> None:
    """A count that is null is 0."""
    nulls = {"input_tokens": None, "cache_creation_input_tokens": None, "cache_creation": None}
    [row] = requests(log, line(usage=nulls))
    assert (row.net_input, row.cache_write, row.cache_write_1h, row.output) == (0, 0, 0, 7)


def test_a_gateway_may_tell_less(log: Path) -> None:
    """A line counts with nothing but its output, and another maker's model has no provider."""
    usage = {"usage": {"output_tokens": 5}, "model": "glm-4.6"}
    [row] = requests(log, line(message=usage))
    assert (row.net_input, row.output, row.provider, row.model) == (0, 5, "", "glm-4.6")


def test_a_message_without_an_id_has_another_key(log: Path) -> None:
    """Its request's id stands in, then the line's."""
    rows = requests(
        log,
        line(id=None, output=1),
        line(id=None, output=2),
        line(id=None, requestId=None),
        line(id=None, requestId=None, uuid="u2"),
    )
    assert [(row.key, row.output) for row in rows] == [
        ("request:req1", 2),
        ("uuid:u1", 7),
        ("uuid:u2", 7),
    ]


def test_a_larger_context_window_is_the_same_model(log: Path) -> None:
    """The mark of it comes and goes."""
    [row] = requests(log, line(message={"model": "claude-opus-4-8[1m]"}))
    assert row.model == "claude-opus-4-8"


def test_thoughts_are_part_of_the_output(log: Path) -> None:
    """What was thought is told apart, but not beside the output."""
    [row] = requests(log, line(usage={"output_tokens_details": {"thinking_tokens": 6}}))
    assert (row.output, row.reasoning) == (7, 6)


@pytest.mark.parametrize(
    "odd",
    [
        b"\xef\xbb\xbf" + line().encode(),
        b"\0\0\0" + line().encode() + b"\r",
        json.dumps(json.loads(line()), indent=None).encode(),
        line(content=[{"input": {"id": None, "content": [1], "stop_reason": 1}}]).encode(),
        line(content=[{"input": NESTED}]).encode(),
        line(content="no list").encode(),
        line(cwd=5, gitBranch=["main"], extra={"content": [1], "x": 2}).encode(),
        line(content=[{"text": "\ud83d"}]).encode(),
        line().encode().replace(b"word", b"w\xff\xferd"),
        line(usage={"input_tokens": 3.0}).encode(),
        line(origin={"content": [[]]}, usage={"iterations": [{"output_tokens": 5}]}).encode(),
    ],
)  # fmt: skip
def test_an_odd_line_is_read_all_the_same(log: Path, odd: bytes) -> None:
    """Byte-order marks, blanks, another order, bytes that are no text, and members of another
    type hide no request."""
    [row] = requests(log, b"", odd, b"  ")
    assert (row.key, row.net_input, row.output, row.cache_write) == ("m1", 3, 7, 200)


def test_what_cannot_be_read_is_said(log: Path) -> None:
    """A line that has figures and is no JSON counts as garbled, and hides no other."""
    [reading] = read(SOURCE, written(log, line()[:-5], line(id="m2")))
    assert reading.garbled == 1
    assert [row.key for row in reading.requests] == ["m2"]


def test_a_line_that_is_too_long_is_read_by_its_ends(log: Path) -> None:
    """What a message used is told behind its content, however long that is."""
    long = line(content=[{"type": "text", "text": "x" * 3_000_000}])
    user = line(type="user", content="y" * 3_000_000)
    assert [row.key for row in requests(log, long, user, line(id="m2"))] == ["m1", "m2"]


def test_a_last_line_without_its_end_counts(log: Path) -> None:
    """A whole message counts before its newline comes, and is not counted again; a torn one is
    finished by the next reading."""
    data = (line() + "\n" + line(id="m2") + "\n").encode()
    torn, whole, done = read_in_parts(SOURCE, log, data, [len(data) - 9, len(data) - 1])
    assert [row.key for row in torn.requests] == ["m1"]
    assert torn.garbled == 0
    assert [row.key for row in whole.requests] == ["m2"]
    assert whole.mark == torn.mark
    assert [row.key for row in done.requests] == ["m2"]


def test_a_title_is_the_persons_before_the_models(log: Path) -> None:
    """Of the names of a session that counts which a person gave it, then the last one that the
    model found, then a summary; a weaker one never replaces it later."""
    summary = '{"type":"summary","summary":"old","leafUuid":"x"}'
    found_titles = [f'{{"type":"ai-title","aiTitle":"{t}","sessionId":"s1"}}' for t in "ab"]
    custom = '{"type":"custom-title","customTitle":"mine","sessionId":"s1"}'
    assert titles(log, summary) == {"s1": "old"}
    assert titles(log, summary, *found_titles) == {"s1": "b"}
    assert titles(log, *found_titles, custom, found_titles[0], line()) == {"s1": "mine"}
    data = "\n".join([custom, found_titles[0], ""]).encode()
    first, second = read_in_parts(SOURCE, log, data, [len(custom) + 1])
    assert (first.titles, second.titles) == ({"s1": "mine"}, {})


def titles(log: Path, *lines: str) -> dict[str, str]:
    [reading] = read(SOURCE, written(log, *lines))
    return reading.titles


def test_the_real_thing() -> None:
    """What Claude Code 2.1.197 wrote of a session with a subagent, and of one with errors and a
    compaction: every answer but the compaction's, which it does not log."""
    rows = counted(SOURCE, read(SOURCE, *(GOLDEN / "claude").glob("*.jsonl")))
    numbers = {int(key.split("_")[2]): row for key, row in rows.items()}
    assert sorted(numbers) == [16, 18, 19, 20, 21, 22, 23, 24]
    for number, row in numbers.items():
        assert row.net_input == 10 + number
        assert row.cache_write == 200 + number
        assert row.cache_read == 3000 + number
        assert row.output == 40 + number
        assert row.sidechain == (number == 22)


@pytest.mark.parametrize(
    ("env", "folders"),
    [
        ({}, [".config/claude/projects", ".claude/projects", ".claude.json"]),
        ({"CLAUDE_CONFIG_DIR": "/a"}, ["/a/projects", "/a/.claude.json"]),
        (
            {"CLAUDE_CONFIG_DIR": " /a, ~/b ,,/c/projects"},
            ["/a/projects", "b/projects", "/c/projects"],
        ),
    ],
)
def test_where_the_logs_are(tmp_path: Path, env: dict[str, str], folders: list[str]) -> None:
    """They are in the folders that the environment names, else in the usual ones."""
    roots = SOURCE.roots(env, tmp_path)
    assert [root for root in roots if root.name != ".claude.json"] == [
        tmp_path / folder for folder in folders if not folder.endswith(".json")
    ]


def test_a_folder_by_two_names_is_one(tmp_path: Path) -> None:
    """Whoever links the old folder to the new one has one log."""
    (tmp_path / ".config").mkdir()
    (tmp_path / ".claude/projects").mkdir(parents=True)
    (tmp_path / ".config/claude").symlink_to(tmp_path / ".claude")
    assert len(SOURCE.roots({}, tmp_path)) == 2


def test_the_accounts_limits_are_read(tmp_path: Path) -> None:
    """Claude Code's own file has what the server last said of the limits; the file is no log."""
    file = tmp_path / ".claude.json"
    week = {"utilization": 35.5, "resets_at": "2026-05-04T12:00:00+00:00"}
    cached = {"fetchedAtMs": 1000, "utilization": {"five_hour": None, "seven_day": week}}
    account = {"oauthAccount": {"organizationType": "claude_max"}, "x": "y"}
    file.write_text(json.dumps({"cachedUsageUtilization": cached} | account))
    [reading] = read(SOURCE, file)
    assert reading.limits == [Limit("claude", "seven_day", 0.355, 10080, NOON, 1000, "max")]
    assert not SOURCE.resumable(found(file))
    file.write_text("{")
    assert read(SOURCE, file)[0].limits == []


#: What may stand in a log: messages with several lines, copies, errors, and other lines.
_lines = st.builds(
    line,
    st.sampled_from(["m1", "m2", "m3", None]),
    st.sampled_from([1, 2, 50]),
    st.integers(0, 59),
    isSidechain=st.booleans(),
    content=st.sampled_from([[], [{"text": '"output_tokens"'}], [{"input": {"stop_reason": []}}]]),
    uuid=st.sampled_from(["u1", "u2"]),
    requestId=st.sampled_from(["r1", None]),
) | st.sampled_from(["", "{", '{"type":"user"}', line(message={"model": "<synthetic>"})])


@settings(max_examples=40, deadline=None)
@given(st.lists(_lines, max_size=8), st.lists(st.floats(0, 1), max_size=4))
def test_however_it_is_cut_the_same_is_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], cuts: list[float]
) -> None:
    """A log that is read in parts, cut anywhere, tells the same as when it is read at once."""
    log = tmp_path_factory.mktemp("c") / "s1.jsonl"
    data = "\n".join(lines).encode()
    parts = read_in_parts(SOURCE, log, data, [int(cut * len(data)) for cut in cuts])
    whole = read_in_parts(SOURCE, log, data, [])
    assert counted(SOURCE, parts) == counted(SOURCE, whole)
    assert sum(part.garbled for part in parts) == whole[0].garbled


@settings(max_examples=30, deadline=None)
@given(st.lists(_lines, max_size=8))
def test_blanks_change_nothing(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    """Lines with blanks, which are decoded in full, tell the same as those that are cut."""
    folder = tmp_path_factory.mktemp("b")
    spaced = [json.dumps(json.loads(line)) if line[:2] == '{"' else line for line in lines]
    one = read(SOURCE, written(folder / "s1.jsonl", *lines))
    two = read(SOURCE, written(folder / "s1.jsonl", *spaced))
    assert counted(SOURCE, one) == counted(SOURCE, two)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(_lines, max_size=4), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[str]], chance: random.Random
) -> None:
    """Whichever file is read first, the same requests count with the same figures."""
    folder = tmp_path_factory.mktemp("o")
    files = [written(folder / f"{number}.jsonl", *lines) for number, lines in enumerate(logs)]
    one = counted(SOURCE, read(SOURCE, *files))
    chance.shuffle(files)
    assert counted(SOURCE, read(SOURCE, *files)) == one


def test_a_file_that_is_not_there_is_an_error(log: Path) -> None:
    """What vanished between finding and reading is the index's to know."""
    there = found(written(log, line()))
    os.unlink(log)
    with pytest.raises(FileNotFoundError):
        SOURCE.read(there, Mark())


def test_what_looks_like_a_person_s_line_hides_no_request(log: Path) -> None:
    """A person's lines are passed over. One that has such a line within it, or before it, is
    none."""
    person = {"type": "user", "message": {"role": "user", "content": "yes"}}
    said = json.dumps(person, separators=(",", ":"))
    short = '{"type":"assistant","message":{"id":"m2","model":"m","usage":{"output_tokens":1}}}'
    within = f'{{"answers":{said},{line("m3")[1:]}'
    found = requests(log, said, line("m1"), short, said, within, said)
    assert [request.key for request in found] == ["m1", "m2", "m3"]
