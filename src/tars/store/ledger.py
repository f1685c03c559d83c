"""The ledger: a row for every turn, what each of its model requests used, and the sums."""

import json
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, func, select, update

from tars.accounting.usage import Ledger, ModelUsage, Source, TurnUsage
from tars.conversation.model import ReportedUsage, RequestUsage, Scope
from tars.core.agent import Outcome
from tars.errors import Fault, FaultKind
from tars.store.inserting import insert_new
from tars.store.prompts import fault_columns
from tars.store.rows import SessionMarks, Totals, TurnAttempt, TurnBegun, TurnRecord, TurnRow
from tars.store.schema import model_requests, turns

_FIND = select(turns.c.seq, turns.c.ended_at).where(turns.c.id == bindparam("known"))
_ROW = select(turns).where(turns.c.id == bindparam("known"))
_INSERT = insert_new(turns).execution_options(preserve_rowcount=True)
_CHANGE = update(turns).where(turns.c.id == bindparam("known"), turns.c.ended_at.is_(None))
_FINISH = _CHANGE.returning(turns.c.seq, turns.c.task)
_HERE = turns.c.machine == bindparam("of_machine")
_UNFINISHED = select(turns).where(_HERE, turns.c.ended_at.is_(None)).order_by(turns.c.seq)
_NEWEST = select(turns).where(_HERE).order_by(turns.c.seq.desc())
_INSERT_REQUESTS = insert_new(model_requests)
_REQUESTS = (
    select(model_requests)
    .where(model_requests.c.turn == bindparam("of"))
    .where(model_requests.c.source == bindparam("of_source"))
    .order_by(model_requests.c.seq)
)
_SUMMED = ("net_input", "cache_read", "cache_write", "output", "reasoning")
_SUMS = select(
    func.count().label("turns"),
    *(
        func.coalesce(func.sum(turns.c[name]), 0).label(name)
        for name in (*_SUMMED, "requests", "tool_calls", "duration_ms")
    ),
).where(_HERE, turns.c.ended_at.is_not(None))

_ENDED = and_(
    _HERE,
    turns.c.agent == bindparam("of_agent"),
    turns.c.session == bindparam("of_session"),
    turns.c.ended_at.is_not(None),
)
_MARKS = select(
    func.count().label("turns"),
    func.count().filter(turns.c.source != Source.ESTIMATE.value).label("counted"),
    func.count().filter(turns.c.at_least).label("at_least"),
).where(_ENDED)
_CONTEXT = (
    select(turns.c.context_is_sum)
    .where(_ENDED, turns.c.context > 0)
    .order_by(turns.c.seq.desc())
    .limit(1)
)


class Finished(NamedTuple):
    """A turn's row that was just completed: its key, and the task that it is a part of."""

    seq: int
    task: str | None = None


def begin(connection: Connection, machine: int, turn: TurnBegun, task: str | None = None) -> bool:
    """Add a turn that is under way. Called again, move its mark, its session and its model.
    Gives whether it is new."""
    changing = {
        "session": turn.session,
        "model": turn.model,
        "log_mark": turn.log_mark,
        "task": task,
    }
    row = {
        "machine": machine,
        "id": turn.id,
        "agent": turn.agent,
        "began_at": turn.began_at,
        **changing,
        **_usage_columns(TurnUsage()),
        "duration_ms": 0,
    }
    new = bool(connection.execute(_INSERT, row).rowcount)
    if not new:
        connection.execute(_CHANGE, {"known": turn.id, **changing})
    return new


def finish(connection: Connection, machine: int, turn: TurnRecord) -> Finished | None:
    """Complete a turn's row, or add it whole. None, and no change, if it was finished before."""
    row = {
        "agent": turn.agent,
        "session": turn.session,
        "outcome": turn.outcome.value,
        "began_at": turn.began_at,
        "ended_at": turn.ended_at,
        "duration_ms": turn.duration_ms,
        "model": turn.model,
        "reported": _json(turn.reported) if turn.reported is not None else None,
        **fault_columns(turn.fault),
        **_usage_columns(turn.usage),
    }
    done = connection.execute(_FINISH, {"known": turn.id, **row}).first()
    if done is not None:
        finished = Finished(done.seq, done.task)
    else:
        new = {"machine": machine, "id": turn.id, "log_mark": "", **row}
        if not connection.execute(_INSERT, new).rowcount:
            return None
        finished = Finished(connection.execute(_FIND, {"known": turn.id}).one().seq)
    of = machine, turn.id, turn.agent, turn.session or ""
    add_requests(connection, *of, turn.told, Source.OFFICIAL)
    add_requests(connection, *of, turn.requests, Source.LOG)
    return finished


def hold(connection: Connection, machine: int, turn: TurnRecord) -> None:
    """Note in the row of a turn that waits what it has used so far."""
    known = connection.execute(_FIND, {"known": turn.id}).first()
    if known is None or known.ended_at is not None:
        return
    reported = _json(turn.reported) if turn.reported is not None else None
    values = {"known": turn.id, "reported": reported, **_usage_columns(turn.usage)}
    connection.execute(_CHANGE, values)
    of = machine, turn.id, turn.agent, turn.session or ""
    add_requests(connection, *of, turn.told, Source.OFFICIAL)
    add_requests(connection, *of, turn.requests, Source.LOG)


def attempt(connection: Connection, turn: TurnBegun) -> TurnAttempt:
    """Give what an unfinished turn had used when it was held; nothing, if it never was."""
    row = connection.execute(_ROW, {"known": turn.id}).one()
    told, logged = (
        tuple(requests(connection, turn.id, source)) for source in (Source.OFFICIAL, Source.LOG)
    )
    return TurnAttempt(_reported(row.reported), logged, told)


