"""How everything is, at a glance: what the first view says, as text. Pure."""

from collections.abc import Sequence

from rich.text import Text

from tars.control.contract import AgentStatus, Status
from tars.control.costs_contract import CostReport
from tars.control.session_contract import Session
from tars.control.shown_text import duration
from tars.tui import agent_words, days, figures
from tars.tui.foreign_text import clean

_CONTEXT = 10  # columns of a context bar


def agents(status: Status, width: int) -> Text:
    """Give a line for each agent: its state, its context, and what it does."""
    name_width = min(24, max([len(agent.name) for agent in status.agents], default=0)) + 2
    lines = [_agent(agent, name_width) for agent in status.agents]
    return _joined(lines, width) if lines else Text("No agent is configured.", style="dim")


def _agent(agent: AgentStatus, name_width: int) -> Text:
    word, style = agent_words.state(agent)
    parts: list[tuple[str, str] | str] = [
        (figures.fitted(agent.name, name_width), "bold"),
        (figures.fitted(f"● {word}", 18), style),
        figures.fitted(_context(agent), _CONTEXT + 14),
    ]
    parts += [(f"  {fact}", "") for fact in agent_words.doing(agent)]
    return Text.assemble(*parts)


def _context(agent: AgentStatus) -> str:
    context = agent.context
    if context is None:
        return ""
    if not context.size:
        return f"{figures.tokens(context.used)} of context"
    share = context.used / context.size
    percent = f"{share:4.0%} of {figures.tokens(context.size)}"
    return f"{figures.bar(share, _CONTEXT)} {percent}"


def today(status: Status, week: Sequence[float]) -> Text:
    """Say what today cost, and how the last days were beside it."""
    spent = status.today
    parts: list[tuple[str, str] | str] = []
    if spent is None:
        parts.append(("Not known yet.", "dim"))
    else:
        told = figures.money(spent.cost_usd, unpriced=spent.at_least)
        parts += [(told, "bold"), f"  {figures.tokens(spent.tokens)} tokens"]
    if any(week):
        parts += [("   last 7 days ", "dim"), (figures.sparkline(week), "cyan")]
    return Text.assemble(*parts)


def heights(report: CostReport, now: float) -> list[float]:
    """Give what each of the last seven days cost, today last; tokens where nothing has a price."""
    return days.weights(report, days.last_days(7, days.today(now, report.range.timezone)))


def recent(sessions: Sequence[Session], now: float, width: int) -> Text:
    """Give the sessions that were used last."""
    if not sessions:
        return Text("None yet.", style="dim")
    lines = []
    for session in sessions:
        ago = f"{duration(days.since(session.last_activity_at, now))} ago"
        parts: list[tuple[str, str] | str] = [
            (f"{clean(session.id)[:8]}  ", "dim"),
            (figures.fitted(session.agent, 12), "bold"),
            figures.fitted(session.status, 13),
            f"{figures.tokens(session.spent.total_tokens):>8}  ",
            (f"{ago:>12}  ", "dim"),
            clean(session.name or session.title),
        ]
        lines.append(Text.assemble(*parts))
    return _joined(lines, width)


def concerns(status: Status) -> Text:
    """Give what a person should know of: budgets, warnings, faults, and what agents noticed."""
    lines: list[Text] = []
    for agent in status.agents:
        if agent.last_error is not None:
            told = f"{agent.last_error.message} {agent.last_error.advice}"
            lines.append(_said(agent.name, told, "red" if agent.state == "failed" else "yellow"))
        if agent.turn is not None:
            lines += [_said(agent.name, notice, "yellow") for notice in agent.turn.notices]
    for budget in status.budgets:
        style = "red" if budget.standing == "over" else "yellow"
        lines.append(_said("budget", f"{budget.reason} {budget.advice}", style))
    lines += [_said("warning", warning, "yellow") for warning in status.warnings]
    return Text("\n").join(lines)


def _said(who: str, what: str, style: str) -> Text:
    return Text.assemble((f"{clean(who)}  ", f"bold {style}"), clean(what.strip()), overflow="fold")


def _joined(lines: Sequence[Text], width: int) -> Text:
    """Put lines below each other, none of them wider than the view."""
    for line in lines:
        line.truncate(max(1, width), overflow="ellipsis")
    return Text("\n", no_wrap=True).join(lines)
