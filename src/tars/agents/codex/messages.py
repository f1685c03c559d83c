"""The app-server's messages, as far as tars reads them. The rest of each is skipped undecoded.

The protocol is Codex's own: `codex app-server generate-json-schema --experimental` writes
it down. It is marked experimental, so a member that tars can do without has a default.
"""

from typing import Any

import msgspec
from msgspec import Raw

from tars.protocols.counts import Count

NULL = Raw(b"null")


class Message(msgspec.Struct, rename="camel", frozen=True):
    """Members are written in camel case."""


class Initialized(Message, frozen=True):
    user_agent: str = ""

    @property
    def version(self) -> str:
        """Codex's own: it answers with `<our name>/<its version> (…`."""
        return self.user_agent.partition("/")[2].partition(" ")[0]


class Thread(Message, frozen=True):
    id: str
    model: str | None = None


class Sandbox(Message, frozen=True):
    type: str = ""


class ThreadOpened(Message, frozen=True):
    """The answer to thread/start and thread/resume. A granular approval policy is an object."""

    thread: Thread
    model: str = ""
    approval_policy: str | dict[str, Any] = ""
    sandbox: Sandbox = Sandbox()


class AccountRead(Message, frozen=True):
    """An account is needed where the model's provider is OpenAI itself."""

    account: dict[str, Any] | None = None
    requires_openai_auth: bool = False


class TurnError(Message, frozen=True):
    message: str = ""
    codex_error_info: str | dict[str, Any] | None = None
    additional_details: str | None = None


class Turn(Message, frozen=True):
    id: str
    status: str = ""
    root_turn_id: str | None = None
    error: TurnError | None = None


class TurnBegun(Message, frozen=True):
    """The answer to turn/start."""

    turn: Turn


class TurnTold(Message, frozen=True):
    """turn/started and turn/completed."""

    thread_id: str
    turn: Turn


class ErrorTold(Message, frozen=True):
    thread_id: str
    error: TurnError
    will_retry: bool = False


class Delta(Message, frozen=True):
    """A piece of an item's text."""

    thread_id: str
    delta: str
    item_id: str = ""


class ItemTold(Message, frozen=True):
    """item/started and item/completed; `items` reads the item."""

    thread_id: str
    item: Raw


class Tokens(Message, frozen=True):
    """`input_tokens` includes the cached ones, `output_tokens` the reasoning."""

    input_tokens: Count
    output_tokens: Count
    total_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0
    reasoning_output_tokens: Count = 0

    @property
    def nothing(self) -> bool:
        """After a full context window Codex tells a total of tokens that nobody used."""
        return not (self.input_tokens or self.output_tokens)


class ResponseCompleted(Message, frozen=True):
    thread_id: str
    turn_id: str
    response_id: str
    usage: Raw = NULL


class TokenUsage(Message, frozen=True):
    total: Tokens
    last: Raw
    model_context_window: Count | None = None


class TokenUsageUpdated(Message, frozen=True):
    thread_id: str
    turn_id: str
    token_usage: TokenUsage


class LimitWindow(Message, frozen=True):
    used_percent: float
    window_duration_mins: int | None = None
    resets_at: float | None = None


class RateLimits(Message, frozen=True):
    limit_id: str | None = None
    primary: LimitWindow | None = None
    secondary: LimitWindow | None = None
    rate_limit_reached_type: str | None = None


class RateLimitsUpdated(Message, frozen=True):
    rate_limits: RateLimits


class ModelRerouted(Message, frozen=True):
    thread_id: str
    to_model: str


class RequestResolved(Message, frozen=True):
    request_id: int | str


INITIALIZED = msgspec.json.Decoder(Initialized)
THREAD_OPENED = msgspec.json.Decoder(ThreadOpened)
ACCOUNT_READ = msgspec.json.Decoder(AccountRead)
TURN_BEGUN = msgspec.json.Decoder(TurnBegun)
TURN_TOLD = msgspec.json.Decoder(TurnTold)
ERROR_TOLD = msgspec.json.Decoder(ErrorTold)
DELTA = msgspec.json.Decoder(Delta)
ITEM_TOLD = msgspec.json.Decoder(ItemTold)
TOKENS = msgspec.json.Decoder(Tokens)
RESPONSE_COMPLETED = msgspec.json.Decoder(ResponseCompleted)
TOKEN_USAGE_UPDATED = msgspec.json.Decoder(TokenUsageUpdated)
RATE_LIMITS_UPDATED = msgspec.json.Decoder(RateLimitsUpdated)
MODEL_REROUTED = msgspec.json.Decoder(ModelRerouted)
REQUEST_RESOLVED = msgspec.json.Decoder(RequestResolved)
