"""How budgets stand: the ledger, the logs and the turns under way, each thing once."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tars.accounting.budget import Budget, Per, Spent, Standing
from tars.accounting.rates import DOLLAR, ModelRates, Rates
from tars.accounting.standing import Live
from tars.accounting.usage import ModelUsage, TurnUsage
from tars.costs.engine import Costs
from tars.costs.standings import logged, measure, priced
from tars.home import Home

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: A dollar per million tokens of input.
FLAT = ModelRates((Rates(10**6, 10**5, 10**6, 10**6, 5 * 10**6),))


@pytest.fixture
def person(tmp_path: Path) -> Path:
    return tmp_path


def log(person: Path, tokens: int, *, session: str = "s1", at: datetime = NOW, cwd: str = "/w/shop",
        model: str = "claude-sonnet-4-5-20250929") -> None:  # fmt: skip
    """Let Claude Code write a request into its log."""
    folder = person / ".claude" / "projects" / "x"
    folder.mkdir(parents=True, exist_ok=True)
    usage = {"input_tokens": tokens, "output_tokens": 0}
    name = f"m-{session}-{tokens}-{at:%d%H%M}"
    message = {"id": name, "role": "assistant", "model": model, "content": [], "usage": usage}
    row = {"type": "assistant", "sessionId": session, "cwd": cwd, "message": message}
    row["timestamp"] = at.isoformat().replace("+00:00", "Z")
    with (folder / f"{session}.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def opened(person: Path) -> Costs:
    home = Home(person / "tars")
    home.prepare()
    home.config.write_text('[costs]\ntimezone = "Europe/Berlin"\n')
    costs = Costs.open(home, env={"HOME": str(person)})
    costs.refresh()
    return costs


def budget(**fields: Any) -> Budget:
    return Budget(**{"name": "it", "per": Per.DAY, "max_tokens": 1000, **fields})


def live(tokens: int, **fields: Any) -> Live:
    """A turn of Claude Code in that session, which used so many tokens so far."""
    usual = {"agent": "claude", "session": "s1", "project": "/w/shop", "model": "sonnet"}
    usage = TurnUsage(
        input=tokens, net=tokens, requests=1, models=(ModelUsage("sonnet", tokens, 0),)
    )
    return Live("t1", **{**usual, "usage": usage, **fields})


def rates(provider: str, model: str, day: date) -> ModelRates | None:
    return FLAT if model == "sonnet" else None


def tokens(costs: Costs, it: Budget, *lives: Live, **more: Any) -> int:
    ((stand,), _) = measure(costs, [it], now=NOW, lives=priced(lives, NOW.date(), rates), **more)
    return stand.spent.tokens


def test_each_counts_its_own_time(person: Path) -> None:
    """Of the zone that is configured: its day begins an hour before that of UTC."""
    midnight = datetime(2026, 2, 28, 23, tzinfo=UTC)
    log(person, 1, at=midnight)
    log(person, 10, at=midnight - timedelta(seconds=1))
    log(person, 100, at=midnight - timedelta(days=7))
    expected = {
        Per.DAY: (1, datetime(2026, 3, 1, 23, tzinfo=UTC)),
        Per.WEEK: (11, datetime(2026, 3, 1, 23, tzinfo=UTC)),
        # The clocks are set forward in March.
        Per.MONTH: (1, datetime(2026, 3, 31, 22, tzinfo=UTC)),
        Per.SESSION: (111, None),
    }
    budgets = [budget(name=per.value, per=per) for per in expected]
    with opened(person) as costs:
        stands, _ = measure(costs, budgets, now=NOW, sessions={"s1"})
    assert {s.budget.per: (s.spent.tokens, s.until) for s in stands} == expected


def test_each_counts_what_it_is_for(person: Path) -> None:
    """A kind of agent, a folder with all below it, models by a pattern."""
    log(person, 1)
    log(person, 10, model="claude-opus-4-5", cwd="/w/shop/web")
    log(person, 100, cwd="/w/other")
    with opened(person) as costs:
        for fields, counted in (
            ({}, 111),
            ({"agent": "claude"}, 111),
            ({"agent": "codex"}, 0),
            ({"project": "/w/shop"}, 11),
            ({"model": "claude-opus-*"}, 10),
            ({"model": "claude-*", "project": "/w"}, 111),
        ):
            assert tokens(costs, budget(**fields)) == counted, fields


def test_a_turn_under_way_counts_once(person: Path) -> None:
    """As far as its usage is known, whoever tells more of it: the protocol, or the log."""
    with opened(person) as costs:
        assert tokens(costs, budget(), live(500)) == 500, "its log shows nothing yet"
        log(person, 300)
        costs.refresh()
        assert tokens(costs, budget(), live(500)) == 500
        assert tokens(costs, budget(), live(200)) == 300
        assert tokens(costs, budget(), live(500, session="")) == 800, "nobody knows whose it is"


def test_what_was_in_the_log_before_is_not_the_turns(person: Path) -> None:
    """The session was used outside of tars, too, before the turn began."""
    log(person, 300)
    with opened(person) as costs:
        before = logged(costs, [budget()], "s1", NOW)
        assert list(before.values()) == [Spent(DOLLAR * 300 * 3 // 10**6, 300, 0)]
        assert tokens(costs, budget(), live(500, logged=before)) == 800
        log(person, 40)
        costs.refresh()
        assert tokens(costs, budget(), live(500, logged=before)) == 800
        assert logged(costs, [budget()], "", NOW) == {}


def test_a_turn_that_began_yesterday_counts_once_today(person: Path) -> None:
    """What the log had before the turn began is of another day, so that all it shows of today
    is the turn's."""
    yesterday = NOW - timedelta(days=1)
    log(person, 300, at=yesterday)
    with opened(person) as costs:
        before = logged(costs, [budget()], "s1", yesterday)
        log(person, 40)
        costs.refresh()
        assert tokens(costs, budget(), live(500, logged=before)) == 500


