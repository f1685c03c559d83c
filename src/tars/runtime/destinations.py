"""Which conversation a prompt goes to, once its turn has come."""

from tars.runtime.turn import LiveTurn, Prompt

#: More than an agent's queue holds, by far.
MOST_BEGUN = 1000


class Destinations:
    """Those of one agent. What a prompt began is where those go that wait to join it."""

    def __init__(self) -> None:
        self._begun: dict[str, str] = {}

    def of(self, prompt: Prompt, current: str | None) -> str | None:
        """Give the session that a prompt goes to, or None for a new one."""
        wishes, before = prompt.wishes, prompt.before
        if before is not None and before.session is not None and wishes.new:
            return before.session  # that is the one that its first attempt began
        if wishes.joins and wishes.joins in self._begun:
            return self._begun[wishes.joins]
        if wishes.new:
            return None
        return prompt.session or current

    def note(self, turn: LiveTurn) -> None:
        """A turn's session is open: others that wait for the same one go there."""
        joins = turn.prompt.wishes.joins
        if joins and turn.session_id is not None:
            self._begun[joins] = turn.session_id
            if len(self._begun) > MOST_BEGUN:
                del self._begun[next(iter(self._begun))]

    def forget(self, joins: str) -> None:
        """Nobody waits to join this one: where it is has to be found out anew."""
        self._begun.pop(joins, None)
