"""Conversations that other programs wrote: message lists, Taurus's sessions, session.json.

What they hold is told as the records of an export, so that there is one way into the store.
docs/exports.md says what is understood. What has no place of its own is kept as `extra` of its
message, or as metadata of its session.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from tars.errors import NameInvalid
from tars.sessions.export_format import (
    Count,
    Entry,
    Figures,
    MessagePart,
    Record,
    SessionPart,
    Time,
    ToolCallPart,
    TurnPart,
    wire_time,
)
from tars.sessions.foreign_messages import Foreign, Speaking
from tars.sessions.names import check_name
from tars.sessions.soundness import Unsound, moment
from tars.sessions.titles import title_of

__all__ = ["Foreign", "Given", "records"]

_IDS = ("id", "session_id", "sessionId")
_CREATED = ("created_at", "createdAt", "created", "started_at", "startedAt", "start_time")
_LAST = (
    "last_activity",
    "lastActivity",
    "last_activity_at",
    "updated_at",
    "updatedAt",
    "updated",
    "ended_at",
)
_TEXTS = {
    "agent": ("agent", "agent_name"),
    "agent_type": ("agent_type", "agentType"),
    "name": ("name",),
    "title": ("title",),
    "project": ("project", "project_path", "projectPath", "cwd", "working_directory"),
    "branch": ("branch", "git_branch", "gitBranch"),
}
_CALLS = ("toolCalls", "tool_calls")


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a file from outside: when it was written, whose it is, and a digest of
    it, of which ids are made where it has none: the same file has the same ids again."""

    at: datetime
    agent: str
    digest: str


