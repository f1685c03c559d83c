"""The prompts that wait, as data: what `GET /v1/queue` gives, by its wire names."""

from tars.control.wire import Wire


class QueuedPrompt(Wire):
    """A prompt that waits for its agent. `position` counts the prompts before it, the turn under
    way included. `waits_for` is a sentence on what else holds it up, such as a limit, a budget or
    an agent that has to start first, and `until` when that ends by itself, where that is known.
    `preview` is the beginning of its text, 200 characters as one line with control characters
    escaped; empty where what is said is not kept. `size` is how many characters it has."""

    turn: str
    agent: str
    position: int
    asked_at: str
    session: str | None = None
    preview: str = ""
    size: int = 0
    waits_for: str = ""
    until: str | None = None


class Queue(Wire):
    """The prompts that wait, each agent's in their order."""

    prompts: list[QueuedPrompt]
