"""Both sources are read as they are at one moment, whatever others write meanwhile."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tars.costs.engine import Costs
from tars.costs.facts import Dimension
from tars.home import Home
from tars.sessions.ranges import Span
from tests.support.spending import Spent, Turn, request, resolve

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
EVER = Span()


def test_what_is_read_just_before_the_moment_is_not_counted_twice(tmp_path: Path) -> None:
    """Another process reads a request of a turn, after it was marked what turns have counted and
    before anything is added up."""
    spent = Spent.at(tmp_path / "tars")
    spent.finish(Turn(NOON))
    spent.log(request(NOON - timedelta(days=1)))
    late = [request(NOON)]

    def before(statement: str) -> None:
        if statement == "BEGIN" and late:
            spent.log(late.pop())

    with spent.costs() as costs:
        with costs.sources.moment() as moment:
            assert moment.logs is not None
            moment.logs.set_trace_callback(before)
        report = costs.report((Dimension.ORIGIN,), span=EVER)
    assert late == []
    requests = {line.key: line.figures.tokens.requests for line in report.lines}
    assert requests == {("tars",): 2, ("log",): 1}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE files SET offset = 'x'",
        "UPDATE files SET size = x'00', offset = x'00'",
        "UPDATE models SET model = x'ff'",
        "DELETE FROM models",
        "DELETE FROM sessions",
        "UPDATE sessions SET first_at = 'x', session = x'00'",
        "UPDATE slots SET model = 'x'",
        "UPDATE days SET requests = 'x', agent = x'00'",
        "UPDATE settled SET stamp = 5",
        "UPDATE walks SET at = 'x'",
    ],
)
def test_an_index_of_which_nobody_can_make_sense_is_set_aside(damage: str, tmp_path: Path) -> None:
    """Whatever stands in its columns: at most two reports tell of it, and the third is right."""
    log = tmp_path / ".claude" / "projects" / "p" / "s.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(LINE % 1)
    home = Home(tmp_path / "tars")
    home.prepare()
    found = []
    with Costs.open(home, env={"HOME": str(tmp_path)}, resolve=resolve) as costs:
        for _ in range(3):
            costs.refresh()
        costs.report((Dimension.AGENT,), span=EVER)
    with closing(sqlite3.connect(home.history)) as index, index:
        index.execute(damage)
    log.write_bytes(LINE % 1 + LINE % 2)
    for _ in range(3):
        with Costs.open(home, env={"HOME": str(tmp_path)}, resolve=resolve) as costs:
            costs.refresh()
            report = costs.report((Dimension.AGENT, Dimension.SESSION), span=EVER)
            found.append((report.total.tokens.requests, report.problems))
    assert found[-1] == (2, ()), found


LINE = (
    b'{"type":"assistant","timestamp":"2026-03-28T12:00:00Z","message":{"id":"%d","model":"opus",'
    b'"usage":{"input_tokens":7,"output_tokens":1}}}\n'
)


@pytest.mark.parametrize("reason", ["attempt to write", "newer tars"])
def test_an_index_that_cannot_be_written_is_no_reason_for_wrong_sums(
    reason: str, tmp_path: Path
) -> None:
    """A report goes on with a copy of it, of which nothing is left behind; or with another one,
    if a newer tars wrote it."""
    log = tmp_path / ".claude" / "projects" / "p" / "s.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(LINE % 1)
    home = Home(tmp_path / "tars")
    home.prepare()
    env = {"HOME": str(tmp_path)}
    with Costs.open(home, env=env, resolve=resolve) as costs:
        assert costs.refresh() == ()
        log.write_bytes(LINE % 2)
        with closing(sqlite3.connect(home.history)) as index:
            if reason == "newer tars":
                index.execute("PRAGMA user_version = 99")
                costs.close()
            else:
                with costs.sources.moment() as moment:
                    assert moment.logs is not None
                    moment.logs.execute("PRAGMA query_only = 1")
        problem, *_ = costs.refresh()
        assert reason in problem
        assert costs.refresh(instead=True)[0] == problem
        with costs.sources.moment() as moment:
            assert moment.logs is not None
            [(_, _, copy)] = moment.logs.execute("PRAGMA database_list")
        total = costs.report((), span=EVER).total.tokens
        kept = 0 if reason == "newer tars" else 1
        assert (total.requests, total.net_input) == (1 + kept, 7 + 7 * kept)
    assert copy != str(home.history)
    assert not Path(copy).parent.exists()
