"""The permissions that an agent asks for: its own ids, and those that a person types."""

from datetime import UTC, datetime

from tars.conversation.model import PermissionAsked
from tars.core import events as e
from tars.core.permission import Option
from tars.runtime.hub import Hub
from tars.runtime.turn import LiveTurn


class Questions:
    """One agent's requests that nobody has answered yet."""

    def __init__(self, agent: str, hub: Hub) -> None:
        self._agent = agent
        self._hub = hub
        self._requests: dict[str, PermissionAsked] = {}

    def ask(self, asked: PermissionAsked, turn: LiveTurn | None) -> None:
        """Give a request its public id, and have the core weigh it."""
        public = self._hub.next_permission()
        self._requests[public] = asked
        if turn is not None:
            turn.permissions[public] = (asked, datetime.now(UTC))
        options = tuple(Option(o.id, o.kind) for o in asked.options)
        self._hub.send(self._agent, e.PermissionAsked(public, asked.tool_kind, options))

    def get(self, public: str) -> PermissionAsked | None:
        """Give what is asked under a public id."""
        return self._requests.get(public)

    def take(self, public: str, turn: LiveTurn | None) -> str | None:
        """Give the agent's own id of a request that is answered now; it is asked no more."""
        if turn is not None:
            turn.permissions.pop(public, None)
        asked = self._requests.pop(public, None)
        return None if asked is None else asked.request_id

    def clear(self) -> None:
        """Nobody waits for an answer any more."""
        self._requests.clear()
