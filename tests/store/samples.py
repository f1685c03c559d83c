"""Values that the tests of the store write: one turn's life, and a class of every kind."""

from datetime import UTC, datetime, timedelta

from tars.accounting.usage import TurnUsage, reconcile
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage
from tars.core.agent import Outcome
from tars.store.rows import PromptRow, TurnBegun, TurnRecord

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)

REQUESTS = (
    RequestUsage("a", "flash", 1000, 10, 0, thoughts=5, at="2026-03-01T12:00:01Z"),
    RequestUsage("b", "flash", 1100, 20, 900, thoughts=6, at="2026-03-01T12:00:02Z"),
    RequestUsage("c", "pro", 1200, 30, 1000, 3, thoughts=7, at="2026-03-01T12:00:03Z"),
)
REPORTED = ReportedUsage(3300, 60, models=(ModelTokens("flash", 3300, 60),))
USAGE: TurnUsage = reconcile(REPORTED, REQUESTS, tool_calls=2)


def prompt(id: str = "p1", text: str = "Write a haiku", agent: str = "gemini") -> PromptRow:
    return PromptRow(id, agent, text, NOON)


def begun(id: str = "p1", *, session: str | None = "s1", mark: str = "m1") -> TurnBegun:
    return TurnBegun(id, "gemini", NOON, session, "flash", mark)


def record(
    id: str = "p1",
    outcome: Outcome = Outcome.OK,
    *,
    session: str | None = "s1",
    usage: TurnUsage = USAGE,
    requests: tuple[RequestUsage, ...] = REQUESTS,
) -> TurnRecord:
    return TurnRecord(
        id,
        "gemini",
        outcome,
        NOON,
        LATER,
        5000,
        session=session,
        model="flash",
        usage=usage,
        requests=requests,
        reported=REPORTED,
    )
