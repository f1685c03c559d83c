"""The agents that are configured, and the sessions they have had, each with its sums."""

import json
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from tars.accounting.usage import Ledger
from tars.store.inserting import insert_new
from tars.store.rows import AgentRow, SessionRow, TurnRecord
from tars.store.schema import agents, prompts, sessions, turns
from tars.store.values import Count

_HERE = agents.c.machine == bindparam("of_machine")
_AGENTS = select(agents).where(_HERE).order_by(agents.c.name)
_CHANGE_AGENT = update(agents).where(_HERE, agents.c.name == bindparam("known"))
_INSERT_AGENT = insert(agents)

_THIS = (
    (sessions.c.machine == bindparam("of_machine"))
    & (sessions.c.agent == bindparam("of_agent"))
    & (sessions.c.id == bindparam("known"))
)
_FIGURES = select(*(sessions.c[field.name] for field in fields(SessionRow))).where(_THIS)
_INSERT = insert_new(sessions)
_OTHER_TURN = select(
    exists().where(
        turns.c.machine == bindparam("of_machine"),
        turns.c.agent == bindparam("of_agent"),
        turns.c.session == bindparam("known"),
        turns.c.id != bindparam("this"),
    )
)
_WISHES = select(prompts.c.wishes).where(prompts.c.id == bindparam("this"))
_TOUCH = update(sessions).where(_THIS)
_ADD = _TOUCH.values(
    **{
        name: sessions.c[name] + bindparam(f"more_{name}", type_=Count)
        for name in (
            "interaction_count",
            "total_output_tokens",
            "total_net_tokens",
            "requests",
            "tool_calls",
            "turns",
            "duration_ms",
            "net_input",
            "cache_read",
            "cache_write",
            "output",
            "reasoning",
            "tokens",
            "subagent_tokens",
            "costed_turns",
        )
    },
    cost_microusd=sessions.c.cost_microusd + bindparam("more_cost"),
    at_least=or_(sessions.c.at_least, bindparam("more_at_least")),
).returning(sessions.c.seq)


def save_agent(connection: Connection, machine: int, agent: AgentRow) -> None:
    """Add an agent, or replace what was known of it; its session stays where none is told."""
    row = {"kind": agent.kind, "protocol": agent.protocol, "model": agent.model}
    session = {} if agent.session is None else {"session": agent.session}
    this = {"of_machine": machine, "known": agent.name}
    if not connection.execute(_CHANGE_AGENT, {**this, **row, **session}).rowcount:
        connection.execute(
            _INSERT_AGENT, {"machine": machine, "name": agent.name, **row, **session}
        )


def all_agents(connection: Connection, machine: int) -> list[AgentRow]:
    """Give the agents, by name."""
    return [
        AgentRow(row.name, row.kind, row.protocol, row.model, row.session)
        for row in connection.execute(_AGENTS, {"of_machine": machine})
    ]


def add_turn(connection: Connection, machine: int, turn: TurnRecord) -> int | None:
    """Add a finished turn to the sums of its session, and give that one's `seq`. A turn may
    have none, or one that is not on record."""
    if turn.session is None:
        return None
    usage = turn.usage
    tokens = Ledger.of(usage)
    # A turn that made no request leaves the context as it was.
    context = {
        "total_input_tokens": usage.context,
        "total_cached_tokens": usage.context_cached,
    }
    more = {
        "of_machine": machine,
        "of_agent": turn.agent,
        "known": turn.session,
        "more_interaction_count": int(turn.prompted),
        "more_total_output_tokens": usage.output,
        "more_total_net_tokens": usage.net,
        "more_requests": usage.requests,
        "more_tool_calls": usage.tool_calls,
        "more_turns": 1,
        "more_duration_ms": turn.duration_ms,
        "more_net_input": tokens.net_input,
        "more_cache_read": tokens.cache_read,
        "more_cache_write": tokens.cache_write,
        "more_output": tokens.output,
        "more_reasoning": tokens.reasoning,
        "more_tokens": tokens.total,
        "more_subagent_tokens": usage.subagent_tokens,
        "more_costed_turns": int(usage.cost_microusd is not None),
        "more_cost": usage.cost_microusd or 0,
        "more_at_least": usage.at_least,
        "last_activity_at": turn.ended_at,
        "last_interaction_at": turn.ended_at,
        "last_input_tokens": usage.input,
        **(context if usage.context > 0 else {}),
    }
    seq: int | None = connection.scalar(_ADD, more)
    if seq is None and not _is_left_out(connection, machine, turn):
        connection.execute(_INSERT, _new(machine, turn.agent, turn.session, turn.ended_at))
        seq = connection.execute(_ADD, more).scalar_one()
    return seq


def find(connection: Connection, machine: int, agent: str, session: str) -> SessionRow | None:
    """Give a session's row, or None."""
    this = {"of_machine": machine, "of_agent": agent, "known": session}
    row = connection.execute(_FIGURES, this).first()
    return None if row is None else SessionRow(**row._mapping)


def _is_left_out(connection: Connection, machine: int, turn: TurnRecord) -> bool:
    """Whether a session is not on record because it is not to be, or was deleted. That of a
    turn that was begun is on record, if it is to be."""
    if turn.unrecorded:
        return True
    this = {"of_machine": machine, "of_agent": turn.agent, "known": turn.session}
    if connection.execute(_OTHER_TURN, {**this, "this": turn.id}).scalar_one():
        return True
    wishes = connection.scalar(_WISHES, {"this": turn.id})
    return wishes is not None and bool(json.loads(wishes).get("unrecorded"))


def _new(machine: int, agent: str, session: str, at: datetime) -> dict[str, object]:
    return {
        "machine": machine,
        "agent": agent,
        "id": session,
        "created_at": at,
        "last_activity_at": at,
    }
