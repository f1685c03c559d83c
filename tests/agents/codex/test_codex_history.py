"""Codex's rollouts are read forward, each response once, whatever else is in them."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.agents.codex.history import CodexHistory
from tars.agents.codex.rollout import Rollout
from tars.conversation.model import RequestCounted, RequestUsage
from tests.support.codex_recordings import CODEX, replay
from tests.support.transcripts import whole

ROLLOUTS = CODEX / "rollouts"
PARENT = "01a1fd53-455b-7e33-ae14-877ffe646471"
CHILD = "01a1fd53-45ac-7301-b6b5-3b4168419afa"
ERRORS = "01a1fbf7-9d92-77e1-b06a-ac62c1999647"
EXEC = "01a1fbf6-a007-7fe2-9605-f54ffd0edf1e"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A CODEX_HOME with every recorded rollout in it."""
    folder = tmp_path / "sessions" / "2026" / "11" / "21"
    shutil.copytree(ROLLOUTS, folder)
    return tmp_path


def rollout(home: Path, thread: str) -> Path:
    [path] = home.glob(f"sessions/*/*/*/rollout-*-{thread}.jsonl")
    return path


def read(history: CodexHistory) -> tuple[RequestUsage, ...]:
    requests = history.read()
    assert requests is not None
    return requests


def figures(requests: tuple[RequestUsage, ...]) -> list[tuple[int, ...]]:
    return [(r.input, r.cached, r.cache_write, r.output, r.thoughts) for r in requests]


def without_records(path: Path) -> None:
    """Make it a rollout of a version that had no records yet."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "token_usage_record" not in line))


def test_each_response_has_its_id_its_model_and_its_time(home: Path) -> None:
    """The ids are those of the wire."""
    requests = read(CodexHistory(home, EXEC, "0"))
    assert [r.id for r in requests] == [f"resp_fake_00{n}" for n in (46, 47, 48, 49)]
    assert figures(requests)[0] == (5046, 3046, 0, 78, 8)
    assert {r.model for r in requests} == {"gpt-5.4"}
    assert requests[0].at == "2026-11-21T02:36:46.526Z"
    assert '"input_tokens":5046' in requests[0].raw


def test_the_log_tells_what_the_wire_told(home: Path) -> None:
    """Failed and interrupted turns, a full context and a resume count nothing twice."""
    told = [
        said.request
        for case in ("turns_and_errors", "resume")
        for said in replay(CODEX / case, whole)
        if isinstance(said, RequestCounted)
    ]
    assert figures(read(CodexHistory(home, ERRORS, "0"))) == figures(tuple(told))


@pytest.mark.parametrize("thread", [ERRORS, EXEC])
def test_without_records_the_counts_say_the_same(home: Path, thread: str) -> None:
    """An older version's rollout, in which counts are repeated and start over."""
    expected = figures(read(CodexHistory(home, thread, "0")))
    without_records(rollout(home, thread))
    assert figures(read(CodexHistory(home, thread, "0"))) == expected


def test_a_subagents_rollout_belongs_to_its_parents(home: Path) -> None:
    """It is found by the call that spawned it, and read once."""
    history = CodexHistory(home, PARENT, "0")
    requests = read(history)
    assert sorted(r.id for r in requests) == [f"resp_fake_000{n}" for n in (1, 2, 3, 4)]
    assert [(r.id, r.model) for r in requests if r.subagent == CHILD] == [
        ("resp_fake_0003", "gpt-5.4")
    ]
    assert read(history) == ()


def test_a_subagent_of_a_version_without_records_is_left_out(home: Path) -> None:
    """Those copied the parent's counts into its rollout: they cannot be told apart."""
    for thread in (PARENT, CHILD):
        without_records(rollout(home, thread))
    assert not any(r.subagent for r in read(CodexHistory(home, PARENT, "0")))


@pytest.mark.parametrize("thread", [PARENT, ERRORS, EXEC])
@pytest.mark.parametrize("records", [True, False])
def test_a_mark_goes_on_where_it_was_made(home: Path, thread: str, records: bool) -> None:
    """Stop after every line, go on with a fresh reader: together it is the whole."""
    path = rollout(home, thread)
    if not records:
        without_records(path)
    lines = path.read_bytes().splitlines(keepends=True)
    expected = read(CodexHistory(home, thread, "0"))
    path.write_bytes(b"")
    mark, found = "0", tuple[RequestUsage, ...]()
    for at in range(len(lines)):
        path.write_bytes(b"".join(lines[: at + 1]))
        history = CodexHistory(home, thread, mark)
        found += read(history)
        mark = history.mark()
    assert sorted(r.id for r in found) == sorted(r.id for r in expected)
    assert sorted(figures(found)) == sorted(figures(expected))


