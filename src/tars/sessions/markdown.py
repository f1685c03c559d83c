"""A session as a page of Markdown, pleasant to read. It cannot be imported again.

Whatever was said stays in its place: a fence is longer than any run of backticks in it, one that
a text leaves open is closed, HTML is shown as it was written, and what is too entangled to be
sure of stands in a quotation, out of which nothing reaches.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from tars.sessions.export_format import (
    MessagePart,
    Record,
    RequestPart,
    SessionPart,
    ToolCallPart,
    TurnPart,
)
from tars.sessions.strict_json import dumps

_TICKS = re.compile(r"`+")
_FENCE = re.compile(r"(`{3,}|~{3,})(?P<info>.*)")
_END = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*$")
#: A fence in a list or a quotation, or what may be one.
_INNER_FENCE = re.compile(r"[ \t>*+\-0-9.)]+(?:`{3}|~{3})")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_TAG = re.compile(r"<(?=[!?/a-zA-Z])")
#: What would make a heading of the line above.
_RULE = re.compile(r"^( {0,3})(?=(?:-+|=+)[ \t]*$)")
_HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def pages(records: Iterable[Record]) -> Iterator[str]:
    """Write records as Markdown; several sessions follow each other, each with a page's head."""
    turns = 0
    first = True
    for record in records:
        match record:
            case SessionPart():
                turns = 0
                yield ("" if first else "\n") + _head(record)
                first = False
            case TurnPart():
                turns += 1
                yield _turn(record, turns)
            case RequestPart():
                pass
            case MessagePart():
                yield _message(record)
            case ToolCallPart():
                yield _call(record)


def _head(session: SessionPart) -> str:
    figures = session.figures
    known = figures.costed_turns > 0
    cost = f"{figures.cost_microusd / 1_000_000:.6f}"
    facts: list[tuple[str, object]] = [
        ("id", session.id),
        ("name", session.name),
        ("agent", session.agent),
        ("machine", session.machine),
        ("status", session.status),
        ("started", session.created_at),
        ("lastActivity", session.last_activity_at),
        ("project", session.project or None),
        ("branch", session.branch or None),
        ("task", session.task),
        ("tags", session.tags or None),
        ("models", [model.model for model in session.models] or None),
        ("turns", figures.turns),
        ("tokens", figures.tokens),
        ("costUsd", cost if known else None),
    ]
    # JSON is YAML, and cannot be broken out of.
    lines = [f"{name}: {_yaml(value)}" for name, value in facts if value is not None]
    title = _line(session.title or session.name or session.id)
    notes = "".join(f"\n> **Note**, {_when(n.at)}\n{_quoted(n.text)}" for n in session.notes)
    return "---\n" + "\n".join(lines) + f"\n---\n\n# {_escaped(title)}\n{notes}"


def _turn(turn: TurnPart, number: int) -> str:
    tokens = turn.net_input + turn.cache_read + turn.cache_write + turn.output
    facts = [_when(turn.began_at), turn.outcome or "under way"]
    facts += [f"{'≥ ' * turn.at_least}{tokens:,} tokens"] if tokens else []
    if turn.cost_microusd is not None:
        facts.append(f"${turn.cost_microusd / 1_000_000:.6f}")
    facts += [_escaped(_line(turn.model))] if turn.model else []
    why = f"\n{_quoted(turn.fault.message)}" if turn.fault is not None else ""
    return f"\n## Turn {number}\n\n{' · '.join(facts)}\n{why}"


def _message(message: MessagePart) -> str:
    cut = "" if message.size in (None, len(message.text)) else f" (of {message.size:,} characters)"
    heading = f"\n**{message.role.capitalize()}**{cut}\n"
    if message.role == "thought":
        return (
            f"\n<details><summary>Thought{cut}</summary>\n\n{_quoted(message.text)}\n</details>\n"
        )
    if message.role == "assistant":
        return f"{heading}\n{closed(message.text)}\n"
    return f"{heading}\n{_quoted(message.text)}"


def _call(call: ToolCallPart) -> str:
    summary = _in_html(f"{call.kind}: {_line(call.title) or call.id} ({call.status})")
    files = "".join(f"- {_in_line(path)}\n" for path in call.files)
    parts = [part for part in (files, fenced(call.output) if call.output else "") if part]
    inside = "\n".join(parts)
    return f"\n<details><summary>{summary}</summary>\n\n{inside}\n</details>\n"


def fenced(text: str) -> str:
    """Put a text in a code fence that nothing in it can end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    end = "" if text.endswith("\n") else "\n"
    return f"{ticks}\n{_seen(text)}{end}{ticks}\n"


def closed(text: str) -> str | None:
    """Give Markdown that ends where it ends, with its HTML shown; None where that is not sure."""
    lines, fence = [], ""
    for line in _seen(text).split("\n"):
        if fence:
            end = _END.match(line)
            if end and end[1].startswith(fence):
                fence = ""
            lines.append(line)
            continue
        found = _FENCE.match(line)
        if found and (found[1][0] == "~" or "`" not in found["info"]):
            # At the very beginning of a line it is in no list and no quotation.
            fence = found[1]
            lines.append(line)
            continue
        if _INNER_FENCE.match(line) or "`" in _SPAN.sub("", line):
            return None
        lines.append(_RULE.sub(r"\1\\", _shown(line)))
    return "\n".join([*lines, *([fence] if fence else [])])


def _shown(line: str) -> str:
    """Show HTML as it was written; what is in a span of code is shown so anyway."""
    made, at = [], 0
    for span in _SPAN.finditer(line):
        made += [_TAG.sub(r"\\<", line[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*made, _TAG.sub(r"\\<", line[at:])])


def _quoted(text: str) -> str:
    """Quote a text, whatever is in it."""
    whole = closed(text)
    if whole is None:
        whole = _TAG.sub("&lt;", _seen(text))
    return "".join(f"> {line}\n" if line else ">\n" for line in whole.split("\n"))


def _in_line(text: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{_line(text)}{pad}{ticks}"


def _yaml(value: object) -> str:
    # YAML knows no control characters, and JSON lets some of them stand.
    text = dumps(value)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _line(text: str) -> str:
    return " ".join(_seen(text).split())


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def _in_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _seen(text: str) -> str:
    """Show what is hidden, and let every line end in one way."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", whole)


def _when(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S} UTC"
