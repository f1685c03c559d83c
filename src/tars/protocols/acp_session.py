"""How one ACP session comes to be open. Each step begins when the one before was answered:

    session/new ──────────────────────► set_mode ─► set_model ─► open
    session/load ─► replay ─► its end ─┘

Mode and model are set where the opening wants another one than the agent has, and where
the agent offers a choice: a loaded session is back at the agent's defaults.
"""

from collections.abc import Callable

from msgspec import Raw

from tars.conversation.model import Said
from tars.errors import Fault, FaultKind
from tars.protocols import acp_messages as wire
from tars.protocols.codec import Opening
from tars.protocols.faults import Classify
from tars.protocols.jsonrpc import RpcError, decoded
from tars.protocols.peer import Peer


class SessionStart:
    """A session on its way to being open.

    Exactly one of `opened` and `failed` is called at the end, and what it gives is said.
    `session_id` is the session to load, or empty for a new one, which gets its id with the
    agent's answer. `mode` and `model` are what the agent has now, or empty where it does
    not say. `forgotten` is the caller's note that nobody wants the session any more.
    """

    def __init__(
        self,
        peer: Peer,
        opening: Opening,
        session_id: str,
        *,
        classify: Classify,
        opened: "Callable[[SessionStart], list[Said]]",
        failed: "Callable[[SessionStart, Fault], list[Said]]",
    ) -> None:
        self.session_id = session_id
        self.resumed = session_id != ""
        self.replaying = False
        self.forgotten = False
        self.mode = ""
        self.model = ""
        self._peer = peer
        self._opening = opening
        self._classify = classify
        self._opened = opened
        self._failed = failed
        where = {"cwd": opening.cwd, "mcpServers": []}
        if self.resumed:
            peer.ask("session/load", {"sessionId": session_id, **where}, self._loaded)
        else:
            peer.ask("session/new", where, self._created)

    def settle(self) -> list[Said]:
        """The replay is over."""
        self.replaying = False
        return self._set_mode()

    def _created(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._failed(self, self._classify(result))
        begun = decoded(result, wire.SESSION_BEGUN)
        if begun is None or begun.session_id == "":
            message = "The agent's answer to session/new is malformed."
            return self._failed(self, Fault(FaultKind.PROTOCOL, message))
        self.session_id = begun.session_id
        self._note(begun)
        return self._set_mode()

    def _loaded(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._failed(self, self._classify(result))
        # The protocol allows an empty result here.
        self._note(decoded(result, wire.SESSION_BEGUN) or wire.SessionBegun())
        self.replaying = True
        return []

    def _note(self, begun: wire.SessionBegun) -> None:
        self.mode = begun.modes.current_mode_id if begun.modes else ""
        self.model = begun.models.current_model_id if begun.models else ""

    def _set_mode(self) -> list[Said]:
        mode = self._opening.mode
        if not _differs(mode, self.mode):
            return self._set_model()
        params = {"sessionId": self.session_id, "modeId": mode}
        self._peer.ask("session/set_mode", params, self._mode_set)
        return []

    def _mode_set(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._refused("mode", self._opening.mode, result)
        self.mode = self._opening.mode
        return self._set_model()

    def _set_model(self) -> list[Said]:
        model = self._opening.model
        if not _differs(model, self.model):
            return self._opened(self)
        params = {"sessionId": self.session_id, "modelId": model}
        self._peer.ask("session/set_model", params, self._model_set)
        return []

    def _model_set(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._refused("model", self._opening.model, result)
        self.model = self._opening.model
        return self._opened(self)

    def _refused(self, what: str, value: str, error: RpcError) -> list[Said]:
        """A setting that the agent does not take is a person's to mend, whatever its error."""
        fault = self._classify(error)
        if not fault.needs_a_person:
            message = f"The agent refused the {what} {value!r}: {fault.message}"
            advice = f"Mend `{what}` in the configuration."
            fault = Fault(FaultKind.BAD_CONFIG, message, advice)
        return self._failed(self, fault)


def _differs(wanted: str, has: str) -> bool:
    return wanted != "" and has not in ("", wanted)
