"""A home in which agents spent tokens, in tars and outside, and what a report of it has to say."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

from tars.accounting.rates import MICRODOLLAR, ModelRates, Rates, Tokens, cost, size_class
from tars.accounting.usage import TurnUsage
from tars.core.agent import Outcome
from tars.costs.engine import Costs
from tars.costs.facts import Dimension, Figures, Origin
from tars.history.index import Index
from tars.history.source import Limit, Request
from tars.home import Home
from tars.prices import kept
from tars.prices.dated import Dated
from tars.prices.table import Name, Priced, Table
from tars.sessions.ranges import Span, Zone, day_of
from tars.store.rows import AgentRow, TurnBegun, TurnRecord, Wishes
from tars.store.store import Store
from tests.support.index_checks import packed

#: Two models with prices that change, one that has a tier; any other one has none.
PRICES: Mapping[str, tuple[Dated, ...]] = {
    "opus": (
        Dated(date.min, ModelRates((Rates(5, 1, 6, 10, 25),))),
        Dated(date(2026, 3, 29), ModelRates((Rates(4, 1, 5, 8, 20),))),
    ),
    "flash": (
        Dated(
            date.min,
            ModelRates((Rates(300, 30, 0, 0, 2500), Rates(600, 60, 0, 0, 5000, above=200_000))),
        ),
    ),
}
SLACK = timedelta(seconds=2)


_numbers = count()


def request(
    at: datetime,
    *,
    session: str = "s1",
    model: str = "opus",
    used: tuple[int, int, int] = (10, 20, 4),
    output: int = 5,
    project: str = "/code/p",
    branch: str = "dev",
    cost: int | None = None,
) -> Request:
    """A request that a log tells of: its input, what it read of a cache and wrote to one."""
    net, read, written = used
    return Request(
        f"k{next(_numbers)}",
        session,
        int(at.timestamp() * 1000),
        model,
        net_input=net,
        cache_read=read,
        cache_write=written,
        output=output,
        project=project,
        branch=branch,
        cost=cost,
    )


def resolve(home: Home, names: Iterable[Name], now: datetime) -> Table:
    """Give the prices of these tests."""
    models = {
        name: Priced(f"x/{name[1]}", PRICES[name[1]]) if name[1] in PRICES else None
        for name in names
    }
    return Table(kept.stamp(home), "tests", "2026", models)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of tars', of one model."""

    ended_at: datetime
    session: str | None = "s1"
    model: str = "opus"
    tokens: Tokens = Tokens(100, 50, 10, 0, 20, 5, 2)  # noqa: RUF009 - it is frozen
    cost: int | None = None
    agent: str = "main"
    task: str | None = None
    took: timedelta = timedelta(minutes=1)
    #: By a clock that nobody sets; as long as it took, unless said.
    lasted: timedelta | None = None


