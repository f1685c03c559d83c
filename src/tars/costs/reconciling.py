"""What agents told tars beside what their logs have: for each session that both know of.

Within the turns that tars ran, the two should be the same; how far they are is the gap. What the
log has of a session outside of those turns counts besides, and is told apart.
"""

import json
from dataclasses import dataclass
from sqlite3 import Connection, Error

from tars.accounting.rates import MICRODOLLAR, Tokens
from tars.costs.engine import Costs
from tars.costs.facts import NOTHING
from tars.costs.spans import micros, stored
from tars.errors import StoreError
from tars.sessions.ranges import Span
from tars.store.quick import Quick

#: The kinds that both sides tell: those that add up, and the part of the output not shown.
COMPARED = ("net_input", "cache_read", "cache_write", "output", "reasoning")
_SUMS = ", ".join(f"SUM({name})" for name in Tokens._fields)


@dataclass(frozen=True, slots=True)
class Match:
    """One session. `ledger` is what its agent told tars, `log` what its log has within the same
    turns, and `outside` what it has besides. `cost` is what the agent told for `costed` of the
    `turns`, in picodollars. The ledger does not know how long caches were written for, and may not
    know how many requests there were."""

    agent: str
    session: str
    project: str
    turns: int
    costed: int
    cost: int
    ledger: Tokens
    log: Tokens
    outside: Tokens

    @property
    def gap(self) -> dict[str, int]:
        """How many tokens of each kind the log has more than the ledger."""
        return {name: getattr(self.log, name) - getattr(self.ledger, name) for name in COMPARED}

    @property
    def share(self) -> float | None:
        """How far the two are apart, all kinds together, as a share of the ledger's tokens; None
        where it has none."""
        apart = sum(abs(self.gap[name]) for name in COMPARED[:4])
        return apart / self.ledger.total if self.ledger.total else None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The sessions that both know of, the widest gap first. `alone` are those that tars counted,
    and of which there is no log."""

    matches: tuple[Match, ...]
    alone: int
    problems: tuple[str, ...]


def reconcile(costs: Costs, *, span: Span, session: str = "") -> Reconciled:
    """Compare whole sessions: those with a turn that ended in a span, or the one of this id."""
    with costs.sources.moment() as at:
        if at.store is None or at.logs is None:
            return Reconciled((), 0, tuple(at.problems))
        try:
            told = _told(at.store, span, session)
            logged = _logged(at.logs, [row[0] for row in told])
        except (StoreError, Error) as error:
            return Reconciled((), 0, (*at.problems, f"Nothing can be compared: {error}"))
        found = [_match(row, logged[row[0]]) for row in told if row[0] in logged]
        problems = tuple(at.problems)
    found.sort(key=lambda each: (-(each.share or 0), each.session))
    return Reconciled(tuple(found), len(told) - len(found), problems)


_Told = tuple[str, str, int, int, int, Tokens]
_Logged = tuple[str, str, Tokens, Tokens]


def _told(store: Quick, span: Span, session: str) -> list[_Told]:
    """Give what the ledger has of this machine's sessions, whole."""
    own = "machine = ? AND ended_at IS NOT NULL AND session IS NOT NULL"
    params: list[object] = [store.machine]
    within = own
    ends = (("ended_at >= ?", span.since), ("ended_at < ?", span.until))
    given = [(column, stored(micros(end))) for column, end in ends if end is not None]
    for column, value in [*given, *([("session = ?", session)] if session else [])]:
        within += f" AND {column}"
        params.append(value)
    rows = store.rows(
        "SELECT session, MIN(agent), COUNT(*), COUNT(cost_microusd),"
        " COALESCE(SUM(cost_microusd), 0), SUM(net_input), SUM(cache_read), SUM(cache_write),"
        f" SUM(output), SUM(reasoning), SUM(requests) FROM turns WHERE {own}"
        f" AND session IN (SELECT session FROM turns WHERE {within}) GROUP BY session",
        (store.machine, *params),
    )
    found = []
    for id, agent, *numbers in rows:
        turns, costed, cost, net, read, written, output, reasoning, requests = map(int, numbers)
        tokens = Tokens(net, read, written, 0, output, reasoning, requests)
        found.append((id, agent, turns, costed, cost * MICRODOLLAR, tokens))
    return found


def _logged(logs: Connection, sessions: list[str]) -> dict[str, _Logged]:
    """Give what the logs have of these sessions, whichever agents' they are."""
    found: dict[str, _Logged] = {}
    rows = logs.execute(
        f"SELECT s.session, s.agent, s.project, covered, {_SUMS} FROM sessions AS s"
        " JOIN requests AS r ON r.session = s.id"
        " WHERE s.session IN (SELECT value FROM json_each(?)) GROUP BY s.id, covered",
        (json.dumps(sessions),),
    )
    for session, agent, project, covered, *counts in rows:
        _, _, within, outside = found.get(session, (agent, project, NOTHING, NOTHING))
        if covered:
            within = within.plus(Tokens(*counts))
        else:
            outside = outside.plus(Tokens(*counts))
        found[session] = (agent, project, within, outside)
    return found


def _match(told: _Told, logged: _Logged) -> Match:
    session, _, turns, costed, cost, ledger = told
    agent, project, within, outside = logged
    return Match(agent, session, project, turns, costed, cost, ledger, within, outside)
