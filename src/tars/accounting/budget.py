"""What a budget says of what was spent: pure verdicts, in words for a person.

A budget bounds dollars, tokens, or both, over a session or a day, week or month of the calendar;
whichever bound is met first counts. Tokens are all of them, cached ones too, with or without a
known price: so nothing passes free where `max_tokens` is set. What has no known price counts for
nothing in dollars, and a budget of dollars alone says so instead of looking fine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tars.accounting.rates import DOLLAR


class Per(StrEnum):
    """What a budget begins anew with."""

    SESSION = "session"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Action(StrEnum):
    """What happens once a budget is used up, from mild to harsh. Who stops refuses the next
    prompt; who kills cancels the turn under way, too."""

    WARN = "warn"
    ASK = "ask"
    STOP = "stop"
    KILL = "kill"


class Unpriced(StrEnum):
    """What tokens without a known price do to a budget of dollars alone."""

    WARN = "warn"
    OVER = "over"


class Standing(StrEnum):
    FINE = "fine"
    WARNED = "warned"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One of ``[[budgets]]``. `limit` is in picodollars and `max_tokens` in tokens; at least one is
    there. `agent` is an agent's kind, `project` a folder with all below it, and `model` a name in
    which `*` stands for anything; an empty one restricts nothing."""

    name: str
    per: Per
    limit: int | None = None
    max_tokens: int | None = None
    agent: str = ""
    project: str = ""
    model: str = ""
    warn_at: float = 0.8
    action: Action = Action.WARN
    unpriced: Unpriced = Unpriced.WARN


class Spent(NamedTuple):
    """Picodollars, all tokens, and those of them that have no known price."""

    cost: int = 0
    tokens: int = 0
    unpriced: int = 0

    def plus(self, other: "Spent") -> "Spent":
        return Spent(*(a + b for a, b in zip(self, other, strict=True)))

    def beyond(self, other: "Spent") -> "Spent":
        """Give what this has more than another, and never less than nothing."""
        return Spent(*(max(0, a - b) for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """`share` is how much of the budget is used, 1.0 and more when it is over. `reason` is a
    sentence."""

    standing: Standing
    share: float
    reason: str


def judge(budget: Budget, spent: Spent) -> Verdict:
    """Say how a budget stands. It is over once all of it is used."""
    shares = [share for share, _ in _bounds(budget, spent)]
    share = max(shares, default=0.0)
    unknown = _unknown(budget, spent)
    if share >= 1.0 or (unknown and budget.unpriced is Unpriced.OVER):
        standing = Standing.OVER
    elif share >= budget.warn_at or unknown:
        standing = Standing.WARNED
    else:
        standing = Standing.FINE
    return Verdict(standing, share, _reason(budget, spent, unknown))


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Give the one that is furthest along, or None of none."""
    order = list(Standing)
    return max(verdicts, key=lambda v: (order.index(v.standing), v.share), default=None)


def dollars(picodollars: int) -> str:
    """Say an amount: with cents, or with as many digits as a small one has."""
    digits = 2 if picodollars >= DOLLAR or not picodollars else 4
    return f"${picodollars / DOLLAR:,.{digits}f}"


def used(budget: Budget, spent: Spent) -> str:
    """Say how much of each bound is used."""
    return " and ".join(words for _, words in _bounds(budget, spent))


def uncounted(spent: Spent) -> str:
    """Say how much no dollars are known of."""
    return f"{spent.unpriced:,} tokens that have no known price"


_WHEN = {
    Per.SESSION: "in this session",
    Per.DAY: "today",
    Per.WEEK: "this week",
    Per.MONTH: "this month",
}


def _bounds(budget: Budget, spent: Spent) -> list[tuple[float, str]]:
    """Each bound's share that is used, and how much that is in words."""
    found = []
    if budget.limit is not None:
        words = f"{dollars(spent.cost)} of {dollars(budget.limit)}"
        found.append((spent.cost / budget.limit, words))
    if budget.max_tokens is not None:
        words = f"{spent.tokens:,} of {budget.max_tokens:,} tokens"
        found.append((spent.tokens / budget.max_tokens, words))
    return found


def _unknown(budget: Budget, spent: Spent) -> bool:
    """Whether something was used that no bound of the budget counts."""
    return spent.unpriced > 0 and budget.max_tokens is None


def _reason(budget: Budget, spent: Spent, unknown: bool) -> str:
    reason = f"Budget {budget.name}: {used(budget, spent)} used {_WHEN[budget.per]}"
    if unknown:
        reason += f", and {uncounted(spent)} and that it does not count"
    return f"{reason}."
