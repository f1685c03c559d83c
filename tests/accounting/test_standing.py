"""What a budget means for a turn."""

from typing import Any

import pytest

from tars.accounting.budget import Action, Budget, Per, Spent, Unpriced, judge
from tars.accounting.standing import Live, Stand, advice

LIVE = Live("t1", "claude", "s1", "/w/shop/web", "claude-opus-4-5")


def stand(spent: int = 100, session: str = "", **fields: Any) -> Stand:
    """A hundred tokens a day, all of them used, and the next prompt refused, unless told."""
    usual = {"name": "it", "per": Per.DAY, "max_tokens": 100, "action": Action.STOP}
    budget = Budget(**{**usual, **fields})
    used = Spent(0, spent)
    return Stand(budget, used, judge(budget, used), session)


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({}, True),
        ({"agent": "claude"}, True),
        ({"agent": "codex"}, False),
        ({"project": "/w/shop"}, True),
        ({"project": "/w/shop/web"}, True),
        ({"project": "/w/shop/we"}, False),
        ({"project": "/"}, True),
        ({"model": "claude-OPUS-*"}, True),
        ({"model": "claude-sonnet-*"}, False),
        ({"session": "s1"}, True),
        ({"session": "s2"}, False),
    ],
)
def test_what_a_budget_is_for(fields: dict[str, Any], about: bool) -> None:
    """A kind of agent, a folder with all below it, a model, a session; and nothing is all."""
    assert stand(**fields).is_about(LIVE) is about
    assert stand(**fields).refuses(LIVE) is about


def test_a_model_is_known_by_what_was_used() -> None:
    """Of one that is not known yet nobody can say; a subagent's counts, too."""
    unknown = Live("t1", "claude")
    assert not stand(model="*haiku*").is_about(unknown)
    assert stand().is_about(unknown)
    used = Live("t1", "claude", model="opus", spent={"claude-haiku-4-5": Spent(0, 1)})
    assert stand(model="*haiku*").is_about(used)


@pytest.mark.parametrize(
    ("action", "refuses", "ends"),
    [
        (Action.WARN, False, False),
        (Action.ASK, True, False),
        (Action.STOP, True, False),
        (Action.KILL, True, True),
    ],
)
def test_what_is_done_once_it_is_over(action: Action, refuses: bool, ends: bool) -> None:
    """From mild to harsh; before it is over nothing is done at all."""
    over, fine = stand(action=action), stand(99, action=action)
    assert (over.refuses(LIVE), over.ends(LIVE)) == (refuses, ends)
    assert (fine.refuses(LIVE), fine.ends(LIVE)) == (False, False)


def test_a_yes_is_for_budgets_that_ask() -> None:
    """A budget that stops does not care."""
    yes = Live("t1", "claude", yes=True)
    assert not stand(action=Action.ASK).refuses(yes)
    assert stand(action=Action.STOP).refuses(yes)


@pytest.mark.parametrize(
    ("fields", "spent", "said"),
    [
        ({}, Spent(0, 1), ""),
        ({}, Spent(0, 100), "Free at ten; `max_tokens` in config.toml says how much it has."),
        (
            {"limit": 10**12, "action": Action.ASK},
            Spent(0, 100),
            "Free at ten; `limit_usd` and `max_tokens` in config.toml say how much it has. "
            "`--over-budget` says yes to it.",
        ),
        (
            {"limit": 10**12, "max_tokens": None},
            Spent(0, 5, 5),
            "`[prices]` can give the model a price, or `max_tokens` bound its tokens.",
        ),
        (
            {"limit": 10**12, "max_tokens": None, "unpriced": Unpriced.OVER},
            Spent(0, 5, 5),
            "`[prices]` can give the model a price, or `max_tokens` bound its tokens (`unpriced`).",
        ),
    ],
)
def test_advice_says_what_to_do(fields: dict[str, Any], spent: Spent, said: str) -> None:
    """When it is free again, which key raises it, and how to say yes; nothing where all is fine."""
    budget = stand(**fields).budget
    assert advice(budget, judge(budget, spent), "Free at ten") == said
