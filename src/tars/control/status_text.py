"""What `tars status` prints: a status as text for a person. Pure.

Whatever an agent supplied (titles, errors, names) is printed without control
characters, so that it cannot move the cursor, change colours or forge a line.
"""

from collections import Counter

from tars.control.contract import (
    AgentStatus,
    ConditionStatus,
    DaemonStatus,
    FaultStatus,
    LimitStatus,
    PermissionStatus,
    SessionFields,
    Status,
    TurnStatus,
)
from tars.control.tokens_text import in_short, sums_of

_RESET = "\x1b[0m"
_COLORS = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
}

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

#: Of more agents than these, only so many are shown that a person may want to look at.
MANY_AGENTS = 20
#: How many names of unknown messages are shown.
MOST_NAMES = 3

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

_LABEL = 14  # the column in which values begin


def render(status: Status, *, color: bool = False, width: int = 80) -> str:
    """Give the text of `tars status`; its lines fit `width` as far as words allow."""
    page = _Page(color, width)
    _daemon(page, status.daemon)
    _agents(page, status.agents)
    if status.session is not None:
        page.gap()
        _session(page, status, status.session)
    if status.budgets:
        page.gap()
        for budget in status.budgets:
            page.line("budget", budget.reason, "red" if budget.standing == "over" else "yellow")
            if budget.advice:
                page.line("", budget.advice)
    if status.warnings:
        page.gap()
        for warning in status.warnings:
            page.line("warning", warning, "yellow")
    return page.text()


class _Page:
    """Collects lines: `label  value`, wrapped, with the label in its column."""

    def __init__(self, color: bool, width: int) -> None:
        self._color = color
        self._width = width
        self._lines: list[str] = []

    def paint(self, text: str, color: str) -> str:
        return f"{_COLORS[color]}{text}{_RESET}" if self._color and color else text

    def gap(self) -> None:
        self._lines.append("")

    def heading(self, name: str, state: str, color: str, facts: list[str]) -> None:
        """Print a name in bold, its state in colour, and its facts."""
        name, state = printable(name), printable(state)
        indent = max(_LABEL, len(name) + 2)
        plain = _wrap([state, *filter(None, facts)], self._width - indent, " · ")
        first = self.paint(name, "bold") + " " * (indent - len(name))
        first += self.paint(state, color) + plain[0][len(state) :]
        self._lines += [first, *(" " * indent + rest for rest in plain[1:])]

    def line(self, label: str, value: str, color: str = "") -> None:
        """Print a value that anybody may have supplied under a label of ours."""
        wrapped = _wrap(printable(value).split(" "), self._width - _LABEL, " ")
        start = self.paint(f"  {label:<{_LABEL - 2}}", "dim")
        for part in wrapped:
            self._lines.append(start + self.paint(part, color))
            start = " " * _LABEL

    def block(self, text: str) -> None:
        """Print a text that anybody may have supplied, its own lines set in and marked."""
        for one in text.splitlines():
            for part in _wrap(printable(one).split(" "), self._width - _LABEL - 2, " "):
                self._lines.append(" " * _LABEL + self.paint(f"| {part}", "dim"))

    def commands(self, commands: list[tuple[str, str]]) -> None:
        """Print commands, each in one piece so that it can be copied, and what they do."""
        column = max(len(command) for command, _ in commands)
        for command, what in commands:
            painted = self.paint(command, "bold") + " " * (column - len(command))
            self._lines.append(f"{' ' * _LABEL}{painted}  {printable(what)}")

    def text(self) -> str:
        return "".join(f"{line.rstrip()}\n" for line in self._lines)


def _daemon(page: _Page, daemon: DaemonStatus) -> None:
    if not daemon.running:
        page.heading("tars", "not running", "red", ["`tars start` starts it"])
        return
    facts = [
        f"up {duration(daemon.uptime_seconds)}",
        f"pid {daemon.pid}",
        f"version {printable(daemon.version)}",
        size(daemon.rss_bytes),
        _cpu(daemon.cpu_percent),
    ]
    page.heading("tars", "running", "green", facts)