def test_a_turn_counts_for_the_budgets_it_is_about(person: Path) -> None:
    """Not for those of another kind, folder or model; of a session, for its own."""
    with opened(person) as costs:
        assert tokens(costs, budget(agent="codex"), live(500)) == 0
        assert tokens(costs, budget(project="/w/shop"), live(500)) == 500
        assert tokens(costs, budget(model="opus"), live(500)) == 0
        ((one, two), _) = measure(
            costs,
            [budget(per=Per.SESSION)],
            now=NOW,
            lives=priced([live(500)], NOW.date(), rates),
            sessions={"s2"},
        )
    assert [(stand.session, stand.spent.tokens) for stand in (one, two)] == [("s1", 500), ("s2", 0)]


def test_a_turn_costs_what_its_agent_says_or_the_price_list() -> None:
    """And what nobody knows the price of is unpriced."""
    two = (ModelUsage("sonnet", 100, 10), ModelUsage("nobody's", 50, 5))
    usage = TurnUsage(input=150, net=150, output=15, requests=2, models=two)
    (one,) = priced([Live("t1", "claude", usage=usage)], NOW.date(), rates)
    assert one.spent == {
        "sonnet": Spent(100 * 10**6 + 10 * 5 * 10**6, 110, 0),
        "nobody's": Spent(0, 55, 55),
    }
    told = TurnUsage(input=150, net=150, requests=1, models=two[1:], cost_microusd=7)
    (one,) = priced([Live("t1", "claude", usage=told)], NOW.date(), rates)
    assert one.spent == {"nobody's": Spent(7 * 10**6, 150, 0)}


def test_of_all_sessions_the_worst_is_told(person: Path) -> None:
    """Where nobody asks for certain ones; by those models that count."""
    log(person, 100, session="s1", model="claude-opus-4-5")
    log(person, 950, session="s2")
    log(person, 20, session="s3")
    with opened(person) as costs:
        ((stand,), _) = measure(costs, [budget(per=Per.SESSION)], now=NOW)
        assert (stand.session, stand.spent.tokens) == ("s2", 950)
        assert stand.verdict.standing is Standing.WARNED
        assert stand.advice.startswith("A new conversation (`--new`) begins anew;")
        ((stand,), _) = measure(costs, [budget(per=Per.SESSION, model="*opus*")], now=NOW)
        assert (stand.session, stand.spent.tokens) == ("s1", 100)
        ((stand,), _) = measure(costs, [budget(per=Per.SESSION, agent="codex")], now=NOW)
        assert (stand.session, stand.spent) == ("", Spent())


def test_what_cannot_be_counted_is_told(person: Path) -> None:
    """Once, whichever budgets it is missing in."""
    with opened(person) as costs:
        costs.home.store.write_bytes(b"this is no database")
        found = measure(costs, [budget(), budget(name="b", per=Per.MONTH)], now=NOW)
    assert [stand.spent for stand in found.stands] == [Spent(), Spent()]
    (problem,) = found.problems
    assert problem.startswith("What tars' own agents used is missing: ")
