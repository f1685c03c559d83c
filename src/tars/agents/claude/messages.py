"""The lines of Claude Code's `--output-format stream-json`, as far as tars reads them.

    {"type":"system","subtype":"init", …}             every turn begins with it
    {"type":"stream_event","event":{…}}               the model API's own events, as they come
    {"type":"assistant","message":{…}}                one for each finished block of a message
    {"type":"user","message":{…}}                     what tools gave
    {"type":"control_request","request":{…}}          it asks, and waits for an answer
    {"type":"control_response","response":{…}}        the answer to what was asked of it
    {"type":"rate_limit_event","rate_limit_info":{…}}
    {"type":"result", …}                              the turn is over

https://code.claude.com/docs/en/headless and 2.1.197 to 2.1.316, as measured. Members that
are not named here are skipped undecoded.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from tars.protocols.counts import Count

Dollars = Annotated[float, Meta(ge=0, le=1e9)]

_NULL = Raw(b"null")


class Tagged(msgspec.Struct):
    """What every line has."""

    type: str
    subtype: str | None = None


# --- the model's messages -----------------------------------------------------


class OutputDetails(msgspec.Struct):
    thinking_tokens: Count | None = None


class Usage(msgspec.Struct):
    """The model API's counters. The three kinds of input are disjoint; the output includes
    what was thought."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None


class Started(msgspec.Struct):
    """`message_start`: the input is known, the output is not yet."""

    id: str
    model: str = ""
    usage: Raw = _NULL


class Delta(msgspec.Struct):
    type: str | None = None
    text: str = ""
    thinking: str = ""
    stop_reason: str | None = None


class Event(msgspec.Struct):
    type: str
    message: Started | None = None
    delta: Delta | None = None
    usage: Raw = _NULL


class StreamEvent(msgspec.Struct):
    event: Event
    parent_tool_use_id: str | None = None


class Block(msgspec.Struct):
    """A block of content: `text`, `thinking`, `tool_use` or `tool_result`."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Raw = _NULL
    tool_use_id: str = ""
    content: Raw = _NULL
    is_error: bool | None = None


class Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    content: str | list[Block] = ""
    stop_reason: str | None = None
    usage: Raw = _NULL

    @property
    def blocks(self) -> list[Block]:
        return self.content if isinstance(self.content, list) else []


class ErrorParams(msgspec.Struct):
    rate_limit_info: Raw = _NULL


class Assistant(msgspec.Struct):
    """`api_error_params` is there where the message is an error in an answer's clothes."""

    message: Message
    parent_tool_use_id: str | None = None
    api_error_params: ErrorParams | None = None


class User(msgspec.Struct):
    message: Message
    parent_tool_use_id: str | None = None


# --- the system ---------------------------------------------------------------


class Init(msgspec.Struct):
    session_id: str
    model: str = ""
    permission_mode: str = msgspec.field(default="", name="permissionMode")
    version: str = msgspec.field(default="", name="claude_code_version")


class Status(msgspec.Struct):
    status: str | None = None
    permission_mode: str | None = msgspec.field(default=None, name="permissionMode")


class Lifecycle(msgspec.Struct):
    """`state` is `queued`, `started` or `completed`; the id is the prompt's own."""

    command_uuid: str
    state: str


class ApiRetry(msgspec.Struct):
    attempt: Count = 0
    max_retries: Count | None = None
    retry_delay_ms: Annotated[float, Meta(ge=0, le=1e12)] = 0
    error_status: int | None = None
    error: str | None = None


class Window(msgspec.Struct):
    """`utilization` is a fraction; above 1 is beyond the limit. `resetsAt` is in seconds since
    the epoch."""

    utilization: float | None = None
    resets_at: float | None = msgspec.field(default=None, name="resetsAt")
    status: str | None = None


class RateLimit(Window, kw_only=True):
    name: str | None = msgspec.field(default=None, name="rateLimitType")
    windows: dict[str, Window | None] | None = msgspec.field(default=None, name="unifiedWindows")


class RateLimitEvent(msgspec.Struct):
    rate_limit_info: RateLimit


# --- questions and answers ----------------------------------------------------


class Asked(msgspec.Struct):
    """The agent's question. All but `can_use_tool` are none of tars' business."""

    subtype: str
    tool_name: str = ""
    tool_use_id: str = ""
    description: str | None = None
    input: Raw = Raw(b"{}")
    permission_suggestions: Raw = _NULL
    blocked_path: str | None = None


class ControlRequest(msgspec.Struct):
    request_id: str
    request: Asked


class ControlCancel(msgspec.Struct):
    request_id: str


class Answered(msgspec.Struct):
    request_id: str
    subtype: str = ""
    response: Raw = _NULL
    error: str | None = None


class ControlResponse(msgspec.Struct):
    response: Answered


