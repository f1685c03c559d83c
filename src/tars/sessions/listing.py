"""Many sessions at a glance: those that are meant, in an order, and how to type each of them."""

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
        found = finding.listed(
            connection, wanted, order=order, reverse=reverse, limit=limit, after=after
        )
        return found, finding.counted(connection, wanted)


def shortened(id: str, before: str, after: str) -> str:
    """Give the beginning of an id that no other begins with; the whole where one continues it."""
    alike = max(_alike(id, before), _alike(id, after))
    return id[: max(_SHOWN, LEAST_PREFIX, alike + 1)]


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginnings."""
    both = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(both) if a != b), min(len(one), len(other)))
