"""Budgets in force: prompts are weighed before they are taken and again before they begin, and
turns while they run. What is spent is asked of the engine behind every report, off the loop.

Where the figures cannot be had, prompts are let through, and the status says so: a file that
cannot be read must not stop every agent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import anyio

from tars.accounting.budget import Action, Budget, Spent
from tars.accounting.standing import Live, Stand
from tars.accounting.usage import reconcile
from tars.config import Config
from tars.control import contract as w
from tars.control.feed import Feed
from tars.conversation.model import Opened, RequestCounted, Said, ToolCallChanged
from tars.core import events as e
from tars.daemon.costs import Spending
from tars.errors import BudgetAsks, Fault, FaultKind, OverBudget
from tars.home import Home
from tars.runtime.log import log
from tars.runtime.loop import Loop
from tars.runtime.turn import LiveTurn, Prompt, TurnReport

if TYPE_CHECKING:
    from tars.costs.engine import Costs

#: How often figures are looked at while turns run, and where nothing happens, in seconds.
PAUSE_SECONDS = 0.2
LOOK_SECONDS = 60.0
#: How often a look is taken again because a turn ended meanwhile.
_MOST_LOOKS = 3
#: What an agent says that may come with usage.
_TELLING = (RequestCounted, ToolCallChanged, Opened)


@dataclass(slots=True)
class _Under:
    """A turn under way, and what the log of its session had, by budget, when it began."""

    agent: str
    turn: LiveTurn
    logged: Mapping[tuple[str, datetime | None], Spent] = field(default_factory=dict)


class _Asked(NamedTuple):
    """What the engine is asked. `sessions` None asks for the worst of each; `begins` is the
    session of a turn that is about to begin. `fresh`: after it has looked at the logs."""

    budgets: tuple[Budget, ...]
    lives: list[Live]
    sessions: set[str] | None = None
    begins: str = ""
    fresh: bool = False


class _Told(NamedTuple):
    """What it answered: `lives` with what they cost, and `logged` of the session that begins."""

    stands: list[Stand]
    problems: list[str]
    lives: list[Live]
    logged: Mapping[tuple[str, datetime | None], Spent]


class Budgets:
    """`config` gives what is configured now. `stands` are how the budgets last stood."""

    def __init__(
        self, home: Home, loop: Loop, feed: Feed, spending: Spending, config: Callable[[], Config]
    ) -> None:
        self.stands: list[Stand] = []
        self.problem = ""
        self._home = home
        self._loop = loop
        self._feed = feed
        self._spending = spending
        self._config = config
        self._under: dict[str, _Under] = {}
        self._known: dict[tuple[str, str], object] = {}
        self._wake = anyio.Event()

    # --- for the desk -------------------------------------------------------

    async def weigh(self, prompt: Prompt) -> Fault | None:
        """Say why a prompt cannot be taken now; None where it can."""
        if not self._budgets or await self._look(fresh=True) is None:
            return None
        return self._refusal(self._foreseen(prompt.agent, prompt))

    def refused(self, prompt: Prompt, fault: Fault) -> OverBudget:
        """Give the error that tells a person of the fault."""
        live = self._foreseen(prompt.agent, prompt)
        harder = any(s.refuses(live) and s.budget.action is not Action.ASK for s in self.stands)
        kind = OverBudget if harder else BudgetAsks
        return kind(fault.message, advice=fault.advice)

    def refusal(self, prompt: Prompt) -> Fault | None:
        """Say why a prompt that waits would not begin now, as far as is known."""
        return self._refusal(self._foreseen(prompt.agent, prompt))

    def bars(self, agent: str, prompt: Prompt) -> bool:
        """Whether another agent could not be given this prompt, as far as is known."""
        live = self._foreseen(agent, prompt)
        return any(stand.refuses(live) for stand in self.stands)

    @property
    def problems(self) -> list[str]:
        """What keeps the budgets from being in force, as a sentence."""
        return [self.problem] if self.problem else []

    def status(self) -> list[w.BudgetStatus]:
        """Tell those that are not fine."""
        now = datetime.now(UTC)
        past = [s for s in self.stands if s.until is not None and s.until <= now]
        if past:
            self.look()
        shown = [s for s in self.stands if not s.fine and s not in past]
        return [w.BudgetStatus.of(stand) for stand in shown]

    async def listing(self) -> w.BudgetList:
        """Tell all of them, as they stand now. Raises TarsError."""
        told = await self._ask(_Asked(self._budgets, self._lives(), fresh=True))
        stands = [w.BudgetStatus.of(stand) for stand in told.stands]
        self._doubt("Budgets count less than was spent", told.problems)
        return w.BudgetList(budgets=stands, problems=self.problems)

    def look(self) -> None:
        """Something may stand otherwise: look soon."""
        self._wake.set()

    def reloaded(self) -> None:
        """The configuration is another one."""
        self.look()

    # --- turns --------------------------------------------------------------

    def begins(
        self,
        agent: str,
        turn: LiveTurn,
        then: Callable[[], None],
        refuse: Callable[[Fault], None],
    ) -> None:
        """Go on with a turn whose prompt no budget refuses, or refuse it."""
        if not self._budgets:
            then()
            return
        self._loop.background(agent, partial(self._begin, agent, turn, then, refuse))

    def heard(self, agent: str, turn: LiveTurn, said: Said) -> None:
        """Note that a turn may have used more."""
        if self._budgets and isinstance(said, _TELLING):
            self._under.setdefault(turn.prompt.id, _Under(agent, turn))
            self.look()

    def over(self, report: TurnReport) -> None:
        """A turn is over: what it used is in the ledger from now on."""
        if self._under.pop(report.prompt.id, None) is not None:
            self.look()

    # --- tasks --------------------------------------------------------------

    async def run(self) -> None:
        """Look whenever something may stand otherwise, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow)
            while True:
                with anyio.move_on_after(LOOK_SECONDS if self._budgets else None):
                    await self._wake.wait()
                self._wake = anyio.Event()
                if self._budgets or self.stands:
                    try:
                        await self._look()
                    except Exception:
                        # A bug of ours, which is no reason to end the agents.
                        log.exception("budgets_failed")
                await anyio.sleep(PAUSE_SECONDS)

    async def _follow(self) -> None:
        version = self._spending.version
        while True:
            version = await self._spending.news(version)
            self.look()

    async def _begin(
        self,
        agent: str,
        turn: LiveTurn,
        then: Callable[[], None],
        refuse: Callable[[Fault], None],
    ) -> None:
        fault = None
        try:
            fault = await self._weigh_begun(agent, turn)
        except Exception:
            # A bug of ours, which is no reason to let a turn wait for ever.
            log.exception("budgets_failed", agent=agent)
        if fault is not None:
            refuse(fault)
        else:
            then()

    async def _weigh_begun(self, agent: str, turn: LiveTurn) -> Fault | None:
        """Say why a turn that is on record may not go on; note it where it may."""
        told = await self._look(begins=turn.session_id or "", fresh=True)
        live = self._foreseen(agent, turn.prompt, turn.session_id)
        fault = None if told is None else self._refusal(live)
        if fault is None and self._loop.drivers[agent].turn is turn:
            self._under[turn.prompt.id] = _Under(agent, turn, {} if told is None else told.logged)
            for stand in self.stands:
                if not stand.fine and stand.is_about(live):
                    self._tell(turn, stand)
        return fault

    # --- looking ------------------------------------------------------------

    @property
    def _budgets(self) -> tuple[Budget, ...]:
        return self._config().budgets

    async def _look(self, *, begins: str = "", fresh: bool = False) -> _Told | None:
        """See how every budget stands, and act on that. None where nobody can say."""
        looks = 0
        while True:
            looks, under = looks + 1, set(self._under)
            sessions = self._sessions() | {begins}
            asked = _Asked(self._budgets, self._lives(), sessions, begins, fresh)
            try:
                told = await self._ask(asked)
            # Whatever is wrong with the figures: a turn that waits for them must go on.
            except Exception as error:
                log.debug("budgets_not_counted", exc_info=error)
                self._doubt(
                    "Budgets are not in force, as nobody knows what was spent", [str(error)]
                )
                return None
            # The ledger may have a turn that ended meanwhile, which was counted twice then.
            if under <= set(self._under):
                break
            # Turns end faster than anybody adds up: what stood before stands until the next look,
            # which the last of these ends brings. Nothing is ended over a doubled figure.
            if looks == _MOST_LOOKS:
                return told
        self.stands = told.stands
        self._doubt("Budgets count less than was spent", told.problems)
        self._tell_changes(told.lives)
        self._end_turns(told.lives)
        return told

    async def _ask(self, asked: _Asked) -> _Told:
        return await self._spending.ask(lambda costs: self._measured(costs, asked))

    def _measured(self, costs: "Costs", asked: _Asked) -> _Told:
        """In the engine's thread: read what is new, and add up."""
        from tars.costs import standings

        if asked.fresh and self._home.history.exists():
            # The first reading of all logs is another process's: it takes long.
            costs.refresh(processes=1)
        now, budgets = datetime.now(UTC), asked.budgets
        lives = standings.priced(asked.lives, now.date(), costs.prices.rates)
        found = standings.measure(costs, budgets, now=now, lives=lives, sessions=asked.sessions)
        return _Told(*found, lives, standings.logged(costs, budgets, asked.begins, now))

    def _doubt(self, what: str, reasons: list[str]) -> None:
        """Tell what keeps the budgets from being in force; once in the log."""
        told = f"{what}: {reasons[0]}" if reasons else ""
        if told and told != self.problem:
            log.warning("budgets_in_doubt", reason=told)
        self.problem = told

    def _lives(self) -> list[Live]:
        found = []
        for under in self._under.values():
            turn = under.turn
            if under.agent not in self._loop.drivers:
                continue
            live = self._foreseen(under.agent, turn.prompt, turn.session_id)
            usage = reconcile(turn.reported, turn.requests, told=turn.told)
            found.append(replace(live, usage=usage, logged=under.logged))
        return found

    def _foreseen(self, agent: str, prompt: Prompt, session: str | None = None) -> Live:
        """What a prompt is, or would be, as a turn of this agent."""
        driver, wishes = self._loop.drivers[agent], prompt.wishes
        goes_to = session or prompt.session or ("" if wishes.new else driver.session_id)
        return Live(
            turn=prompt.id,
            agent=driver.kind.name,
            session=goes_to or "",
            project=wishes.project,
            model=driver.setup.model or driver.model,
            yes=wishes.over_budget,
        )

    def _sessions(self) -> set[str]:
        """The conversations that a prompt may go to, and those that one is on its way to."""
        current = {driver.session_id or "" for driver in self._loop.drivers.values()}
        return current | {prompt.session or "" for prompt in self._loop.prompts}

    # --- acting -------------------------------------------------------------

    def _refusal(self, live: Live) -> Fault | None:
        stand = next((stand for stand in self.stands if stand.refuses(live)), None)
        if stand is None:
            return None
        until = None if stand.until is None else stand.until.timestamp()
        return Fault(FaultKind.OVER_BUDGET, stand.verdict.reason, stand.advice, until)

    def _tell(self, turn: LiveTurn, stand: Stand) -> None:
        """Tell who waits for a turn of a budget that it uses up."""
        reason = stand.verdict.reason
        turn.notices = [*turn.notices, reason][-3:]
        notice = w.Notice(
            kind="budget",
            subject=stand.budget.name,
            severity=stand.verdict.standing.value,
            message=reason,
            advice=stand.advice,
        )
        self._feed.publish_turn(turn.prompt.id, "notice", notice)

    def _tell_changes(self, lives: list[Live]) -> None:
        """Say once in the log, and to who watches the turns it is about, what stands worse."""
        before, self._known = self._known, {}
        for stand in self.stands:
            key, now = (stand.budget.name, stand.session), (stand.verdict.standing, stand.until)
            self._known[key] = now
            if stand.fine or before.get(key) == now:
                continue
            log.warning(
                "budget_over" if stand.over else "budget_warned",
                budget=stand.budget.name,
                action=stand.budget.action.value,
                reason=stand.verdict.reason,
            )
            for live in lives:
                under = self._under.get(live.turn)
                if under is not None and stand.is_about(live):
                    self._tell(under.turn, stand)

    def _end_turns(self, lives: list[Live]) -> None:
        """Cancel the turns that a budget does not let go on."""
        for live in lives:
            under = self._under.get(live.turn)
            stand = next((stand for stand in self.stands if stand.ends(live)), None)
            if under is not None and stand is not None:
                until = None if stand.until is None else stand.until.timestamp()
                reason = stand.verdict.reason
                verdict = e.OverBudget(live.turn, reason, stand.advice, until)
                self._loop.send(under.agent, verdict)
