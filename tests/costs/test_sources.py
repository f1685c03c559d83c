"""Both sources are read as they are at one moment, whatever others write meanwhile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tars.costs.facts import Dimension
from tars.sessions.ranges import Span
from tests.support.spending import Spent, Turn, request

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
