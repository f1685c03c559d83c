"""What `tars status` prints: a status as text for a person. Pure.

One agent is shown in full, several as a table with what a person has to know of each below.
"""

from collections import Counter
from collections.abc import Sequence

from tars.control.costs.layout import Face
from tars.control.shown_text import duration, in_ascii, moment, printable, size
from tars.control.status_agent import among_others, concerns, state, whole
from tars.control.status_contract import (
    AgentStatus,
    BudgetStatus,
    DaemonStatus,
    SessionFields,
    Status,
    TodayStatus,
)
from tars.control.status_page import Page
from tars.control.status_table import agents_table
from tars.control.tokens_text import context_bar, short, sums_of

#: Of more agents than these, only so many are shown that a person may want to look at.
MANY_AGENTS = 20
#: A session's id is cut on a terminal that is narrower than this.
WIDE = 60


def render(status: Status, *, color: bool = False, width: int = 80, ascii: bool = False) -> str:
    """Give the text of `tars status`; its lines fit `width` as far as commands allow. `ascii`
    writes it without any other sign."""
    page = Page(color, width)
    _daemon(page, status.daemon)
    _agents(page, status, Face(width, not ascii, color))
    if status.session is not None and len(status.agents) < 2:
        page.gap()
        _session(page, status, status.session, width)
    if status.today is not None:
        page.gap()
        _today(page, status.today)
    if status.budgets:
        page.gap()
        for budget in status.budgets:
            _budget(page, budget)
    if status.warnings:
        page.gap()
        for warning in status.warnings:
            page.line("warning", warning, "yellow")
    return in_ascii(page.text()) if ascii else page.text()


def _daemon(page: Page, daemon: DaemonStatus) -> None:
    if not daemon.running:
        page.heading("tars", "not running", "red", ["`tars start` starts it"])
        return
    facts = [
        f"up {duration(daemon.uptime_seconds)}",
        f"pid {daemon.pid}",
        f"version {printable(daemon.version)}",
        size(daemon.rss_bytes),
        f"cpu {daemon.cpu_percent:.1f}%",
    ]
    page.heading("tars", "running", "green", facts)


def _agents(page: Page, status: Status, face: Face) -> None:
    agents = status.agents
    if len(agents) == 1:
        page.gap()
        whole(page, agents[0])
        window = agents[0].context
        if window is not None and status.session is None:
            bar = [context_bar(window)] if window.size else []
            page.parts("context", [*bar, f"{window.used:,} tokens"])
        return
    shown: Sequence[AgentStatus] = agents
    if len(agents) > MANY_AGENTS:
        states = Counter(state(a)[0] for a in agents)
        counts = [f"{count:,} {word}" for word, count in states.most_common()]
        page.gap()
        page.heading(f"{len(agents):,} agents", counts[0], "", counts[1:])
        shown = sorted(filter(_is_busy, agents), key=_urgency)[:MANY_AGENTS]
        page.line("", f"{len(agents) - len(shown):,} are not shown; `tars agents` lists them all")
    if shown:
        page.gap()
        page.lines(agents_table(shown, status.default_agent, face))
    for agent in filter(concerns, shown):
        page.gap()
        among_others(page, agent)


def _is_busy(agent: AgentStatus) -> bool:
    """Whether there is more to say of it than that it is there, when there are many."""
    quiet = agent.state in ("ready", "stopped") and agent.turn is None
    return not quiet or bool(agent.permissions) or agent.queued > 0


def _urgency(agent: AgentStatus) -> int:
    """What waits for a person comes first, and then what does not work."""
    if agent.permissions:
        return 0
    order = ("failed", "waiting", "limited", "busy", "starting", "stopping")
    return 1 + order.index(agent.state) if agent.state in order else len(order) + 1


def _session(page: Page, status: Status, session: SessionFields, width: int) -> None:
    id = printable(session.session_id)
    facts = [f"since {moment(session.created_at)}"]
    name = status.agents[0].session.name if status.agents else None
    if name:
        facts.insert(0, printable(name))
    page.heading("session", id if width >= WIDE else f"{id[:8]}…", "", facts)
    for label, parts in sums_of(status, session):
        page.parts(label, parts)
    last = session.last_interaction_at
    prompts = f"{session.interaction_count:,}" + (f", the last {moment(last)}" if last else "")
    page.line("prompts", prompts)


def _today(page: Page, today: TodayStatus) -> None:
    used = f"{short(today.tokens)} tokens"
    page.heading("today", printable(today.text) or used, "", [used] if today.text else [])


def _budget(page: Page, budget: BudgetStatus) -> None:
    page.line("budget", budget.reason, "red" if budget.standing == "over" else "yellow")
    if budget.advice:
        page.line("", budget.advice)
