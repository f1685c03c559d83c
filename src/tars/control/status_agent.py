"""One agent as `tars status` shows it: in full, or what a person has to know of one among many.
Pure."""

from tars.control.shown_text import duration, moment, printable, quoted, size
from tars.control.status_contract import (
    AgentStatus,
    ConditionStatus,
    FaultStatus,
    LimitStatus,
    PermissionStatus,
    TurnStatus,
)
from tars.control.status_page import Page

#: State → the word for it, and its colour.
_STATES = {
    "stopped": ("stopped", "dim"),
    "starting": ("starting", "cyan"),
    "ready": ("ready", "green"),
    "busy": ("busy", "cyan"),
    "limited": ("rate-limited", "yellow"),
    "stopping": ("stopping", "yellow"),
    "waiting": ("waiting to restart", "yellow"),
    "failed": ("failed", "red"),
}

#: How many names of unknown messages are shown.
MOST_NAMES = 3
#: From here on one is told of a limit among several agents.
HIGH_PERCENT = 80.0

#: How an agent fares → the words for it, and their colour. A stopped one fares not at all.
_CONDITIONS = {
    "starting": ("starting", "cyan"),
    "idle": ("idle", ""),
    "working": ("working", ""),
    "waiting_for_permission": ("waiting for permission", "yellow"),
    "rate_limited": ("rate-limited", "yellow"),
    "wedged": ("wedged", "red"),
    "stopping": ("stopping", ""),
    "dead": ("dead", "red"),
}

#: Conditions whose evidence is the last error, in its words.
_TELLING = ("rate_limited", "dead")


def whole(page: Page, agent: AgentStatus) -> None:
    """Show all that there is to say of an agent."""
    word, color = state(agent)
    facts = [*_idle(agent), _kind(agent)]
    if agent.pid is not None:
        facts += [f"up {duration(agent.uptime_seconds)}", f"pid {agent.pid}"]
        facts += [size(agent.rss_bytes), _cpu(agent.cpu_percent)]
    if agent.version:
        facts.append(f"version {printable(agent.version)}")
    if agent.restarts:
        facts.append(plural(agent.restarts, "restart"))
    page.heading(agent.name, word, color, facts)
    _troubles(page, agent)
    _turn(page, agent)
    _told(page, agent)
    _asked(page, agent)


def among_others(page: Page, agent: AgentStatus) -> None:
    """Show what a person has to know of one of several agents, beside its line in the table."""
    word, color = state(agent)
    page.heading(agent.name, word, color, [_kind(agent)])
    _troubles(page, agent)
    _turn(page, agent)
    for limit in agent.limits:
        if limit.used_percent is not None and limit.used_percent >= HIGH_PERCENT:
            page.line("limit", _limit(limit), "yellow")
    _asked(page, agent)


def concerns(agent: AgentStatus) -> bool:
    """Whether a person has to know more of it than its line in the table has."""
    word = agent.condition.word if agent.condition is not None else ""
    turn = agent.turn
    return bool(
        agent.permissions
        or agent.waits_for
        or agent.last_error is not None
        or agent.next_attempt_in_seconds is not None
        or word in ("wedged", "rate_limited", "dead", "waiting_for_permission")
        or (turn is not None and (turn.waiting_for or turn.notices))
        or any((limit.used_percent or 0) >= HIGH_PERCENT for limit in agent.limits)
    )


def _troubles(page: Page, agent: AgentStatus) -> None:
    if agent.waits_for and agent.state != "stopped":
        page.line("after", ", ".join(agent.waits_for), "yellow")
    if agent.next_attempt_in_seconds is not None:
        page.line("restarts", f"in {duration(agent.next_attempt_in_seconds)}")
    if agent.condition is not None and not _idle(agent):
        _condition(page, agent.condition)
        if agent.condition.word == "rate_limited" and agent.condition.until is not None:
            page.line("", f"Until {moment(agent.condition.until)}.")
        if agent.last_error is not None and agent.last_error.advice and _is_known(agent):
            page.line("", agent.last_error.advice)


def _asked(page: Page, agent: AgentStatus) -> None:
    """Its last error, and what it asks leave for."""
    if agent.last_error is not None and not _is_known(agent):
        _error(page, agent.last_error, failed=agent.state == "failed")
    for permission in agent.permissions:
        _permission(page, permission)


