import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.history.source import Limit, Request
from tars.history.sources.codex import SOURCE
from tests.support.agent_logs import GOLDEN, found
from tests.support.readings import counted, read, read_in_parts, written

NOON = int(datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp() * 1000)
#: Threads' ids, as they are in the names of rollouts.
A, B, C = (f"01a1fbf7-9d92-77e1-b06a-ac62c199964{letter}" for letter in "abc")
NAMES = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")


def told(type: str, payload: dict[str, Any], second: int = 0) -> str:
    """Give a line as Codex writes it."""
    line = {"timestamp": f"2026-05-04T12:00:{second:02}.000Z", "type": type, "payload": payload}
    return json.dumps(line, separators=(",", ":"))


def meta(id: str = A, *, forked: str = "", source: Any = "cli", **more: Any) -> str:
    fork = {"forked_from_id": forked} if forked else {}
    start = {"id": id, "cwd": "/work", "source": source, "model_provider": "openai"}
    text = {"base_instructions": {"text": 'a "word"'}, "git": {"branch": "main"}}
    return told("session_meta", start | fork | text | more)


def spawned(parent: str) -> dict[str, Any]:
    return {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}


def turn(model: str = "gpt-5.4") -> str:
    return told("turn_context", {"cwd": "/elsewhere", "model": model})


def used(*counts: int) -> dict[str, int]:
    """Give counts of input, cached, output and reasoning, as Codex tells them."""
    whole = [*counts, 0, 0, 0, 0][:4]
    return dict(zip(NAMES, whole, strict=True)) | {"total_tokens": whole[0] + whole[2]}


def count(total: dict[str, int], last: dict[str, int] | None = None, second: int = 0) -> str:
    info = {"total_token_usage": total} | ({} if last is None else {"last_token_usage": last})
    return told("event_msg", {"type": "token_count", "info": info, "rate_limits": None}, second)


def record(id: str, usage: dict[str, int], second: int = 0) -> str:
    payload = {"thread_id": A, "response_id": id, "usage": usage, "thread_token_usage": usage}
    return told("token_usage_record", payload, second)


def rollout(folder: Path, id: str, *lines: bytes | str) -> Path:
    return written(folder / f"rollout-2026-05-04T12-00-00-{id}.jsonl", *lines)


def requests(folder: Path, *lines: bytes | str) -> list[Request]:
    [reading] = read(SOURCE, rollout(folder, A, *lines))
    assert reading.garbled == 0
    return reading.requests


def figures(rows: Any) -> list[tuple[int, int, int, int]]:
    return [(row.net_input, row.cache_read, row.output, row.reasoning) for row in rows]


def test_a_response_used_what_the_sums_grew_by(tmp_path: Path) -> None:
    """Cached input is told within the input, and reasoning within the output."""
    one, two = requests(
        tmp_path,
        meta(),
        turn(),
        count(used(100, 60, 10, 4), used(100, 60, 10, 4)),
        count(used(250, 160, 30, 5), used(150, 100, 20, 1), second=9),
    )
    assert one == Request(
        key=f"{A}|0|100,60,0,10,4",
        session=A,
        at=NOON,
        model="gpt-5.4",
        net_input=40,
        cache_read=60,
        output=10,
        reasoning=4,
        provider="openai",
        project="/work",
        branch="main",
    )
    assert (figures([two]), two.at) == ([(50, 100, 20, 1)], NOON + 9000)


def test_the_same_sums_again_are_no_response(tmp_path: Path) -> None:
    """They come again wherever a limit changed or a turn failed."""
    again = count(used(100, 60, 10), used(100, 60, 10))
    assert len(requests(tmp_path, meta(), again, again, turn(), again)) == 1


def test_sums_that_fall_begin_anew(tmp_path: Path) -> None:
    """A full context window sets them to 0; what they are afterwards was used since, even where
    they come to be what they were."""
    rows = requests(
        tmp_path,
        meta(),
        count(used(100, 60, 10)),
        count(used(0) | {"total_tokens": 9999}),
        count(used(100, 60, 10)),
    )
    assert figures(rows) == [(40, 60, 10, 0)] * 2
    assert len({row.key for row in rows}) == 2


def test_a_count_without_figures_counts_nothing(tmp_path: Path) -> None:
    """A turn may begin with a count that has none."""
    empty = told("event_msg", {"type": "token_count", "info": None, "rate_limits": None})
    assert requests(tmp_path, meta(), empty, count(used()), empty) == []


def test_sums_alone_are_enough(tmp_path: Path) -> None:
    """Some logs do not say what the last response used."""
    rows = requests(tmp_path, meta(), count(used(100, 0, 10)), count(used(150, 10, 15)))
    assert figures(rows) == [(100, 0, 10, 0), (40, 10, 5, 0)]


