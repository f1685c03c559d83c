"""Prompts on their way from an agent that failed them to the next one.

`core.fallback` decides; here the next attempt is made, and whoever waits for the prompt
goes on waiting for that. The failed attempt and the next one are saved in one go, so that
a daemon that ends in between has lost nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from tars.control import contract as w
from tars.control.feed import Feed
from tars.control.wire import time_text
from tars.core import events as e
from tars.core.agent import Agent, State
from tars.core.fallback import (
    Attempt,
    earlier_attempts,
    falls_back,
    next_agent,
    next_attempt,
    passed_over,
)
from tars.core.restart import When
from tars.errors import Fault, FaultKind
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.turn import Prompt, TurnReport

SLACK_SECONDS = 0.05

Chains = Mapping[str, Sequence[str]]


class Fallbacks:
    """`chains` tells who stands in for whom, as it is configured now, and `bars` whether a
    budget keeps an agent from a prompt."""

    def __init__(self, loop: Loop, feed: Feed, chains: Callable[[], Chains]) -> None:
        self._loop = loop
        self._feed = feed
        self._chains = chains
        self.bars: Callable[[str, Prompt], bool] = _nobody_bars
        self._now_at: dict[str, str] = {}
        self._unwanted: set[str] = set()
        self._closed = False

    def after_turn(self, report: TurnReport) -> Prompt | None:
        """Give the next attempt at a prompt whose turn ended, if there is to be one."""
        prompt, seconds = report.prompt, report.duration_ms / 1000
        limit = prompt.timeout_seconds or float("inf")
        if prompt.agent in self._loop.fleet.agents:
            limit = min(limit, self._loop.agent(prompt.agent).spec.turn_seconds)
        attempt = Attempt(
            report.outcome,
            report.fault,
            bound=_bound(prompt),
            # The core counts from a moment before the runtime does.
            over_limit=seconds + SLACK_SECONDS >= limit,
        )
        return self._plan(prompt, attempt, seconds)

    def after_drop(self, prompt: Prompt, attempt: Attempt) -> Prompt | None:
        """Give the next attempt at a prompt that its agent never saw."""
        return self._plan(prompt, replace(attempt, bound=_bound(prompt)), 0.0)

    def begin(self, failed: Prompt, fault: Fault | None, following: Prompt) -> bool:
        """Let the next attempt begin; it is saved. False when tars is stopping: it is kept."""
        reason = "The agent failed the turn." if fault is None else fault.message
        fell_back = w.FellBack(
            from_agent=failed.agent,
            to_agent=following.agent,
            turn=following.id,
            reason=reason,
            kind=None if fault is None else fault.kind.value,
            passed_over=list(
                passed_over(following.fell_back_from, self._chains(), following.agent)
            ),
        )
        self._feed.publish_turn(failed.id, "fallback", fell_back)
        self._feed.hand_over(failed.id, following.id)
        self._feed.publish_event(_told(fell_back))
        log.info("fell_back", agent=failed.agent, to=following.agent, turn=following.id)
        if self._closed:
            return False
        self._loop.submit(following)
        if following.id in self._unwanted:
            self._unwanted.discard(following.id)
            self._loop.send(following.agent, e.CancelAsked(following.id))
        return True

    def current(self, prompt: str) -> str:
        """Name the attempt that is made now of a prompt that was accepted under this id."""
        return self._now_at.get(_first(prompt), prompt)

    def handed_on(self, agent: str) -> str | None:
        """Name a prompt that this agent failed and that another one has now, if there is one."""
        prompts = map(self._loop.prompt, self._now_at.values())
        return next((p.id for p in prompts if p is not None and agent in p.fell_back_from), None)

    def cancel(self, prompt: str) -> bool:
        """Cancel an attempt that is not there yet, as soon as it is; False for any other."""
        planned = prompt in self._now_at.values() and self._loop.prompt(prompt) is None
        if planned:
            self._unwanted.add(prompt)
        return planned

    def over(self, prompt: Prompt) -> None:
        """Forget a prompt that has ended."""
        self._unwanted.discard(self._now_at.pop(_first(prompt.id), ""))

    def close(self) -> None:
        """Nothing falls back any more: tars stops, and its agents with it."""
        self._closed = True

    def _plan(self, prompt: Prompt, attempt: Attempt, seconds: float) -> Prompt | None:
        following = None
        if not self._closed and falls_back(attempt):
            tried = (*prompt.fell_back_from, prompt.agent)
            able = partial(self._able, prompt)
            name = next_agent(tried, self._chains(), able)
            if name is not None:
                following = _following(prompt, name, tried, seconds)
        if following is None:
            self.over(prompt)
        else:
            self._now_at[_first(prompt.id)] = following.id
        return following

    def _able(self, prompt: Prompt, name: str) -> bool:
        agent = self._loop.fleet.agents.get(name)
        if agent is None or agent.state is State.LIMITED or unavailable(agent) is not None:
            return False
        if agent.state is not State.READY and agent.queue.full:
            return False
        return not self.bars(name, prompt)


def unavailable(agent: Agent) -> Fault | None:
    """Why this agent takes no prompt now: it failed, or somebody stopped it. None if it does."""
    if agent.state is State.FAILED and agent.fault is not None:
        return agent.fault
    if agent.state is not State.STOPPED or agent.wanted:
        return None
    if agent.spec.restart.when is When.NEVER and agent.fault is not None:
        return agent.fault
    name = agent.spec.name
    advice = f"`tars start {name}` starts it."
    return Fault(FaultKind.STOPPED, f"The agent {name} is stopped.", advice)


def _nobody_bars(agent: str, prompt: Prompt) -> bool:  # noqa: ARG001
    return False


def _bound(prompt: Prompt) -> bool:
    """Whether somebody named the session: no other agent has it."""
    return prompt.session is not None and not prompt.wishes.joins


def _following(prompt: Prompt, agent: str, tried: tuple[str, ...], seconds: float) -> Prompt:
    """The time that the person gives a turn is for all attempts together. A name was for the
    session of the first."""
    left, wishes = prompt.timeout_seconds, prompt.wishes
    new = wishes.new and not wishes.joins
    return replace(
        prompt,
        session=None,
        wishes=replace(wishes, new=new, joins="", name=None),
        id=next_attempt(prompt.id),
        agent=agent,
        fell_back_from=tried,
        before=None,
        timeout_seconds=None if left is None else max(left - seconds, 0.001),
    )


def _first(prompt: str) -> str:
    return (*earlier_attempts(prompt), prompt)[0]


def _told(fell_back: w.FellBack) -> w.FeedEvent:
    return w.FeedEvent(
        event="fallback",
        agent=fell_back.from_agent,
        at=time_text(datetime.now(UTC)),
        data={
            "to": fell_back.to_agent,
            "turn": fell_back.turn,
            "reason": fell_back.reason,
            "kind": fell_back.kind,
            "passedOver": fell_back.passed_over,
        },
    )