def unfinished(connection: Connection, machine: int) -> list[TurnBegun]:
    """Give the turns that were begun and never finished, oldest first."""
    return [
        TurnBegun(row.id, row.agent, row.began_at, row.session, row.model, row.log_mark)
        for row in connection.execute(_UNFINISHED, {"of_machine": machine})
    ]


def newest(connection: Connection, machine: int, limit: int, agent: str | None) -> list[TurnRow]:
    """Give the last turns, newest first, those under way too."""
    query = _NEWEST.limit(limit)
    if agent is not None:
        query = query.where(turns.c.agent == agent)
    return [_turn(row) for row in connection.execute(query, {"of_machine": machine})]


def requests(connection: Connection, turn: str, source: Source) -> list[RequestUsage]:
    """Give a turn's model requests as this source has them, in their order."""
    return [
        RequestUsage(
            id=row.id,
            model=row.model,
            input=row.input,
            output=row.output,
            cached=row.cached,
            cache_write=row.cache_write,
            thoughts=row.thoughts,
            at=row.at,
            cost_microusd=row.cost_microusd,
            scope=Scope(row.scope),
            raw=row.raw,
            subagent=row.subagent,
        )
        for row in connection.execute(_REQUESTS, {"of": turn, "of_source": source.value})
    ]


def totals(connection: Connection, machine: int, session: str, agent: str | None) -> Totals:
    """Add up the finished turns of a session."""
    query = _SUMS.where(turns.c.session == session)
    if agent is not None:
        query = query.where(turns.c.agent == agent)
    row = connection.execute(query, {"of_machine": machine}).one()
    return Totals(
        turns=row.turns,
        tokens=Ledger(**{name: int(row._mapping[name]) for name in _SUMMED}),
        requests=int(row.requests),
        tool_calls=int(row.tool_calls),
        duration_ms=int(row.duration_ms),
    )


def marks(connection: Connection, machine: int, agent: str, session: str) -> SessionMarks:
    """Say how the sums of a session are to be read."""
    of = {"of_machine": machine, "of_agent": agent, "of_session": session}
    row = connection.execute(_MARKS, of).one()
    context = connection.execute(_CONTEXT, of).first()
    return SessionMarks(
        session,
        counted=row.counted > 0 or row.turns == 0,
        at_least=bool(row.at_least),
        context_is_sum=context is not None and context.context_is_sum,
    )


def add_requests(
    connection: Connection,
    machine: int,
    turn: str,
    agent: str,
    session: str,
    requests: tuple[RequestUsage, ...],
    source: Source,
) -> None:
    """Add a turn's requests, except those that the session has from this source already."""
    if not requests:
        return
    of = {
        "machine": machine,
        "turn": turn,
        "agent": agent,
        "session": session,
        "source": source.value,
    }
    connection.execute(_INSERT_REQUESTS, [{**of, **_request(r)} for r in requests])


def _request(request: RequestUsage) -> dict[str, object]:
    return {
        "id": request.id,
        "model": request.model,
        "input": request.input,
        "output": request.output,
        "cached": request.cached,
        "cache_write": request.cache_write,
        "thoughts": request.thoughts,
        "at": request.at,
        "scope": request.scope.value,
        "raw": request.raw,
        "subagent": request.subagent,
        "cost_microusd": request.cost_microusd,
    }


def _usage_columns(usage: TurnUsage) -> dict[str, object]:
    tokens = Ledger.of(usage)
    return {
        "input": usage.input,
        "net_input": tokens.net_input,
        "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write,
        "output": tokens.output,
        "reasoning": tokens.reasoning,
        "context": usage.context,
        "context_cached": usage.context_cached,
        "context_is_sum": usage.context_is_sum,
        "requests": usage.requests,
        "tool_calls": usage.tool_calls,
        "source": usage.source.value,
        "cost_microusd": usage.cost_microusd,
        "at_least": usage.at_least,
        "subagent_tokens": usage.subagent_tokens,
        "models": _json(usage.models),
    }


def _turn(row: Row[Any]) -> TurnRow:
    return TurnRow(
        id=row.id,
        agent=row.agent,
        session=row.session,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        fault=_fault(row),
        began_at=row.began_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        model=row.model,
        usage=usage_of(row),
        reported=_reported(row.reported),
        log_mark=row.log_mark,
    )


def _fault(row: Row[Any]) -> Fault | None:
    if row.fault_kind is None:
        return None
    return Fault(FaultKind(row.fault_kind), row.fault_message, row.fault_advice)


def usage_of(row: Row[Any]) -> TurnUsage:
    """Translate back from the ledger's vocabulary, the inverse of `Ledger.of`."""
    return TurnUsage(
        input=row.input,
        output=row.output - row.reasoning,
        cached=row.cache_read,
        cache_write=row.cache_write,
        thoughts=row.reasoning,
        net=row.net_input + row.cache_write,
        context=row.context,
        context_cached=row.context_cached,
        requests=row.requests,
        tool_calls=row.tool_calls,
        source=Source(row.source),
        context_is_sum=row.context_is_sum,
        cost_microusd=row.cost_microusd,
        at_least=row.at_least,
        subagent_tokens=row.subagent_tokens,
        models=msgspec.convert(json.loads(row.models), tuple[ModelUsage, ...]),
    )


def _json(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value))


def _reported(text: str | None) -> ReportedUsage | None:
    return None if text is None else msgspec.convert(json.loads(text), ReportedUsage)
