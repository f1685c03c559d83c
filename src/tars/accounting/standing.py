"""How budgets stand, and what that means for a turn: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from tars.accounting.budget import Action, Budget, Spent, Standing, Unpriced, Verdict
from tars.accounting.usage import TurnUsage


@dataclass(frozen=True, slots=True)
class Live:
    """A turn under way, or one that is asked for. `agent` is its agent's kind; `session`,
    `project` and `model` are empty where they are not known. `usage` is what it used so far, and
    `spent` the same by model, priced. `logged` is what the log of its session had when it began, by
    budget and the beginning of the time that this was for then. `yes`: somebody said that it may
    go over budgets that ask."""

    turn: str
    agent: str
    session: str = ""
    project: str = ""
    model: str = ""
    usage: TurnUsage = field(default_factory=TurnUsage)
    spent: Mapping[str, Spent] = field(default_factory=dict)
    logged: Mapping[tuple[str, datetime | None], Spent] = field(default_factory=dict)
    yes: bool = False


@dataclass(frozen=True, slots=True)
class Stand:
    """How a budget stands; of a budget per session, for one `session`. `until` is when it begins
    anew by itself, or None; `advice` says what to do, or is empty."""

    budget: Budget
    spent: Spent
    verdict: Verdict
    session: str = ""
    until: datetime | None = None
    advice: str = ""

    @property
    def over(self) -> bool:
        return self.verdict.standing is Standing.OVER

    @property
    def fine(self) -> bool:
        return self.verdict.standing is Standing.FINE

    def is_about(self, live: Live) -> bool:
        """Whether what a turn uses is counted here."""
        return self.session in ("", live.session) and concerns(self.budget, live)

    def refuses(self, live: Live) -> bool:
        """Whether such a turn may not begin."""
        match self.budget.action:
            case Action.WARN:
                return False
            case Action.ASK:
                return self.over and not live.yes and self.is_about(live)
            case Action.STOP | Action.KILL:  # pragma: no branch
                return self.over and self.is_about(live)

    def ends(self, live: Live) -> bool:
        """Whether such a turn is not to go on."""
        return self.over and self.budget.action is Action.KILL and self.is_about(live)


def concerns(budget: Budget, live: Live) -> bool:
    """Whether a turn counts for a budget. Of an unknown model nobody can say: it does not, until
    its usage tells."""
    if budget.agent not in ("", live.agent) or not _is_within(live.project, budget.project):
        return False
    models = [*live.spent, *([live.model] if live.model else [])]
    return not budget.model or any(is_meant(budget, model) for model in models)


def is_meant(budget: Budget, model: str) -> bool:
    """Whether a model's tokens count for a budget."""
    return not budget.model or fnmatchcase(model.lower(), budget.model.lower())


def advice(budget: Budget, verdict: Verdict, free: str) -> str:
    """Say what to do about a budget that is not fine; empty where it is. `free` says when it is
    free again."""
    if verdict.standing is Standing.FINE:
        return ""
    if verdict.share < budget.warn_at:
        over = " (`unpriced`)" if budget.unpriced is Unpriced.OVER else ""
        return f"`[prices]` can give the model a price, or `max_tokens` bound its tokens{over}."
    bounds = {"limit_usd": budget.limit, "max_tokens": budget.max_tokens}
    keys = " and ".join(f"`{key}`" for key, bound in bounds.items() if bound is not None)
    raised = (
        f"{free}; {keys} in config.toml {'say' if ' and ' in keys else 'says'} how much it has."
    )
    asks = verdict.standing is Standing.OVER and budget.action is Action.ASK
    return f"{raised} `--over-budget` says yes to it." if asks else raised


def _is_within(project: str, folder: str) -> bool:
    if not folder:
        return True
    return project == folder or project.startswith(f"{folder.rstrip('/')}/")
