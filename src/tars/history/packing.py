"""What readings brought, packed small: a few hundred requests as columns of numbers.

That is what a second process sends, what waits for its turn in bounded memory, and what the
index writes, without another look at any single request. `Packed` is a tuple of bytes, texts and
numbers: `marshal` moves it.
"""

import marshal
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import add, floordiv
from typing import NamedTuple, TypeVar

from tars.accounting.rates import SLOT_SECONDS, THRESHOLDS
from tars.history.keys import numbers
from tars.history.merging import together
from tars.history.source import Limit, Reading, Request

_T = TypeVar("_T")

#: No clock means a time outside of these milliseconds: 1970 to 2100. Times in the future are
#: kept as they are told, under their own day: to move them would hide a clock that is wrong.
FIRST_AT, LAST_AT = 0, 4_102_444_800_000
#: No single number of a log is believed beyond this; the sum of thousands of them still fits.
MOST = 2**48
NO_COST = -1
#: A title is a name; what is longer is cut.
LONGEST_TITLE = 200


class FileRow(NamedTuple):
    """A file as it was read: a row of `files`. `fresh`: from its beginning, not from a mark."""

    path: str
    inode: int
    size: int
    mtime: int
    offset: int
    head: bytes
    state: bytes
    garbled: int = 0
    ahead: int = 0
    problem: str = ""
    fresh: bool = False


class SessionRow(NamedTuple):
    """What these readings say of one session; the place is that of its first request here."""

    session: str
    first_at: int
    last_at: int
    project: str
    branch: str


class Packed(NamedTuple):
    """Readings of one agent's files. `columns` are those of `requests` from `key` to `sidechain`
    and `cost`, each as a typecode and bytes, `length` numbers long; `session`, `model` and `place`
    count into the lists here. `titles` are pairs. `sums` are rows of `slots` that all of it comes
    to, if nothing of it is in the index; of one slot there may be several."""

    agent: str
    files: list[FileRow]
    sessions: list[SessionRow]
    models: list[tuple[str, str]]
    places: list[tuple[str, str]]
    forks: list[tuple[str, str]]
    titles: list[tuple[str, str]]
    limits: list[Limit]
    length: int
    columns: list[tuple[str, bytes]]
    sums: list[tuple[int, ...]]

    def dumped(self) -> bytes:
        """Give this as bytes, for `loaded`."""
        # It knows nothing of tuples that have a name.
        rows = (self.files, self.sessions, self.limits)
        files, sessions, limits = ([*map(tuple, each)] for each in rows)
        forks, titles = self.forks, self.titles
        plain = (self.agent, files, sessions, self.models, self.places, forks, titles, limits)
        return marshal.dumps((*plain, self.length, self.columns, self.sums))

    @classmethod
    def loaded(cls, data: bytes) -> "Packed":
        packed = cls(*marshal.loads(data))
        return packed._replace(
            files=[FileRow(*row) for row in packed.files],
            sessions=[SessionRow(*row) for row in packed.sessions],
            limits=[Limit(*row) for row in packed.limits],
        )

    def column(self, number: int) -> "array[int]":
        """Unpack one column."""
        code, data = self.columns[number]
        values = array(code)
        values.frombytes(data)
        return values


