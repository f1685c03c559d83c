"""How one thread comes to be open. Each step begins when the one before was answered:

    thread/start | thread/resume ─► account/read ─► open

The account is asked for once in a process: without one a turn fails only after minutes of
retries. It comes last, because Codex answers with its defaults while it cannot read its
configuration, and thread/start says so.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Raw

from tars.agents.codex import faults, modes
from tars.agents.codex import messages as wire
from tars.conversation.model import Opened, Said
from tars.errors import Fault
from tars.protocols.codec import Opening
from tars.protocols.faults import broken
from tars.protocols.jsonrpc import RpcError, decoded
from tars.protocols.peer import Peer


class ThreadStart:
    """A thread on its way to being open.

    Exactly one of `opened` and `failed` is called at the end, and what it gives is said.
    `wanted` is the thread to resume, or empty for a new one. `forgotten` is the caller's note
    that nobody wants it any more.
    """

    def __init__(
        self,
        peer: Peer,
        opening: Opening,
        wanted: str,
        *,
        account_known: bool,
        opened: Callable[[Opened], list[Said]],
        failed: "Callable[[ThreadStart, Fault], list[Said]]",
    ) -> None:
        self.wanted = wanted
        self.forgotten = False
        self._peer = peer
        self._account_known = account_known
        self._opened = opened
        self._failed = failed
        mode = modes.parse(opening.mode) or modes.Mode()
        params: dict[str, Any] = {"cwd": opening.cwd, **mode.members}
        if opening.model:
            params["model"] = opening.model
        if wanted:
            # The turns so far are nobody's question, and raw events are not offered here.
            params |= {"threadId": wanted, "excludeTurns": True}
        else:
            params["experimentalRawEvents"] = True
        peer.ask("thread/resume" if wanted else "thread/start", params, self._answered)

    def _answered(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._failed(self, faults.classify(result))
        thread = decoded(result, wire.THREAD_OPENED)
        if thread is None or not thread.thread.id:
            message = "Codex's answer about a thread is malformed."
            return self._failed(self, broken(message))
        model = thread.model or thread.thread.model or ""
        mode = modes.shown(thread.approval_policy, thread.sandbox.type)
        opened = Opened(thread.thread.id, bool(self.wanted), model, mode)
        if self._account_known:
            return self._opened(opened)
        self._peer.ask(
            "account/read",
            {"refreshToken": False},
            lambda answer: self._account_told(opened, answer),
        )
        return []

    def _account_told(self, opened: Opened, result: Raw | RpcError) -> list[Said]:
        told = None if isinstance(result, RpcError) else decoded(result, wire.ACCOUNT_READ)
        if told is not None and told.requires_openai_auth and told.account is None:
            return self._failed(self, faults.NOT_SIGNED_IN)
        return self._opened(opened)
