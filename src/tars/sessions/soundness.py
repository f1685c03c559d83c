"""What has to be right in an import beyond the types of its fields, record by record.

Whatever gets into the store is read by everything else: an id that the ledger cannot take, or a
split that does not add up to its turn, must not get that far.
"""

from datetime import UTC, datetime

import msgspec

from tars.accounting.usage import ModelUsage
from tars.conversation.model import ReportedUsage
from tars.errors import FaultKind, NameInvalid
from tars.sessions.export_format import (
    LARGEST,
    Entry,
    MessagePart,
    Record,
    RequestPart,
    SessionPart,
    ToolCallPart,
    TurnPart,
    wire_time,
)
from tars.sessions.names import check_name

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_KINDS = ("net_input", "cache_read", "cache_write", "output")
_NOTHING = (-1, False)
_FAULTS = frozenset(kind.value for kind in FaultKind)


class Unsound(ValueError):
    """What is wrong with a record, in words that follow the place of it."""


def moment(text: str, what: str) -> datetime:
    """Read a time; one without a zone is UTC. Raises Unsound."""
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unsound(f"{what} is no ISO 8601 time") from None
    if not _FIRST <= at < _LAST:
        raise Unsound(f"{what} is not between 1970 and 9999")
    return at


class Checker:
    """The records of one file, in their order. `check` raises Unsound; after it, the times of a
    record are all of one form."""

    def __init__(self) -> None:
        self.sessions = 0
        self._sessions: set[tuple[str, str]] = set()
        self._turns: set[str] = set()
        self._turn: TurnPart | None = None
        self._last = _NOTHING
        self._calls: set[str] = set()
        self._between = False
        self._used = 0

    def check(self, record: Record) -> None:
        """Check the next record."""
        match record:
            case SessionPart():
                self._session(record)
            case TurnPart():
                self._begin(record)
            case RequestPart():
                if self._turn is None or self._last != _NOTHING or self._between:
                    raise Unsound("a model request that does not follow its turn")
            case MessagePart() | ToolCallPart():
                self._entry(record)

    def _session(self, session: SessionPart) -> None:
        _check_id(session.id, "id")
        _check_id(session.agent, "agent")
        if (session.agent, session.id) in self._sessions:
            raise Unsound(f"the session {session.id} is in the file twice")
        if session.name is not None:
            try:
                session.name = check_name(session.name)
            except NameInvalid as error:
                raise Unsound(str(error).rstrip(".")) from None
        for tag in session.tags:
            if not tag.strip() or len(tag) > 100 or not tag.isprintable():
                raise Unsound("a tag that is empty, hidden or too long")
        _settle(session, "created_at", "last_activity_at", "ended_at", "archived_at")
        _settle(session.figures, "last_interaction_at")
        for note in session.notes:
            _settle(note, "at")
        for task in session.tasks:
            _settle(task, "started_at", "ended_at")
        self._sessions.add((session.agent, session.id))
        self.sessions += 1
        self._turn, self._used, self._between = None, 0, False

    def _begin(self, turn: TurnPart) -> None:
        if not self.sessions:
            raise Unsound("a turn before any session")
        _check_id(turn.id, "id")
        if turn.id in self._turns:
            raise Unsound(f"the turn {turn.id} is in the file twice")
        _settle(turn, "began_at", "ended_at")
        if (turn.outcome is None) != (turn.ended_at is None):
            raise Unsound("a turn has an outcome and endedAt, or neither")
        if turn.fault is not None and turn.fault.kind not in _FAULTS:
            raise Unsound("a fault of an unknown kind")
        _check_split(turn)
        _check_own_words(turn)
        self._used += sum(getattr(turn, kind) for kind in _KINDS) + (turn.cost_microusd or 0)
        if self._used > LARGEST:
            raise Unsound("the figures of the session add up to more than can be")
        self._turns.add(turn.id)
        self._turn, self._last, self._between = turn, _NOTHING, False
        self._calls = set()

    def _entry(self, entry: Entry) -> None:
        if not self.sessions:
            raise Unsound("something said before any session")
        _settle(entry, "began_at", "ended_at")
        if entry.number is None:
            self._between = self._turn is not None
            return
        if self._turn is None or self._between:
            raise Unsound("a number for what was said in no turn")
        called = isinstance(entry, ToolCallPart)
        if (entry.number, called) <= self._last:
            raise Unsound("numbers that do not grow within a turn")
        self._last = entry.number, called
        if isinstance(entry, ToolCallPart):
            if entry.id in self._calls:
                raise Unsound("a tool call that is in its turn twice")
            self._calls.add(entry.id)


def _check_id(text: str, what: str) -> None:
    if not text.isprintable() or text != text.strip():
        raise Unsound(f"{what} holds what cannot be seen")


def _settle(part: msgspec.Struct, *names: str) -> None:
    for name in names:
        text = getattr(part, name)
        if text is not None:
            setattr(
                part,
                name,
                wire_time(
                    moment(text, part.__struct_encode_fields__[part.__struct_fields__.index(name)])
                ),
            )


def _check_split(turn: TurnPart) -> None:
    """The shares of the models make the turn's figures, to the token."""
    if not turn.models:
        return
    names = [share.model for share in turn.models]
    if len(set(names)) != len(names):
        raise Unsound("a turn's models hold one of them twice")
    for kind in (*_KINDS, "reasoning"):
        if sum(getattr(share, kind) for share in turn.models) != getattr(turn, kind):
            raise Unsound("a turn's models do not add up to its own figures")
    if sum(share.cost_microusd for share in turn.models) != (turn.cost_microusd or 0):
        raise Unsound("a turn's models do not add up to its cost")


def _check_own_words(turn: TurnPart) -> None:
    for value, kind, what in (
        (turn.reported, ReportedUsage | None, "reported"),
        (turn.usage_models, tuple[ModelUsage, ...], "usageModels"),
    ):
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise Unsound(f"{what}: {error}") from None