@dataclass(slots=True, repr=False)
class Spent:
    """A home and all that was spent in it; `costs` opens its engine."""

    home: Home
    url: str = ""
    turns: list[Turn] = field(default_factory=list)
    requests: list[tuple[str, Request]] = field(default_factory=list)

    @classmethod
    def at(cls, root: Path) -> "Spent":
        """Make a home with two agents."""
        spent = cls(Home(root))
        spent.home.prepare()
        spent.configure()
        return spent

    def configure(self) -> None:
        """Add two agents, of two kinds."""
        with closing(self.store()) as store:
            store.save_agent(AgentRow("main", "claude", "stream-json"))
            store.save_agent(AgentRow("other", "codex", "rpc"))

    def store(self) -> Store:
        return Store.open(self.home.store, url=self.url)

    def costs(self) -> Costs:
        env = {"HOME": str(self.home.root / "nobody")}
        return Costs.open(self.home, env=env, resolve=resolve)

    def finish(self, *turns: Turn) -> None:
        """Record turns of tars'."""
        with closing(self.store()) as store:
            for turn in turns:
                id, began = f"t{len(self.turns)}", turn.ended_at - turn.took
                wishes = Wishes(task=turn.task, project=f"/code/{turn.session}", branch="main")
                store.begin_turn(
                    TurnBegun(id, turn.agent, began, turn.session, turn.model, "", wishes=wishes)
                )
                store.finish_turn(_record(id, turn, began))
                self.turns.append(turn)

    def log(self, *requests: Request, agent: str = "claude", limits: Iterable[Limit] = ()) -> None:
        """Let requests stand in an agent's log."""
        with Index.open(self.home.history) as index, index.writing() as writer:
            writer.take(packed(*requests, agent=agent, limits=limits), newest_wins=False)
        self.requests += [(agent, request) for request in requests]

    def expected(
        self, by: tuple[Dimension, ...], span: Span, zone: Zone, machine: str
    ) -> dict[tuple[str, ...], Figures]:
        """Say what a report has to say, counted one by one."""
        found: dict[tuple[str, ...], Figures] = {}
        for at, words, figures in (*self._of_turns(machine), *self._of_logs(machine)):
            if (span.since is None or at >= span.since) and (span.until is None or at < span.until):
                key = tuple(_word(each, at, zone, words) for each in by)
                found[key] = _plus(found.get(key, Figures()), figures)
        return found

    def _of_turns(self, machine: str) -> Iterable[tuple[datetime, dict[Dimension, str], Figures]]:
        for turn in self.turns:
            if not any(turn.tokens) and not turn.cost:
                continue
            words = {
                Dimension.MODEL: turn.model,
                Dimension.AGENT: {"main": "claude", "other": "codex"}.get(turn.agent, turn.agent),
                Dimension.SESSION: turn.session or "",
                Dimension.PROJECT: f"/code/{turn.session}" if turn.session else "",
                Dimension.BRANCH: "main" if turn.session else "",
                Dimension.TASK: turn.task or "",
                Dimension.MACHINE: machine,
                Dimension.ORIGIN: Origin.TARS.value,
            }
            average = turn.tokens.prompt // max(1, turn.tokens.requests)
            known = None if turn.cost is None else turn.cost * MICRODOLLAR
            yield (
                turn.ended_at,
                words,
                _priced(turn.tokens, turn.model, turn.ended_at, average, known),
            )

    def _of_logs(self, machine: str) -> Iterable[tuple[datetime, dict[Dimension, str], Figures]]:
        for agent, request in self.requests:
            at = datetime.fromtimestamp(request.at / 1000, UTC)
            if self.is_covered(request.session, request.at):
                continue
            words = {
                Dimension.MODEL: request.model,
                Dimension.AGENT: agent,
                Dimension.SESSION: request.session,
                Dimension.PROJECT: request.project,
                Dimension.BRANCH: request.branch,
                Dimension.TASK: "",
                Dimension.MACHINE: machine,
                Dimension.ORIGIN: Origin.LOG.value,
            }
            tokens = Tokens(*request[4:10], request.requests)
            yield at, words, _priced(tokens, request.model, at, tokens.prompt, request.cost)

    def is_covered(self, session: str, at: int) -> bool:
        """Say whether a request at a time in milliseconds is in the ledger."""
        moment = datetime.fromtimestamp(at / 1000, UTC)
        return any(
            turn.session == session
            and turn.tokens.total > 0
            and turn.ended_at - turn.took - SLACK <= moment <= turn.ended_at + SLACK
            for turn in self.turns
        )


def _record(id: str, turn: Turn, began: datetime) -> TurnRecord:
    tokens = turn.tokens
    usage = TurnUsage(
        input=tokens.prompt,
        cached=tokens.cache_read,
        cache_write=tokens.cache_write,
        net=tokens.net_input + tokens.cache_write,
        output=tokens.output - tokens.reasoning,
        thoughts=tokens.reasoning,
        requests=tokens.requests,
        cost_microusd=turn.cost,
    )
    lasted = (turn.took if turn.lasted is None else turn.lasted) // timedelta(milliseconds=1)
    return TurnRecord(
        id, turn.agent, Outcome.OK, began, turn.ended_at, lasted, turn.session, turn.model, usage
    )


def _priced(tokens: Tokens, model: str, at: datetime, prompt: int, known: int | None) -> Figures:
    if known is not None:
        return Figures(tokens, known, known)
    if model not in PRICES:
        return Figures(tokens, unpriced=tokens.total)
    rates = next(d.rates for d in reversed(PRICES[model]) if d.since <= at.date())
    return Figures(tokens, cost(tokens, rates.at(size_class(prompt))))


def _word(dimension: Dimension, at: datetime, zone: Zone, words: dict[Dimension, str]) -> str:
    day = day_of(at, zone)
    match dimension:
        case Dimension.DAY:
            return day.isoformat()
        case Dimension.WEEK:
            return (day - timedelta(day.weekday())).isoformat()
        case Dimension.MONTH:
            return f"{day:%Y-%m}"
        case _:
            return words[dimension]


def _plus(one: Figures, other: Figures) -> Figures:
    return one._replace(
        tokens=one.tokens.plus(other.tokens),
        cost=one.cost + other.cost,
        official=one.official + other.official,
        unpriced=one.unpriced + other.unpriced,
    )


def whole(figures: Iterable[Figures]) -> Figures:
    """Add up figures, one by one."""
    found = Figures()
    for each in figures:
        found = _plus(found, each)
    return found
