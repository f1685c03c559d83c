"""Scripts for the core: an agent, what happens to it and when; what it then has to do."""

from typing import Any

from tars.core.agent import Agent, Spec, State
from tars.core.commands import Command
from tars.core.events import (
    Event,
    HandshakeAnswered,
    PermissionAsked,
    PromptAsked,
    Spawned,
    StartAsked,
)
from tars.core.lifecycle import step
from tars.core.permission import Option

OPTIONS = (Option("proceed", "allow_once"), Option("cancel", "reject_once"))


def play(agent: Agent, *script: tuple[float, Event]) -> tuple[Agent, list[Command]]:
    """Play a script of (now, event); give the agent at its end, and all commands."""
    told: list[Command] = []
    for now, event in script:
        agent, commands = step(agent, event, now)
        told.extend(commands)
    return agent, told


def new_agent(**policy: Any) -> Agent:
    """A stopped agent called gemini; `policy` are fields of its `Spec`."""
    return Agent.new(Spec("gemini", **policy))


def starting_agent(pid: int = 7, **policy: Any) -> Agent:
    """Started at 0; its process is there."""
    agent, _ = play(new_agent(**policy), (0, StartAsked()), (0, Spawned(pid)))
    assert agent.state is State.STARTING
    return agent


def ready_agent(pid: int = 7, **policy: Any) -> Agent:
    """Ready since 0."""
    agent, _ = play(starting_agent(pid, **policy), (0, HandshakeAnswered()))
    assert agent.state is State.READY
    return agent


def busy_agent(*waiting: str, pid: int = 7, **policy: Any) -> Agent:
    """At work on the prompt p1 since 0, while others wait."""
    script = [(0, PromptAsked(prompt)) for prompt in ("p1", *waiting)]
    agent, _ = play(ready_agent(pid, **policy), *script)
    assert agent.state is State.BUSY
    return agent


def single_agent(**policy: Any) -> Agent:
    """An agent with a process per prompt: ready without one."""
    agent, told = play(new_agent(one_shot=True, **policy), (0, StartAsked()))
    assert agent.state is State.READY
    assert told == []
    return agent


def busy_single(*waiting: str, **policy: Any) -> Agent:
    """At work on p1 since 0; its process was ordered and has not come."""
    script = [(0, PromptAsked(prompt)) for prompt in ("p1", *waiting)]
    agent, _ = play(single_agent(**policy), *script)
    assert agent.state is State.BUSY
    return agent


def permission(request_id: str = "r1", tool_kind: str = "execute") -> PermissionAsked:
    return PermissionAsked(request_id, tool_kind, OPTIONS)
