"""What the server wants of tars; whoever runs it does each, and tells it what came of it."""

from dataclasses import dataclass, field

from tars.editor.wire import Id


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Find the agent's conversation, and tell `opened`. `session` is one that is wanted back."""

    request: Id
    session: str | None = None


@dataclass(frozen=True, slots=True)
class SendPrompt:
    """Send a prompt and tell everything of its turn under `key`. `session` None is the
    agent's current one."""

    key: int
    text: str = field(repr=False)
    session: str | None


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Cancel this turn; the end comes as any other."""

    turn: str


@dataclass(frozen=True, slots=True)
class AnswerPermission:
    """Answer this request for permission; one that is answered already is left alone."""

    permission: str
    option: str


@dataclass(frozen=True, slots=True)
class Narrate:
    """Say this to whoever looks after the process."""

    sentence: str


Ask = OpenSession | SendPrompt | CancelTurn | AnswerPermission | Narrate
