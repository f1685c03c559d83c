"""The control channel as data: every route, with what it takes and what it answers."""

from dataclasses import dataclass

from tars.control.attach_contract import (
    Attached,
    Ended,
    KeysRequest,
    Prompted,
    Shown,
    View,
    ViewRequest,
)
from tars.control.contract import (
    Accepted,
    AgentChanged,
    AgentList,
    AgentsChanged,
    BudgetList,
    Cancelled,
    CancelRequest,
    ChangeRequest,
    FeedEvent,
    FellBack,
    Lagged,
    LogLine,
    Notice,
    PermissionStatus,
    PromptRequest,
    Reloaded,
    ResetDone,
    ResetRequest,
    SettingsChanged,
    SettingsRequest,
    ShuttingDown,
    Started,
    Status,
    Text,
    Tool,
    TurnResult,
    Usage,
    Waiting,
    Wire,
)
from tars.control.costs_contract import COSTS, CostReport, LogSources
from tars.control.permission_contract import (
    ForgetRequest,
    Forgotten,
    PermitRequest,
    Permitted,
    RuleList,
)
from tars.control.queue_contract import Queue
from tars.control.session_contract import (
    MessageList,
    RenameRequest,
    SearchHits,
    Session,
    SessionList,
    SessionSummary,
    Stats,
)
from tars.control.session_queries import FILTERS, MESSAGES, ONE, ORDER, SEARCH, SUMMARY
from tars.control.web_contract import WebClosed, WebOpened, WebRequest


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the reference. `stream` names the SSE events of the answer, with their types."""

    method: str
    path: str
    summary: str
    answer: type[Wire]
    request: type[Wire] | None = None
    query: tuple[tuple[str, str], ...] = ()
    stream: tuple[tuple[str, type[Wire]], ...] = ()


PROMPT_STREAM: tuple[tuple[str, type[Wire]], ...] = (
    ("accepted", Accepted),
    ("started", Started),
    ("text", Text),
    ("thought", Text),
    ("tool", Tool),
    ("permission", PermissionStatus),
    ("waiting", Waiting),
    ("usage", Usage),
    ("fallback", FellBack),
    ("notice", Notice),
    ("lagged", Lagged),
    ("turn", TurnResult),
)

ATTACH_STREAM: tuple[tuple[str, type[Wire]], ...] = (
    ("attached", Attached),
    ("screen", Shown),
    ("view", View),
    ("ended", Ended),
    ("prompt", Prompted),
    *(entry for entry in PROMPT_STREAM if entry[0] != "accepted"),
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/status",
        "Uptime, agents, tokens and warnings.",
        Status,
        query=(
            (
                "format",
                "`json` (default); `text`, the same as `tars status` prints; or `line`, the same "
                "as `tars status line`",
            ),
            ("color", "`1` colours the text"),
            ("style", "how the line is coloured: `plain` (default), `ansi` or `tmux`"),
            ("ascii", "`1` leaves the text or the line in ASCII"),
            ("width", "columns of the text, 80 unless told"),
        ),
    ),
    Route("GET", "/v1/agents", "The configured agents.", AgentList),
    Route(
        "POST",
        "/v1/prompt",
        "Send a prompt; its answer streams as Server-Sent Events.",
        TurnResult,
        PromptRequest,
        stream=PROMPT_STREAM,
    ),
    Route("POST", "/v1/cancel", "Cancel a prompt that runs or waits.", Cancelled, CancelRequest),
    Route(
        "GET",
        "/v1/queue",
        "The prompts that wait. `POST /v1/cancel` withdraws one.",
        Queue,
        query=(("agent", "only this agent's"),),
    ),
    Route("POST", "/v1/reset", "Clear the session; prompts begin anew.", ResetDone, ResetRequest),
    Route("POST", "/v1/permit/{id}", "Answer a permission request.", Permitted, PermitRequest),
    Route(
        "GET",
        "/v1/permissions",
        "The rules by which requests for permission are answered, and where they come from.",
        RuleList,
        query=(("agent", "only this agent's"),),
    ),
    Route(
        "POST",
        "/v1/permissions/forget",
        "Forget choices that were remembered.",
        Forgotten,
        ForgetRequest,
    ),
    Route(
        "POST",
        "/v1/agents/{name}/start",
        "Start it; wait until it is ready or failed.",
        AgentChanged,
    ),
    Route(
        "POST", "/v1/agents/{name}/stop", "Stop an agent, and wait until it is gone.", AgentChanged
    ),
    Route("POST", "/v1/agents/{name}/restart", "A new process, the same session.", AgentChanged),
    Route(
        "POST",
        "/v1/agents/{name}/settings",
        "Choose another model or mode; it holds from the next turn on, in the same session.",
        SettingsChanged,
        SettingsRequest,
    ),
    Route("GET", "/v1/agents/{name}/settings", "What is chosen, and what can be.", SettingsChanged),
    Route(
        "POST",
        "/v1/change",
        "Start, stop or restart several agents, in the order in which they start.",
        AgentsChanged,
        ChangeRequest,
    ),
    Route(
        "GET",
        "/v1/agents/{name}/attach",
        "An agent's screen or its live conversation, as Server-Sent Events.",
        Attached,
        query=(
            ("rows", "of one's terminal, 24 unless told"),
            ("columns", "of one's terminal, 80 unless told"),
            ("keyboard", "`1` takes the keyboard from who has it"),
        ),
        stream=ATTACH_STREAM,
    ),
    Route(
        "POST",
        "/v1/agents/{name}/keys",
        "Type into an agent's screen.",
        View,
        KeysRequest,
    ),
    Route(
        "POST",
        "/v1/agents/{name}/view",
        "Tell a viewer's new size, or take the keyboard.",
        View,
        ViewRequest,
    ),
    Route("GET", "/v1/sessions", "The remembered sessions.", SessionList, query=FILTERS + ORDER),
    Route(
        "GET",
        "/v1/sessions/{ref}",
        "One session, by its id, the beginning of it, its name, or `last`.",
        Session,
        query=ONE,
    ),
    Route(
        "GET",
        "/v1/sessions/{ref}/summary",
        "One session at a glance: its turns, its tools and its files.",
        SessionSummary,
        query=SUMMARY,
    ),
    Route(
        "GET",
        "/v1/sessions/{ref}/messages",
        "What was said in a session, and its tool calls.",
        MessageList,
        query=MESSAGES,
    ),
    Route(
        "POST",
        "/v1/sessions/{ref}/rename",
        "Name a session, or take its name away.",
        Session,
        RenameRequest,
    ),
    Route(
        "POST",
        "/v1/sessions/{ref}/archive",
        "Put a session away, as `tars sessions archive` does; one that is in use is refused.",
        Session,
    ),
    Route(
        "POST",
        "/v1/sessions/{ref}/unarchive",
        "Take a session back that was put away.",
        Session,
    ),
    Route("GET", "/v1/search", "Find what was said.", SearchHits, query=SEARCH + FILTERS),
    Route("GET", "/v1/stats", "Figures over the remembered sessions.", Stats, query=FILTERS),
    Route(
        "GET",
        "/v1/costs",
        "What was spent, as `tars costs` tells it: by tars' agents, and by those of their logs.",
        CostReport,
        query=COSTS,
    ),
    Route("GET", "/v1/history", "The agents' logs that are counted.", LogSources),
    Route("GET", "/v1/budgets", "How every budget stands.", BudgetList),
    Route("POST", "/v1/reload", "Read config.toml again.", Reloaded),
    Route(
        "GET",
        "/v1/events",
        "Everything that happens, as Server-Sent Events.",
        FeedEvent,
        query=(("agent", "only this agent's"),),
        stream=(("event", FeedEvent), ("lagged", Lagged)),
    ),
    Route(
        "GET",
        "/v1/logs",
        "The end of the daemon's log, or of an agent's stderr.",
        LogLine,
        query=(
            ("agent", "this agent's stderr instead of the daemon's log"),
            ("lines", "how many lines from the end; 100 unless told"),
            ("follow", "`1` goes on with new lines"),
        ),
        stream=(("line", LogLine),),
    ),
    Route(
        "POST",
        "/v1/web",
        "Serve the page in the browser, and let one more browser in.",
        WebOpened,
        WebRequest,
    ),
    Route(
        "POST",
        "/v1/web/close",
        "Serve the page no more, and forget every browser that was let in.",
        WebClosed,
    ),
    Route("POST", "/v1/shutdown", "Stop the agents in order, then the daemon.", ShuttingDown),
)
