"""Frozen values → config.toml: the only writer of tars' configuration.

Tars writes configuration only into files of its own making; a person's file, with its
comments, is never rewritten.
"""

from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import tomli_w

from tars.config import Config, SessionsConfig
from tars.config_agents import AgentConfig
from tars.config_budgets import budget_table, runaway_table
from tars.config_costs import tables_of
from tars.config_web import web_table
from tars.core.permission import PermissionPolicy


def dump(config: Config, *, redact: bool = False) -> str:
    """Write a configuration as TOML that `read` takes, every key with its value in force.

    `redact` puts ``***`` for the values of variables: for eyes, not for reading again.
    """
    budgets = [budget_table(budget) for budget in config.budgets]
    return tomli_w.dumps(
        {
            "default_agent": config.default_agent,
            **_present("env_file", config.env_file),
            "log_level": config.log_level,
            "log_max_bytes": config.log_max_bytes,
            "log_backups": config.log_backups,
            "store": {
                **_present("url", "***" if redact and config.store.url else config.store.url),
                "messages": config.store.messages,
            },
            "sessions": _sessions_table(config.sessions),
            "runaway": runaway_table(config.runaway),
            "web": web_table(config.web),
            **tables_of(config.history, config.prices, config.costs),
            **({"budgets": budgets} if budgets else {}),
            "agents": {
                name: _agent_table(agent, redact=redact) for name, agent in config.agents.items()
            },
        }
    )


def template() -> str:
    """The annotated example, which documents every key: what ``tars config init`` writes."""
    return Path(__file__).with_name("config.example.toml").read_text(encoding="utf-8")


def _agent_table(agent: AgentConfig, *, redact: bool) -> dict[str, Any]:
    # In the order of the dataclass, but tables last, as TOML wants them.
    table: dict[str, Any] = {}
    for key in (f.name for f in fields(agent) if f.name not in ("name", "permissions", "env")):
        value = getattr(agent, key)
        table |= _present(key, list(value) if isinstance(value, tuple) else value)
    table["permissions"] = _rules(agent.permissions)
    table["env"] = dict.fromkeys(agent.env, "***") if redact else dict(agent.env)
    return table


def _sessions_table(sessions: SessionsConfig) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for field in fields(sessions):
        table |= _present(field.name, getattr(sessions, field.name))
    return table


def _rules(policy: PermissionPolicy) -> str | dict[str, str]:
    if not policy.by_kind:
        return policy.default.value
    by_kind = {kind: rule.value for kind, rule in policy.by_kind.items()}
    return {"default": policy.default.value, **by_kind}


def _present(key: str, value: object) -> dict[str, object]:
    """The key with its value, or nothing where there is none: TOML has no null."""
    if value is None:
        return {}
    return {key: str(value) if isinstance(value, (Path, StrEnum)) else value}
