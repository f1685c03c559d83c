"""A transcript as lines: who said what, tool calls folded, long texts bounded. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tars.control.session_contract import Message, MessageList, Session, ToolCall
from tars.tui import session_words as words
from tars.tui.foreign_text import clean, fitted
from tars.tui.session_pieces import Line, Piece, Tone
from tars.tui.session_prose import prose, verbatim, wrapped

#: How many messages and tool calls come at once, and how many characters of each.
PAGE, CHARACTERS = 50, 4_000
#: How many lines of a tool call's output are shown where it is unfolded.
_OUTPUT_LINES = 200

_WHO: dict[str, tuple[str, Tone]] = {
    "user": ("You", "accent"),
    "assistant": ("", "title"),
    "thought": ("Thought", "dim"),
    "system": ("System", "warn"),
    "tool": ("Tool", "dim"),
}
_DONE: dict[str, tuple[str, Tone]] = {
    "completed": ("✓", "good"),
    "failed": ("✗", "bad"),
    "in_progress": ("…", "warn"),
    "pending": ("…", "warn"),
}

Entry = Message | ToolCall


@dataclass(frozen=True, slots=True)
class Page:
    """`at` is how many entries come before it; `last`: none comes behind it."""

    at: int
    entries: tuple[Entry, ...]
    last: bool


def page_of(at: int, told: MessageList) -> Page:
    """Put what was said and what was done in one order again."""
    return Page(at, tuple(_merged(told.messages, told.tool_calls)), told.after is None)


def _merged(messages: Sequence[Message], calls: Sequence[ToolCall]) -> Iterator[Entry]:
    said, done = 0, 0
    while said < len(messages) or done < len(calls):
        if done == len(calls):
            took_message = True
        elif said == len(messages):
            took_message = False
        else:
            took_message = _comes_before(messages[said], calls[done])
        if took_message:
            yield messages[said]
            said += 1
        else:
            yield calls[done]
            done += 1


def _comes_before(message: Message, call: ToolCall) -> bool:
    if message.turn == call.turn:
        return message.number <= call.number
    return message.began_at <= call.began_at


def lines_of(entry: Entry, agent: str, width: int, *, unfolded: bool) -> Iterator[Line]:
    """Give one message or tool call as lines, a message after an empty one."""
    if isinstance(entry, ToolCall):
        yield from _call(entry, width, unfolded=unfolded)
    else:
        yield from _message(entry, agent, width)


def _message(message: Message, agent: str, width: int) -> Iterator[Line]:
    who, tone = _WHO.get(message.role, (clean(message.role), "dim"))
    at = words.whole_time(message.began_at)[11:16]
    yield ()
    yield (Piece(f" {who or clean(agent)}", tone), Piece(f"  {at}", "dim"))
    body: Tone = "italic" if message.role == "thought" else ""
    indent = "   "
    for line in prose(message.text, width - len(indent), body):
        yield (Piece(indent), *line)
    yield from _rest(message.size - len(message.text), indent)
    if message.ended_at is None:
        yield (Piece(f"{indent}…", "warn"),)


def _call(call: ToolCall, width: int, *, unfolded: bool) -> Iterator[Line]:
    sign, tone = _DONE.get(call.status, ("·", "dim"))
    size = words.bytes_of(call.size) if call.size else ""
    fold = "▾" if unfolded else "▸"
    name = clean(call.title or call.kind)
    room = max(8, width - len(size) - 10)
    yield (
        Piece(f"   {fold} ", "dim"),
        Piece(f"{sign} ", tone),
        Piece(fitted(name, room).rstrip()),
        Piece(f"  {size}" if size else "", "dim"),
    )
    if unfolded:
        yield from _unfolded(call, width)


def _unfolded(call: ToolCall, width: int) -> Iterator[Line]:
    about = " · ".join(filter(None, (clean(call.kind), clean(call.status))))
    yield from wrapped([Piece(about, "dim")], width, first="       ", rest="       ")
    for path in call.paths[:20]:
        yield from wrapped([Piece(clean(path), "accent")], width, first="       ", rest="       ")
    for number, line in enumerate(verbatim(call.output, width, "dim", before="     │ ")):
        if number == _OUTPUT_LINES:
            yield (Piece("     │ … more lines", "dim"),)
            break
        yield line
    yield from _rest(call.size - len(call.output), "     │ ")


def _rest(missing: int, indent: str) -> Iterator[Line]:
    if missing > 0:
        yield (Piece(f"{indent}… {words.bytes_of(missing)} more", "dim"),)


def nothing(session: Session) -> str:
    """Say why there is no transcript, or nothing where there may be one."""
    if session.source == words.LOG:
        return (
            "This session ran outside tars: it was counted from the agent's own log, and what was "
            "said in it is not kept here."
        )
    if not session.messages and not session.tool_calls:
        return "Nothing of what was said in this session was kept."
    return ""


def count(session: Session) -> int:
    """Say how much there is to read, in messages and tool calls."""
    return session.messages + session.tool_calls
