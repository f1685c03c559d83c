"""What clients ask of the remembered sessions, asked of the store in the recorder's thread.

The modules of `tars.sessions` do it, as they do for the command line; they are imported when
somebody asks for the first time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from tars.control.session_contract import (
    Message,
    MessageList,
    SearchHit,
    SearchHits,
    Session,
    SessionList,
    Stats,
    ToolCall,
)
from tars.daemon.asking import ask
from tars.errors import RequestInvalid
from tars.home import Home
from tars.runtime.recorder import Recorder

if TYPE_CHECKING:
    from tars.sessions.library import Library
    from tars.sessions.listing import SessionRecord, Wanted
    from tars.sessions.ranges import Span
    from tars.store.store import Store

T = TypeVar("T")

#: How many sessions, or places where words are, are given unless told, and at most.
USUAL, MOST = 100, 1000


class Remembering:
    """The daemon's answers about sessions. It decides nothing."""

    def __init__(self, home: Home, recorder: Recorder) -> None:
        self._home = home
        self._recorder = recorder

    async def sessions(self, query: Mapping[str, str]) -> SessionList:
        return await self._ask(lambda library: _sessions(library, query))

    async def session(self, reference: str, query: Mapping[str, str]) -> Session:
        agent, project = query.get("agent"), query.get("project")
        return await self._ask(
            lambda library: Session.of(_found(library, reference, agent=agent, project=project))
        )

    async def messages(self, reference: str, *, after: int, limit: int) -> MessageList:
        return await self._ask(lambda library: _messages(library, reference, after, limit))

    async def search(self, query: Mapping[str, str]) -> SearchHits:
        return await self._ask(lambda library: _search(library, query))

    async def stats(self, query: Mapping[str, str]) -> Stats:
        return await self._ask(lambda library: _stats(library, query))

    async def rename(self, reference: str, name: str | None) -> Session:
        return await self._ask(lambda library: _rename(library, reference, name))

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


def _sessions(library: "Library", query: Mapping[str, str]) -> SessionList:
    from tars.sessions.listing import Order, list_sessions

    order = _choice("sort", query.get("sort", "activity"), tuple(o.value for o in Order))
    listing = list_sessions(
        library,
        _wanted(query),
        order=Order(order),
        reverse=_choice("reverse", query.get("reverse", "0"), ("0", "1")) == "1",
        limit=_count("limit", query.get("limit", str(USUAL)), MOST),
    )
    return SessionList(sessions=[Session.of(record) for record in listing.sessions])


def _messages(library: "Library", reference: str, after: int, limit: int) -> MessageList:
    from tars.store import messages
    from tars.store.rows import MessageRow, ToolCallRow

    session = _found(library, reference)
    with library.reading() as connection:
        rows = messages.of_session(connection, session.seq, after=after, limit=limit)
    return MessageList(
        session=session.id,
        messages=[Message.of(row) for row in rows if isinstance(row, MessageRow)],
        tool_calls=[ToolCall.of(row) for row in rows if isinstance(row, ToolCallRow)],
        after=after + limit if len(rows) == limit else None,
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


def _wanted(query: Mapping[str, str]) -> "Wanted":
    from tars.sessions.listing import SessionStatus, Wanted

    span = _span(query)
    known = tuple(status.value for status in SessionStatus)
    statuses = [_choice("status", word, known) for word in _words(query.get("status", ""))]
    least = query.get("minTokens")
    return Wanted(
        agent=query.get("agent"),
        agent_type=query.get("agentType"),
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
