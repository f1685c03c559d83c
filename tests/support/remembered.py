"""Sessions as daemons leave them in a store, with figures that a test chooses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tars.accounting.usage import ModelUsage, Source, TurnUsage
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tars.sessions.library import Library
from tars.store.rows import MessagePart, Role, ToolCallRow, TurnRecord
from tars.store.schema import sessions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def usage(
    *shares: tuple[str, int, int, int],
    cost: int | None = None,
    cached: int = 0,
    written: int = 0,
    extra: int = 0,
) -> TurnUsage:
    """A turn's usage: of each model its input, output and thoughts. `extra` is input that no
    model was counted with."""
    models = tuple(
        ModelUsage(model, input, output, thoughts=thoughts, requests=1)
        for model, input, output, thoughts in shares
    )
    input = sum(m.input for m in models) + extra
    cached, written = min(cached, input), min(written, max(0, input - cached))
    return TurnUsage(
        input=input,
        output=sum(m.output for m in models),
        cached=cached,
        cache_write=written,
        thoughts=sum(m.thoughts for m in models),
        net=input - cached,
        context=input,
        requests=len(models),
        source=Source.OFFICIAL,
        cost_microusd=cost,
        models=models,
    )


def remember(
    library: Library,
    id: str,
    *,
    session: str | None = "s-0001",
    agent: str = "gemini",
    ended: datetime = NOON,
    lasted_ms: int = 5000,
    outcome: Outcome = Outcome.OK,
    used: TurnUsage | None = None,
    model: str = "flash",
    said: Sequence[MessagePart | ToolCallRow] = (),
    requests: tuple[RequestUsage, ...] = (),
) -> None:
    """Record a turn that ended then, and its session where that is new."""
    used = usage(("flash", 1000, 20, 5)) if used is None else used
    calls = sum(isinstance(each, ToolCallRow) for each in said)
    library.store.finish_turn(
        TurnRecord(
            id,
            agent,
            outcome,
            ended - timedelta(milliseconds=lasted_ms),
            ended,
            lasted_ms,
            session=session,
            model=model,
            usage=replace(used, tool_calls=calls),
            requests=requests,
            said=tuple(said),
        )
    )


def message(number: int, role: Role, text: str, at: datetime = NOON) -> MessagePart:
    """A whole message of a turn."""
    return MessagePart(
        number=number, role=role, offset=0, text=text, size=len(text), began_at=at, ended_at=at
    )


def call(
    number: int, kind: str, title: str, *paths: str, id: str | None = None, at: datetime = NOON
) -> ToolCallRow:
    """A tool call that is over."""
    return ToolCallRow(
        id=id or f"call-{number}",
        kind=kind,
        title=title,
        status="completed",
        began_at=at,
        number=number,
        ended_at=at,
        paths=paths,
    )


def change(library: Library, id: str, **values: object) -> None:
    """Change columns of a session, as other commands do."""
    with library.writing() as connection:
        connection.execute(sessions.update().where(sessions.c.id == id).values(**values))
