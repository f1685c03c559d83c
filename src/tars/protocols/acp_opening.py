"""What an ACP agent says of itself and of a session when they are opened, typed.

https://agentclientprotocol.com/protocol/initialization and /protocol/session-setup. What is
not of the expected form and not needed is taken as not said.
"""

from typing import Any

import msgspec
from msgspec import Raw

from tars.protocols.codec import Offered
from tars.protocols.faults import plain
from tars.protocols.jsonrpc import decoded

PROTOCOL_VERSION = 1

#: How many ways to sign in are told.
_MOST_AUTH_METHODS = 5
_SIGN_IN = (
    "Sign in with the agent's own command, or set its key in its `env` table in config.toml; "
    "then `tars restart`."
)
_NULL = Raw(b"null")


class _Wire(msgspec.Struct, rename="camel"):
    """A message on the wire: `agent_info` is `agentInfo` there."""


class AgentInfo(_Wire):
    name: str = ""
    version: str = ""


class AgentCapabilities(_Wire):
    load_session: bool = False
    session_capabilities: Any = None


class AuthMethod(_Wire):
    name: str
    description: str | None = None


class Initialized(_Wire):
    protocol_version: int
    agent_info: AgentInfo | None = None
    agent_capabilities: AgentCapabilities | None = None
    auth_methods: Raw = _NULL

    @property
    def name(self) -> str:
        return self.agent_info.name if self.agent_info else ""

    @property
    def version(self) -> str:
        return self.agent_info.version if self.agent_info else ""

    @property
    def reopens_with(self) -> str:
        """The method that brings back an earlier session, or nothing."""
        can = self.agent_capabilities
        if can is None:
            return ""
        if can.load_session:
            return "session/load"
        others = can.session_capabilities
        # An empty object is a yes, as everywhere in the protocol.
        resumes = isinstance(others, dict) and others.get("resume") is not None
        return "session/resume" if resumes else ""

    @property
    def sign_in_advice(self) -> str:
        """What the agent itself offers to somebody who is not signed in."""
        methods = decoded(self.auth_methods, _AUTH_METHODS) or []
        ways = [f"{m.name} ({m.description})" if m.description else m.name for m in methods]
        if not ways:
            return _SIGN_IN
        offered = "; ".join(plain(way) for way in ways[:_MOST_AUTH_METHODS])
        return f"The agent offers: {offered}. Then `tars restart`."


class Modes(_Wire):
    current_mode_id: str
    available_modes: Any = None


class Models(_Wire):
    current_model_id: str
    available_models: Any = None


class SessionBegun(_Wire):
    """The result of session/new, and of session/load, which leaves the id out."""

    session_id: str = ""
    modes: Modes | None = None
    models: Models | None = None
    config_options: Raw = _NULL

    @property
    def offered(self) -> Offered:
        """The models and modes that can be chosen, as far as they are said."""
        models = _named(self.models and self.models.available_models, "modelId")
        modes = _named(self.modes and self.modes.available_modes, "id")
        model, mode = self.option("model"), self.option("mode")
        more_models = _values(model.options) if model else []
        more_modes = _values(mode.options) if mode else []
        return Offered(
            tuple(dict.fromkeys([*models, *more_models])),
            tuple(dict.fromkeys([*modes, *more_modes])),
        )

    def option(self, category: str) -> "ConfigOption | None":
        """The choice that the agent offers for its `mode` or its `model`, if it offers one."""
        options = decoded(self.config_options, _CONFIG_OPTIONS) or []
        return next((o for o in options if o.category == category), None)


class ConfigOption(_Wire):
    id: str
    current_value: Any = None
    category: str | None = None
    options: Any = None

    @property
    def current(self) -> str:
        return self.current_value if isinstance(self.current_value, str) else ""

    def offers(self, value: str) -> bool:
        """Whether this value is one of the choices; they may stand in groups."""
        return value != "" and value in _values(self.options)


def initialize(client_version: str) -> dict[str, Any]:
    """The first request: tars leaves files and terminals to the agent itself."""
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "clientCapabilities": {
            "fs": {"readTextFile": False, "writeTextFile": False},
            "terminal": False,
        },
        "clientInfo": {"name": "tars", "version": client_version},
    }


_AUTH_METHODS = msgspec.json.Decoder(list[AuthMethod])
_CONFIG_OPTIONS = msgspec.json.Decoder(list[ConfigOption])
INITIALIZED = msgspec.json.Decoder(Initialized)
SESSION_BEGUN = msgspec.json.Decoder(SessionBegun)


def _named(choices: Any, key: str) -> list[str]:
    given = choices if isinstance(choices, list) else []
    named = [choice.get(key) for choice in given if isinstance(choice, dict)]
    return [name for name in named if isinstance(name, str) and name]


def _values(options: Any) -> list[str]:
    given = [o for o in options if isinstance(o, dict)] if isinstance(options, list) else []
    values = [o["value"] for o in given if isinstance(o.get("value"), str)]
    return values + [value for o in given for value in _values(o.get("options"))]
