"""One turn's page: what was said in it, folded into messages and tool calls as it comes.

A message is what one side says in one go: a tool call, or a thought, ends the one before.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tars.conversation.model import ToolCallChanged, ToolStatus
from tars.store.rows import Arrival, Keep, MessagePart, Role, ToolCallRow

#: How much of a text a preview is, in characters.
PREVIEW = 200
#: A message of more characters goes on as another one: it is written anew as it grows.
LONGEST_MESSAGE = 1_000_000
#: How much of a tool's output and of its title is kept, in characters; and how many paths.
LONGEST_OUTPUT, LONGEST_TITLE, MOST_PATHS = 65_536, 2_000, 100
#: How many tool calls are known again when they change; of the oldest nothing more is kept.
MOST_CALLS = 10_000

_ENDED = (ToolStatus.COMPLETED, ToolStatus.FAILED)


class Page:
    """`number` is that of what is said next. What was taken is not given again."""

    def __init__(self, keep: Keep, number: int) -> None:
        self._keep = keep
        self._number = number
        self._whole: list[Arrival] = []
        self._growing: _Growing | None = None
        self._calls: dict[str, tuple[int, datetime]] = {}
        self._changed: dict[str, ToolCallRow] = {}

    def text(self, role: Role, text: str) -> None:
        """Somebody says this, or goes on with it."""
        if not text:
            return
        growing = self._growing
        if growing is None or growing.role is not role or growing.size >= LONGEST_MESSAGE:
            self.end_message()
            growing = self._growing = _Growing(self._next(), role, datetime.now(UTC))
        growing.add(clean(text), self._keep)

    def call(self, said: ToolCallChanged) -> None:
        """A tool call began, or moved on."""
        known = self._calls.get(said.call_id)
        if known is None:
            self.end_message()
            known = self._calls[said.call_id] = self._next(), datetime.now(UTC)
            if len(self._calls) > MOST_CALLS:
                del self._calls[next(iter(self._calls))]
        row = self._row(said, *known)
        before = self._changed.get(said.call_id)
        self._changed[said.call_id] = row if before is None else _both(before, row)

    def end_message(self) -> None:
        """What was said so far is whole."""
        if self._growing is not None:
            self._whole.append(self._growing.part(datetime.now(UTC)))
            self._growing = None

    def take(self) -> tuple[Arrival, ...]:
        """Give what is to be written down."""
        taken = [*self._whole, *self._changed.values()]
        if self._growing is not None and self._growing.pieces:
            taken.append(self._growing.part(None))
        self._whole, self._changed = [], {}
        return tuple(taken)

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _row(self, said: ToolCallChanged, number: int, began_at: datetime) -> ToolCallRow:
        return ToolCallRow(
            id=said.call_id,
            kind=said.kind,
            title=kept(clean(said.title), self._keep)[:LONGEST_TITLE],
            status=said.status.value,
            began_at=began_at,
            number=number,
            output=kept(clean(said.output), self._keep)[:LONGEST_OUTPUT],
            size=len(said.output),
            ended_at=datetime.now(UTC) if said.status in _ENDED else None,
            paths=() if self._keep is Keep.NONE else said.paths[:MOST_PATHS],
        )


def kept(text: str, keep: Keep, before: int = 0) -> str:
    """Give what is kept of a text that follows `before` characters of a message."""
    match keep:
        case Keep.FULL:
            return text
        case Keep.PREVIEW:
            return text[: max(0, PREVIEW - before)]
        case Keep.NONE:
            return ""


def clean(text: str) -> str:
    """Replace what no database takes: half a surrogate pair, and NUL. The length that is
    counted here is that of what will be in the store."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@dataclass(slots=True)
class _Growing:
    """A message that may go on. `offset` is how much of its text was taken."""

    number: int
    role: Role
    began_at: datetime
    offset: int = 0
    kept: int = 0
    size: int = 0
    pieces: list[str] = field(default_factory=list)

    def add(self, text: str, keep: Keep) -> None:
        piece = kept(text, keep, self.kept)
        self.pieces.append(piece)
        self.kept += len(piece)
        self.size += len(text)

    def part(self, ended_at: datetime | None) -> MessagePart:
        text, offset = "".join(self.pieces), self.offset
        self.pieces, self.offset = [], self.kept
        return MessagePart(self.number, self.role, offset, text, self.size, self.began_at, ended_at)


def _both(before: ToolCallRow, now: ToolCallRow) -> ToolCallRow:
    told = now if now.size else before
    return replace(
        now,
        kind=now.kind or before.kind,
        title=now.title or before.title,
        output=told.output,
        size=told.size,
        paths=tuple(dict.fromkeys((*before.paths, *now.paths)))[:MOST_PATHS],
    )
