"""How a server is greeted and one of its sessions comes to be open.

health, providers, agents ──────────────────┐
POST /session ──────────────────────────────┤► open
GET /session/ID ─► its last message ────────┘
"""

from collections.abc import Callable

from tars.agents.opencode import faults
from tars.agents.opencode import messages as wire
from tars.agents.opencode.remembered import Remembered
from tars.agents.opencode.server import Result, Server, body_of, refusal_of, session_path
from tars.conversation.model import Opened, Said
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Opening
from tars.protocols.http_frames import Answer

Failing = Callable[[Fault], list[Said]]


class Greeting:
    """The first questions to a server. `done` is called when all are answered; `failed` where
    an answer shows that no prompt can work."""

    def __init__(
        self, server: Server, opening: Opening, done: Callable[[], list[Said]], failed: Failing
    ) -> None:
        self.version = ""
        self.limits: dict[str, int] = {}
        self._server = server
        self._opening = opening
        self._done = done
        self._failed = failed
        self._open = 0
        self._ask("/global/health", self._health)
        # It also makes the server load what it would load before the first prompt.
        self._ask("/config/providers", self._providers)
        if opening.mode:
            self._ask("/agent", self._agents)

    @property
    def over(self) -> bool:
        return self._open == 0

    def _ask(self, path: str, read: Callable[[Result], Fault | None]) -> None:
        self._open += 1

        def answered(result: Result) -> list[Said]:
            self._open -= 1
            fault = read(result)
            return self._done() if fault is None else self._failed(fault)

        self._server.ask("GET", path, answered)

    def _health(self, result: Result) -> Fault | None:
        health = body_of(result, wire.Health)
        self.version = "" if health is None else health.version
        return None

    def _providers(self, result: Result) -> Fault | None:
        told = body_of(result, wire.Providers)
        if told is None:
            # Another version may tell it elsewhere: the prompt will show what is amiss.
            return None
        self.limits = {
            wire.joined(provider.id, name): int(model.limit.context)
            for provider in told.providers
            for name, model in provider.models.items()
        }
        if not self.limits:
            return faults.no_model()
        model = self._opening.model
        return faults.unknown_model(model) if model not in ("", *self.limits) else None

    def _agents(self, result: Result) -> Fault | None:
        agents = body_of(result, list[wire.Agent])
        known = {agent.name for agent in agents or () if agent.mode != "subagent"}
        mode = self._opening.mode
        return faults.unknown_agent(mode) if known and mode not in known else None


class SessionStart:
    """A session on its way to being open: this one, or with an empty id a new one.

    Exactly one of `opened` and `failed` is called at the end, and what it gives is said.
    `forgotten` is the caller's note that nobody wants the session any more.
    """

    def __init__(
        self,
        server: Server,
        known: Remembered,
        session_id: str,
        *,
        opened: "Callable[[SessionStart], list[Said]]",
        failed: "Callable[[SessionStart, Fault], list[Said]]",
    ) -> None:
        self.session_id = session_id
        self.resumed = session_id != ""
        self.forgotten = False
        self.model = ""
        self._server = server
        self._known = known
        self._opened = opened
        self._failed = failed
        if self.resumed:
            server.ask("GET", session_path(session_id), self._found)
        else:
            server.ask("POST", "/session", self._found, {})

    def told(self, opening: Opening, version: str) -> Opened:
        """Say that it is open."""
        model = opening.model or self.model
        return Opened(self.session_id, self.resumed, model, opening.mode, version)

    def _found(self, result: Result) -> list[Said]:
        session = body_of(result, wire.Session)
        if session is None:
            # An id that is none of opencode's is refused as malformed.
            unknown = isinstance(result, Answer) and result.status in (400, 404)
            lost = unknown and self.resumed
            return self._failed(
                self, faults.session_unknown() if lost else refusal_of(result, "a session")
            )
        self.session_id = session.id
        self.model = "" if session.model is None else session.model.name
        if not self.resumed:
            return self._open()
        # What it holds by now is not this process's to count.
        self._server.ask("GET", f"{session_path(session.id)}/message?limit=1", self._last)
        return []

    def _last(self, result: Result) -> list[Said]:
        for message in body_of(result, list[wire.Whole]) or ():
            self._known.ends_with(self.session_id, message.info.id)
        return self._open()

    def _open(self) -> list[Said]:
        self._known.own.add(self.session_id)
        return self._opened(self)


def is_lost(start: SessionStart, fault: Fault) -> bool:
    """Whether the conversation is gone, and nothing else is amiss."""
    return start.resumed and fault.kind is FaultKind.SESSION_UNKNOWN