def test_the_model_is_the_turns(tmp_path: Path) -> None:
    """The last turn's context says who answers."""
    rows = requests(
        tmp_path, meta(), turn("a"), count(used(1)), turn("b"), count(used(2)), count(used(3))
    )
    assert [row.model for row in rows] == ["a", "b", "b"]


def test_a_short_line_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    """What a line says is looked for in that line alone."""
    short = '{"type":"turn_context","payload":{"model":"short"}}'
    silent = told("response_item", {})
    assert requests(tmp_path, short, silent, count(used(1)))[0].model == "short"


@pytest.mark.parametrize(
    ("written_apart", "net"),
    [(False, 100 - 60 - 30), (True, 100 - 60)],
)
def test_what_is_written_to_the_cache_is_input_once(
    tmp_path: Path, written_apart: bool, net: int
) -> None:
    """Whether a provider counts it within the input or beside it, the sum tells."""
    total = 140 if written_apart else 110
    usage = used(100, 60, 10) | {"cache_write_input_tokens": 30, "total_tokens": total}
    [row] = requests(tmp_path, meta(), count(usage))
    assert (row.net_input, row.cache_read, row.cache_write) == (net, 60, 30)


def test_a_record_and_a_count_tell_the_same_response(tmp_path: Path) -> None:
    """One of them counts; counts that no record comes with do too, as older versions wrote
    them into the same rollout."""
    rows = requests(
        tmp_path,
        meta(),
        count(used(10, 0, 1)),
        record("r1", used(20, 0, 2)),
        count(used(10, 0, 1)),
        count(used(30, 0, 3)),
        record("r2", used(5, 0, 1)),
        count(used(0)),
        count(used(5, 0, 1)),
        count(used(12, 0, 2)),
    )
    assert figures(rows) == [(10, 0, 1, 0), (20, 0, 2, 0), (5, 0, 1, 0), (7, 0, 1, 0)]


def test_a_record_counts_once(tmp_path: Path) -> None:
    """Its response's id says which it is."""
    [reading] = read(SOURCE, rollout(tmp_path, A, meta(), *[record("r1", used(20, 0, 2))] * 2))
    assert len(counted(SOURCE, [reading])) == 1


def parents_and_childs(folder: Path, child: str) -> list[Path]:
    """Write a thread, and a fork of it that repeats it and goes on."""
    lines = [turn(), count(used(10), used(10), 1), count(used(30), used(20), 2)]
    again = [turn(), count(used(10), used(10), 30), count(used(30), used(20), 30)]
    own = [count(used(35), used(5), 40)]
    rest = [count(used(40), used(10), 3)]
    return [
        rollout(folder, A, meta(A), *lines, *rest),
        rollout(folder, B, child, meta(A), *again, *own),
    ]


@pytest.mark.parametrize("child", [meta(B, forked=A), meta(B, source=spawned(A)), meta(B)])
def test_a_fork_repeats_its_parent(tmp_path: Path, child: str) -> None:
    """What it repeats counts once, as its parent's and at its parent's times, whichever is read
    first, and however the fork says that it is one."""
    files = parents_and_childs(tmp_path, child)
    for order in (files, files[::-1]):
        rows = counted(SOURCE, read(SOURCE, *order)).values()
        assert sorted((row.net_input, row.at - NOON) for row in rows) == [
            (5, 40_000),
            (10, 1_000),
            (10, 3_000),
            (20, 2_000),
        ]


def test_a_forks_fork_repeats_both(tmp_path: Path) -> None:
    """However long the line of forks is, each response counts once, as that of the first."""
    lines = [count(used(10), second=1)]
    more = [count(used(15), second=20)]
    files = [
        rollout(tmp_path, A, meta(A), *lines),
        rollout(tmp_path, B, meta(B, forked=A), meta(A), *lines, *more),
        rollout(tmp_path, C, meta(C, forked=B), meta(B, forked=A), meta(A), *lines, *more),
    ]
    for order in (files, files[::-1]):
        rows = counted(SOURCE, read(SOURCE, *order)).values()
        assert sorted((row.net_input, row.session) for row in rows) == [(5, B), (10, A)]


def test_a_fork_that_repeats_nothing_inherits_the_sums(tmp_path: Path) -> None:
    """Of its first response that counts which it used itself; then the sums' growth."""
    files = [
        rollout(tmp_path, A, meta(A), count(used(1000))),
        rollout(tmp_path, B, meta(B, forked=A), count(used(1010), used(10)), count(used(1030))),
    ]
    rows = counted(SOURCE, read(SOURCE, *files)).values()
    assert sorted(row.net_input for row in rows) == [10, 20, 1000]


