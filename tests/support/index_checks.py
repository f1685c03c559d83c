"""What an index tells, and whether it agrees with itself."""

from collections import Counter
from collections.abc import Iterable

from tars.history.days import DAY
from tars.history.index import Index
from tars.history.packing import FileRow, Packed, Packer
from tars.history.source import Limit, Mark, Reading, Request

_SUMS = "net_input, cache_read, cache_write, cache_write_1h, output, reasoning, requests"


def packed(
    *rows: Request,
    agent: str = "plain",
    forks: Iterable[tuple[str, str]] = (),
    titles: dict[str, str] | None = None,
    limits: Iterable[Limit] = (),
) -> Packed:
    """Give rows as if one file had had them."""
    packer = Packer(agent, newest_wins=False)
    reading = Reading(
        Mark(), list(rows), forks=list(forks), titles=titles or {}, limits=list(limits)
    )
    packer.add(FileRow("/a.log", 1, 2, 3_000_000, 4, b"", b""), reading, latest=2**62)
    return Packed.loaded(packer.packed().dumped())


def counted(index: Index) -> set[tuple[str, int, int]]:
    """Give session, time and input of each request."""
    query = (
        "SELECT sessions.session, at, net_input FROM requests"
        " JOIN sessions ON sessions.id = requests.session"
    )
    return set(index.connection.execute(query))


def check(index: Index) -> None:
    """See that the slots are the sums of the requests, and the days of the slots, and everything
    refers to what is there."""
    rows = index.connection.execute(
        "SELECT at / 900000, session, model, place, size, cost IS NOT NULL, ifnull(cost, 0),"
        f" {_SUMS} FROM requests WHERE NOT covered"
    ).fetchall()
    sums: dict[tuple[int, ...], Counter[int]] = {}
    for row in rows:
        sums.setdefault(row[:6], Counter()).update(dict(enumerate(row[6:])))
    expected = {(*key, *(figures[each] for each in range(8))) for key, figures in sums.items()}
    stored = "SELECT slot, session, model, place, size, official, cost"
    assert set(index.connection.execute(f"{stored}, {_SUMS} FROM slots")) == expected
    keys, sums_of = (
        "agent, model, size, official",
        ", ".join(f"sum({s})" for s in _SUMS.split(", ")),
    )
    exact = f"slot / {DAY} * {DAY} NOT IN (SELECT slot FROM stale_days)"
    by_day = (
        f"SELECT slot / {DAY} * {DAY}, {keys}, sum(cost), {sums_of} FROM slots"
        f" JOIN sessions ON sessions.id = slots.session WHERE {exact} GROUP BY 1, 2, 3, 4, 5"
    )
    told = f"SELECT slot, {keys}, cost, {_SUMS} FROM days WHERE {exact}"
    assert set(index.connection.execute(told)) == set(index.connection.execute(by_day))
    assert index.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for table in ("session", "model", "place"):
        lost = f"SELECT count(*) FROM requests WHERE {table} NOT IN (SELECT id FROM {table}s)"
        assert index.connection.execute(lost).fetchone() == (0,)
