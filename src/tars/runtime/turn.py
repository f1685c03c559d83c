"""A prompt on its way through the runtime: accepted, under way, and over."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tars.accounting.usage import TurnUsage, reconcile
from tars.agents.kind import History
from tars.conversation.model import ContextTold, PermissionAsked, ReportedUsage, RequestUsage
from tars.conversation.transcript import Transcript
from tars.core.agent import Outcome
from tars.errors import Fault


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as it was accepted. `session` None is the agent's current one;
    `timeout_seconds` bounds the turn once it runs."""

    id: str
    agent: str
    text: str = field(repr=False)
    session: str | None = None
    timeout_seconds: float | None = None


@dataclass(slots=True)
class LiveTurn:
    """The turn under way, as far as the runtime sees it. Times are wall clock (UTC) and
    monotonic seconds. `given`: the agent has the prompt, or is about to. `requests` are those
    that the agent's log shows, and `told` those that its protocol counted."""

    prompt: Prompt
    began_at: datetime
    began: float
    log_mark: str = ""
    given: bool = False
    session_id: str | None = None
    came_from: tuple[str | None, History | None] = (None, None)
    transcript: Transcript = field(default_factory=Transcript)
    waiting_for: str | None = None
    reported: ReportedUsage | None = None
    requests: tuple[RequestUsage, ...] | None = None
    told: tuple[RequestUsage, ...] = ()
    context: ContextTold | None = None
    permissions: dict[str, tuple[PermissionAsked, datetime]] = field(default_factory=dict)


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
