"""One end of a JSON-RPC 2.0 conversation over lines: who asked what, and what comes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import Raw

from tars.conversation.model import Garbled, Said
from tars.protocols import jsonrpc
from tars.protocols.jsonrpc import Id, Malformed, Notification, Request, Response, RpcError
from tars.protocols.lines import DEFAULT_LIMIT, Lines, TooLong

#: Why a well-formed answer is garbage all the same.
ANSWER_TO_NOTHING = "an answer to no request"

#: What to do with the answer to a request of ours.
Then = Callable[[Raw | RpcError], list[Said]]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of ours was answered: call `then` with the result."""

    then: Then
    result: Raw | RpcError


Heard = Request | Notification | Answered | Garbled


class Peer:
    """Our end. `understood` and `garbled` say that the other side has sent at least one
    message, and at least one line that is none. `bare`: no message has a "jsonrpc" member."""

    def __init__(self, line_limit: int = DEFAULT_LIMIT, *, bare: bool = False) -> None:
        self.understood = False
        self.garbled = False
        self._bare = bare
        self._lines = Lines(line_limit)
        self._out = bytearray()
        self._asked = 0
        self._pending: dict[Id | None, Then] = {}

    def ask(self, method: str, params: dict[str, Any], then: Then) -> None:
        """Send a request; its answer comes back as `Answered` with `then`."""
        self._asked += 1
        self._pending[self._asked] = then
        self._out += jsonrpc.request(self._asked, method, params, bare=self._bare)

    def tell(self, method: str, params: dict[str, Any]) -> None:
        self._out += jsonrpc.notification(method, params, bare=self._bare)

    def answer(self, id: Id, result: dict[str, Any]) -> None:
        self._out += jsonrpc.response(id, result, bare=self._bare)

    def refuse(self, id: Id, code: int, message: str) -> None:
        self._out += jsonrpc.error(id, code, message, bare=self._bare)

    def receive(self, data: bytes) -> Iterator[Heard]:
        """Take bytes, cut anywhere. Exhaust it: each message is looked at when its turn comes,
        after the caller has acted on the one before."""
        for line in self._lines.feed(data):
            yield self._hear(line)

    def end(self) -> Iterator[Heard]:
        """The other side is gone: give what it left unfinished, and expect no answers."""
        if (rest := self._lines.end()) is not None:
            yield self._hear(rest)
        self._pending.clear()

    def outgoing(self) -> bytes:
        """Give the bytes to send, once."""
        out, self._out = bytes(self._out), bytearray()
        return out

    def _hear(self, line: bytes | TooLong) -> Heard:
        if isinstance(line, TooLong):
            self.garbled = True
            return Garbled("a line longer than the limit", line.size)
        message = jsonrpc.decode(line, bare=self._bare)
        if isinstance(message, Malformed):
            self.garbled = True
            return Garbled(message.reason, len(line))
        self.understood = True
        if not isinstance(message, Response):
            return message
        then = self._pending.pop(message.id, None)
        if then is None:
            return Garbled(ANSWER_TO_NOTHING, len(line))
        return Answered(then, message.result)