def test_a_subagents_requests_are_its_conversations(tmp_path: Path) -> None:
    """They belong to the thread that asked for it, as a side chain."""
    [reading] = read(SOURCE, rollout(tmp_path, B, meta(B, source=spawned(A)), count(used(10))))
    [row] = reading.requests
    assert (row.session, row.sidechain) == (A, True)
    newer = meta(C, source=spawned(B), session_id=A)
    [reading] = read(SOURCE, rollout(tmp_path, C, newer, count(used(10))))
    assert reading.requests[0].session == A


def test_a_thread_that_is_put_away_is_the_same(tmp_path: Path) -> None:
    """In the archive its responses are what they were."""
    lines = [meta(), count(used(10)), count(used(20))]
    files = [rollout(tmp_path / place, A, *lines) for place in ("sessions", "archived_sessions")]
    assert len(counted(SOURCE, read(SOURCE, *files))) == 2


@pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd here")
def test_a_compressed_rollout_is_the_same(tmp_path: Path) -> None:
    """Codex compresses what rests: then it tells the same, and counts no second time."""
    sums = [count(used(10 * number)) for number in range(1, 3000)]
    plain = rollout(tmp_path, A, meta(), turn(), *sums)
    before = read(SOURCE, plain)
    subprocess.run(["zstd", "-q", str(plain)], check=True)
    packed = plain.with_name(plain.name + ".zst")
    assert packed in [Path(each.path) for each in SOURCE.find(tmp_path)]
    after = read(SOURCE, packed)
    assert after[0].requests == before[0].requests
    assert not SOURCE.resumable(found(packed))


@pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd here")
def test_a_damaged_rollout_is_a_problem(tmp_path: Path) -> None:
    """What cannot be decompressed is said, and what came before it counts."""
    plain = rollout(tmp_path, A, meta(), count(used(10)))
    subprocess.run(["zstd", "-q", str(plain)], check=True)
    packed = plain.with_name(plain.name + ".zst")
    packed.write_bytes(packed.read_bytes() + b"junk")
    [reading] = read(SOURCE, packed)
    assert reading.problem == "It is damaged: it cannot be decompressed."
    assert figures(reading.requests) == [(10, 0, 0, 0)]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python itself can decompress")
def test_without_zstd_a_compressed_rollout_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    packed = rollout(tmp_path, A, "junk").rename(tmp_path / f"rollout-x-{A}.jsonl.zst")
    assert "install zstd" in read(SOURCE, packed)[0].problem


def test_a_rollout_is_named_for_its_thread(tmp_path: Path) -> None:
    """Its name stands in where its first line is lost."""
    [row] = requests(tmp_path, turn(), count(used(10)))
    assert (row.session, row.provider, row.project) == (A, "", "/elsewhere")


