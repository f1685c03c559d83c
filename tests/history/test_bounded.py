"""What a reading may have in memory is bounded by no file's length, and nothing is lost by it."""

from pathlib import Path

import pytest

from tars.config_costs import HistoryConfig
from tars.history.index import Index
from tars.history.scan import refresh
from tars.history.source import ENOUGH, Mark, Source
from tars.history.sources.claude import SOURCE as CLAUDE
from tars.history.sources.codex import SOURCE as CODEX
from tests.support.agent_logs import found

_MANY = ENOUGH + 6_000
_MESSAGE = (
    '{"type":"assistant","timestamp":"2026-05-04T12:00:00Z","message":{"id":"m%d",'
    '"model":"claude-opus-4-8","content":[],"stop_reason":null,"usage":{"output_tokens":1}}}'
)
_COUNT = (
    '{"timestamp":"2026-05-04T12:00:00.000Z","type":"event_msg","payload":{"type":"token_count",'
    '"info":{"total_token_usage":{"input_tokens":0,"output_tokens":%d}}}}'
)


def log(home: Path, name: str, line: str) -> Path:
    """Write a log of a great many requests, without a newline at its end."""
    path = home / name
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(line % number for number in range(1, _MANY + 1)))
    return path


LOGS = [
    (CLAUDE, ".claude/projects/p/s1.jsonl", _MESSAGE),
    (CODEX, ".codex/sessions/2026/05/04/rollout-x.jsonl", _COUNT),
]


@pytest.mark.parametrize(("source", "name", "line"), LOGS, ids=["claude", "codex"])
def test_a_log_with_a_great_many_requests_is_read_in_parts(
    tmp_path: Path, source: Source, name: str, line: str
) -> None:
    """A reading ends when it has enough, says so, and loses nothing."""
    path = log(tmp_path, name, line)
    mark, more, numbers = Mark(), True, list[int]()
    while more:
        reading = source.read(found(path), mark)
        mark, more = reading.mark, reading.more
        numbers.append(len(reading.requests))
    assert len(numbers) > 1
    assert max(numbers) < _MANY
    assert sum(numbers) == _MANY


def test_the_index_takes_all_parts(tmp_path: Path) -> None:
    """One refresh reads all of a log, whatever one reading gives."""
    for _, name, line in LOGS:
        log(tmp_path, name, line)
    with Index.open(tmp_path / "history.db") as index:
        done = refresh(index, env={}, home=tmp_path, config=HistoryConfig(), processes=1)
        again = refresh(index, env={}, home=tmp_path, config=HistoryConfig(), processes=1)
        [count] = index.connection.execute("SELECT count(*) FROM requests").fetchone()
    assert (done.requests, done.problems, count) == (2 * _MANY, (), 2 * _MANY)
    assert again.files == 0
