"""What sessions cost, by the one engine, as far as it was asked: remembered, and bounded. Pure."""

from collections import OrderedDict
from collections.abc import Iterable

from tars.control.costs_contract import CostFigures, CostReport
from tars.control.session_contract import Session
from tars.tui.figures import money
from tars.tui.session_words import ASKED

#: How many are asked for at once, and how many stay.
AT_ONCE, KEPT = 40, 2_000


class Costs:
    """A cost holds as long as its session has used no more than when it was asked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, CostFigures | None]] = OrderedDict()

    def wanted(self, sessions: Iterable[Session]) -> list[Session]:
        """Give those whose cost is to be asked for next."""
        found: dict[str, Session] = {}
        for session in sessions:
            known = self._known.get(session.id)
            stale = known is None or known[0] != session.spent.total_tokens
            # A comma in an id would be taken for several.
            if stale and "," not in session.id:
                found.setdefault(session.id, session)
            if len(found) == AT_ONCE:
                break
        return list(found.values())

    def take(self, asked: Iterable[Session], report: CostReport) -> None:
        """Remember what was told of those that were asked for; of some there is nothing."""
        told = {row.session: row for row in report.rows if isinstance(row.session, str)}
        # Agents give their ids as they like: two kinds may have the same.
        exactly = {(row.agent, row.session): row for row in report.rows}
        for session in asked:
            row = exactly.get((session.agent_type, session.id)) or told.get(session.id)
            self._known[session.id] = session.spent.total_tokens, row
            self._known.move_to_end(session.id)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def of(self, session: Session) -> str:
        """Say in a word what a session cost."""
        known = self._known.get(session.id)
        if known is None:
            return ASKED
        return in_words(known[1], session)


def in_words(told: CostFigures | None, session: Session) -> str:
    """Say what the engine told, or else the agent itself: what has no price is not free."""
    if told is not None and (told.total_tokens or told.cost_usd):
        return money(told.cost_usd, unpriced=told.unpriced_tokens)
    spent = session.spent
    if spent.cost_microusd is not None:
        uncosted = spent.turns - spent.costed_turns
        return money(spent.cost_microusd / 1_000_000, unpriced=max(0, uncosted))
    return money(None, unpriced=spent.total_tokens)
