"""The permission requests of one ACP turn, from the question to the answer."""

from tars.protocols.jsonrpc import Id
from tars.protocols.peer import Peer

#: How many requests may be open at once; more are answered as cancelled.
MAX_OPEN = 64

_CANCELLED = {"outcome": {"outcome": "cancelled"}}


class OpenPermissions:
    """What the agent waits for. Every request is answered exactly once. `declined`: one of the
    turn's was answered as cancelled."""

    def __init__(self, peer: Peer) -> None:
        self.declined = False
        self._peer = peer
        self._open: dict[str, Id] = {}

    @property
    def full(self) -> bool:
        return len(self._open) >= MAX_OPEN

    def __contains__(self, id: Id) -> bool:
        return id in self._open.values()

    def add(self, id: Id) -> str:
        """Remember a request and give it a name of its own: 0 and "0" are two ids."""
        name = str(id)
        while name in self._open:
            name += "'"
        self._open[name] = id
        return name

    def answer(self, name: str, option_id: str | None) -> None:
        """Answer a request, or with None say that the turn was cancelled.

        One that is not open, or no longer, is left alone.
        """
        # Ids begin at 0, so that only None may mean "not there".
        if (id := self._open.pop(name, None)) is None:
            return
        if option_id is None:
            self.decline(id)
        else:
            self._peer.answer(id, {"outcome": {"outcome": "selected", "optionId": option_id}})

    def decline(self, id: Id) -> None:
        """Answer a request that nobody was asked about, or that is cancelled."""
        self.declined = True
        self._peer.answer(id, _CANCELLED)

    def withdraw(self) -> None:
        """Answer all that is open: the turn is cancelled or over."""
        for name in tuple(self._open):
            self.answer(name, None)