def test_without_a_mark_all_that_is_there_was_read(home: Path) -> None:
    """Of the subagents too; what is written from now on counts."""
    history = CodexHistory(home, PARENT)
    assert read(history) == ()
    line = next(x for x in rollout(home, CHILD).read_text().splitlines() if "usage_record" in x)
    with rollout(home, CHILD).open("a") as file:
        file.write(line.replace("resp_fake_0003", "later") + "\n")
    assert [(r.id, r.subagent) for r in read(history)] == [("later", CHILD)]


def test_a_torn_line_is_left_for_the_next_time(home: Path) -> None:
    """Codex may be in the middle of it."""
    path = rollout(home, EXEC)
    data = path.read_bytes()
    cut = data.index(b"resp_fake_0048")
    path.write_bytes(data[:cut])
    history = CodexHistory(home, EXEC, "0")
    assert len(read(history)) == 2
    path.write_bytes(data)
    assert [r.id for r in read(history)] == ["resp_fake_0048", "resp_fake_0049"]


def test_a_rollout_that_shrank_is_another_one(home: Path) -> None:
    """What it holds cannot be told apart from what was read."""
    history = CodexHistory(home, EXEC, "0")
    read(history)
    path = rollout(home, EXEC)
    path.write_bytes(path.read_bytes()[:3000])
    assert read(history) == ()


def test_an_archived_rollout_is_found(home: Path) -> None:
    """`codex archive` moves it."""
    history = CodexHistory(home, EXEC, "0")
    path = rollout(home, EXEC)
    (home / "archived_sessions").mkdir()
    path.rename(home / "archived_sessions" / path.name)
    assert len(read(history)) == 4


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """A thread without a turn has no rollout yet; one appears, and is read from its start."""
    history = CodexHistory(tmp_path, EXEC, "0")
    history.guard()
    history.tidy()
    assert history.read() is None
    assert history.mark() == "0"
    shutil.copytree(ROLLOUTS, tmp_path / "sessions" / "2026" / "11" / "21")
    assert len(read(history)) == 4


@pytest.mark.parametrize("mark", ["x", "5:", "-1", "a:1", "1 b:x"])
def test_a_foreign_mark_counts_nothing(home: Path, mark: str) -> None:
    """Rather too little than the whole thread again."""
    assert read(CodexHistory(home, EXEC, mark)) == ()


def test_what_does_not_fit_is_left_out(home: Path) -> None:
    """Broken lines, absurd figures and forms of another version."""
    path = rollout(home, EXEC)
    path.write_text(
        '{"type":"token_usage_record","payload":{"response_id":"a","usage":{"input_tokens":-1,'
        '"output_tokens":1}}}\n'
        '{"type":"token_usage_record","payload":{"response_id":"b"}}\n'
        '{"type":"token_usage_record","payload":5}\n'
        '{"type":"token_usage_record","payload":{"response_id":"","usage":{"input_tokens":1,'
        '"output_tokens":1}}}\n'
        '{"type":"event_msg","payload":{"type":"token_count","info":null}}\n'
        '{"type":"event_msg","payload":{"type":"token_count","info":7}}\n'
        '{"type":"turn_context","payload":"x"}\n'
        '{"type":"other","payload":{"token_count":1,"x":"token_count"}}\n'
        'not JSON "token_usage_record"\n'
    )
    assert read(CodexHistory(home, EXEC, "0")) == ()


@given(
    st.lists(
        st.binary(max_size=30)
        | st.builds(
            lambda kind, payload: json.dumps({"type": kind, "payload": payload}).encode(),
            st.sampled_from(["token_usage_record", "turn_context", "event_msg"]),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=3) | st.just("token_count"),
                lambda inner: st.dictionaries(
                    st.sampled_from(
                        ["type", "info", "item", "usage", "response_id", "model", "input_tokens"]
                    ),
                    inner,
                ),
                max_leaves=6,
            ),
        ),
        max_size=6,
    )
)
def test_no_line_raises(lines: list[bytes]) -> None:
    """Whatever is in a rollout, it is read or left out."""
    rollout = Rollout()
    for line in lines:
        rollout.read(line)
        rollout.read(line + b' "token_count"')
