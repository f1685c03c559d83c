"""What the command line prints, as text: no decision and no I/O.

Words that come from an agent may hold anything, so whatever goes to a terminal is
cleaned of what would command the terminal.
"""

import re
import time
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from tars.control.contract import AgentStatus, FaultStatus, SessionFields, TokensStatus, TurnResult
from tars.control.permission_contract import RuleStatus
from tars.control.shown_text import moment
from tars.control.tokens_text import bounds
from tars.conversation.plain import CONTROLS, SEQUENCE, plain

#: The beginning of a sequence whose end may be in the next piece.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -/]*)$")
#: A sequence that is longer is no sequence: what was held back is dropped.
_LONGEST = 4096


class Cleaner:
    """Takes terminal sequences and control characters out of a text that comes in
    pieces. Newlines and tabs stay."""

    def __init__(self) -> None:
        self._held = ""

    def clean(self, piece: str) -> str:
        text = SEQUENCE.sub("", self._held + piece)
        self._held = ""
        unfinished = _UNFINISHED.search(text)
        if unfinished:
            text = text[: unfinished.start()]
            if len(unfinished[0]) <= _LONGEST:
                self._held = unfinished[0]
        return CONTROLS.sub("", text)


def clean(text: str) -> str:
    """Clean a text that is whole."""
    return plain(text)


def one_line(text: str) -> str:
    """Clean a text and make it one line; marks that turn the direction of writing go too,
    for they could make a command look like another one."""
    kept = "".join(c for c in clean(text) if unicodedata.category(c) not in ("Cf", "Cs"))
    return " ".join(kept.split())


def fault_line(fault: FaultStatus) -> str:
    """One line: what happened, what to do, and when it ends by itself."""
    until = f" Until {moment(fault.until)}." if fault.until else ""
    return one_line(f"{fault.message} {fault.advice}{until}")


def count(number: int, noun: str) -> str:
    """`1 prompt`, `1,200 prompts`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def seconds_until(iso: str | None) -> float | None:
    """How long it is from now until an ISO 8601 time; None where there is none."""
    try:
        return None if iso is None else datetime.fromisoformat(iso).timestamp() - time.time()
    except ValueError:
        return None


def seconds(value: float) -> str:
    """`3 s`, `2 min 5 s`, `1 h 2 min`."""
    whole = int(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def turn_line(result: TurnResult) -> str:
    """What one turn used, for the person who waited for it."""
    usage = result.usage
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    least = "at least " if usage.at_least else ""
    tokens = f"{least}{usage.input_tokens:,} in{cached} · {usage.output_tokens:,} out"
    if usage.source == "estimate":
        used = usage.input_tokens + usage.output_tokens
        tokens = f"{tokens}, estimated" if used else "tokens not counted"
    cost = "" if result.cost_usd is None else f" · ${result.cost_usd:.4f}"
    return f"{result.agent} · {tokens} · {result.duration_ms / 1000:.1f} s{cost}"


def agent_line(agent: AgentStatus) -> str:
    """One agent in a sentence: `gemini is ready (gemini over acp, pid 12).`"""
    pid = "" if agent.pid is None else f", pid {agent.pid}"
    state = f"is {agent.state}"
    if agent.waits_for and agent.state == "stopped":
        state = f"waits for {', '.join(agent.waits_for)}"
    return one_line(f"{agent.name} {state} ({agent.kind} over {agent.protocol}{pid}).")


def cleared_line(
    agent: str, session: SessionFields | None, tokens: TokensStatus | None = None
) -> str:
    """What a reset cleared, and how its sums are to be read."""
    if session is None:
        return f"{agent} had no session; there was nothing to clear."
    cleared = f"Cleared the session of {agent}: {count(session.interaction_count, 'prompt')}"
    if tokens is not None and not tokens.counted:
        return f"{cleared}, tokens not counted."
    most, least = bounds(tokens)
    return (
        f"{cleared}, {most}{count(session.total_input_tokens, 'token')} of context, "
        f"{least}{count(session.total_output_tokens, 'output token')}."
    )


def agents_table(agents: Iterable[AgentStatus], default: str) -> str:
    """The configured agents; a star marks the default one."""
    rows: list[tuple[str, ...]] = [
        ("", "NAME", "KIND", "PROTOCOL", "STATE", "VERSION", "PID", "QUEUED", "SESSION")
    ]
    for agent in agents:
        star = "*" if agent.name == default else ""
        pid = "-" if agent.pid is None else str(agent.pid)
        words = (agent.name, agent.kind, agent.protocol, agent.state, agent.version or "-")
        shown = tuple(one_line(word) for word in words)
        session = one_line(agent.session.id or "-")
        rows.append((star, *shown, pid, str(agent.queued), session))
    return columns(rows)


def rules_table(rules: Iterable[RuleStatus]) -> str:
    """By which rules requests for permission are answered, and where each comes from."""
    rows: list[tuple[str, ...]] = [("AGENT", "KIND", "RULE", "FROM")]
    for rule in rules:
        source = "config.toml"
        if rule.source == "remembered":
            source = f"chosen {rule.chosen_at or ''} by {rule.by or 'somebody'}"
        if not rule.in_force:
            source += " (another rule outdoes it)"
        words = (rule.agent, rule.tool_kind, rule.rule, source)
        rows.append(tuple(one_line(word) for word in words))
    return columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns, two spaces apart."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)
