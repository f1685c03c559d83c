"""The durable queue: a prompt that was accepted is run or reported, whatever happens between."""

import json
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from tars.core.agent import Outcome
from tars.core.fallback import earlier_attempts
from tars.errors import Fault
from tars.store.inserting import insert_new
from tars.store.rows import PromptRow, PromptState, Wishes
from tars.store.schema import prompts, turns

_INSERT = insert_new(prompts)
_RUN = (
    update(prompts)
    .where(prompts.c.id == bindparam("known"), prompts.c.state == PromptState.QUEUED.value)
    .values(state=PromptState.RUNNING.value)
)
_WAIT = (
    update(prompts)
    .where(prompts.c.id == bindparam("known"), prompts.c.state == PromptState.RUNNING.value)
    .values(state=PromptState.QUEUED.value)
)
_FINISH = (
    update(prompts)
    .where(prompts.c.id == bindparam("known"), prompts.c.state != PromptState.DONE.value)
    .values(state=PromptState.DONE.value, text=None)
)
_WAITING = (
    select(prompts)
    .where(prompts.c.machine == bindparam("of_machine"))
    .where(prompts.c.state == PromptState.QUEUED.value)
    .order_by(prompts.c.seq)
)

_ATTEMPTS = select(turns.c.id, turns.c.agent).where(
    turns.c.id.in_(bindparam("ids", expanding=True))
)


def save(
    connection: Connection,
    machine: int,
    prompt: PromptRow,
    state: PromptState = PromptState.QUEUED,
) -> None:
    """Add a prompt to the end of the queue, once."""
    connection.execute(
        _INSERT,
        {
            "machine": machine,
            "id": prompt.id,
            "agent": prompt.agent,
            "session": prompt.session,
            "text": prompt.text,
            "asked_at": prompt.asked_at,
            "timeout_seconds": prompt.timeout_seconds,
            "wishes": _json(prompt.wishes),
            "state": state.value,
        },
    )


def run(connection: Connection, prompt: str) -> None:
    """Mark a prompt as under way."""
    connection.execute(_RUN, {"known": prompt})


def wait(connection: Connection, prompt: str) -> None:
    """Mark a prompt that was under way as one that waits, in its old place."""
    connection.execute(_WAIT, {"known": prompt})


def finish(
    connection: Connection, prompt: str, outcome: Outcome, fault: Fault | None, at: datetime
) -> None:
    """Mark a prompt as done and erase its text. The first outcome stands."""
    connection.execute(
        _FINISH,
        {"known": prompt, "outcome": outcome.value, "ended_at": at, **fault_columns(fault)},
    )


def waiting(connection: Connection, machine: int) -> list[PromptRow]:
    """Give the prompts that nobody has begun, or that wait again, in the order in which they
    were saved."""
    return [
        PromptRow(
            id=row.id,
            agent=row.agent,
            text=row.text,
            asked_at=row.asked_at,
            session=row.session,
            timeout_seconds=row.timeout_seconds,
            fell_back_from=_failed_before(connection, row.id),
            wishes=_wishes(row.wishes),
        )
        for row in connection.execute(_WAITING, {"of_machine": machine})
    ]


def _failed_before(connection: Connection, prompt: str) -> tuple[str, ...]:
    """Give the agents of the attempts before this one, as their turns have them."""
    earlier = earlier_attempts(prompt)
    if not earlier:
        return ()
    found = {row.id: row.agent for row in connection.execute(_ATTEMPTS, {"ids": list(earlier)})}
    return tuple(found[attempt] for attempt in earlier if attempt in found)


def _json(wishes: Wishes) -> str | None:
    return None if wishes == Wishes() else json.dumps(msgspec.to_builtins(wishes))


def _wishes(text: str | None) -> Wishes:
    return Wishes() if text is None else msgspec.convert(json.loads(text), Wishes)


def fault_columns(fault: Fault | None) -> dict[str, str | None]:
    """Spread a fault over its three columns."""
    return {
        "fault_kind": fault.kind.value if fault else None,
        "fault_message": fault.message if fault else None,
        "fault_advice": fault.advice if fault else None,
    }
