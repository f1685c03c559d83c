"""The prompts that wait, told to people: where each stands, and what holds it up."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import anyio

from tars.control.queue_contract import Queue, QueuedPrompt
from tars.control.wire import time_text
from tars.conversation.shown import line
from tars.core.agent import Agent, State
from tars.core.condition import condition
from tars.daemon.status import epoch
from tars.errors import Fault
from tars.runtime.loop import Loop
from tars.runtime.turn import Prompt

#: How much of a prompt is shown, in characters.
PREVIEW = 200
#: In these an agent begins no turn until they are over, and its condition says why.
_HELD_UP = (State.LIMITED, State.WAITING, State.FAILED, State.STARTING)


class Waiting:
    """`starts_after` names the agents that hold up one's start, `refusal` says why a budget will
    not let a prompt begin, and `keeps` whether what is said in its turn is kept."""

    def __init__(
        self,
        loop: Loop,
        *,
        starts_after: Callable[[str], list[str]],
        refusal: Callable[[Prompt], Fault | None],
        keeps: Callable[[Prompt], bool],
    ) -> None:
        self._loop = loop
        self._starts_after = starts_after
        self._refusal = refusal
        self._keeps = keeps

    def queue(self, agent: str | None) -> Queue:
        """List those of one agent, or of all. Raises AgentNotFound."""
        names = list(self._loop.fleet) if agent is None else [agent]
        return Queue(prompts=[one for name in names for one in self._of(self._loop.agent(name))])

    def _of(self, agent: Agent) -> Iterator[QueuedPrompt]:
        why, until = self._held_up(agent)
        before = int(agent.under_way is not None)
        for position, turn in enumerate(agent.queue.waiting, before):
            prompt = self._loop.prompt(turn)
            if prompt is not None:
                yield self._told(prompt, position, why, until)

    def _told(self, prompt: Prompt, position: int, why: str, until: str | None) -> QueuedPrompt:
        fault = None if why else self._refusal(prompt)
        if fault is not None:
            why, until = f"{fault.sentence} {fault.advice}".strip(), epoch(fault.until)
        return QueuedPrompt(
            turn=prompt.id,
            agent=prompt.agent,
            position=position,
            asked_at=time_text(prompt.asked_at or datetime.now(UTC)),
            session=prompt.session,
            preview=line(prompt.text[:PREVIEW], 10 * PREVIEW) if self._keeps(prompt) else "",
            size=len(prompt.text),
            waits_for=why,
            until=until,
        )

    def _held_up(self, agent: Agent) -> tuple[str, str | None]:
        """Say why an agent begins no turn now, and until when; nothing where it does."""
        name = agent.spec.name
        if first := self._starts_after(name):
            return f"{', '.join(first)} has to start first.", None
        if agent.state not in _HELD_UP:
            return "", None
        now = anyio.current_time()
        found = condition(agent, self._loop.drivers[name].signs, now, time.time())
        # A handshake has a deadline, which is no moment at which it will be there.
        known = agent.state is not State.STARTING and found.until is not None
        left = found.until - now if known and found.until is not None else None
        return found.evidence, None if left is None else epoch(time.time() + max(0.0, left))
