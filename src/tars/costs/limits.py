"""How much of its account's limits each agent has used, as far as its own files tell.

These are the agents' figures, as their servers told them, and as old as the last time that they
did. Nothing is reckoned here: what no file tells is unknown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from sqlite3 import Connection, Error

from tars.costs.engine import Costs
from tars.costs.spans import EPOCH


@dataclass(frozen=True, slots=True)
class Known:
    """One limit. `used` is a share from 0 to 1, as it was `told_at` then; None when the window that
    it was of has ended since: how much of the next one is used nobody has told. `resets_at` is
    None where that was not told."""

    agent: str
    name: str
    used: float | None
    window: timedelta | None
    resets_at: datetime | None
    told_at: datetime
    plan: str

    @property
    def over(self) -> bool:
        """Whether the window has ended of which this was told."""
        return self.used is None


@dataclass(frozen=True, slots=True)
class Limits:
    """What is known, and of which agents with logs nothing is."""

    known: tuple[Known, ...]
    unknown: tuple[str, ...]
    problems: tuple[str, ...] = ()


def limits(costs: Costs, *, now: datetime, agent: str = "") -> Limits:
    """Give every limit that the agents' files tell of, or those of one agent."""
    with costs.sources.moment() as moment:
        try:
            found, agents = _read(moment.logs, agent)
        except Error as error:
            return Limits((), (), (f"The limits cannot be read: {error}.",))
        known = tuple(_known(row, now) for row in found)
    told = {each.agent for each in known}
    unknown = tuple(sorted(agents - told | ({agent} - told - {""})))
    return Limits(known, unknown, tuple(moment.problems))


_Row = tuple[str, str, float, int, int | None, int, str]


def _read(logs: Connection | None, agent: str) -> tuple[list[_Row], set[str]]:
    if logs is None:
        return [], set()
    rows: list[_Row] = logs.execute(
        "SELECT agent, name, used, window_minutes, resets_at, at, plan FROM limits"
        " WHERE ? IN ('', agent) ORDER BY agent, window_minutes, name",
        (agent,),
    ).fetchall()
    having = logs.execute("SELECT DISTINCT agent FROM sessions WHERE ? IN ('', agent)", (agent,))
    return rows, {name for (name,) in having}


def _known(row: _Row, now: datetime) -> Known:
    agent, name, used, minutes, resets_ms, at_ms, plan = row
    window = timedelta(minutes=minutes) if minutes else None
    told_at = EPOCH + timedelta(milliseconds=at_ms)
    resets_at = None if resets_ms is None else EPOCH + timedelta(milliseconds=resets_ms)
    # Where the end was not told, it is no later than a whole window after it was asked.
    end = resets_at or (None if window is None else told_at + window)
    over = end is not None and end <= now
    return Known(agent, name, None if over else used, window, resets_at, told_at, plan)
