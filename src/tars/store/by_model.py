"""What each model has of a turn and of a session: sums that make the turn's and the session's."""

from dataclasses import replace

from sqlalchemy import Connection, bindparam, text

from tars.accounting.shares import FIGURES, Share, shares
from tars.store.inserting import insert_new
from tars.store.rows import TurnRecord
from tars.store.schema import turn_models
from tars.store.values import Count, Words, clean

_INSERT = insert_new(turn_models)
_ADD = text(
    f"INSERT INTO session_models (session, model, turns, {', '.join(FIGURES)}) "
    f"VALUES (:session, :model, 1, {', '.join(f':{name}' for name in FIGURES)}) "
    "ON CONFLICT (session, model) DO UPDATE SET turns = session_models.turns + 1, "
    + ", ".join(f"{name} = session_models.{name} + excluded.{name}" for name in FIGURES)
).bindparams(bindparam("model", type_=Words), *(bindparam(name, type_=Count) for name in FIGURES))


def add_turn(
    connection: Connection, turn: TurnRecord, seq: int, session: int | None
) -> tuple[Share, ...]:
    """Split a finished turn over its models, and add what each has to those of its session.
    These two are given by their `seq`. Gives the split."""
    # Two names that are one to the database are one model.
    named = tuple(replace(each, model=clean(each.model)) for each in turn.usage.models)
    split = shares(replace(turn.usage, models=named), clean(turn.model))
    connection.execute(_INSERT, [{"turn": seq, **columns(share)} for share in split])
    if session is not None:
        # In one order, so that no two turns wait for each other.
        ordered = sorted(split, key=lambda share: share.model)
        connection.execute(_ADD, [{"session": session, **columns(share)} for share in ordered])
    return split


def columns(share: Share) -> dict[str, object]:
    """Give a share as columns of the same names."""
    return {name: getattr(share, name) for name in ("model", *FIGURES)}
