"""Which usage rule an unmeasured agent follows, as its figures tell: a guess is no evidence.

A rule is struck out when the figures contradict it. What a turn used is known as soon as
all the rules that are left say the same, which is often before one is left.
"""

from dataclasses import dataclass, field

from tars.accounting.conventions import Tokens
from tars.accounting.rules import UsageRule

#: The rules that an answer's figures can follow.
OPEN = frozenset({UsageRule.PER_TURN, UsageRule.CUMULATIVE, UsageRule.LAST_STEP})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known of a turn. `before` is the session's figure of the turn before:
    zeros in a new session, None where that is unknown. `one_step`: nothing showed that the
    turn took more than one request to the model. `filled` and `filled_before` are the tokens
    in the context window after this turn and after the one before, or 0."""

    before: Tokens | None
    one_step: bool
    filled: int = 0
    filled_before: int = 0


@dataclass(slots=True)
class Detection:
    """`left` are the rules that nothing has contradicted yet. `gauged`: the context window's
    fill agreed with the figure of a first request, so that it is evidence from then on."""

    left: frozenset[UsageRule] = field(default=OPEN)
    gauged: bool = False

    @property
    def rule(self) -> UsageRule:
        """The rule that is left; `detect` while there are several, `none` without any."""
        if len(self.left) > 1:
            return UsageRule.DETECT
        return next(iter(self.left), UsageRule.NONE)

    def weigh(self, figure: Tokens, evidence: Evidence) -> Tokens | None:
        """Take a turn's figure, and give what the turn used if that is certain."""
        if figure.total == 0:
            # It did not count, as many do for a turn that was cancelled.
            return None
        if evidence.before is not None and not figure.at_least(evidence.before):
            self.left -= {UsageRule.CUMULATIVE}
        if evidence.before == Tokens() and evidence.one_step:
            self.gauged = _near(figure.total, evidence.filled)
        elif self.gauged and evidence.filled:
            self.left -= _contradicted(figure.total, evidence)
        meanings = {_meaning(rule, figure, evidence) for rule in self.left}
        return meanings.pop() if len(meanings) == 1 else None


def _meaning(rule: UsageRule, figure: Tokens, evidence: Evidence) -> Tokens | None:
    """What the turn used under this rule; None where it leaves that open."""
    if rule is UsageRule.CUMULATIVE:
        return None if evidence.before is None else figure - evidence.before
    if rule is UsageRule.LAST_STEP and not evidence.one_step:
        return None
    return figure


def _contradicted(total: int, evidence: Evidence) -> set[UsageRule]:
    """What the fill of the context window rules out: each request sends all of it."""
    filled, struck = evidence.filled, set()
    since = None if evidence.before is None else total - evidence.before.total
    near, near_since = _near(total, filled), since is not None and _near(since, filled)
    if evidence.one_step:
        if near and since is not None and not near_since:
            struck.add(UsageRule.CUMULATIVE)
        if near_since and not near:
            struck |= {UsageRule.PER_TURN, UsageRule.LAST_STEP}
    elif near:
        # Two requests at the least would have been more than this.
        if total * 20 < (filled + evidence.filled_before) * 19:
            struck |= {UsageRule.PER_TURN, UsageRule.CUMULATIVE}
    elif total > filled:
        struck.add(UsageRule.LAST_STEP)
    return struck


def _near(total: int, filled: int) -> bool:
    """Whether one request with this total can have left the context filled like this: within a
    twentieth, for some count what was said and some do not."""
    return abs(total - filled) * 20 <= filled
