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
    garbled: int = 0

    def add(self, said: Said) -> None:
        match said:
            case TextSaid(text):
                self.pieces.append(text)
            case ToolCallChanged(call_id=call_id, status=status):
                self.tools[call_id] = _merged(self.tools.get(call_id), said)
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

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tool_calls(self) -> int:
        return len(self.tools)


def _merged(before: ToolCallChanged | None, now: ToolCallChanged) -> ToolCallChanged:
    if before is None:
        return now
    return replace(now, title=now.title or before.title, kind=now.kind or before.kind)
