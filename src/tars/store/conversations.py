"""The agents that are configured, and the sessions they have had, each with its sums."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from tars.store.rows import AgentRow, SessionRow, TurnRecord
from tars.store.schema import Count, agents, sessions

_AGENTS = select(agents).order_by(agents.c.name)
_FORGET_AGENT = delete(agents).where(agents.c.name == bindparam("known"))
_INSERT_AGENT = insert(agents)

_THIS = (sessions.c.agent == bindparam("of_agent")) & (sessions.c.id == bindparam("known"))
_SESSION = select(sessions).where(_THIS)
_INSERT = insert(sessions)
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
        )
    },
)


def save_agent(connection: Connection, agent: AgentRow) -> None:
    """Add an agent, or replace what was known of it."""
    connection.execute(_FORGET_AGENT, {"known": agent.name})
    connection.execute(
        _INSERT_AGENT,
        {
            "name": agent.name,
            "kind": agent.kind,
            "protocol": agent.protocol,
            "model": agent.model,
            "session": agent.session,
        },
    )


def all_agents(connection: Connection) -> list[AgentRow]:
    """Give the agents, by name."""
    return [
        AgentRow(row.name, row.kind, row.protocol, row.model, row.session)
        for row in connection.execute(_AGENTS)
    ]


def save_session(connection: Connection, agent: str, session: str, at: datetime) -> None:
    """Add a session that began, or note that an old one is in use again; its sums stay."""
    touched = connection.execute(
        _TOUCH, {"of_agent": agent, "known": session, "last_activity_at": at}
    )
    if not touched.rowcount:
        connection.execute(_INSERT, _new(agent, session, at))


def add_turn(connection: Connection, turn: TurnRecord) -> None:
    """Add a finished turn to the sums of its session. A turn may have none."""
    if turn.session is None:
        return
    usage = turn.usage
    # A turn that made no request leaves the context as it was.
    context = {
        "total_input_tokens": usage.context,
        "total_cached_tokens": usage.context_cached,
    }
    more = {
        "of_agent": turn.agent,
        "known": turn.session,
        "more_interaction_count": int(turn.prompted),
        "more_total_output_tokens": usage.output,
        "more_total_net_tokens": usage.net,
        "more_requests": usage.requests,
        "more_tool_calls": usage.tool_calls,
        "last_activity_at": turn.ended_at,
        "last_interaction_at": turn.ended_at,
        "last_input_tokens": usage.input,
        **(context if usage.context > 0 else {}),
    }
    if not connection.execute(_ADD, more).rowcount:
        connection.execute(_INSERT, _new(turn.agent, turn.session, turn.ended_at))
        connection.execute(_ADD, more)


def find(connection: Connection, agent: str, session: str) -> SessionRow | None:
    """Give a session's row, or None."""
    row = connection.execute(_SESSION, {"of_agent": agent, "known": session}).first()
    return None if row is None else SessionRow(**row._mapping)


def _new(agent: str, session: str, at: datetime) -> dict[str, object]:
    counts = (column.name for column in sessions.c if isinstance(column.type, Count))
    return {
        "agent": agent,
        "id": session,
        "created_at": at,
        "last_activity_at": at,
        **dict.fromkeys(counts, 0),
    }