def _agents(page: _Page, agents: list[AgentStatus]) -> None:
    shown = agents
    if len(agents) > MANY_AGENTS:
        states = Counter(_STATES.get(a.state, (a.state, ""))[0] for a in agents)
        counts = [f"{count:,} {state}" for state, count in states.most_common()]
        page.gap()
        page.heading(f"{len(agents):,} agents", counts[0], "", counts[1:])
        shown = sorted(filter(_concerns, agents), key=_urgency)[:MANY_AGENTS]
        page.line("", f"{len(agents) - len(shown):,} are not shown; `tars agents` lists them all")
    for agent in shown:
        page.gap()
        _agent(page, agent)
        if len(agents) > 1 and agent.tokens is not None:
            page.line("tokens", in_short(agent.tokens))


def _concerns(agent: AgentStatus) -> bool:
    """Whether there is more to say of it than that it is there, when there are many."""
    quiet = agent.state in ("ready", "stopped") and agent.turn is None
    return not quiet or bool(agent.permissions) or agent.queued > 0


def _urgency(agent: AgentStatus) -> int:
    """What waits for a person comes first, and then what does not work."""
    if agent.permissions:
        return 0
    order = ("failed", "waiting", "limited", "busy", "starting", "stopping")
    return 1 + order.index(agent.state) if agent.state in order else len(order) + 1


def _agent(page: _Page, agent: AgentStatus) -> None:
    word, color = _state(agent)
    facts = [*_idle(agent), _kind(agent)]
    if agent.pid is not None:
        facts += [f"up {duration(agent.uptime_seconds)}", f"pid {agent.pid}"]
        facts += [size(agent.rss_bytes), _cpu(agent.cpu_percent)]
    if agent.version:
        facts.append(f"version {printable(agent.version)}")
    if agent.restarts:
        facts.append(_plural(agent.restarts, "restart"))
    page.heading(agent.name, word, color, facts)
    if agent.next_attempt_in_seconds is not None:
        page.line("restarts", f"in {duration(agent.next_attempt_in_seconds)}")
    if agent.condition is not None and not _idle(agent):
        _condition(page, agent.condition)
        if agent.condition.word == "rate_limited" and agent.condition.until is not None:
            page.line("", f"Until {moment(agent.condition.until)}.")
        if agent.last_error is not None and agent.last_error.advice and _is_known(agent):
            page.line("", agent.last_error.advice)
    _turn(page, agent)
    _told(page, agent)
    if agent.last_error is not None and not _is_known(agent):
        _error(page, agent.last_error, failed=agent.state == "failed")
    for permission in agent.permissions:
        _permission(page, permission)


def _state(agent: AgentStatus) -> tuple[str, str]:
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
    if found is None or error is None or found.word != "rate_limited":
        return False
    return error.message in found.evidence


def _condition(page: _Page, condition: ConditionStatus) -> None:
    if condition.word == "stopped":
        return
    word, color = _CONDITIONS.get(condition.word, (condition.word, ""))
    told = f"{word} for {duration(condition.since_seconds)}"
    if condition.remaining_seconds is not None:
        told += f", {duration(condition.remaining_seconds)} left"
    page.line("is", f"{told}: {condition.evidence}", color)


def _turn(page: _Page, agent: AgentStatus) -> None:
    turn = agent.turn
    if turn is not None:
        page.line("turn", f"{turn.id}, for {duration(turn.elapsed_seconds)}{_so_far(turn)}")
        known = agent.condition is not None and agent.condition.evidence == turn.waiting_for
        if turn.waiting_for and not known:
            page.line("waits for", turn.waiting_for, "yellow")
        for notice in turn.notices:
            page.line("notice", notice, "yellow")
    if agent.queued:
        page.line("queue", f"{_plural(agent.queued, 'prompt')} waiting")
    if agent.session.name:
        page.line("session", agent.session.name)


