"""What the core and the runtime know, as the wire says it."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from tars.accounting.usage import TurnUsage
from tars.control import contract as w
from tars.control.wire import time_text
from tars.conversation.model import ContextTold, Limit, PermissionAsked
from tars.core.agent import Agent, Outcome, State
from tars.core.commands import AnswerPermission
from tars.core.condition import Condition, condition
from tars.core.permission import Pending
from tars.errors import Fault
from tars.runtime.driver import Driver
from tars.runtime.turn import LiveTurn, Prompt, TurnReport
from tars.sessions.session_file import SessionFields
from tars.store.rows import SessionMarks


def agent_status(
    agent: Agent,
    driver: Driver,
    now: float,
    *,
    groups: Iterable[str] = (),
    waits_for: Iterable[str] = (),
    tokens: w.TokensStatus | None = None,
    session_name: str | None = None,
) -> w.AgentStatus:
    """Describe one agent at monotonic time `now`, in seconds."""
    session = None if driver.session_id is None else driver.session_id
    return w.AgentStatus(
        name=driver.name,
        kind=driver.kind.name,
        protocol=driver.setup.protocol,
        state=agent.state.value,
        condition=condition_status(condition(agent, driver.signs, now, time.time()), now),
        pid=agent.pid,
        uptime_seconds=0.0 if agent.began is None else round(now - agent.began, 3),
        restarts=agent.restarts.total,
        rss_bytes=driver.vitals.rss_bytes,
        cpu_percent=driver.vitals.cpu_percent,
        queued=len(agent.queue),
        turn=turn_status(driver.turn or driver.held, now),
        session=w.SessionRef(id=session, name=session_name),
        last_error=fault_status(agent.fault),
        next_attempt_in_seconds=_next_attempt(agent, now),
        permissions=permissions(agent, driver, now),
        version=driver.agent_version,
        groups=list(groups),
        waits_for=list(waits_for),
        limits=[limit_status(limit) for limit in driver.told.limits.values()],
        context=context_status(driver.told.context),
        tokens=tokens,
        unrecognised=dict(driver.told.unrecognised),
        model=driver.setup.model or driver.model,
        mode=driver.setup.mode or driver.told.mode,
    )


def condition_status(now_is: Condition, now: float) -> w.ConditionStatus:
    """Say a condition at monotonic time `now`; its end counts down, and is a wall-clock time."""
    until = now_is.until
    left = None if until is None else max(0.0, until - now)
    return w.ConditionStatus(
        word=now_is.word.value,
        evidence=now_is.evidence,
        since_seconds=round(max(0.0, now - now_is.since), 1),
        until=None if left is None else epoch(time.time() + left),
        remaining_seconds=None if left is None else round(left, 1),
    )


def turn_status(turn: LiveTurn | None, now: float) -> w.TurnStatus | None:
    if turn is None:
        return None
    return w.TurnStatus(
        id=turn.prompt.id,
        started_at=time_text(turn.began_at),
        elapsed_seconds=round(now - turn.began, 3),
        waiting_for="permission" if turn.permissions else turn.waiting_for,
        input_tokens=sum(r.input for r in turn.requests or ()),
        output_tokens=sum(r.output for r in turn.requests or ()),
        notices=list(turn.notices),
    )


def permissions(agent: Agent, driver: Driver, now: float) -> list[w.PermissionStatus]:
    """The requests that wait for a person; those that the policy answered are not here."""
    if driver.turn is None or not agent.permissions:
        return []
    asked = driver.turn.permissions
    return [
        permission_status(driver.name, pending, *asked[pending.request_id], now)
        for pending in agent.permissions
        if pending.request_id in asked
    ]


def permission_status(
    agent: str, pending: Pending, asked: PermissionAsked, at: datetime, now: float
) -> w.PermissionStatus:
    return w.PermissionStatus(
        id=pending.request_id,
        agent=agent,
        title=asked.title,
        tool_kind=asked.tool_kind,
        options=[w.OptionStatus(id=o.id, name=o.name, kind=o.kind) for o in asked.options],
        asked_at=time_text(at),
        expires_in_seconds=round(max(0.0, pending.deadline - now), 1),
        tool_call=asked.call_id,
        details=asked.details,
    )


def answer_data(asked: PermissionAsked | None, answer: AnswerPermission) -> dict[str, object]:
    """Who answered a request, and how: no title, which may quote a command or a secret."""
    kinds = {option.id: option.kind for option in asked.options} if asked is not None else {}
    kind = kinds.get(answer.option_id or "", "")
    allowed = kind.startswith("allow")
    return {
        "requestId": answer.request_id,
        "toolKind": "" if asked is None else asked.tool_kind,
        "answer": "allow" if allowed else "deny" if answer.option_id else "cancelled",
        "optionKind": kind,
        "by": answer.by.value,
        "who": answer.who,
    }


def fault_status(fault: Fault | None) -> w.FaultStatus | None:
    if fault is None:
        return None
    return w.FaultStatus(
        kind=fault.kind.value, message=fault.sentence, advice=fault.advice, until=epoch(fault.until)
    )


def session_status(session: SessionFields | None) -> w.SessionFields | None:
    if session is None:
        return None
    return w.SessionFields(
        session_id=session.session_id,
        created_at=session.created_at,
        total_input_tokens=session.total_input_tokens,
        total_output_tokens=session.total_output_tokens,
        total_cached_tokens=session.total_cached_tokens,
        total_net_tokens=session.total_net_tokens,
        interaction_count=session.interaction_count,
        last_interaction_at=session.last_interaction_at,
        last_input_tokens=session.last_input_tokens,
    )


def tokens_status(
    session: SessionFields | None, marks: SessionMarks | None
) -> w.TokensStatus | None:
    """Say the sums of a session, and how they are to be read where that is known."""
    if session is None:
        return None
    if marks is None or marks.session != session.session_id:
        marks = SessionMarks(session.session_id)
    return w.TokensStatus(
        context=session.total_input_tokens,
        net_input=session.total_net_tokens,
        output=session.total_output_tokens,
        counted=marks.counted,
        at_least=marks.at_least,
        context_is_sum=marks.context_is_sum,
        cached=session.total_cached_tokens,
    )


def usage_status(usage: TurnUsage) -> w.Usage:
    return w.Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cached_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        thought_tokens=usage.thoughts,
        net_tokens=usage.net,
        context_tokens=usage.context,
        requests=usage.requests,
        tool_calls=usage.tool_calls,
        source=usage.source.value,
        subagent_tokens=usage.subagent_tokens,
        at_least=usage.at_least,
        context_is_sum=usage.context_is_sum,
    )


def turn_result(agent: str, report: TurnReport) -> w.TurnResult:
    return w.TurnResult(
        turn=report.prompt.id,
        agent=agent,
        session=report.session_id,
        outcome=report.outcome.value,
        text=report.text,
        model=report.model or None,
        duration_ms=report.duration_ms,
        usage=usage_status(report.usage),
        cost_usd=_dollars(report.usage.cost_microusd),
        error=fault_status(report.fault),
        fell_back_from=list(report.prompt.fell_back_from),
    )


def _dollars(microusd: int | None) -> float | None:
    return None if microusd is None else microusd / 1_000_000


def unanswered(prompt: Prompt, outcome: Outcome, fault: Fault | None) -> w.TurnResult:
    """The result of a prompt that had no turn."""
    return w.TurnResult(
        turn=prompt.id,
        agent=prompt.agent,
        outcome=outcome.value,
        error=fault_status(fault),
        fell_back_from=list(prompt.fell_back_from),
    )


def limit_status(limit: Limit) -> w.LimitStatus:
    return w.LimitStatus(
        name=limit.name,
        used_percent=limit.used_percent,
        resets_at=epoch(limit.resets_at),
        status=limit.status,
    )


def context_status(context: ContextTold | None) -> w.ContextStatus | None:
    return None if context is None else w.ContextStatus(used=context.used, size=context.size)


def epoch(seconds: float | None) -> str | None:
    """A moment in seconds since the epoch as the wire says it; None for one that is none."""
    try:
        return None if seconds is None else time_text(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None  # an agent may say anything


def _next_attempt(agent: Agent, now: float) -> float | None:
    if agent.state is not State.WAITING or agent.deadline is None:
        return None
    return round(max(0.0, agent.deadline - now), 3)
