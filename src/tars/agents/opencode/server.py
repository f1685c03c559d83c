"""Requests to `opencode serve`, and their answers, which come in any order."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Raw

from tars.agents.opencode import faults
from tars.agents.opencode import messages as wire
from tars.agents.opencode.asks import Reply
from tars.agents.opencode.turn import MAX_ABORTS, Turn
from tars.conversation.model import Said
from tars.errors import Fault
from tars.protocols.http_frames import Answer, Failed, Request, request_line

Result = Answer | Failed
#: What to do with an answer; it gives what is said by it.
Then = Callable[[Result], list[Said]]

T = TypeVar("T")

_OK = range(200, 300)


class Server:
    """What was asked of one server and has no answer yet."""

    def __init__(self) -> None:
        self._unsent = bytearray()
        self._asked: dict[int, Then] = {}
        self._last_id = 0

    def ask(self, method: str, path: str, then: Then, body: dict[str, Any] | None = None) -> None:
        """Send a request; `then` gets its answer, or why there is none."""
        self._last_id += 1
        self._asked[self._last_id] = then
        raw = None if body is None else Raw(msgspec.json.encode(body))
        self._unsent += request_line(Request(self._last_id, method, path, raw))

    def tell(self, reply: Reply) -> None:
        """Send an answer to opencode's own request. If it is not taken, nothing follows."""
        path, body = reply
        self.ask("POST", path, _heeds_nothing, body)

    def abort(self, turn: Turn) -> None:
        """Ask for the end of a turn, a few times at most."""
        if turn.aborts < MAX_ABORTS and turn.session_id is not None:
            turn.aborts += 1
            self.ask("POST", f"{session_path(turn.session_id)}/abort", _heeds_nothing)

    def answered(self, id: int, result: Result) -> list[Said] | None:
        """Take an answer, or give None where nothing was asked."""
        then = self._asked.pop(id, None)
        return None if then is None else then(result)

    def outgoing(self) -> bytes:
        """Give the frames for the link, once."""
        data = bytes(self._unsent)
        self._unsent.clear()
        return data


def session_path(session_id: str) -> str:
    return f"/session/{quote(session_id, safe='')}"


def succeeded(result: Result) -> bool:
    return isinstance(result, Answer) and result.status in _OK


def body_of(result: Result, form: type[T]) -> T | None:
    """Read a good answer's body, or give None where it is none."""
    if not isinstance(result, Answer) or result.status not in _OK:
        return None
    return wire.decoded(result.body, form)


def refusal_of(result: Result, what: str) -> Fault:
    """Say why the answer is none; `what` was asked for, in words."""
    if isinstance(result, Failed):
        return faults.no_answer(result.reason, what)
    if result.status in _OK:
        return faults.garbled(what)
    return faults.of_refusal(result.status, wire.decoded(result.body, wire.Error), what)


def _heeds_nothing(_: Result) -> list[Said]:
    return []
