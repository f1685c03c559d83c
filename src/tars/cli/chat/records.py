"""What a chat looks up: sessions, what was said in them, how turns ended.

The daemon answers most of it; opening the store takes longer than all the rest of a chat does.
Everything here is called from a thread beside the screen's.
"""

from dataclasses import dataclass
from pathlib import Path

from tars.cli.connection import connect
from tars.control.contract import FaultStatus, TurnResult, Usage
from tars.control.session_contract import Message, Session
from tars.errors import SessionNotFound

#: How many sessions are offered by number.
RECENT = 15
#: How far back the last exchange is looked for, in messages and tool calls.
_TAIL, _PART = 60, 1000


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last prompt of a session, and its answer."""

    prompt: str
    answer: str


def find(word: str, agent: str | None = None) -> Session:
    """Give the session that a word means. Raises SessionNotFound, SessionAmbiguous."""
    return connect().session(word, agent=agent)


def of_project(agent: str, project: str) -> Session | None:
    """Give the session that a prompt of this project goes to, where there is one."""
    found = connect().sessions(agent=agent, project=project, limit=100).sessions
    here = next((s for s in found if s.project == project), None)
    if here is not None:
        return here
    active = connect().sessions(agent=agent, status="active", limit=1).sessions
    return next((s for s in active if not s.project), None)


def recent(agent: str | None, *, limit: int = RECENT) -> list[Session]:
    """Give the sessions that were in use last."""
    return connect().sessions(agent=agent, limit=limit).sessions


def last_exchange(session: Session) -> Exchange | None:
    """Give what was asked last, and what was answered."""
    after: int | None = max(0, session.messages + session.tool_calls - _TAIL)
    said: list[Message] = []
    while after is not None:
        # Thoughts are not counted as messages: there may be more than was thought.
        part = connect().messages(session.id, after=after, limit=_PART)
        said, after = [*said, *part.messages][-_PART:], part.after
    asked = max((n for n, m in enumerate(said) if m.role == "user"), default=None)
    if asked is None:
        return None
    answers = [m.text for m in said[asked:] if m.role == "assistant"]
    return Exchange(said[asked].text, "\n\n".join(answers))


def rename(word: str, name: str) -> Session:
    """Name a session. Raises NameInvalid, SessionNotFound."""
    return connect().rename_session(word, name)


def outcome(turn: str) -> TurnResult | None:
    """Give how a turn ended; None while it has not."""
    from tars.cli.library import opened
    from tars.sessions.recalling import ended

    try:
        with opened() as library:
            found = ended(library, turn)
    except SessionNotFound:
        return None
    if found is None or found.turn.outcome is None:
        return None
    row, usage, fault = found.turn, found.turn.usage, found.turn.fault
    cost = usage.cost_microusd
    return TurnResult(
        turn=row.id,
        agent=row.agent,
        outcome=found.turn.outcome.value,
        session=row.session,
        text=found.text,
        model=row.model or None,
        duration_ms=row.duration_ms,
        usage=Usage(
            input_tokens=usage.input,
            output_tokens=usage.output,
            cached_tokens=usage.cached,
            requests=usage.requests,
            source=usage.source.value,
            at_least=usage.at_least,
        ),
        cost_usd=None if cost is None else cost / 1_000_000,
        error=None
        if fault is None
        else FaultStatus(kind=fault.kind.value, message=fault.message, advice=fault.advice),
    )


def export(word: str, agent: str, path: Path | None) -> Path:
    """Write a session into a new file, and give which: its ending says the format.

    Raises UserError where the file is there already, StoreError, SessionNotFound.
    """
    from tars.cli.library import opened
    from tars.sessions import export_files
    from tars.sessions.names import file_name
    from tars.sessions.references import resolve

    with opened() as library:
        session = resolve(library, word, agent=agent)
        path = path or Path(f"{file_name(session.name or session.id)}.json")
        forms = {ending: form for form, ending in export_files.ENDINGS.items()}
        form = forms.get(path.suffix, export_files.Form.JSON)
        export_files.write(path, export_files.pieces(library, [session.seq], form))
    return path
