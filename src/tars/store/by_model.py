"""What each model has of a turn and of a session: sums that make the turn's and the session's."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select, update

from tars.accounting.shares import FIGURES, Share, shares
from tars.store.inserting import insert_new
from tars.store.rows import TurnRecord
from tars.store.schema import session_models, sessions, turn_models, turns
from tars.store.values import Count

_TURN = select(turns.c.seq).where(turns.c.id == bindparam("known"))
_SESSION = select(sessions.c.seq).where(
    sessions.c.machine == bindparam("of_machine"),
    sessions.c.agent == bindparam("of_agent"),
    sessions.c.id == bindparam("known"),
)
_INSERT = insert_new(turn_models)
_BEGIN = insert_new(session_models)
_ADD = (
    update(session_models)
    .where(
        session_models.c.session == bindparam("of_session"),
        session_models.c.model == bindparam("of_model"),
    )
    .values(
        {
            name: session_models.c[name] + bindparam(f"more_{name}", type_=Count)
            for name in ("turns", *FIGURES)
        }
    )
)


def add_turn(connection: Connection, machine: int, turn: TurnRecord) -> None:
    """Split a finished turn over its models, and add what each has to those of its session."""
    split = shares(turn.usage, turn.model)
    seq = connection.scalar(_TURN, {"known": turn.id})
    connection.execute(_INSERT, [{"turn": seq, **columns(share)} for share in split])
    if turn.session is None:
        return
    session = connection.scalar(
        _SESSION, {"of_machine": machine, "of_agent": turn.agent, "known": turn.session}
    )
    _add(connection, session, split)


def columns(share: Share) -> dict[str, object]:
    """Give a share as columns of the same names."""
    return {name: getattr(share, name) for name in ("model", *FIGURES)}


def _add(connection: Connection, session: int | None, split: Iterable[Share]) -> None:
    # In one order, so that no two turns wait for each other.
    for share in sorted(split, key=lambda share: share.model):
        connection.execute(_BEGIN, {"session": session, "model": share.model})
        more = {f"more_{name}": getattr(share, name) for name in FIGURES}
        of = {"of_session": session, "of_model": share.model}
        connection.execute(_ADD, {**of, **more, "more_turns": 1})
