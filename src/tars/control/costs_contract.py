"""Reports of costs as data: what `tars costs --format json` and the daemon give, by wire names.

The four kinds of tokens are disjoint and add up to `totalTokens`; `outputTokens` includes
`reasoningTokens`. Money is in US dollars, whatever currency people are shown.
"""

import msgspec

from tars.control.wire import Wire

#: What `GET /v1/costs` takes besides what is told here is refused.
COSTS = (
    ("report", "a report of `tars costs`; `today` unless told"),
    ("range", "today, yesterday, week, month, lastmonth, 7d, 30d or all"),
    ("since", "from this time on: a date, a time in ISO 8601, or a word such as `7d`"),
    ("until", "until before then"),
    ("tz", "the time zone of days and times"),
    ("agent", "only agents of this kind"),
    ("model", "only this model"),
    ("project", "only this folder, and those in it"),
    ("branch", "only this branch"),
    (
        "session",
        "only this conversation, by its id or the beginning of it; or several, by their whole "
        "ids with commas between",
    ),
    ("task", "only this task"),
    ("machine", "only this machine"),
    ("format", "`json` (default), `csv`, `markdown` or `table`"),
    ("sort", "what comes first: name, cost, tokens, input, output or requests"),
    ("limit", "at most so many lines"),
    ("currency", "in which currency a table or Markdown shows money"),
    ("rate", "how many of that one US dollar is"),
    ("precision", "how many digits a table or Markdown shows after the point"),
    ("width", "columns of a table; `0`, which is any number, unless told"),
    ("color", "`1` colours a table"),
    ("unicode", "`0` leaves a table in ASCII"),
)


class CostFigures(Wire):
    """What was used, and what it cost. `official_cost_usd` is the part of `cost_usd` that agents
    told themselves; the rest is worked out from prices. `unpriced_tokens` have no known price, so
    that the cost is at least so much; it is null where nothing has one."""

    net_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    total_tokens: int
    requests: int
    cost_usd: float | None
    official_cost_usd: float
    unpriced_tokens: int


class CostRow(CostFigures):
    """One group of a report, by its words; only those are there that the report groups by. A word
    is empty where nobody knows it. A `day` is `2026-11-21`, a `week` the date of its Monday, a
    `month` `2026-11`. `agent` is a kind: claude, codex, gemini. `title` stands beside `session`:
    the name that a person gave it, or else its title."""

    day: str | msgspec.UnsetType = msgspec.UNSET
    week: str | msgspec.UnsetType = msgspec.UNSET
    month: str | msgspec.UnsetType = msgspec.UNSET
    model: str | msgspec.UnsetType = msgspec.UNSET
    agent: str | msgspec.UnsetType = msgspec.UNSET
    project: str | msgspec.UnsetType = msgspec.UNSET
    branch: str | msgspec.UnsetType = msgspec.UNSET
    session: str | msgspec.UnsetType = msgspec.UNSET
    title: str | msgspec.UnsetType = msgspec.UNSET
    task: str | msgspec.UnsetType = msgspec.UNSET
    machine: str | msgspec.UnsetType = msgspec.UNSET
    origin: str | msgspec.UnsetType = msgspec.UNSET


class CostRange(Wire):
    """From `from` to before `to`, ISO 8601 in UTC, as `timezone` has its days; null is open."""

    from_time: str | None = msgspec.field(name="from")
    to_time: str | None = msgspec.field(name="to")
    timezone: str


class CostReport(Wire):
    """A row for each group, and all of them together, those included that `--limit` leaves out."""

    range: CostRange
    rows: list[CostRow]
    totals: CostFigures
    unpriced_models: list[str]


class LogSource(Wire):
    """The logs of one kind of agent. `places` are where they are, or would be; `health` is a word
    on how it stands with them. `files` are there, `garbled` lines of them could not be read.
    `requests` and `sessions` are counted, vanished files' too; `last_activity` is their newest.
    `problem` says what could not be read, `note` what these logs do not tell."""

    agent: str
    places: list[str]
    health: str
    files: int = 0
    sessions: int = 0
    requests: int = 0
    garbled: int = 0
    last_activity: str | None = None
    problem: str = ""
    note: str = ""


class LogSources(Wire):
    """Every kind of agent whose logs tars can read, whether there are any or not."""

    sources: list[LogSource]
