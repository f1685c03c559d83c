"""What clients ask of the remembered sessions, asked of the store in the recorder's thread.

The modules of `tars.sessions` do it, as they do for the command line; they are imported when
somebody asks for the first time.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tars.control.session_contract import (
    Counted,
    Message,
    MessageList,
    SearchHit,
    SearchHits,
    Session,
    SessionList,
    SessionSummary,
    SessionTurn,
    Stats,
    ToolCall,
)
from tars.control.session_queries import ALL_CHARACTERS
from tars.control.sessions import MOST_AFTER
from tars.daemon.asking import ask
from tars.daemon.costs import Spending
from tars.daemon.dearest import Dearest, Worth
from tars.errors import RequestInvalid
from tars.home import Home
from tars.runtime.recorder import Recorder

if TYPE_CHECKING:
    from array import array

    from tars.sessions.library import Library
    from tars.sessions.listing import SessionRecord, Wanted
    from tars.sessions.ranges import Span
    from tars.store.store import Store

T = TypeVar("T")

#: How many sessions, or places where words are, are given unless told, and at most.
USUAL, MOST = 100, 1000


class Remembering:
    """The daemon's answers about sessions. It decides nothing. `archive_directory` is where whole
    sessions are written to before they are put away, if they are."""

    def __init__(
        self,
        home: Home,
        recorder: Recorder,
        archive_directory: Callable[[], Path | None] = lambda: None,
        spending: Spending | None = None,
    ) -> None:
        self._home = home
        self._recorder = recorder
        self._archive_directory = archive_directory
        self._dearest = None if spending is None else Dearest(spending, self._ranked)

    async def sessions(self, query: Mapping[str, str]) -> SessionList:
        ranks = None
        if query.get("sort") == "cost" and self._dearest is not None:
            ranks = await self._dearest.order()
        return await self._ask(lambda library: _sessions(library, query, ranks))

    async def session(self, reference: str, query: Mapping[str, str]) -> Session:
        agent, project = query.get("agent"), query.get("project")
        return await self._ask(
            lambda library: Session.of(_found(library, reference, agent=agent, project=project))
        )

    async def summary(
        self, reference: str, *, agent: str | None, after: int, limit: int
    ) -> SessionSummary:
        return await self._ask(
            lambda library: _summary(_found(library, reference, agent=agent), library, after, limit)
        )

    async def messages(
        self, reference: str, *, after: int, limit: int, characters: int
    ) -> MessageList:
        return await self._ask(
            lambda library: _messages(library, reference, after, limit, characters)
        )

    async def search(self, query: Mapping[str, str]) -> SearchHits:
        return await self._ask(lambda library: _search(library, query))

    async def stats(self, query: Mapping[str, str]) -> Stats:
        return await self._ask(lambda library: _stats(library, query))

    async def rename(self, reference: str, name: str | None) -> Session:
        return await self._ask(lambda library: _rename(library, reference, name))

    async def archive(self, reference: str) -> Session:
        directory = self._archive_directory()
        return await self._ask(lambda library: _archive(library, reference, directory))

    async def unarchive(self, reference: str) -> Session:
        return await self._ask(lambda library: _unarchive(library, reference))

    async def _ranked(self, worth: Worth) -> "array[int]":
        def rank(library: "Library") -> "array[int]":
            from tars.sessions.listing import ranked

            return ranked(library, worth)

        return await self._ask(rank)

    async def _ask(self, work: "Callable[[Library], T]") -> T:
        def asked(store: "Store") -> T:
            from tars.sessions.library import Library

            return work(Library(store, self._home))

        return await ask(self._recorder, asked)


def _found(
    library: "Library", reference: str, *, agent: str | None = None, project: str | None = None
) -> "SessionRecord":
    from tars.sessions.references import resolve

    return resolve(library, reference, agent=agent, project=project)


def _sessions(
    library: "Library", query: Mapping[str, str], ranks: Sequence[int] | None
) -> SessionList:
    from tars.sessions.listing import Order, page, page_by

    wanted = _wanted(query)
    order = _choice("sort", query.get("sort", "activity"), tuple(o.value for o in Order))
    reverse = _choice("reverse", query.get("reverse", "0"), ("0", "1")) == "1"
    after = _count("after", query.get("after", "0"), MOST_AFTER)
    limit = _count("limit", query.get("limit", str(USUAL)), MOST)
    if ranks is not None:
        found, total = page_by(library, wanted, ranks, reverse=reverse, after=after, limit=limit)
    else:
        found, total = page(
            library, wanted, order=Order(order), reverse=reverse, after=after, limit=limit
        )
    return SessionList(sessions=[Session.of(record) for record in found], total=total)


def _summary(
    session: "SessionRecord", library: "Library", after: int, limit: int
) -> SessionSummary:
    from tars.sessions.showing import glance

    found = glance(library, session, after=after, limit=limit)
    last = after + len(found.turns)
    return SessionSummary(
        session=Session.of(session),
        turns=[
            SessionTurn.of(turn, found.total - after - place)
            for place, turn in enumerate(found.turns)
        ],
        total_turns=found.total,
        after=last if last < found.total else None,
        tools=[Counted(name=name, count=count) for name, count in found.tools],
        files=[Counted(name=name, count=count) for name, count in found.files],
        changed_files=found.changed_files,
    )


def _messages(
    library: "Library", reference: str, after: int, limit: int, characters: int
) -> MessageList:
    from tars.store import messages
    from tars.store.rows import MessageRow, ToolCallRow

    session = _found(library, reference)
    bounds = messages.Bounds(characters, ALL_CHARACTERS)
    with library.reading() as connection:
        rows, more = messages.part_of_session(
            connection, session.seq, after=after, limit=limit, bounds=bounds
        )
    return MessageList(
        session=session.id,
        messages=[Message.of(row) for row in rows if isinstance(row, MessageRow)],
        tool_calls=[ToolCall.of(row) for row in rows if isinstance(row, ToolCallRow)],
        after=after + len(rows) if more else None,
    )


def _search(library: "Library", query: Mapping[str, str]) -> SearchHits:
    from tars.sessions.search import Sought, search

    sought = Sought(
        text=query.get("text", ""),
        tool=query.get("tool"),
        file=query.get("file"),
        wanted=_wanted(query),
    )
    found = search(library, sought, limit=_count("limit", query.get("limit", str(USUAL)), MOST))
    return SearchHits(hits=[SearchHit.of(one.hit, one.excerpt.text) for one in found])


def _stats(library: "Library", query: Mapping[str, str]) -> Stats:
    from tars.sessions.ranges import find_zone
    from tars.sessions.statistics import statistics

    zone = find_zone(None)
    span = _span(query)
    told = statistics(library, _wanted(query), span, zone=zone, now=datetime.now(UTC))
    return Stats.of(told)


def _rename(library: "Library", reference: str, name: str | None) -> Session:
    from tars.sessions.managing import rename

    session = _found(library, reference)
    rename(library, session, name)
    return Session.of(_found(library, session.id, agent=session.agent))


def _archive(library: "Library", reference: str, directory: Path | None) -> Session:
    from tars.sessions import archives

    session = _found(library, reference)
    archives.archive(library, session.seq, datetime.now(UTC), directory=directory)
    return Session.of(_found(library, session.id, agent=session.agent))


def _unarchive(library: "Library", reference: str) -> Session:
    from tars.sessions import archives

    session = _found(library, reference)
    archives.restore(library, session)
    return Session.of(_found(library, session.id, agent=session.agent))


def _wanted(query: Mapping[str, str]) -> "Wanted":
    from tars.sessions.listing import SessionStatus, Wanted

    span = _span(query)
    known = tuple(status.value for status in SessionStatus)
    statuses = [_choice("status", word, known) for word in _words(query.get("status", ""))]
    least = query.get("minTokens")
    return Wanted(
        agent=query.get("agent"),
        agent_types=_words(query.get("agentType", "")),
        project=query.get("project"),
        model=query.get("model"),
        tags=_words(query.get("tag", "")),
        task=query.get("task"),
        machine=query.get("machine"),
        source=query.get("source"),
        since=span.since,
        until=span.until,
        min_tokens=None if least is None else _count("minTokens", least, 2**53 - 1),
        statuses=tuple(map(SessionStatus, statuses)),
    )


def _span(query: Mapping[str, str]) -> "Span":
    from tars.sessions.ranges import Span, find_moment, find_zone

    zone, now = find_zone(None), datetime.now(UTC)
    since, until = (
        find_moment(query[name], zone, now) if name in query else None
        for name in ("since", "until")
    )
    return Span(since, until)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _choice(name: str, word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise RequestInvalid(f"`{name}` is one of {', '.join(known)}, not {word!r}.")
    return word


def _count(name: str, word: str, most: int) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 17 and int(word) <= most):
        raise RequestInvalid(f"`{name}` is a whole number up to {most}, not {word!r}.")
    return int(word)
