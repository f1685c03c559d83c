"""What the agents of a configuration say of each other: who starts first, who stands in."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tars.config_faults import Table, suggestion
from tars.core.order import cycle

if TYPE_CHECKING:
    from tars.config_agents import AgentConfig

AGENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def judge_relations(agents: "Mapping[str, AgentConfig]", tables: Mapping[str, Table]) -> None:
    """Note a fault for each name that nobody has, and for agents that wait for each other."""
    for name, agent in agents.items():
        table = tables[name]
        for key, named in (("after", agent.after), ("fallback", agent.fallback)):
            _judge_names(table, key, name, named, agents)
        for group in agent.group:
            _judge_group(table, group, agents)
    after = {name: [n for n in a.after if n in agents and n != name] for name, a in agents.items()}
    waiting = cycle(after)
    if waiting:
        circle = " → ".join((*waiting, waiting[0]))
        tables[waiting[0]].fault("after", f"would wait for itself: {circle}")


def _judge_names(
    table: Table, key: str, name: str, named: tuple[str, ...], agents: "Mapping[str, AgentConfig]"
) -> None:
    for other in named:
        if other == name:
            table.fault(key, "names the agent itself")
        elif other not in agents:
            table.fault(key, f"there is no [agents.{other}]{suggestion(other, agents)}")


def _judge_group(table: Table, group: str, agents: "Mapping[str, AgentConfig]") -> None:
    if not AGENT_NAME.fullmatch(group):
        table.fault(
            "group",
            "not a name for a group: up to 32 lower-case letters, digits, - and _, "
            "beginning with a letter or a digit",
        )
    elif group in agents:
        table.fault("group", f"{group} is the name of an agent")
