"""What readings brought, packed small: a few hundred requests as columns of numbers.

That is what a second process sends, what waits for its turn in bounded memory, and what the
index writes, without another look at any single request. `Packed` is a tuple of bytes, texts and
numbers: `marshal` moves it.
"""

import marshal
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import repeat
from operator import add, floordiv
from typing import NamedTuple, TypeVar

from tars.accounting.rates import THRESHOLDS
from tars.history.keys import BAR, hashed, key_of, thread
from tars.history.merging import together
from tars.history.source import Limit, Reading, Request

_T = TypeVar("_T")

#: No clock means a time outside of these milliseconds: 1970 to 2100. Times in the future are
#: kept as they are told, under their own day: to move them would hide a clock that is wrong.
FIRST_AT, LAST_AT = 0, 4_102_444_800_000
#: No single number of a log is believed beyond this; the sum of thousands of them still fits.
MOST = 2**48
NO_COST = -1


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
    count into the lists here. `titles` are pairs."""

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

    def dumped(self) -> bytes:
        """Give this as bytes, for `loaded`."""
        # It knows nothing of tuples that have a name.
        rows = (self.files, self.sessions, self.limits)
        files, sessions, limits = ([*map(tuple, each)] for each in rows)
        forks, titles = self.forks, self.titles
        plain = (self.agent, files, sessions, self.models, self.places, forks, titles, limits)
        return marshal.dumps((*plain, self.length, self.columns))

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
        self._sessions = _Numbered[str]()
        self._spans: list[SessionRow] = []
        self._models = _Numbered[tuple[str, str]]()
        self._places = _Numbered[tuple[str, str]]()
        self._forks: list[tuple[str, str]] = []
        self._titles: dict[str, str] = {}
        self._limits: dict[str, Limit] = {}
        self._columns: list[array[int]] = []
        self._count = 0

    def add(self, file: FileRow, reading: Reading, *, latest: int) -> None:
        """Add a file's reading. `latest` is the time that nothing should be later than."""
        rows = together(reading.requests, newest_wins=self._newest_wins)
        ahead = self._add(rows, file.mtime // 1_000_000, latest) if rows else 0
        self._files.append(file._replace(ahead=ahead))
        self._forks += reading.forks
        self._titles.update(reading.titles)
        for limit in reading.limits:
            known = self._limits.get(limit.name)
            if known is None or limit.at >= known.at:
                self._limits[limit.name] = limit

    def packed(self) -> Packed:
        return Packed(
            self._agent,
            self._files,
            self._spans,
            list(self._models),
            list(self._places),
            self._forks,
            list(self._titles.items()),
            list(self._limits.values()),
            self._count,
            [(column.typecode, column.tobytes()) for column in self._columns],
        )

    def _add(self, rows: Collection[Request], mtime: int, latest: int) -> int:
        """Add the rows, and give how many of them are later than `latest`."""
        keys, sessions, ats, models, net, reads, writes, hours, outs, reasons, *rest = zip(
            *rows, strict=True
        )
        providers, projects, branches, ranks, costs, sidechains, requests = rest
        if min(ats) < FIRST_AT or max(ats) > LAST_AT:
            ats = tuple(at if FIRST_AT <= at <= LAST_AT else mtime for at in ats)
        places = list(zip(projects, branches, strict=True))
        self._span(sessions, ats, places)
        prompts: Iterable[int] = map(add, map(add, net, reads), writes)
        if max(requests) > 1:
            prompts = map(floordiv, prompts, (max(1, count) for count in requests))
        self._extend(
            array("q", self._keys(keys, sessions)),
            array("I", map(self._sessions.__getitem__, sessions)),
            array("q", ats),
            array("I", map(self._models.__getitem__, zip(providers, models, strict=True))),
            array("I", map(self._places.__getitem__, places)),
            *(_counts(column) for column in (net, reads, writes, hours, outs, reasons, requests)),
            array("B", map(bisect_left, repeat(THRESHOLDS), prompts)),
            array("q", (max(-MOST, min(rank, MOST)) for rank in ranks)),
            array("B", sidechains),
            array("q", (NO_COST if cost is None else min(max(0, cost), MOST) for cost in costs)),
        )
        self._count += len(rows)
        return sum(at > latest for at in ats) if max(ats) > latest else 0

    def _keys(self, keys: Sequence[str], sessions: Sequence[str]) -> Iterator[int]:
        agent = self._agent
        if len(set(sessions)) > 1:
            yield from map(key_of, repeat(agent), sessions, keys)
            return
        # As `key_of`, with the conversation's half made once.
        start = sessions[0] + BAR
        length, half, before = len(sessions[0]), thread(agent, sessions[0]), f"{agent}\0"
        for key in keys:
            if key.startswith(start):
                yield half ^ hashed(before + key[length:])
            else:
                yield hashed(before + key)

    def _span(
        self, sessions: Sequence[str], ats: Sequence[int], places: Sequence[tuple[str, str]]
    ) -> None:
        if len(set(sessions)) == 1:
            first = min(ats)
            self._seen(sessions[0], first, max(ats), places[ats.index(first)])
        else:
            for session, at, place in zip(sessions, ats, places, strict=True):
                self._seen(session, at, at, place)

    def _seen(self, session: str, first: int, last: int, place: tuple[str, str]) -> None:
        number = self._sessions[session]
        if number == len(self._spans):
            self._spans.append(SessionRow(session, first, last, *place))
            return
        known = self._spans[number]
        if first < known.first_at:
            known = known._replace(first_at=first, project=place[0], branch=place[1])
        self._spans[number] = known._replace(last_at=max(last, known.last_at))

    def _extend(self, *columns: "array[int]") -> None:
        if not self._columns:
            self._columns = list(columns)
            return
        for number, (column, more) in enumerate(zip(self._columns, columns, strict=True)):
            if column.typecode == more.typecode:
                column.extend(more)
            else:
                self._columns[number] = array("q", [*column, *more])


class _Numbered(dict[_T, int]):
    """Numbers from 0 for what is looked up, in the order of the first time."""

    def __missing__(self, key: _T) -> int:
        self[key] = number = len(self)
        return number


def _counts(values: Sequence[int]) -> "array[int]":
    """Give counts as they are, in half of the space; a log's nonsense is bounded."""
    try:
        return array("I", values)
    except OverflowError:
        return array("q", (min(max(0, value), MOST) for value in values))