def test_the_newest_limits_are_told(tmp_path: Path) -> None:
    """Each count has the account's limits; older versions tell how long they last."""
    primary = {"used_percent": 12.5, "window_minutes": 300, "resets_at": NOON // 1000}
    secondary = {"used_percent": 3, "window_minutes": 10080, "resets_in_seconds": 60}
    old = {"primary": primary | {"used_percent": 1.0}, "secondary": None}
    new = {"primary": primary, "secondary": secondary, "plan_type": "pro"}
    other = {"limit_id": "codex_other", "primary": {"used_percent": 50.0}}
    lines = [
        told("event_msg", {"type": "token_count", "info": None, "rate_limits": limits}, second)
        for second, limits in enumerate([None, old, new, other, None])
    ]
    [reading] = read(SOURCE, rollout(tmp_path, A, *lines))
    assert reading.limits == [
        Limit("codex", "five_hour", 0.125, 300, NOON, NOON + 2000, "pro"),
        Limit("codex", "weekly", 0.03, 10080, NOON + 62_000, NOON + 2000, "pro"),
        Limit("codex", "codex_other:primary", 0.5, 0, None, NOON + 3000, ""),
    ]


@pytest.mark.parametrize(
    "odd",
    [
        b"\xef\xbb\xbf" + count(used(10)).encode(),
        b"\0\0" + count(used(10)).encode() + b"\r",
        json.dumps(json.loads(count(used(10)))).encode(),
        json.dumps(dict(reversed(json.loads(count(used(10))).items()))).encode(),
        count(used(10)).replace('"type":"event_msg"', '"ordinal":12,"type":"event_msg"').encode(),
        count(used(10)).encode().replace(b'"payload":{', b'"payload":{"x":"\xff",'),
    ],
)
def test_an_odd_line_is_read_all_the_same(tmp_path: Path, odd: bytes) -> None:
    """Marks, blanks, another order and bytes that are no text hide no response."""
    assert figures(requests(tmp_path, meta(), b"", odd)) == [(10, 0, 0, 0)]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A line with figures that is no JSON counts as garbled; what it hid is in the next sums."""
    lines = [meta(), count(used(10))[:-4], count(used(30))]
    [reading] = read(SOURCE, rollout(tmp_path, A, *lines))
    assert (figures(reading.requests), reading.garbled) == ([(30, 0, 0, 0)], 1)


def test_a_long_line_is_not_in_the_way(tmp_path: Path) -> None:
    """A compaction repeats a conversation in one line, which may be longer than what is loaded."""
    long = told("compacted", {"replacement_history": ["x" * 3_000_000]})
    assert len(requests(tmp_path, meta(), count(used(10)), long, count(used(20)))) == 2


@pytest.mark.parametrize(
    ("logs", "answers"),
    [
        (["resumed"], [46, 47, 48, 49]),
        (["errors"], [66, 67, 68, 69, 70, 81, 82]),
        (["forked", "fork"], [1, 2, 3, 4, 5]),
    ],
)
@pytest.mark.parametrize("records", [True, False])
def test_the_real_thing(
    tmp_path: Path, logs: list[str], answers: list[int], *, records: bool
) -> None:
    """What Codex 0.169 wrote of threads that were resumed and forked, of failed turns and a full
    context window: each response that its API answered, with its figures. They are the same
    without its records, as older versions write it."""
    files = []
    for log in logs:
        lines = (GOLDEN / "codex" / f"{log}.jsonl").read_text().splitlines()
        kept = [line for line in lines if records or "token_usage_record" not in line]
        files.append(written(tmp_path / f"{log}.jsonl", *kept))
    rows = counted(SOURCE, read(SOURCE, *files)).values()
    expected = [(2000, 3000 + answer, 40 + answer, 8) for answer in answers]
    assert sorted(figures(rows)) == expected
    assert {(row.model, row.provider, row.sidechain) for row in rows} == {
        ("gpt-5.4", "fake", False)
    }


def test_where_the_logs_are(tmp_path: Path) -> None:
    """They are in Codex's folder, which the environment may name."""
    home = [tmp_path / ".codex/sessions", tmp_path / ".codex/archived_sessions"]
    assert list(SOURCE.roots({}, tmp_path)) == home
    elsewhere = [Path("/x/sessions"), Path("/x/archived_sessions")]
    assert list(SOURCE.roots({"CODEX_HOME": "/x"}, tmp_path)) == elsewhere


#: What may stand in a rollout behind its first line: sums that grow, come again, or fall.
_steps = st.lists(
    st.sampled_from(["grow", "again", "fall", "turn", "record", "junk", "other"]), max_size=9
)


def lines_of(steps: list[str], first: str) -> list[str]:
    lines, sums, number = [first], used(), 0
    for number, step in enumerate(steps):
        match step:
            case "grow" | "record":
                last = used(10 + number, number, 3, 1)
                sums = {name: sums[name] + last[name] for name in sums}
                if step == "record":
                    lines.append(record(f"r{number}", last, number))
                lines.append(count(sums, last, number))
            case "again":
                lines.append(count(sums, used(), number))
            case "fall":
                sums = used()
                lines.append(count(sums, used(), number))
            case "turn":
                lines.append(turn(f"gpt-{number}"))
            case "junk":
                lines.append('{"type":"event_msg","payload":{"total_token_usage"')
            case _:
                lines.append(told("response_item", {"text": '"token_count"'}))
    return [*lines, ""]


@settings(max_examples=40, deadline=None)
@given(_steps, st.lists(st.floats(0, 1), max_size=4))
def test_however_it_is_cut_the_same_is_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], cuts: list[float]
) -> None:
    """A rollout that is read in parts, cut anywhere, tells the same as when it is read at once."""
    log = tmp_path_factory.mktemp("c") / f"rollout-x-{A}.jsonl"
    data = "\n".join(lines_of(steps, meta())).encode()
    parts = read_in_parts(SOURCE, log, data, [int(cut * len(data)) for cut in cuts])
    whole = read_in_parts(SOURCE, log, data, [])
    assert counted(SOURCE, parts) == counted(SOURCE, whole)
    assert sum(part.garbled for part in parts) == whole[0].garbled


@settings(max_examples=30, deadline=None)
@given(_steps, _steps)
def test_the_order_of_the_files_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[str],
    more: list[str],
) -> None:
    """Whichever rollout is read first, a thread and its fork count the same, and what the fork
    repeats counts once."""
    folder = tmp_path_factory.mktemp("o")
    whole = lines_of([*steps, *more], meta(B, forked=A))
    thread = lines_of(steps, meta(A))
    repeated = [whole[0], meta(A), *whole[1:]]
    files = [rollout(folder, A, *thread), rollout(folder, B, *repeated)]
    one = counted(SOURCE, read(SOURCE, *files))
    assert counted(SOURCE, read(SOURCE, *files[::-1])) == one
    alone = counted(SOURCE, read(SOURCE, rollout(folder, C, *lines_of([*steps, *more], meta(C)))))
    assert sorted(figures(one.values())) == sorted(figures(alone.values()))