class Packer:
    """Collects the readings of one agent's files."""

    def __init__(self, agent: str, *, newest_wins: bool) -> None:
        self._agent = agent
        self._newest_wins = newest_wins
        self._files: list[FileRow] = []
        self._rows: list[Request] = []
        self._sessions = _Numbered[str]()
        self._spans: list[SessionRow] = []
        self._forks: list[tuple[str, str]] = []
        self._titles: dict[str, str] = {}
        self._limits: dict[str, Limit] = {}

    def add(self, file: FileRow, reading: Reading, *, latest: int) -> None:
        """Add a file's reading. `latest` is the time that nothing should be later than."""
        ahead = 0
        if rows := reading.requests:
            ats = [row.at for row in rows]
            if min(ats) < FIRST_AT or max(ats) > LAST_AT:
                rows = [_in_time(row, file.mtime // 1_000_000) for row in rows]
                ats = [row.at for row in rows]
            if max(ats) > latest:
                ahead = sum(at > latest for at in ats)
            self._rows += self._once(rows, ats)
        self._files.append(file._replace(ahead=ahead) if ahead else file)
        self._forks += reading.forks
        titles = reading.titles.items()
        self._titles.update((session, title[:LONGEST_TITLE]) for session, title in titles)
        for limit in reading.limits:
            known = self._limits.get(limit.name)
            if known is None or limit.at >= known.at:
                self._limits[limit.name] = limit

    def packed(self) -> Packed:
        """Give all of it."""
        rows = self._rows
        models, places = _Numbered[tuple[str, str]](), _Numbered[tuple[str, str]]()
        columns = self._columns(rows, models, places) if rows else []
        return Packed(
            self._agent,
            self._files,
            [each._replace(session=_sayable(each.session)) for each in self._spans],
            _pairs(models),
            _pairs(places),
            _pairs(self._forks),
            _pairs(self._titles.items()),
            list(self._limits.values()),
            len(rows),
            [(column.typecode, column.tobytes()) for column in columns],
            list(_sums(columns)) if rows else [],
        )

    def _columns(
        self,
        rows: Collection[Request],
        models: "_Numbered[tuple[str, str]]",
        places: "_Numbered[tuple[str, str]]",
    ) -> "list[array[int]]":
        """Turn rows into columns; everything here is a loop in C."""
        keys, sessions, ats, names, net, reads, writes, hours, outs, reasons, *rest = zip(
            *rows, strict=True
        )
        providers, projects, branches, ranks, costs, sidechains, requests = rest
        prompts: Iterable[int] = map(add, map(add, net, reads), writes)
        if max(requests) > 1:
            prompts = map(floordiv, prompts, (max(1, count) for count in requests))
        if any(cost is not None for cost in costs):
            costs = tuple(NO_COST if cost is None else max(0, cost) for cost in costs)
        else:
            costs = (NO_COST,) * len(costs)
        return [
            numbers(self._agent, sessions, keys),
            array("I", map(self._sessions.__getitem__, sessions)),
            array("q", ats),
            array("I", map(models.__getitem__, zip(providers, names, strict=True))),
            array("I", map(places.__getitem__, zip(projects, branches, strict=True))),
            *(_counts(column) for column in (net, reads, writes, hours, outs, reasons, requests)),
            array("B", map(bisect_left, repeat(THRESHOLDS), prompts)),
            _bounded(ranks),
            array("B", sidechains),
            _bounded(costs),
        ]

    def _once(self, rows: list[Request], ats: list[int]) -> Collection[Request]:
        """Merge the rows with one key, and note the sessions that all of them are of."""
        once = together(rows, newest_wins=self._newest_wins)
        if len({row.session for row in rows}) == 1:
            self._seen(rows[ats.index(min(ats))], max(ats))
        else:
            # A merged one may have an earlier time, from another session's row.
            for row in (*rows, *once):
                self._seen(row, row.at)
        return once

    def _seen(self, first: Request, last_at: int) -> None:
        place = _sayable(first.project), _sayable(first.branch)
        row = SessionRow(first.session, first.at, last_at, *place)
        number = self._sessions[row.session]
        if number == len(self._spans):
            self._spans.append(row)
            return
        known = self._spans[number]
        last_at = max(last_at, known.last_at)
        self._spans[number] = (row if row.first_at < known.first_at else known)._replace(
            last_at=last_at
        )


def _sums(columns: "list[array[int]]") -> Iterator[tuple[int, ...]]:
    """Give the sums of rows of one slot that follow one another, as mostly all of it do."""
    _, sessions, ats, models, places, *figures, sizes, _, _, costs = columns
    slots = map(floordiv, ats, repeat(SLOT_SECONDS * 1000))
    official = map(NO_COST.__lt__, costs)
    keys = zip(slots, sessions, models, places, sizes, official, strict=True)
    begin = 0
    for key, group in groupby(keys):
        end = begin + len(list(group))
        cost = sum(costs[begin:end]) if key[-1] else 0
        yield (*key, *[sum(each[begin:end]) for each in figures], cost)
        begin = end


class _Numbered(dict[_T, int]):
    """Numbers from 0 for what is looked up, in the order of the first time."""

    def __missing__(self, key: _T) -> int:
        self[key] = number = len(self)
        return number


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_sayable(one), _sayable(two)) for one, two in pairs]


def _sayable(words: str) -> str:
    """Replace the halves of characters that JSON can have, and UTF-8 cannot."""
    return words if words.isascii() else words.encode("utf-8", "replace").decode()


def _in_time(row: Request, otherwise: int) -> Request:
    """Give what no clock means another time: that of the file."""
    return row if FIRST_AT <= row.at <= LAST_AT else row._replace(at=otherwise)


def _counts(values: Sequence[int]) -> "array[int]":
    """Give counts as they are, in half of the space; a log's nonsense is bounded."""
    try:
        return array("I", values)
    except OverflowError:
        return array("q", (min(max(0, value), MOST) for value in values))


def _bounded(values: Sequence[int]) -> "array[int]":
    try:
        return array("q", values)
    except OverflowError:
        return array("q", (min(max(-MOST, value), MOST) for value in values))
