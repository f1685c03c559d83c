"""How one ACP session comes to be open. Each step begins when the one before was answered:

    session/new ──────────────────────► set_mode ─► set_model ─► open
    session/load ─► replay ─► its end ─┤
    session/resume ────────────────────┘

Mode and model are set where the opening wants another one than the agent has, and where
the agent offers a choice: a loaded session is back at the agent's defaults. A choice that
the agent offers as one of its options is made with session/set_config_option.
"""

from collections.abc import Callable

from msgspec import Raw

from tars.conversation.model import Said
from tars.errors import Fault, FaultKind
from tars.protocols import acp_opening as wire
from tars.protocols.codec import Offered, Opening
from tars.protocols.faults import Classify, broken
from tars.protocols.jsonrpc import RpcError, decoded
from tars.protocols.peer import Peer, Then


class SessionStart:
    """A session on its way to being open.

    Exactly one of `opened` and `failed` is called at the end, and what it gives is said.
    `session_id` is the session to load, or empty for a new one, which gets its id with the
    agent's answer; `method` brings an earlier one back. `mode` and `model` are what the
    agent has now, or empty where it does not say. `forgotten` is the caller's note that
    nobody wants the session any more.
    """

    def __init__(
        self,
        peer: Peer,
        opening: Opening,
        session_id: str,
        *,
        method: str,
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
        self._begun = wire.SessionBegun()
        self._mode_option = self._model_option = ""
        self._peer = peer
        self._opening = opening
        self._classify = classify
        self._replays = False
        self._opened = opened
        self._failed = failed
        where = {"cwd": opening.cwd, "mcpServers": []}
        if self.resumed:
            self._replays = method == "session/load"
            peer.ask(method, {"sessionId": session_id, **where}, self._loaded)
        else:
            peer.ask("session/new", where, self._created)

    @property
    def offered(self) -> Offered:
        """What the agent said of this session that can be chosen."""
        return self._begun.offered

    def change(
        self,
        opening: Opening,
        changed: "Callable[[SessionStart], list[Said]]",
        failed: "Callable[[SessionStart, Fault], list[Said]]",
    ) -> list[Said]:
        """Set mode and model once more, of a session that is open: `changed` or `failed` follows,
        at once where there is nothing to change."""
        self._opening, self._opened, self._failed = opening, changed, failed
        self._note_options()
        return self._set_mode()

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
            return self._failed(self, broken(message))
        self.session_id = begun.session_id
        self._note(begun)
        return self._set_mode()

    def _loaded(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._failed(self, self._classify(result))
        # The protocol allows an empty result here.
        self._note(decoded(result, wire.SESSION_BEGUN) or wire.SessionBegun())
        if not self._replays:
            return self._set_mode()
        self.replaying = True
        return []

    def _note(self, begun: wire.SessionBegun) -> None:
        self._begun = begun
        self.mode = begun.modes.current_mode_id if begun.modes else ""
        self.model = begun.models.current_model_id if begun.models else ""
        mode, model = self._note_options()
        self.mode = mode.current if mode else self.mode
        self.model = model.current if model else self.model

    def _note_options(self) -> tuple[wire.ConfigOption | None, wire.ConfigOption | None]:
        """Find the options by which mode and model are to be chosen, where they are."""
        begun = self._begun
        mode, model = begun.option("mode"), begun.option("model")
        if mode is not None and begun.modes is not None and not mode.offers(self._opening.mode):
            mode = None
        if model is not None and begun.models is not None and not model.offers(self._opening.model):
            model = None
        self._mode_option = mode.id if mode else ""
        self._model_option = model.id if model else ""
        return mode, model

    def _set_mode(self) -> list[Said]:
        mode = self._opening.mode
        if not _differs(mode, self.mode):
            return self._set_model()
        if self._mode_option:
            self._choose(self._mode_option, mode, self._mode_set)
        else:
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
        if self._model_option:
            self._choose(self._model_option, model, self._model_set)
        else:
            params = {"sessionId": self.session_id, "modelId": model}
            self._peer.ask("session/set_model", params, self._model_set)
        return []

    def _choose(self, option: str, value: str, then: Then) -> None:
        params = {"sessionId": self.session_id, "configId": option, "value": value}
        self._peer.ask("session/set_config_option", params, then)

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
