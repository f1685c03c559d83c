"""Sessions in a few lines: on coming back to one, to choose one, and what one used."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime

from tars.cli.chat.chat import Chat
from tars.cli.chat.inline import clipped, width_of, wrapped
from tars.cli.chat.markdown import rendered
from tars.cli.chat.paint import BOLD, DIM, styled
from tars.cli.chat.records import Exchange, last_exchange
from tars.cli.chat.turn import WIDEST, prompt_lines
from tars.cli.render import clean, count, one_line
from tars.cli.sessions_view import money
from tars.control.session_contract import Session, Spending

#: How much of the last answer is shown again.
_ANSWER_LINES = 8


def greeting(chat: Chat, session: Session | None, columns: int) -> list[str]:
    """Say who is talked to, and which conversation goes on. Raises TarsError."""
    head = styled(f"tars chat with {chat.agent}", BOLD)
    if chat.project:
        room = max(columns - width_of(chat.agent) - 20, 10)
        head += styled(f" in {_end(_tilde(chat.project), room)}", DIM)
    keys = "Enter sends, Alt-Enter begins a line, Ctrl-D leaves, /help says more."
    lines = [head, *wrapped([(keys, DIM)], columns)]
    if session is not None and session.spent.turns:
        return [*lines, "", *resumed(session, last_exchange(session), columns)]
    if not chat.record:
        lines.append(styled("Nothing is kept, and each prompt is a conversation of its own.", DIM))
    return lines


def resumed(session: Session, last: Exchange | None, width: int) -> list[str]:
    """Say which conversation goes on: since when, how long it is, and how it ended."""
    what = one_line(session.name or session.title) or session.id
    begun, used = _day(session.started_at), _ago(session.last_activity_at)
    facts = f"begun {begun}, last used {used}, {count(session.spent.turns, 'turn')}"
    lines = [
        styled(clipped(f"Going on with {what}", width), BOLD),
        *wrapped([(f"{session.agent} · {facts} · {session.id}", DIM)], width),
    ]
    if last is not None:
        lines += ["", *prompt_lines(last.prompt, min(width, WIDEST))]
        lines += _end_of(last.answer, min(width, WIDEST))
    return lines


def _end_of(answer: str, width: int) -> list[str]:
    shown = rendered(clean(answer)[-4_000:].splitlines(), width)
    if not shown:
        return ["", styled("(no answer is kept)", DIM)]
    cut = [styled(f"… ({count(len(shown) - _ANSWER_LINES, 'line')} before)", DIM)]
    return ["", *(cut if len(shown) > _ANSWER_LINES else []), *shown[-_ANSWER_LINES:]]


def listing(found: Iterable[Session], current: str | None, width: int) -> list[str]:
    """Show sessions to choose from, a line each; a star marks the one that goes on."""
    lines = []
    for number, session in enumerate(found, 1):
        star = "*" if session.id == current else " "
        head = f"{star}{number:3}  {_ago(session.last_activity_at):>12}  "
        name = f"{one_line(session.name)}: " if session.name else ""
        tail = f"  {session.agent}, {count(session.spent.turns, 'turn')}"
        room = max(width - width_of(head) - width_of(tail), 12)
        title = clipped(name + (one_line(session.title) or session.id), room)
        lines.append(clipped(f"{head}{title}{tail}", width))
    return lines


def spent_lines(session: Session, width: int) -> list[str]:
    """Say what a session used, by model. A cost that nobody told is not nothing."""
    rows: list[tuple[str, ...]] = [("MODEL", "TURNS", "INPUT", "CACHED", "OUTPUT", "COST")]
    rows += [_row(one_line(model) or "-", spent) for model, spent in session.models.items()]
    if len(session.models) != 1:
        rows.append(_row("all", session.spent))
    widths = _widths(rows)
    for left_out in (3, 1):  # what is cached, and how many turns: the cost stays
        if sum(widths) + 2 * (len(widths) - 1) > width:
            rows = [row[:left_out] + row[left_out + 1 :] for row in rows]
            widths = _widths(rows)
    room = max(width - sum(widths[1:]) - 2 * (len(widths) - 1), 5)
    rows = [(clipped(row[0], room), *row[1:]) for row in rows]
    widths = _widths(rows)
    lines = [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
    spent = session.spent
    if spent.costed_turns < spent.turns:
        known = f"of {spent.costed_turns} of {count(spent.turns, 'turn')}"
        lines.append(f"The agent told the cost {known if spent.costed_turns else 'of no turn'}.")
    if session.at_least:
        lines.append("A turn was cut short: more may have been used.")
    return [clipped(line, width) for line in lines]


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    return [max(width_of(row[n]) for row in rows) for n in range(len(rows[0]))]


def _row(name: str, spent: Spending) -> tuple[str, str, str, str, str, str]:
    return (
        name,
        f"{spent.turns:,}",
        f"{spent.net_input_tokens + spent.cache_read_tokens + spent.cache_write_tokens:,}",
        f"{spent.cache_read_tokens:,}",
        f"{spent.output_tokens:,}",
        _cost(spent),
    )


def _cost(spent: Spending) -> str:
    known = spent.costed_turns
    return money(spent.cost_microusd or 0, of=spent.turns, known=known, places=4)


def _day(at: str) -> str:
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")


def _ago(at: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    for unit, length, most in (("min", 60, 60), ("h", 3600, 48)):
        if seconds < length:
            return "just now" if unit == "min" else "1 h ago"
        if seconds < length * most:
            return f"{int(seconds // length)} {unit} ago"
    return f"{int(seconds // 86400)} days ago"


def _tilde(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path


def _end(path: str, room: int) -> str:
    return path if len(path) <= room else f"…{path[-(room - 1) :]}"
