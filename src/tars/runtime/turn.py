"""A prompt on its way through the runtime: accepted, under way, and over."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tars.accounting.usage import TurnUsage, reconcile
from tars.agents.kind import History
from tars.conversation.model import (
    ContextTold,
    ModelTokens,
    PermissionAsked,
    ReportedUsage,
    RequestUsage,
    Stop,
)
from tars.conversation.transcript import Transcript
from tars.core.agent import Outcome
from tars.core.health import Delay
from tars.errors import Fault
from tars.store.rows import Wishes

#: How a turn ended, in the protocol's words and in ours.
OUTCOMES = {
    Stop.DONE: Outcome.OK,
    Stop.LIMIT: Outcome.OK,
    Stop.CANCELLED: Outcome.CANCELLED,
    Stop.REFUSED: Outcome.REFUSED,
    Stop.ERROR: Outcome.ERROR,
}


#: The outcomes of turns that the agent did not end itself.
_CUT_SHORT = (Outcome.INTERRUPTED, Outcome.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Before:
    """What the first attempt at a turn had used when it was held, with which an earlier daemon
    left it; `log_mark` is how far the log of its session had been read when it began, and
    `said` how many messages and tool calls it brought."""

    began_at: datetime
    session: str | None = None
    log_mark: str = ""
    reported: ReportedUsage | None = None
    requests: tuple[RequestUsage, ...] = ()
    told: tuple[RequestUsage, ...] = ()
    said: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it was accepted. `session` None is the agent's current one;
    `timeout_seconds` bounds the turn once it runs. `fell_back_from` are the agents that
    failed it before, in their order, and `before` is its attempt under an earlier daemon.
    `wishes` are for the session that it goes to. `asked_at` is when it was accepted."""

    id: str
    agent: str
    text: str = field(repr=False)
    session: str | None = None
    timeout_seconds: float | None = None
    fell_back_from: tuple[str, ...] = ()
    before: Before | None = None
    wishes: Wishes = field(default_factory=Wishes)
    asked_at: datetime | None = None

    def begin(self, began: float, session: str | None, log_mark: str = "") -> "LiveTurn":
        """Make the turn that begins now, at monotonic time `began`; an attempt before counts."""
        turn = LiveTurn(self, datetime.now(UTC), began, log_mark, session_id=session)
        if self.before is not None:
            turn.reported_before, turn.told = self.before.reported, self.before.told
            turn.requests = self.before.requests or None
        return turn

    def mark_of(self, session: str | None) -> str:
        """Give where the log of this session stood before the first attempt, or ""."""
        known = self.before is not None and self.before.session == session
        return self.before.log_mark if self.before is not None and known else ""


@dataclass(slots=True)
class LiveTurn:
    """The turn under way, as far as the runtime sees it. Times are wall clock (UTC) and
    monotonic seconds. `given`: the agent has the prompt, or is about to. `requests` are those
    that the agent's log shows, and `told` those that its protocol counted. `delay` is
    what it waits for, and `progressed_at` when it last got on. `notices` are sentences on what
    somebody who watches found wrong with it."""

    prompt: Prompt
    began_at: datetime
    began: float
    log_mark: str = ""
    given: bool = False
    session_id: str | None = None
    came_from: tuple[str | None, History | None] = (None, None)
    transcript: Transcript = field(default_factory=Transcript)
    delay: Delay | None = None
    progressed_at: float | None = None
    reported: ReportedUsage | None = None
    reported_before: ReportedUsage | None = None
    requests: tuple[RequestUsage, ...] | None = None
    told: tuple[RequestUsage, ...] = ()
    context: ContextTold | None = None
    permissions: dict[str, tuple[PermissionAsked, datetime]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def leaves_no_session(self) -> bool:
        """Whether the next prompt goes where this one came from: its new conversation was not to
        be kept, or never came to be."""
        wishes = self.prompt.wishes
        return wishes.unrecorded or (wishes.new and self.session_id is None)

    @property
    def waiting_for(self) -> str | None:
        return None if self.delay is None else self.delay.reason


@dataclass(frozen=True, slots=True)
class TurnReport:
    """A turn that is over, with all that is known of it."""

    prompt: Prompt
    session_id: str | None
    began_at: datetime
    ended_at: datetime
    duration_ms: int
    outcome: Outcome
    fault: Fault | None
    text: str = field(repr=False)
    model: str
    usage: TurnUsage
    requests: tuple[RequestUsage, ...]
    reported: ReportedUsage | None
    told: tuple[RequestUsage, ...] = ()


def added(before: ReportedUsage | None, now: ReportedUsage | None) -> ReportedUsage | None:
    """Add up what the agent reported of two attempts at one turn. One that it did not report
    leaves no more than a lower bound, except where there was nothing to report before."""
    if before is None:
        return now
    if now is None:
        return replace(before, at_least=True)
    return ReportedUsage(
        before.input + now.input,
        before.output + now.output,
        _sum(before.cached, now.cached),
        _sum(before.thoughts, now.thoughts),
        _models(before.models + now.models),
        _sum(before.cache_write, now.cache_write),
        _sum(before.cost_microusd, now.cost_microusd),
        before.requests + now.requests,
        before.at_least or now.at_least,
    )


def _models(told: tuple[ModelTokens, ...]) -> tuple[ModelTokens, ...]:
    models: dict[str, ModelTokens] = {}
    for more in told:
        known = models.get(more.model)
        models[more.model] = more if known is None else _both(known, more)
    return tuple(models.values())


def _both(one: ModelTokens, other: ModelTokens) -> ModelTokens:
    return ModelTokens(
        one.model,
        one.input + other.input,
        one.output + other.output,
        _sum(one.cached, other.cached),
        _sum(one.thoughts, other.thoughts),
        _sum(one.cache_write, other.cache_write),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def report(
    turn: LiveTurn, outcome: Outcome, fault: Fault | None, *, now: float, model: str
) -> TurnReport:
    """Close a turn at monotonic time `now`, with what its agent's log has shown so far.

    `model` is the agent's, for the turns whose requests do not name theirs.
    """
    usage = reconcile(
        turn.reported, turn.requests, told=turn.told, tool_calls=turn.transcript.tool_calls
    )
    if usage.context_is_sum and turn.context is not None:
        usage = replace(usage, context=turn.context.used, context_is_sum=False)
    if turn.reported is None and outcome in _CUT_SHORT:
        # The request under way is billed, and nobody will tell any more.
        usage = replace(usage, at_least=True)
    return TurnReport(
        prompt=turn.prompt,
        session_id=turn.session_id,
        began_at=turn.began_at,
        ended_at=datetime.now(UTC),
        duration_ms=round((now - turn.began) * 1000),
        outcome=outcome,
        fault=fault,
        text=turn.transcript.text,
        model=_main_model(usage) or model,
        usage=usage,
        requests=turn.requests or (),
        reported=turn.reported,
        told=turn.told,
    )


def _main_model(usage: TurnUsage) -> str:
    """The model that most of the turn's tokens went to."""
    return max(usage.models, key=lambda m: m.input + m.output).model if usage.models else ""
