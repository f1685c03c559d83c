"""Which conversation a prompt goes to, once its turn has come."""

from collections.abc import Iterator

from tars.conversation.model import Opened
from tars.runtime.turn import LiveTurn, Prompt
from tars.store.rows import Wishes

#: More than an agent's queue holds, by far.
MOST_BEGUN = 1000


def project_key(project: str) -> str:
    """Say for `Wishes.joins` that a prompt goes to its project's conversation."""
    return f"project:{project}"


def name_key(name: str) -> str:
    """Say for `Wishes.joins` that a prompt goes to the conversation of this name."""
    return f"name:{name}"


class Destinations:
    """Those of one agent. What a prompt began is where those go that wait to join it. `unused` is
    a conversation that its process opened, and in which nothing was said yet."""

    def __init__(self) -> None:
        self.unused: str | None = None
        self._begun: dict[str, str] = {}

    def of(self, prompt: Prompt, current: str | None) -> str | None:
        """Give the session that a prompt goes to, or None for a new one."""
        wishes, before = prompt.wishes, prompt.before
        if wishes.new and before is not None and before.session is not None:
            return before.session  # that is the one that its first attempt began
        if wishes.joins in self._begun:
            return self._begun[wishes.joins]
        if wishes.unrecorded:
            return None
        if wishes.new:
            return current if current == self.unused else None
        return prompt.session or current

    def take(self, prompt: Prompt, current: str | None) -> str | None:
        """Give the session of a prompt that begins now, or None for a new one."""
        goal = self.of(prompt, current)
        self.unused = None
        if goal is not None:
            self._note(prompt.wishes, goal)
        return goal

    def opened(self, opened: Opened, turn: LiveTurn | None) -> None:
        """A session is open: what waits for the one of this turn goes there."""
        if turn is not None:
            self._note(turn.prompt.wishes, opened.session_id)
        elif not opened.resumed:
            self.unused = opened.session_id

    def forget(self, key: str) -> None:
        """Nobody waits to join this one: where it is has to be found out anew."""
        self._begun.pop(key, None)

    def _note(self, wishes: Wishes, session: str) -> None:
        for key in keys(wishes):
            self._begun[key] = session
        while len(self._begun) > MOST_BEGUN:
            del self._begun[next(iter(self._begun))]


def keys(wishes: Wishes) -> Iterator[str]:
    """Name the prompts that may join the conversation which one with these wishes begins."""
    if not wishes.new or wishes.unrecorded:
        return
    if wishes.joins:
        yield wishes.joins
    if wishes.project:
        yield project_key(wishes.project)
    if wishes.name:
        yield name_key(wishes.name)
