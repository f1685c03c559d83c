"""What the commands that find sessions again print with `--format json`, by wire names.

Spans of time are half-open, and their ends ISO 8601 in UTC; null is open.
"""

from typing import TYPE_CHECKING

from tars.control.managing_contract import NoteText
from tars.control.session_contract import (
    Counted,
    Message,
    MessageList,
    SearchHit,
    Session,
    Spending,
    Stats,
    dollars,
)
from tars.control.wire import Wire, time_or_null, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tars.sessions.ranges import Span, Zone
    from tars.sessions.search import Found
    from tars.sessions.showing import Detail
    from tars.sessions.statistics import History, SessionRecord, Statistics, Visit


class Sessions(Wire):
    """Sessions in the order that was asked for; `total` is how many there are of them."""

    sessions: list[Session]
    total: int


class TimeSpan(Wire):
    """From `since` to before `until`, as `zone` has its days."""

    since: str | None
    until: str | None
    zone: str

    @classmethod
    def of(cls, span: "Span", zone: "Zone") -> "TimeSpan":
        return cls(since=time_or_null(span.since), until=time_or_null(span.until), zone=zone.name)


class SessionVisit(Wire):
    """A session that was in use in a span. `spent` and `duration_ms` are of the turns that ended
    in it, and `last_at` is when the last of them did; `session` has the sums of all time."""

    session: Session
    last_at: str
    duration_ms: int
    spent: Spending

    @classmethod
    def of(cls, visit: "Visit") -> "SessionVisit":
        return cls(
            session=Session.of(visit.session),
            last_at=time_text(visit.last_at),
            duration_ms=visit.used.duration_ms,
            spent=Spending.of(visit.used.spent),
        )


class SessionHistory(Wire):
    """The newest visits, and the sums over all `total` of them."""

    span: TimeSpan
    visits: list[SessionVisit]
    total: int
    duration_ms: int
    spent: Spending

    @classmethod
    def of(cls, history: "History", span: "Span", zone: "Zone") -> "SessionHistory":
        return cls(
            span=TimeSpan.of(span, zone),
            visits=[SessionVisit.of(visit) for visit in history.visits],
            total=history.used.sessions,
            duration_ms=history.used.duration_ms,
            spent=Spending.of(history.used.spent),
        )


class SpanStats(Wire):
    """Figures of a span. `week` is what was spent this week, and `costed_sessions` of how many
    sessions at least a part of the cost is known."""

    span: TimeSpan
    costed_sessions: int
    week: Spending
    stats: Stats

    @classmethod
    def of(cls, found: "Statistics", span: "Span", zone: "Zone") -> "SpanStats":
        return cls(
            span=TimeSpan.of(span, zone),
            costed_sessions=found.used.costed_sessions,
            week=Spending.of(found.week.spent),
            stats=stats(found),
        )


def stats(found: "Statistics") -> Stats:
    """Put figures over many sessions onto the wire."""
    statuses = {status.value: number for status, number in found.statuses.items()}
    return Stats(
        sessions=found.used.sessions,
        active=statuses["active"],
        completed=statuses["completed"],
        failed=statuses["failed"],
        interrupted=statuses["interrupted"],
        archived=statuses["archived"],
        this_week=found.week.sessions,
        messages=found.used.messages,
        average_messages=found.average_messages,
        tool_calls=found.used.tool_calls,
        duration_ms=found.used.duration_ms,
        average_duration_ms=found.average_duration_ms,
        spent=Spending.of(found.used.spent),
        average_tokens=found.average_tokens,
        average_cost_microusd=found.average_cost_microusd,
        average_cost_usd=dollars(found.average_cost_microusd),
        top_tools=_counted(found.top_tools),
        most_modified_files=_counted(found.top_files),
    )


class SessionDetail(Wire):
    """A session in full. `conversation` is null unless all of it was asked for."""

    session: Session
    notes: list[NoteText]
    tools: list[Counted]
    changed_files: int
    files: list[Counted]
    last_exchange: list[Message]
    conversation: MessageList | None = None

    @classmethod
    def of(cls, record: "SessionRecord", detail: "Detail") -> "SessionDetail":
        return cls(
            session=Session.of(record),
            notes=[NoteText.of(note) for note in detail.notes],
            tools=_counted(detail.tools),
            changed_files=detail.changed_files,
            files=_counted(detail.files),
            last_exchange=[Message.of(row) for row in detail.exchange],
        )


def hit(found: "Found") -> SearchHit:
    """Put a hit onto the wire. Its role is `title` where it is in the name or the title."""
    at = found.hit
    return SearchHit(
        session=at.session,
        name=at.name,
        machine=at.machine,
        agent=at.agent,
        title=at.title,
        turn=at.turn,
        role="title" if at.role is None else at.role.value,
        number=at.number,
        at=time_text(at.at),
        excerpt=found.excerpt.text,
    )


def _counted(pairs: "Iterable[tuple[str, int]]") -> list[Counted]:
    return [Counted(name=name, count=number) for name, number in pairs]