def state(agent: AgentStatus) -> tuple[str, str]:
    """The word for its state and its colour: that of its condition where it says more."""
    if agent.waits_for and agent.state == "stopped":
        return f"waits for {', '.join(agent.waits_for)}", "yellow"
    word = agent.condition.word if agent.condition is not None else ""
    if agent.state == "ready" and word == "rate_limited":
        return _CONDITIONS[word]
    return _STATES.get(agent.state, (agent.state, ""))


def _idle(agent: AgentStatus) -> list[str]:
    """That it is idle, in short, where there is no more to say."""
    found = agent.condition
    if found is None or found.word != "idle" or agent.last_error is not None:
        return []
    return [f"idle {duration(found.since_seconds)}"]


def _is_known(agent: AgentStatus) -> bool:
    """Whether the condition has told the last error, all but its advice."""
    found, error = agent.condition, agent.last_error
    if found is None or error is None or found.word not in _TELLING:
        return False
    return error.message in found.evidence


def _condition(page: Page, condition: ConditionStatus) -> None:
    if condition.word == "stopped":
        return
    word, color = _CONDITIONS.get(condition.word, (condition.word, ""))
    told = f"{word} for {duration(condition.since_seconds)}"
    if condition.remaining_seconds is not None:
        told += f", {duration(condition.remaining_seconds)} left"
    page.line("is", f"{told}: {condition.evidence}", color)


def _turn(page: Page, agent: AgentStatus) -> None:
    turn = agent.turn
    if turn is not None:
        page.line("turn", f"{turn.id}, for {duration(turn.elapsed_seconds)}{_so_far(turn)}")
        known = agent.condition is not None and agent.condition.evidence == turn.waiting_for
        # What it asks is told below.
        known = known or (turn.waiting_for == "permission" and bool(agent.permissions))
        if turn.waiting_for and not known:
            page.line("waits for", turn.waiting_for, "yellow")
        for notice in turn.notices:
            page.line("notice", notice, "yellow")
    if agent.queued:
        page.line("queue", f"{plural(agent.queued, 'prompt')} waiting")


def _told(page: Page, agent: AgentStatus) -> None:
    """What the agent tells of itself, where it does."""
    for limit in agent.limits:
        page.line("limit", _limit(limit))
    if agent.unrecognised:
        # The most frequent, which is what a person can do something with.
        most = sorted(agent.unrecognised.items(), key=lambda item: -item[1])[:MOST_NAMES]
        names = ", ".join(f"{name} ({count:,})" for name, count in most)
        more = len(agent.unrecognised) - len(most)
        total = plural(sum(agent.unrecognised.values()), "message")
        page.line("not known", f"{total}: {names}" + (f" and {more} more" if more else ""))


def _limit(limit: LimitStatus) -> str:
    used = "" if limit.used_percent is None else f"{limit.used_percent:.0f}% used"
    resets = f"resets {moment(limit.resets_at)}" if limit.resets_at else ""
    facts = ", ".join(filter(None, (used, limit.status, resets)))
    return f"{limit.name}: {facts}" if facts else limit.name


def _so_far(turn: TurnStatus) -> str:
    if not turn.input_tokens + turn.output_tokens:
        return ""
    return f", {turn.input_tokens:,} tokens in and {turn.output_tokens:,} out so far"


def _error(page: Page, error: FaultStatus, *, failed: bool) -> None:
    page.line("error" if failed else "last error", error.message, "red")
    if error.advice:
        page.line("", error.advice)
    if error.until is not None:
        page.line("", f"Until {moment(error.until)}.")


def _permission(page: Page, permission: PermissionStatus) -> None:
    left = duration(permission.expires_in_seconds)
    page.line("permission", f"{permission.title} ({permission.tool_kind}), {left} left", "yellow")
    page.block(permission.details)
    permit = f"tars permit {quoted(permission.id)}"
    options = [(f"{permit} --option {quoted(o.id)}", o.name) for o in permission.options]
    page.commands([(permit, "allow it once"), *options])


def _kind(agent: AgentStatus) -> str:
    kind = printable(agent.kind)
    own = "" if kind == agent.name else f"{kind} "
    return f"{own}over {printable(agent.protocol)}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _cpu(percent: float) -> str:
    return f"cpu {percent:.1f}%"