class Account(msgspec.Struct):
    """What it would sign its requests with. It names neither source where it has nothing."""

    token_source: str | None = msgspec.field(default=None, name="tokenSource")
    api_key_source: str | None = msgspec.field(default=None, name="apiKeySource")
    api_provider: str | None = msgspec.field(default=None, name="apiProvider")
    email: str | None = None

    @property
    def signs_with_nothing(self) -> bool:
        """Neither a key nor an account of Anthropic's; the other providers have their own."""
        ours = self.api_provider in (None, "firstParty")
        return ours and self.token_source == "none" and not (self.api_key_source or self.email)


class Model(msgspec.Struct):
    value: str = ""
    resolved: str | None = msgspec.field(default=None, name="resolvedModel")


class Initialized(msgspec.Struct):
    """The answer to `initialize`. `models` are those that may be chosen, by name."""

    version: str | None = msgspec.field(default=None, name="claude_code_version")
    mode: str | None = msgspec.field(default=None, name="current_permission_mode")
    account: Account | None = None
    models: list[Model] = []

    def model(self, wish: str) -> str:
        """Say what a wish for a model comes to; an empty one is for the default."""
        named = (model for model in self.models if model.value == (wish or "default"))
        model = next(named, None)
        return ((model and model.resolved) or wish).removesuffix("[1m]")


# --- the result ---------------------------------------------------------------


class ModelUsage(msgspec.Struct, rename="camel"):
    """One model's counters in a result. The three kinds of input are disjoint, and the output
    includes what was thought."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_input_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    thinking_tokens: Count | None = None
    cost_usd: Dollars = msgspec.field(default=0.0, name="costUSD")
    context_window: Count | None = None


ModelUsages = dict[str, ModelUsage]


class Session(msgspec.Struct):
    """`get_usage`: what a resumed session is said to have used before."""

    model_usage: ModelUsages = {}
    total_cost_usd: Dollars = 0.0


class UsageGot(msgspec.Struct):
    session: Session


class Result(msgspec.Struct):
    """An API error is `is_error` with the subtype `success`: only `is_error` tells.

    `since_last` is what the turn used; 2.1.197 has only `totals`, which add up over a
    process. `usage` is the turn's main loop alone. `prompt_ids` are the prompts it answers;
    where it answers none, `origin` says what began the turn.
    """

    subtype: str = ""
    is_error: bool = False
    api_error_status: int | None = None
    result: str | None = None
    errors: list[str] = []
    stop_reason: str | None = None
    terminal_reason: str | None = None
    session_id: str = ""
    usage: Raw = _NULL
    totals: ModelUsages | None = msgspec.field(default=None, name="modelUsage")
    since_last: ModelUsages | None = msgspec.field(
        default=None, name="model_usage_since_last_result"
    )
    total_cost_usd: Dollars | None = None
    prompt_id: str | None = msgspec.field(default=None, name="user_message_uuid")
    origin: Raw = _NULL
    prompt_ids: list[str] | None = msgspec.field(default=None, name="user_message_uuids")


TAGGED = msgspec.json.Decoder(Tagged)
STREAM_EVENT = msgspec.json.Decoder(StreamEvent)
ASSISTANT = msgspec.json.Decoder(Assistant)
USER = msgspec.json.Decoder(User)
INIT = msgspec.json.Decoder(Init)
STATUS = msgspec.json.Decoder(Status)
LIFECYCLE = msgspec.json.Decoder(Lifecycle)
API_RETRY = msgspec.json.Decoder(ApiRetry)
RATE_LIMIT_EVENT = msgspec.json.Decoder(RateLimitEvent)
RATE_LIMIT = msgspec.json.Decoder(RateLimit)
CONTROL_REQUEST = msgspec.json.Decoder(ControlRequest)
CONTROL_CANCEL = msgspec.json.Decoder(ControlCancel)
CONTROL_RESPONSE = msgspec.json.Decoder(ControlResponse)
INITIALIZED = msgspec.json.Decoder(Initialized)
USAGE_GOT = msgspec.json.Decoder(UsageGot)
USAGE = msgspec.json.Decoder(Usage)
RESULT = msgspec.json.Decoder(Result)

#: What is understood and says nothing to tars.
SILENT = frozenset(
    {
        "auth_status",
        "control_request_progress",
        "conversation_reset",
        "keep_alive",
        "prompt_suggestion",
        "system/api_error",
        "system/background_tasks_changed",
        "system/commands_changed",
        "system/compact_boundary",
        "system/hook_progress",
        "system/hook_response",
        "system/hook_started",
        "system/informational",
        "system/local_command",
        "system/model_fallback",
        "system/notification",
        "system/permission_denied",
        "system/post_turn_summary",
        "system/session_state_changed",
        "system/session_title_changed",
        "system/task_notification",
        "system/task_progress",
        "system/task_started",
        "system/task_updated",
        "system/thinking_tokens",
        "system/turn_duration",
        "tool_progress",
        "tool_use_summary",
    }
)
