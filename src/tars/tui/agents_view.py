"""The agents as a list, and one of them in full, as text. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from rich.text import Text

from tars.control.contract import AgentStatus, LimitStatus
from tars.control.shown_text import duration, moment, size
from tars.tui import agent_words, figures
from tars.tui.foreign_text import clean

#: How many samples of memory and processor time a line of them shows.
SAMPLES = 40
_LABEL = 9


@dataclass(slots=True)
class Samples:
    """What an agent used of the machine, at most once a second, the newest last."""

    at: float = -inf
    rss: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    cpu: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def take(self, agent: AgentStatus, now: float) -> None:
        """Note how it is now, in seconds."""
        if now - self.at < 1:
            return
        self.at = now
        self.rss.append(float(agent.rss_bytes))
        self.cpu.append(agent.cpu_percent)


def row(agent: AgentStatus, name_width: int) -> Text:
    """Give an agent's line in the list."""
    word, style = agent_words.state(agent)
    facts = [duration(agent.uptime_seconds) if agent.pid else "", size(agent.rss_bytes)]
    facts.append(f"{agent.cpu_percent:.0f}%" if agent.pid else "")
    return Text.assemble(
        (figures.fitted(agent.name, name_width), "bold"),
        (figures.fitted(f"● {word}", 17), style),
        f"{facts[0]:>7} {facts[1]:>9} {facts[2]:>5}  ",
        ("  ".join(agent_words.doing(agent)), ""),
        no_wrap=True,
        overflow="ellipsis",
    )


def name_width(agents: Sequence[AgentStatus]) -> int:
    """How wide the column of names is."""
    return min(24, max([len(agent.name) for agent in agents], default=8)) + 2


def facts(agent: AgentStatus, samples: Samples, width: int) -> Text:
    """Give all that is known of one agent, in lines of a label and a value."""
    lines = [_head(agent), *_process(agent, samples), *_work(agent), *_faults(agent)]
    for line in lines:
        line.truncate(max(1, width), overflow="ellipsis")
    return Text("\n", no_wrap=True).join(lines)


def _head(agent: AgentStatus) -> Text:
    word, style = agent_words.state(agent)
    kind = agent.kind if agent.kind == agent.name else f"{agent.kind} over {agent.protocol}"
    version = f" · version {clean(agent.version)}" if agent.version else ""
    return Text.assemble(
        (f"{clean(agent.name)}  ", "bold"), (word, style), (f"  {clean(kind)}{version}", "dim")
    )


def _process(agent: AgentStatus, samples: Samples) -> list[Text]:
    lines = []
    if agent.condition is not None:
        lines.append(_line("is", f"{agent.condition.word}: {agent.condition.evidence}"))
    if agent.pid is not None:
        restarts = f", {agent.restarts:,} restart{'' if agent.restarts == 1 else 's'}"
        told = f"up {duration(agent.uptime_seconds)}{restarts}, pid {agent.pid}"
        lines.append(_line("process", told))
        lines.append(_drawn("memory", samples.rss, size(agent.rss_bytes)))
        lines.append(_drawn("cpu", samples.cpu, f"{agent.cpu_percent:.1f}%"))
    elif agent.next_attempt_in_seconds is not None:
        lines.append(_line("restarts", f"in {duration(agent.next_attempt_in_seconds)}"))
    return lines


def _work(agent: AgentStatus) -> list[Text]:
    lines = []
    if agent.context is not None and agent.context.size:
        share = agent.context.used / agent.context.size
        told = f"{figures.bar(share, 20)} {share:.0%} of {agent.context.size:,} tokens"
        lines.append(_line("context", told))
    if agent.tokens is not None and agent.tokens.counted:
        least = "at least " if agent.tokens.at_least else ""
        told = f"{least}{agent.tokens.net_input:,} in, {agent.tokens.output:,} out"
        lines.append(_line("tokens", told))
    if agent.model or agent.mode:
        lines.append(_line("model", " · ".join(filter(None, (agent.model, agent.mode)))))
    if agent.session.id:
        lines.append(_line("session", agent.session.name or agent.session.id))
    lines += [_line("limit", _limit(limit)) for limit in agent.limits]
    if agent.turn is not None:
        told = f"{agent.turn.id}, for {duration(agent.turn.elapsed_seconds)}"
        lines.append(_line("turn", told, "cyan"))
    if agent.queued:
        lines.append(_line("queue", f"{agent.queued:,} waiting", "yellow"))
    lines += [_line("asks", p.title, "bold yellow") for p in agent.permissions]
    return lines


def _faults(agent: AgentStatus) -> list[Text]:
    if agent.last_error is None:
        return []
    style = "red" if agent.state == "failed" else "yellow"
    lines = [_line("error", agent.last_error.message, style)]
    if agent.last_error.advice:
        lines.append(_line("", agent.last_error.advice))
    return lines


def _limit(limit: LimitStatus) -> str:
    used = "unknown" if limit.used_percent is None else f"{limit.used_percent:.0f}% used"
    resets = f", resets {moment(limit.resets_at)}" if limit.resets_at else ""
    return f"{limit.name}: {used}{resets}"


def _line(label: str, value: str, style: str = "") -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", "dim"), (clean(value), style))


def _drawn(label: str, samples: Sequence[float], now: str) -> Text:
    return Text.assemble(
        (f"{label:<{_LABEL}}", "dim"), f"{now:>9}  ", (figures.sparkline(samples), "cyan")
    )
