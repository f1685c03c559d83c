"""Several rows of one request become one, the same whichever of them came first."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from tars.history.source import Request


class Row(NamedTuple):
    """A row of `requests`; `cost` is below zero where the agent did not tell it."""

    key: int
    session: int
    at: int
    model: int
    place: int
    net_input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int
    requests: int
    size: int
    rank: int
    sidechain: int
    cost: int
    covered: int = 0


def merged(old: Row, new: Row, *, newest_wins: bool) -> Row:
    """Give what two rows with one key are together; `new` was read later. It stays
    covered within its session."""
    wins = beats(new.rank, new.at, old.rank, old.at, newest_wins=newest_wins)
    best, other = (new, old) if wins else (old, new)
    covered = best.covered or (other.covered if other.session == best.session else 0)
    return best._replace(at=began(best, other), covered=covered)


def together(rows: Sequence[Request], *, newest_wins: bool) -> Collection[Request]:
    """Merge what has one key among the rows of one reading, as `merged` does."""
    if len({row.key for row in rows}) == len(rows):
        return rows
    found: dict[str, Request] = {}
    for new in rows:
        old = found.setdefault(new.key, new)
        if old is not new:
            wins = beats(new.rank, new.at, old.rank, old.at, newest_wins=newest_wins)
            best, other = (new, old) if wins else (old, new)
            first = began(best, other)
            found[new.key] = best if best.at == first else best._replace(at=first)
    return found.values()


def began(best: Row | Request, other: Row | Request) -> int:
    """Give when a request happened, of which there are two rows: when the first of them says,
    but for a copy with a rank below 0, whose time is that of the copying."""
    return best.at if other.rank < 0 else min(best.at, other.at)


def beats(rank: int, at: int, old_rank: int, old_at: int, *, newest_wins: bool) -> bool:
    """Whether a row takes the place of one that was read before it.

    The higher rank counts. Of equal ones it is the later read, where the source says so; else
    that which happened earlier, as a copy never does, and then the one that was read first.
    """
    if rank != old_rank:
        return rank > old_rank
    return newest_wins or at < old_at
