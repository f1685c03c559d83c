"""Many sessions at a glance: those that are meant, in an order, and how to type each of them."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tars.sessions.library import Library
from tars.sessions.references import LEAST_PREFIX
from tars.store import finding
from tars.store.finding import Order, Wanted
from tars.store.rows import SessionRecord, SessionStatus, Spent

__all__ = [
    "Listing",
    "Order",
    "SessionRecord",
    "SessionStatus",
    "Spent",
    "Wanted",
    "list_sessions",
    "page",
    "page_by",
    "ranked",
]

#: What is shown of an id where less would do: it looks the same from one day to the next.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """Some of the `total` sessions that are meant. `short` has by their keys what is enough of
    their ids to find them by."""

    sessions: tuple[SessionRecord, ...]
    total: int
    short: dict[int, str]


def list_sessions(
    library: Library,
    wanted: Wanted,
    *,
    order: Order = Order.ACTIVITY,
    reverse: bool = False,
    limit: int | None = None,
) -> Listing:
    """Give the sessions that are meant, sorted, at most `limit` of them. Raises StoreError."""
    with library.reading() as connection:
        found = finding.listed(connection, wanted, order=order, reverse=reverse, limit=limit)
        total = len(found)
        if limit is not None and total >= limit:
            total = finding.counted(connection, wanted)
        short = {s.seq: shortened(s.id, *finding.neighbours(connection, s.id)) for s in found}
    return Listing(tuple(found), total, short)


def page(
    library: Library, wanted: Wanted, *, order: Order, reverse: bool, after: int, limit: int
) -> tuple[list[SessionRecord], int]:
    """Give a part of the sessions that are meant, sorted, and how many they are in all."""
    with library.reading() as connection:
        total = finding.counted(connection, wanted)
        if after >= total:
            return [], total
        from_end = max(0, total - after - limit)
        # Sorted by name, those that have none come last either way.
        if from_end >= after or order is Order.NAME:
            found = finding.listed(
                connection, wanted, order=order, reverse=reverse, limit=limit, after=after
            )
            return found, total
        # It is nearer from the other end.
        limit = min(limit, total - after)
        found = finding.listed(
            connection, wanted, order=order, reverse=not reverse, limit=limit, after=from_end
        )
        return found[::-1], total


def page_by(
    library: Library,
    wanted: Wanted,
    ranks: Sequence[int],
    *,
    reverse: bool,
    after: int,
    limit: int,
) -> tuple[list[SessionRecord], int]:
    """Give a part of them in the order of `ranks`, which has keys of sessions; those that it does
    not have come last, the newest first."""
    with library.reading() as connection:
        meant = finding.seqs(connection, wanted)
        order = [seq for seq in ranks if seq in meant]
        order += sorted(meant.difference(order), reverse=True)
        if reverse:
            order.reverse()
        return finding.in_order(connection, order[after : after + limit]), len(order)


def ranked(library: Library, worth: Mapping[str, tuple[int, int]]) -> "array[int]":
    """Put the keys of sessions in order by what each id is worth, the most first; those that are
    worth nothing known are left out."""
    with library.reading() as connection:
        known = [(worth[id], seq) for id, seq in finding.seqs_by_id(connection) if id in worth]
    known.sort(reverse=True)
    return array("q", (seq for _, seq in known))


def shortened(id: str, before: str, after: str) -> str:
    """Give the beginning of an id that no other begins with; the whole where one continues it."""
    alike = max(_alike(id, before), _alike(id, after))
    return id[: max(_SHOWN, LEAST_PREFIX, alike + 1)]


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginnings."""
    both = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(both) if a != b), min(len(one), len(other)))
