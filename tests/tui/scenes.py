"""Agents at work, budgets, and prompts that wait: what the views show besides sessions."""

from datetime import timedelta

from msgspec.structs import replace

from tars.control import contract as c
from tars.control.queue_contract import QueuedPrompt
from tars.control.wire import time_text
from tests.support.scripted_home import NOW, ScriptedHome

ASKED = c.PermissionStatus(
    id="p-1",
    agent="codex",
    title="rm -r build && make",
    tool_kind="execute",
    options=[
        c.OptionStatus(id="once", name="Allow once", kind="allow_once"),
        c.OptionStatus(id="no", name="Reject", kind="reject_once"),
    ],
    asked_at=time_text(NOW - timedelta(seconds=20)),
    expires_in_seconds=280.0,
    details="rm -r build && make\nin /home/me/app [bold]\x1b[2J",
)


def at_work(home: ScriptedHome) -> None:
    """Have one agent in each of the states that people look for, in a furnished home."""
    told = {agent.name: agent for agent in home.backend.told}
    claude = replace(
        told["claude"],
        state="busy",
        pid=101,
        uptime_seconds=7300.0,
        rss_bytes=310 << 20,
        cpu_percent=12.5,
        context=c.ContextStatus(used=86_000, size=200_000),
        tokens=c.TokensStatus(context=86_000, net_input=12_000, output=4_000),
        turn=c.TurnStatus(id="t-5", started_at="", elapsed_seconds=75.0, output_tokens=1_200),
        session=c.SessionRef(id="0b1e4c3a-7d65-4c19-9a52-0c7b1d2f3e4a", name="login form"),
        model="opus",
        queued=2,
        version="2.1.316",
    )
    codex = replace(
        told["codex"], state="busy", pid=102, uptime_seconds=60.0, permissions=[ASKED], restarts=1
    )
    fault = c.FaultStatus(kind="auth", message="The key is wrong.", advice="Set GEMINI_API_KEY.")
    gemini = replace(told["gemini"], state="failed", last_error=fault)
    home.backend.told = [claude, codex, gemini, told["echo"]]
    home.backend.today = c.TodayStatus(cost_usd=1.2345, tokens=265_500)
    home.backend.planned = [
        c.BudgetStatus(
            name="daily",
            per="day",
            action="stop",
            standing="warned",
            share=0.85,
            reason="daily: $8.50 of $10.00 are spent.",
            spent_usd=8.5,
            limit_usd=10.0,
        )
    ]
    home.backend.waiting = [
        QueuedPrompt(
            turn=f"t-{number}",
            agent="claude",
            position=number,
            asked_at=time_text(NOW - timedelta(minutes=number)),
            preview=text,
            size=len(text),
        )
        for number, text in ((6, "Then write the tests."), (7, "[red]And[/] the changelog"))
    ]