class _NineFields(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """tars's own session.json."""

    session_id: str
    created_at: Time
    total_input_tokens: Count
    total_output_tokens: Count
    total_cached_tokens: Count
    interaction_count: Count
    total_net_tokens: Count | None = None
    last_interaction_at: Time | None = None
    last_input_tokens: Count = 0


def records(value: Any, given: Given) -> Iterator[tuple[str, Record]]:
    """Give the records of whatever is known here, each with its place. Raises Foreign."""
    for where, session in _sessions(value):
        place = where.removesuffix(": ").strip() or ""
        id = f"import-{given.digest[:24]}" + (f"-{where}" if where else "")
        for record in _session(session, id, place, given):
            yield place, record


def _sessions(value: Any) -> Iterator[tuple[str, Any]]:
    """Tell a session from a list of them; a list of messages is a session."""
    if isinstance(value, dict) and isinstance(value.get("sessions"), list):
        value = value["sessions"]
    if not isinstance(value, list):
        yield "", value
    elif value and all(isinstance(each, dict) and _is_session(each) for each in value):
        for place, each in enumerate(value):
            yield f"[{place}]", each
    else:
        yield "", {"messages": value}


def _is_session(value: dict[str, Any]) -> bool:
    return isinstance(value.get("messages"), list) or "totalInputTokens" in value


def _session(value: Any, id: str, where: str, given: Given) -> Iterator[Record]:
    if not isinstance(value, dict) or not _is_session(value):
        raise Foreign("neither an export of sessions nor a list of messages", where)
    if "totalInputTokens" in value:
        yield from _figures(value, id, where, given)
        return
    rest = dict(value)
    said, calls = rest.pop("messages"), _taken(rest, _CALLS)
    id = _id(_taken(rest, _IDS), where) or id
    created = _time(_taken(rest, _CREATED), "the time of its start", where)
    last = _time(_taken(rest, _LAST), "the time of its last activity", where)
    texts = {name: _word(_taken(rest, keys), name, where) for name, keys in _TEXTS.items()}
    speaking = Speaking(where, lambda found: _time(found, "a time", where))
    for place, message in enumerate(said):
        speaking.hear(message, place)
    for place, call in enumerate(_listed(calls, "toolCalls", where)):
        speaking.call(call, place)
    times = [at for at in (created, last, *speaking.times) if at is not None]
    begin = created or (min(times) if times else given.at)
    entries = speaking.entries(begin)
    yield _made(rest, entries, texts, id=id, begin=begin, end=max((*times, begin)), given=given)
    yield from entries


def _made(
    rest: dict[str, Any],
    entries: list[Entry],
    texts: dict[str, str],
    *,
    id: str,
    begin: datetime,
    end: datetime,
    given: Given,
) -> SessionPart:
    own, tags = _metadata(rest), _tags(rest)
    name, title = _named(texts["name"], texts["title"])
    spoken = [e for e in entries if isinstance(e, MessagePart)]
    return SessionPart(
        id=id,
        agent=texts["agent"] or given.agent,
        agent_type=texts["agent_type"],
        name=name,
        created_at=wire_time(begin),
        ended_at=wire_time(end),
        last_activity_at=wire_time(end),
        project=texts["project"],
        branch=texts["branch"],
        title=title or _title(spoken),
        titled=bool(title),
        tags=tags,
        metadata={**rest, **own},
        figures=Figures(
            messages=sum(m.role != "thought" for m in spoken),
            tool_calls=sum(isinstance(e, ToolCallPart) for e in entries),
        ),
    )


def _metadata(rest: dict[str, Any]) -> dict[str, Any]:
    own = rest.get("metadata")
    return rest.pop("metadata") if isinstance(own, dict) else {}


def _tags(rest: dict[str, Any]) -> list[str]:
    tags = rest.get("tags")
    fit = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    return rest.pop("tags") if fit else []


def _named(name: str, title: str) -> tuple[str | None, str]:
    """Give name and title; what cannot be a name is a title still."""
    try:
        return (check_name(name) if name else None), title
    except NameInvalid:
        return None, title or name


def _title(spoken: list[MessagePart]) -> str:
    return title_of(next((m.text for m in spoken if m.role == "user" and m.text.strip()), ""))


def _figures(value: dict[str, Any], id: str, where: str, given: Given) -> Iterator[Record]:
    """session.json: nine figures. One turn stands for all that it counts."""
    try:
        found = msgspec.convert(value, _NineFields)
    except msgspec.ValidationError as error:
        raise Foreign(f"not the session.json that it looks like: {error}", where) from None
    try:
        begin = wire_time(moment(found.created_at, "createdAt"))
        last = found.last_interaction_at
        end = begin if last is None else wire_time(moment(last, "lastInteractionAt"))
    except Unsound as error:
        raise Foreign(str(error), where) from None
    if found.total_net_tokens is None:
        found.total_net_tokens = found.total_input_tokens
    fields = msgspec.structs.asdict(found)
    session_id = fields.pop("session_id") or id
    del fields["created_at"]
    yield SessionPart(
        id=session_id,
        agent=given.agent,
        created_at=begin,
        ended_at=end,
        last_activity_at=end,
        figures=Figures(**fields),
    )
    if found.interaction_count:
        yield TurnPart(
            id=f"{id}-figures",
            outcome="ok",
            began_at=begin,
            ended_at=end,
            input=found.total_net_tokens,
            net_input=found.total_net_tokens,
            output=found.total_output_tokens,
            context=found.total_input_tokens,
            context_cached=found.total_cached_tokens,
            at_least=True,
        )


# --- fields -----------------------------------------------------------------------


def _taken(rest: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Take the first of these keys that says something; the others stay."""
    for name in names:
        if rest.get(name) not in (None, ""):
            return rest.pop(name)
    return None


def _id(found: Any, where: str) -> str:
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise Foreign("the id should be a text", where)
    if len(str(found)) > 1000:
        raise Foreign("the id is too long", where)
    return str(found)


def _word(found: Any, name: str, where: str) -> str:
    if found is not None and not isinstance(found, str):
        raise Foreign(f"{name} should be a text", where)
    return found or ""


def _listed(found: Any, name: str, where: str) -> list[Any]:
    if found is not None and not isinstance(found, list):
        raise Foreign(f"{name} should be a list", where)
    return found or []


def _time(found: Any, what: str, where: str) -> datetime | None:
    """Read ISO 8601, or seconds or milliseconds since 1970."""
    if found is None or found == "":
        return None
    try:
        if isinstance(found, str):
            return moment(found, what)
        if isinstance(found, int | float) and not isinstance(found, bool):
            seconds = found / 1000 if found > 1e11 else found
            return moment(datetime.fromtimestamp(seconds, UTC).isoformat(), what)
    except (Unsound, ValueError, OverflowError, OSError):
        pass
    raise Foreign(f"{what} is none between 1970 and 9999", where)
