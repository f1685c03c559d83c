"""One line for prompts and status bars: short, and nothing in it that a terminal obeys."""

import pytest
from msgspec.structs import replace

from tars.control.line_text import line
from tars.control.status_contract import (
    AgentStatus,
    DaemonStatus,
    PermissionStatus,
    Status,
    TodayStatus,
)
from tars.control.tokens_text import short


def agent(name: str, state: str, *, asks: bool = False) -> AgentStatus:
    asked = PermissionStatus(
        id="r1",
        agent=name,
        title="rm",
        tool_kind="execute",
        options=[],
        asked_at="2026-11-21T12:00:00.000Z",
        expires_in_seconds=60.0,
    )
    permissions = [asked] if asks else []
    return AgentStatus(
        name=name, kind="claude", protocol="acp", state=state, permissions=permissions
    )


def status(*agents: AgentStatus) -> Status:
    daemon = DaemonStatus(running=True, version="1")
    return Status(daemon=daemon, agents=list(agents), default_agent=agents[0].name)


def test_the_default_agent_and_what_was_spent_are_told() -> None:
    """Who else works is only counted."""
    found = status(agent("claude", "ready"), agent("codex", "busy"), agent("gemini", "ready"))
    spent = TodayStatus(cost_usd=1.23, tokens=45_678, text="$1.23")
    assert (
        line(replace(found, today=spent)) == "tars ● claude ready +1 busy · $1.23 today · 45k tok"
    )
    assert line(status(agent("claude", "ready"))) == "tars ● claude ready"


def test_what_waits_for_a_person_is_told_first() -> None:
    """A question before a fault, and a fault before the default agent."""
    usual, failed = agent("claude", "ready"), agent("codex", "failed")
    assert line(status(usual, failed)) == "tars ● codex failed"
    asking = agent("gemini", "busy", asks=True)
    assert line(status(usual, failed, asking)) == "tars ● gemini asks"


def test_colours_are_those_of_who_shows_them() -> None:
    """None unless they are asked for; and no sign beyond ASCII where that is all there is."""
    found = status(agent("claude", "failed"))
    assert line(found, style="ansi") == "tars \x1b[31m●\x1b[0m claude failed"
    assert line(found, style="tmux") == "tars #[fg=red]●#[default] claude failed"
    spent = TodayStatus(cost_usd=1.0, tokens=5, at_least=True, text="≥$1.00")
    told = line(replace(found, today=spent), ascii=True)
    assert told == "tars * claude failed | >=$1.00 today | 5 tok"
    unpriced = TodayStatus(cost_usd=None, tokens=45_678)
    assert line(replace(found, today=unpriced)).endswith(" failed · 45k tok today")


def test_names_cannot_draw() -> None:
    """A name without control characters, and not a long one."""
    told = line(status(agent("a\x1b[31m" + "b" * 100, "ready")))
    assert "\x1b" not in told
    assert len(told) < 60


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (999_999, "999k"), (4_560_000, "4.5M"), (10**9, "1G")],
)
def test_tokens_are_rounded_down(number: int, text: str) -> None:
    """Never more than there were."""
    assert short(number) == text