def _told(page: _Page, agent: AgentStatus) -> None:
    """What the agent tells of itself, where it does."""
    if agent.waits_for and agent.state != "stopped":
        page.line("after", ", ".join(agent.waits_for), "yellow")
    if agent.context is not None:
        size = f" of {agent.context.size:,}" if agent.context.size else ""
        page.line("window", f"{agent.context.used:,}{size} tokens")
    for limit in agent.limits:
        page.line("limit", _limit(limit))
    if agent.unrecognised:
        # The most frequent, which is what a person can do something with.
        most = sorted(agent.unrecognised.items(), key=lambda item: -item[1])[:MOST_NAMES]
        names = ", ".join(f"{name} ({count:,})" for name, count in most)
        more = len(agent.unrecognised) - len(most)
        total = _plural(sum(agent.unrecognised.values()), "message")
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


def _error(page: _Page, error: FaultStatus, *, failed: bool) -> None:
    page.line("error" if failed else "last error", error.message, "red")
    if error.advice:
        page.line("", error.advice)
    if error.until is not None:
        page.line("", f"Until {moment(error.until)}.")


def _permission(page: _Page, permission: PermissionStatus) -> None:
    left = duration(permission.expires_in_seconds)
    page.line("permission", f"{permission.title} ({permission.tool_kind}), {left} left", "yellow")
    page.block(permission.details)
    permit = f"tars permit {quoted(permission.id)}"
    options = [(f"{permit} --option {quoted(o.id)}", o.name) for o in permission.options]
    page.commands([(permit, "allow it once"), *options])


def _session(page: _Page, status: Status, session: SessionFields) -> None:
    several = len(status.agents) > 1 and status.default_agent
    facts = [f"of {printable(status.default_agent)}"] if several else []
    facts.append(f"since {moment(session.created_at)}")
    page.heading("session", printable(session.session_id), "", facts)
    last = session.last_interaction_at
    prompts = f"{session.interaction_count:,}" + (f", the last {moment(last)}" if last else "")
    for label, value in sums_of(status, session):
        page.line(label, value)
    page.line("prompts", prompts)


def _kind(agent: AgentStatus) -> str:
    kind = printable(agent.kind)
    own = "" if kind == agent.name else f"{kind} "
    return f"{own}over {printable(agent.protocol)}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _cpu(percent: float) -> str:
    return f"cpu {percent:.1f}%"


def duration(seconds: float) -> str:
    """Give a duration in its two largest units: `8s`, `3m 09s`, `2h 03m`, `4d 01h`."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02}h"
    if hours:
        return f"{hours}h {minute:02}m"
    if minutes:
        return f"{minutes}m {second:02}s"
    return f"{second}s"


def size(count: int) -> str:
    """Give a number of bytes in MiB or GiB; nothing for an unknown one."""
    if not count:
        return ""
    mebi = count / 1024**2
    return f"{mebi / 1024:.1f} GiB" if mebi >= 1000 else f"{mebi:.0f} MiB"


def moment(iso: str) -> str:
    """Give an ISO 8601 time in UTC as `2026-03-01 12:30 UTC`; anything else as it is."""
    if len(iso) >= 16 and iso[10:11] == "T":
        return printable(f"{iso[:10]} {iso[11:16]} UTC")
    return printable(iso)


def printable(text: str) -> str:
    """Replace what a terminal might obey, or might hide, by a visible sign.

    That is control characters, line ends, and invisible ones such as those that turn
    the direction of writing around.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char in "\n\t\r" else "\ufffd" for char in text
    )


def quoted(word: str) -> str:
    """Make a word safe to paste into a shell: an agent may have made it up."""
    word = printable(word)
    if word and all(char.isascii() and (char.isalnum() or char in "-_.:/@") for char in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _wrap(parts: list[str], width: int, between: str) -> list[str]:
    """Join parts into lines; a part that is too long keeps a line to itself."""
    lines = [parts[0]]
    for part in parts[1:]:
        if lines[-1] and len(lines[-1]) + len(between) + len(part) > width:
            lines.append(part)
        else:
            lines[-1] += between + part
    return lines
