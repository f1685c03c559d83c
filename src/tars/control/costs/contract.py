"""What the other reports of `tars costs` are as JSON, by wire names: those without a row for each
group. A report does not import this: it writes plain dictionaries, and a test holds them to it."""

import msgspec

from tars.control.costs_contract import CostFigures, CostRange
from tars.control.wire import Wire


class CostProjection(Wire):
    """What the month that it is now comes to if it goes on as it did: `so_far` it is at, and in
    the end at `total_tokens` and `cost_usd`, reckoned of `days` whole days; `days_left` follow
    today. The cost is null where nothing has a price."""

    month: str
    total_tokens: int
    cost_usd: float | None
    so_far: CostFigures
    days: int
    days_left: int


class CostSummary(Wire):
    """Everything of a span, and the same by agent and by model."""

    totals: CostFigures
    by_agent: dict[str, CostFigures]
    by_model: dict[str, CostFigures]
    unpriced_models: list[str]
    range: CostRange
    projection: CostProjection | None


class CostBurn(Wire):
    """How fast a window fills that is under way, and what it comes to at its end. Money is null
    where nothing has a price."""

    minutes: int
    minutes_left: int
    tokens_per_minute: float
    cost_usd_per_hour: float | None
    projected_tokens: int
    projected_cost_usd: float | None


class CostBlock(CostFigures):
    """A window of five hours. Nothing was used in the `idle_minutes` before it."""

    from_time: str = msgspec.field(name="from")
    to_time: str = msgspec.field(name="to")
    active: bool
    idle_minutes: int
    models: list[str]
    burn: CostBurn | None


class CostBlocks(Wire):
    """The windows of which a part lies in the span, whole."""

    range: CostRange
    rows: list[CostBlock]
    totals: CostFigures
    unpriced_models: list[str]


class AccountLimit(Wire):
    """A limit of an account, as its agent's server told it at `told_at`. `used` is a share from 0
    to 1, and null where the window is `over` of which it was told."""

    agent: str
    name: str
    used: float | None
    window_minutes: int | None
    resets_at: str | None
    told_at: str
    over: bool
    plan: str


class AccountLimits(Wire):
    """What is known, and the agents with logs here of which nothing is."""

    rows: list[AccountLimit]
    unknown_agents: list[str]


class CostTokens(Wire):
    """Counts of tokens and requests."""

    net_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    total_tokens: int
    requests: int


class CostMatch(Wire):
    """A session that tars and a log know of. `told` counts of the turns that tars ran, `log` is
    what the log has of the same turns, and `outside` what it has besides. `gap` is what the log
    has more than was told, and `share` how much of that all of it is. `cost_usd` is what was told
    of `costed_turns`."""

    agent: str
    session: str
    project: str
    turns: int
    costed_turns: int
    cost_usd: float | None
    told: CostTokens
    log: CostTokens
    gap: dict[str, int]
    share: float | None
    outside: CostTokens


class CostMatches(Wire):
    """The sessions that both know of, the widest gap first; and how many of tars' have no log."""

    range: CostRange
    rows: list[CostMatch]
    without_log: int
