"""What the runtime knows, as the store and session.json keep it."""

import uuid
from datetime import UTC, datetime, timedelta

from tars.accounting.usage import reconcile
from tars.control.wire import time_text
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tars.errors import Fault
from tars.history.timestamps import milliseconds
from tars.runtime.turn import Before, LiveTurn, Prompt, TurnReport
from tars.sessions.session_file import SessionFields
from tars.store.rows import Arrival, PromptRow, SessionRow, TurnAttempt, TurnBegun, TurnRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begun(agent: str, turn: LiveTurn) -> TurnBegun:
    return TurnBegun(
        id=turn.prompt.id,
        agent=agent,
        began_at=turn.began_at,
        session=turn.session_id,
        log_mark=turn.log_mark,
    )


def record(
    agent: str,
    report: TurnReport,
    said: tuple[Arrival, ...] = (),
    *,
    unrecorded: bool = False,
) -> TurnRecord:
    return TurnRecord(
        id=report.prompt.id,
        agent=agent,
        outcome=report.outcome,
        began_at=report.began_at,
        ended_at=report.ended_at,
        duration_ms=report.duration_ms,
        session=report.session_id,
        model=report.model,
        usage=report.usage,
        requests=report.requests,
        reported=report.reported,
        fault=report.fault,
        told=report.told,
        said=said,
        unrecorded=unrecorded,
    )


def unbegun(foreseen: TurnBegun, outcome: Outcome, fault: Fault | None, at: datetime) -> TurnRecord:
    """Close the row of a turn that the agent never saw: it used nothing and counts for nothing."""
    return TurnRecord(
        id=foreseen.id,
        agent=foreseen.agent,
        outcome=outcome,
        began_at=foreseen.began_at,
        ended_at=at,
        duration_ms=0,
        session=foreseen.session,
        fault=fault,
        prompted=False,
    )


def given_up(prompt: Prompt, before: Before, outcome: Outcome, fault: Fault | None) -> TurnReport:
    """Close a turn whose second attempt, under this daemon, never began."""
    return TurnReport(
        prompt=prompt,
        session_id=before.session,
        began_at=before.began_at,
        ended_at=datetime.now(UTC),
        duration_ms=0,
        # The agent did not refuse it: it was tried.
        outcome=Outcome.INTERRUPTED if outcome is Outcome.REFUSED else outcome,
        fault=fault,
        text="",
        model="",
        usage=reconcile(before.reported, before.requests or None, told=before.told),
        requests=before.requests,
        reported=before.reported,
        told=before.told,
    )


def prompt_row(prompt: Prompt, at: datetime) -> PromptRow:
    return PromptRow(
        id=prompt.id,
        agent=prompt.agent,
        text=prompt.text,
        asked_at=at,
        session=prompt.session,
        timeout_seconds=prompt.timeout_seconds,
        fell_back_from=prompt.fell_back_from,
        wishes=prompt.wishes,
    )


def prompt_of(row: PromptRow) -> Prompt:
    return Prompt(
        row.id,
        row.agent,
        row.text,
        row.session,
        row.timeout_seconds,
        row.fell_back_from,
        wishes=row.wishes,
        asked_at=row.asked_at,
    )


def before(turn: TurnBegun, attempt: TurnAttempt) -> Before:
    return Before(
        turn.began_at,
        turn.session,
        turn.log_mark,
        attempt.reported,
        attempt.requests,
        attempt.told,
        attempt.said,
    )


def session_fields(row: SessionRow) -> SessionFields:
    at = row.last_interaction_at
    return SessionFields(
        session_id=row.id,
        created_at=time_text(row.created_at),
        total_input_tokens=row.total_input_tokens,
        total_output_tokens=row.total_output_tokens,
        total_cached_tokens=row.total_cached_tokens,
        total_net_tokens=row.total_net_tokens,
        interaction_count=row.interaction_count,
        last_interaction_at=None if at is None else time_text(at),
        last_input_tokens=row.last_input_tokens,
    )


def background(
    agent: str, session_id: str, requests: tuple[RequestUsage, ...], at: datetime
) -> TurnRecord:
    """Give the record of tokens that belong to no turn. It began with the first request of it, so
    that what the agent's log has of it is known to be counted."""
    told = (milliseconds(request.at) for request in requests)
    began = min((_EPOCH + timedelta(milliseconds=each) for each in told if each), default=at)
    usage = reconcile(None, requests)
    return TurnRecord(
        id=f"background-{uuid.uuid4().hex[:12]}",
        agent=agent,
        outcome=Outcome.OK,
        began_at=min(began, at),
        ended_at=at,
        duration_ms=0,
        session=session_id,
        model=usage.models[0].model if usage.models else "",
        usage=usage,
        requests=requests,
        prompted=False,
    )
