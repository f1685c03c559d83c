"""What tars can know of each agent, as one table: made from what the kinds say of themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from tars.agents.kind import Kind, Knowledge

#: The questions that have a yes or a no, in plain words.
COLUMNS = {
    "cache_read": "cache reads",
    "cache_write": "cache writes",
    "reasoning": "thoughts",
    "per_model": "by model",
    "subagents": "subagents",
    "cost": "cost",
    "context": "context window",
    "limits": "account's limits",
    "tools": "tool calls",
    "permissions": "permissions",
    "cancel": "cancel",
    "resume": "resume",
    "model": "choose model",
    "mode": "choose mode",
}
#: What is not a yes or a no.
_WORDS = ("tokens", "tested", "note")


@dataclass(frozen=True, slots=True)
class Known:
    """One line of the table."""

    kind: str
    protocol: str
    knowledge: Knowledge


def known(kinds: Mapping[str, Kind]) -> list[Known]:
    """Give a line for each kind and protocol."""
    return [
        Known(name, protocol, kind.knowledge(protocol))
        for name, kind in kinds.items()
        for protocol in kind.protocols
    ]


def answers(knowledge: Knowledge) -> list[bool]:
    """Give what is known, in the order of COLUMNS."""
    return [getattr(knowledge, name) for name in COLUMNS]


def forgotten() -> set[str]:
    """Name the fields of `Knowledge` that the table does not show: there should be none."""
    return {f.name for f in fields(Knowledge)} - set(COLUMNS) - set(_WORDS)


def page_part(kinds: Mapping[str, Kind]) -> str:
    """Print the table in Markdown, one column for each agent, and the notes below it."""
    lines = known(kinds)
    rows = [
        ["", *(f"{line.kind}<br>{line.protocol}" for line in lines)],
        ["---"] * (len(lines) + 1),
        ["tokens", *(line.knowledge.tokens for line in lines)],
    ]
    for name, question in COLUMNS.items():
        rows.append([question, *(_mark(getattr(line.knowledge, name)) for line in lines)])
    rows.append(["tested with", *(line.knowledge.tested or "not driven" for line in lines)])
    return _markdown(rows) + "\n" + "".join(_notes(lines))


def _mark(answer: bool) -> str:
    return "yes" if answer else "no"


def _markdown(rows: Iterable[Iterable[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _notes(lines: list[Known]) -> Iterable[str]:
    for line in lines:
        if line.knowledge.note:
            yield f"- {line.kind} over {line.protocol}: {line.knowledge.note}\n"
