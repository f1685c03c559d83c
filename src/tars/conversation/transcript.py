"""One turn's conversation, folded as it arrives."""

from dataclasses import dataclass, field, replace

from tars.conversation.model import (
    ContextTold,
    Garbled,
    LimitsTold,
    ModeChanged,
    Opened,
    OpenFailed,
    PermissionAsked,
    RequestCounted,
    Retrying,
    Said,
    SessionLost,
    TextSaid,
    ThoughtSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
    Unrecognised,
)

#: How many tool calls are remembered; the oldest are only counted.
MAX_TOOLS = 10_000


@dataclass(slots=True)
class Transcript:
    """The running state of one turn.

    `text` is the answer; `tools` holds each call by its id as it is now, for an agent
    does not repeat what has not changed; `running_tools` holds the ids of calls that have
    not ended: while one runs, silence is no sign of a hang.
    """

    pieces: list[str] = field(default_factory=list)
    tools: dict[str, ToolCallChanged] = field(default_factory=dict)
    running_tools: set[str] = field(default_factory=set)
    forgotten_tools: int = 0
    garbled: int = 0

    def add(self, said: Said) -> None:
        match said:
            case TextSaid(text):
                self.pieces.append(text)
            case ToolCallChanged(call_id=call_id, status=status):
                self.tools[call_id] = _merged(self.tools.get(call_id), said)
                if len(self.tools) > MAX_TOOLS:
                    self._forget(next(iter(self.tools)))
                if status in (ToolStatus.PENDING, ToolStatus.RUNNING):
                    self.running_tools.add(call_id)
                else:
                    self.running_tools.discard(call_id)
            case Garbled():
                self.garbled += 1
            case (  # pragma: no branch
                Opened()
                | OpenFailed()
                | SessionLost()
                | ThoughtSaid()
                | PermissionAsked()
                | ModeChanged()
                | Retrying()
                | RequestCounted()
                | ContextTold()
                | LimitsTold()
                | Unrecognised()
                | TurnEnded()
            ):
                pass

    def _forget(self, call_id: str) -> None:
        del self.tools[call_id]
        self.running_tools.discard(call_id)
        self.forgotten_tools += 1

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tool_calls(self) -> int:
        return len(self.tools) + self.forgotten_tools


def _merged(before: ToolCallChanged | None, now: ToolCallChanged) -> ToolCallChanged:
    if before is None:
        return now
    return replace(now, title=now.title or before.title, kind=now.kind or before.kind)
