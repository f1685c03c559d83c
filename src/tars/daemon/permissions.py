"""Permissions: what people answer, what is remembered of it, and which rules there are."""

from dataclasses import replace
from datetime import UTC, datetime

import anyio

from tars.control.permission_contract import (
    ForgetRequest,
    Forgotten,
    PermitRequest,
    Permitted,
    RuleList,
    RuleStatus,
)
from tars.control.wire import time_text
from tars.core import events as e
from tars.core.permission import Answerer, Pending, PermissionPolicy, Rule, allowing, refusing
from tars.daemon.choices import LONGEST_KIND, MOST_KINDS, Choice, Choices, Chosen
from tars.errors import PermissionNotFound, RequestInvalid
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder

DEFAULT = "default"


class Permissions:
    """Everything here runs on the loop's thread. A choice is on the disk before it counts."""

    def __init__(self, loop: Loop, recorder: Recorder, choices: Choices) -> None:
        self._loop = loop
        self._recorder = recorder
        self._choices = choices
        self._changing = anyio.Lock()

    async def permit(self, request_id: str, answer: PermitRequest, who: str) -> Permitted:
        """Answer a request, and the next ones like it where that is to be remembered.

        Raises PermissionNotFound and RequestInvalid, and StoreError when the choice cannot
        be kept; nothing is answered then.
        """
        name, pending = self._pending(request_id)
        option = _option(pending, answer)
        remembered = None
        if answer.remember:
            remembered = self._memorable(name, pending)
            rule = _rule(pending, option)
            choice = Choice(rule, time_text(datetime.now(UTC)), who)
            async with self._changing:
                await self._change(self._choices.with_choice(name, remembered, choice))
            log.info("permission_remembered", agent=name, tool_kind=remembered, rule=rule.value)
        self._loop.send(name, e.PermissionAnswered(request_id, option, who=who))
        if remembered is not None:
            self._answer_alike(name, remembered, _rule(pending, option))
        return Permitted(id=request_id, option=option, remembered=remembered)

    def rules(self, agent: str | None) -> RuleList:
        """List what is configured and what is remembered. Raises AgentNotFound."""
        names = list(self._loop.fleet) if agent is None else [self._loop.agent(agent).spec.name]
        configured = [rule for name in names for rule in self._configured(name)]
        return RuleList(rules=[*configured, *self._remembered(agent)])

    async def forget(self, request: ForgetRequest) -> Forgotten:
        """Forget choices; the configuration answers again. Raises StoreError."""
        wanted = self._remembered(request.agent)
        gone = [rule for rule in wanted if request.tool_kind in (None, rule.tool_kind)]
        if gone:
            async with self._changing:
                await self._change(self._choices.without(request.agent, request.tool_kind))
            log.info("permissions_forgotten", count=len(gone))
        return Forgotten(rules=gone)

    async def _change(self, chosen: Chosen) -> None:
        await self._recorder.ask_file(lambda: self._choices.write(chosen))
        self._choices.take(chosen)
        for name in list(self._loop.fleet):
            spec = self._loop.agent(name).spec
            rules = self._choices.rules(name)
            if rules != spec.permissions.remembered:
                policy = replace(spec.permissions, remembered=rules)
                self._loop.send(name, e.Configured(replace(spec, permissions=policy)))

    def _answer_alike(self, name: str, kind: str, rule: Rule) -> None:
        """What waits for the same answer has it now."""
        for pending in self._loop.agent(name).permissions:
            if pending.tool_kind == kind:
                answer = allowing if rule is Rule.ALLOW else refusing
                option = answer(pending.options)
                event = e.PermissionAnswered(pending.request_id, option, Answerer.REMEMBERED)
                self._loop.send(name, event)

    def _memorable(self, name: str, pending: Pending) -> str:
        kind, known = pending.tool_kind, self._choices.rules(name)
        if not 0 < len(kind) <= LONGEST_KIND or (len(known) >= MOST_KINDS and kind not in known):
            raise RequestInvalid(
                "The agent does not say what kind of tool this is, so it cannot be remembered.",
                advice="Answer it without --always.",
            )
        return kind

    def _pending(self, request_id: str) -> tuple[str, Pending]:
        for name, agent in self._loop.fleet.agents.items():
            for pending in agent.permissions:
                if pending.request_id == request_id:
                    return name, pending
        raise PermissionNotFound(f"Nothing waits for permission under {request_id!r}.")

    def _configured(self, name: str) -> list[RuleStatus]:
        policy = self._loop.agent(name).spec.permissions
        rules = [*policy.by_kind.items(), (DEFAULT, policy.default)]
        return [
            RuleStatus(
                agent=name,
                tool_kind=kind,
                rule=rule.value,
                source="config",
                in_force=kind == DEFAULT or policy.rule(kind)[1] is Answerer.POLICY,
            )
            for kind, rule in rules
        ]

    def _remembered(self, agent: str | None) -> list[RuleStatus]:
        return [
            RuleStatus(
                agent=name,
                tool_kind=kind,
                rule=choice.rule.value,
                source="remembered",
                chosen_at=choice.at,
                by=choice.by,
                in_force=self._in_force(name, kind),
            )
            for name, kind, choice in self._choices.all(agent)
        ]

    def _in_force(self, name: str, kind: str) -> bool:
        agent = self._loop.fleet.agents.get(name)
        policy = PermissionPolicy() if agent is None else agent.spec.permissions
        return policy.rule(kind)[1] is Answerer.REMEMBERED


def _option(pending: Pending, answer: PermitRequest) -> str | None:
    if answer.deny:
        return refusing(pending.options)
    if answer.option is None:
        return allowing(pending.options)
    for option in pending.options:
        if answer.option in (option.id, option.kind):
            return option.id
    offered = ", ".join(option.id for option in pending.options)
    raise RequestInvalid(f"{answer.option!r} is none of the options: {offered}.")


def _rule(pending: Pending, chosen: str | None) -> Rule:
    """What an option means for the next requests: only one that allows allows."""
    kinds = {option.id: option.kind for option in pending.options}
    return Rule.ALLOW if kinds.get(chosen or "", "").startswith("allow") else Rule.DENY
