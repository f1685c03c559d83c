"""What config.toml does about what is spent → frozen values: `[[budgets]]` and `[runaway]`."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from tars.accounting.budget import Action, Budget, Per, Unpriced
from tars.accounting.rates import DOLLAR
from tars.accounting.runaway import Reaction, RunawayConfig, Severity
from tars.agents.registry import KINDS
from tars.config_costs import LOG_AGENTS
from tars.config_faults import Notes, Table, listed, read_text
from tars.errors import ConfigInvalid
from tars.home import Home

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
#: More is a slip, and no sum that anybody means.
_MOST_DOLLARS = 10**9

_Word = TypeVar("_Word", bound=StrEnum)
#: The thresholds of `[runaway]` that are whole numbers.
_COUNTS = ("repeats", "errors", "oscillations", "jump_tokens", "context_tokens", "turn_tokens")


def read_budgets(root: Table, kinds: Mapping[str, str] | None = None) -> tuple[Budget, ...]:
    """Read ``[[budgets]]``, in the order of the file. `kinds` tells of each configured agent what
    kind it is, where that is known."""
    found: list[Budget] = []
    for table in root.tables("budgets"):
        budget = _budget(table, kinds or {})
        if budget.name in (other.name for other in found):
            table.fault("name", f"another budget is called {budget.name}")
        table.refuse_unknown()
        found.append(budget)
    return tuple(found)


def read_runaway(table: Table) -> RunawayConfig:
    """Read ``[runaway]``."""
    usual = RunawayConfig()
    found = RunawayConfig(
        enabled=table.flag("enabled", default=usual.enabled),
        action=_word(table, "action", usual.action, Reaction),
        least=_word(table, "least", usual.least, Severity),
        wait_seconds=table.seconds("wait_seconds", usual.wait_seconds, zero=True),
        cooldown_seconds=table.seconds("cooldown_seconds", usual.cooldown_seconds, zero=True),
        **{key: table.count(key, getattr(usual, key)) for key in _COUNTS},
    )
    table.refuse_unknown()
    return found


def budgets_of(home: Home) -> tuple[Budget, ...]:
    """Read the budgets of a home, and nothing else of its config.toml.

    Raises ConfigInvalid with every fault of these tables.
    """
    if not os.path.lexists(home.config):
        return ()
    notes = Notes()
    try:
        values = tomllib.loads(read_text(home.config))
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(
            str(home.config), (f"{home.config}: not valid TOML: {error}",)
        ) from None
    found = read_budgets(Table(values, "", notes))
    if notes.faults:
        raise ConfigInvalid(str(home.config), tuple(f"{home.config}: {f}" for f in notes.faults))
    return found


def budget_table(budget: Budget) -> dict[str, Any]:
    """Give a budget as its table in config.toml, every key with its value in force."""
    limit = None if budget.limit is None else budget.limit / DOLLAR
    table = {"name": budget.name, "per": budget.per.value, "limit_usd": limit}
    table |= {"max_tokens": budget.max_tokens}
    table |= {key: getattr(budget, key) or None for key in ("agent", "project", "model")}
    table |= {"warn_at": budget.warn_at, "action": budget.action.value}
    table |= {"unpriced": budget.unpriced.value}
    return {key: value for key, value in table.items() if value is not None}


def runaway_table(config: RunawayConfig) -> dict[str, Any]:
    """Give the table ``[runaway]``."""
    values = {each.name: getattr(config, each.name) for each in fields(config)}
    return {k: v.value if isinstance(v, StrEnum) else v for k, v in values.items()}


def _budget(table: Table, kinds: Mapping[str, str]) -> Budget:
    name = table.text("name", "")
    if not _NAME.fullmatch(name):
        table.fault("name", "must be up to 32 letters, digits, -, _ and ., the first no sign")
    if "per" not in table:
        table.fault("per", f"is missing: {', '.join(Per)}")
    limit = _dollars(table, "limit_usd")
    tokens = table.count("max_tokens", 0, at_least=1) or None
    if "limit_usd" not in table and "max_tokens" not in table:
        table.fault("limit_usd", "is missing: a budget bounds limit_usd, max_tokens, or both")
    project = table.path("project")
    return Budget(
        name=name,
        per=_word(table, "per", Per.DAY, Per),
        limit=limit,
        max_tokens=tokens,
        agent=_agent(table, kinds),
        project="" if project is None else str(project),
        model=table.text("model", ""),
        warn_at=_share(table, "warn_at", 0.8),
        action=_word(table, "action", Action.WARN, Action),
        unpriced=_word(table, "unpriced", Unpriced.WARN, Unpriced),
    )


def _agent(table: Table, kinds: Mapping[str, str]) -> str:
    """An agent is counted by its kind: its log does not know its name under tars."""
    agent = table.text("agent", "")
    kind = kinds.get(agent)
    if kind is not None and agent not in kinds.values():
        table.fault("agent", f'costs are counted by kind of agent: {agent} is one of "{kind}"')
    known = sorted({*KINDS, *LOG_AGENTS, *kinds.values()})
    if agent and kind is None and agent not in known:
        table.warn("agent", f"nothing counts, for there is no such kind: {listed(known, agent)}")
    return agent


def _dollars(table: Table, key: str) -> int | None:
    value = table.number(key)
    if value is None:
        return None
    if not 0 < value <= _MOST_DOLLARS:
        table.fault(key, f"must be more than 0, and at most {_MOST_DOLLARS:,}")
        return None
    # What was typed, and not what is next to it in binary.
    return max(1, int(Decimal(repr(value)) * DOLLAR))


def _share(table: Table, key: str, default: float) -> float:
    value = table.number(key)
    if value is None:
        return default
    if not 0 < value <= 1:
        table.fault(key, "must be more than 0 and at most 1: 0.8 is 80 %")
        return default
    return float(value)


def _word(table: Table, key: str, default: _Word, words: type[_Word]) -> _Word:
    return words(table.text(key, default.value, choices=[word.value for word in words]))
