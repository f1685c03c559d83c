"""A home that never changes by itself: the real control app over a real store, at a fixed time.

    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()            # `tars tui`, looking at it

Sessions, searches and costs are answered by what the daemon answers with; agents and what happens
to them are told by `ScriptedBackend`, which a test changes as it likes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import anyio
from msgspec.structs import replace

from tars import __version__
from tars.control import contract as c
from tars.control.app import build
from tars.control.permission_contract import PermitRequest, Permitted
from tars.control.queue_contract import Queue, QueuedPrompt
from tars.control.server import serve
from tars.control.unix_socket import bind
from tars.core.agent import Outcome
from tars.costs.engine import Costs
from tars.daemon.costs import Spending
from tars.daemon.remembering import Remembering
from tars.errors import AgentNotFound
from tars.home import Home
from tars.runtime.recorder import Recorder
from tars.sessions.library import Library
from tars.store.rows import AgentRow, MessagePart, Role, ToolCallRow, TurnBegun, Wishes
from tars.store.schema import machines
from tars.store.store import Store
from tars.tui.app import TarsApp
from tests.control.scripted import ScriptedBackend
from tests.support.remembered import call, message, remember, usage
from tests.support.spending import resolve

#: The time that it always is there.
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


class Asked:
    """A recorder without a thread: what is asked is answered at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, work: Callable[[Store], Any]) -> Any:
        return work(self._store)


class ScriptedPrices(Spending):
    """The daemon's own answers on costs, with the prices of `tests.support.spending`."""

    def _engine(self) -> Costs:
        if self._costs is None:
            self._costs = Costs.open(self._home, env=self._env, resolve=resolve)
        return self._costs


class HomeBackend(ScriptedBackend):
    """Tells the agents, the prompts that wait and the budgets that a test gives it; `permitted`
    has what was answered to requests for permission."""

    def __init__(self, home: Home, library: Library) -> None:
        super().__init__(home.root)
        self.told: list[c.AgentStatus] = []
        self.waiting: list[QueuedPrompt] = []
        self.planned: list[c.BudgetStatus] = []
        self.version = __version__
        self.today: c.TodayStatus | None = None
        self.permitted: list[tuple[str, str | None, bool]] = []
        self.remembering = Remembering(home, cast("Recorder", Asked(library.store)))  # type: ignore[assignment]
        env = {"HOME": str(home.root / "nobody")}
        self.prices = ScriptedPrices(home, env, now=lambda: NOW)
        self.spending = self.prices  # type: ignore[assignment]

    def agents(self) -> c.AgentList:
        return c.AgentList(agents=self.told, default=self.told[0].name if self.told else "")

    def status(self) -> c.Status:
        self._break()
        daemon = c.DaemonStatus(
            running=True, pid=1, version=self.version, uptime_seconds=7380.0, rss_bytes=64 << 20
        )
        listed = self.agents()
        return c.Status(
            daemon=daemon,
            agents=listed.agents,
            session=None,
            default_agent=listed.default,
            budgets=[budget for budget in self.planned if budget.standing != "fine"],
            today=self.today,
        )

    def queue(self, agent: str | None) -> Queue:
        return Queue(prompts=self.waiting)

    async def budgets(self) -> c.BudgetList:
        return c.BudgetList(budgets=self.planned)

    async def cancel(self, request: c.CancelRequest) -> c.Cancelled:
        self.waiting = [prompt for prompt in self.waiting if prompt.turn != request.turn]
        return c.Cancelled(turn=request.turn)

    async def permit(self, request_id: str, answer: PermitRequest, who: str = "") -> Permitted:
        self.permitted.append((request_id, answer.option, answer.remember))
        self.told = [
            replace(agent, permissions=[p for p in agent.permissions if p.id != request_id])
            for agent in self.told
        ]
        return Permitted(id=request_id, option=answer.option)

    def _known(self, agent: str) -> str:
        if agent not in {told.name for told in self.told}:
            raise AgentNotFound(f"There is no agent {agent!r}.")
        return agent


@dataclass
class ScriptedHome:
    """`backend` is the daemon's part, `library` the store. `at` serves it until its end;
    `shut` and `open` are a daemon that goes away and comes back."""

    home: Home
    library: Library
    backend: HomeBackend
    _stop: anyio.Event = field(default_factory=anyio.Event)
    _serving: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def at(cls, folder: Path) -> AsyncIterator["ScriptedHome"]:
        """Serve a home in a folder with a short name (`short_path`)."""
        home = Home(folder / "t")
        home.prepare()
        library = Library(Store.open(home.store), home)
        with library.writing() as connection:
            connection.execute(machines.update().values(name="laptop"))
        self = cls(home, library, HomeBackend(home, library))
        try:
            await self.open()
            yield self
        finally:
            await self.shut()
            self.backend.prices.close()
            library.close()

    async def open(self) -> None:
        """Listen."""
        self._stop = anyio.Event()
        sock = bind(self.home.socket)
        app = build(self.backend)
        self._serving = asyncio.create_task(
            serve(app, sock, stop=self._stop, grace_seconds=0.0, idle_seconds=60)
        )
        await asyncio.sleep(0)

    async def shut(self) -> None:
        """Listen no more, as a daemon that ended."""
        if self._serving is not None:
            self._stop.set()
            await self._serving
            self._serving = None
            self.home.socket.unlink(missing_ok=True)

    def app(self) -> TarsApp:
        """Make the screen that looks at this home."""
        return TarsApp(self.home, clock=NOW.timestamp)

    def agent(self, name: str, kind: str, state: str = "ready", **facts: Any) -> None:
        """Have an agent."""
        protocols = {"claude": "stream-json", "codex": "rpc"}
        self.library.store.save_agent(AgentRow(name, kind, protocols.get(kind, "acp")))
        told = c.AgentStatus(name=name, kind=kind, protocol=protocols.get(kind, "acp"), state=state)
        self.backend.told.append(replace(told, **facts))

    def turn(
        self,
        session: str,
        *,
        agent: str = "claude",
        number: int = 1,
        ended: datetime = NOW - timedelta(hours=1),
        lasted_ms: int = 92_000,
        outcome: Outcome = Outcome.OK,
        model: str = "opus",
        tokens: tuple[int, int, int] = (12_000, 400, 100),
        cached: int = 0,
        cost: int | None = None,
        said: Sequence[MessagePart | ToolCallRow] = (),
        wishes: Wishes | None = None,
        title: str = "",
        ends: bool = True,
    ) -> None:
        """Record a turn. `tokens` are input, output and thoughts; `cost` is what the agent told, in
        millionths of a dollar; `ends`: its session does too."""
        id = f"{session}-{number}"
        began = ended - timedelta(milliseconds=lasted_ms)
        self.library.store.begin_turn(
            TurnBegun(id, agent, began, session, model, title=title, wishes=wishes or Wishes())
        )
        remember(
            self.library,
            id,
            session=session,
            agent=agent,
            ended=ended,
            lasted_ms=lasted_ms,
            outcome=outcome,
            used=usage((model, *tokens), cached=cached, cost=cost),
            model=model,
            said=said,
        )
        if ends:
            self.library.store.end_session(agent, session, ended)


#: A conversation with everything in it that a transcript may hold.
SAID = (
    message(0, Role.USER, "The login form loses what was typed. Mend it, please.", NOW),
    message(1, Role.THOUGHT, "The state is kept in the wrong place, perhaps.", NOW),
    call(2, "read", "Read src/login/form.py", "src/login/form.py", at=NOW),
    call(3, "edit", "Edit src/login/form.py", "src/login/form.py", at=NOW),
    message(
        4,
        Role.ASSISTANT,
        "## Mended\n\nThe form keeps its **state** now:\n\n- `form.py` owns it\n- nothing else does"
        "\n\n```python\nform = Form(state)\n```\n",
        NOW,
    ),
)


def furnish(home: ScriptedHome) -> None:
    """Have agents of four kinds, and sessions in all of their states."""
    for name in ("claude", "codex", "gemini", "echo"):
        home.agent(name, name)
    hour, day = timedelta(hours=1), timedelta(days=1)
    site = Wishes(project="/home/me/site", branch="main")
    home.turn(
        "1c2f5d4b-0000-4000-8000-000000000001",
        agent="codex",
        ended=NOW - 3 * hour,
        lasted_ms=932_000,
        model="unheard-of",
        tokens=(250_000, 3_000, 0),
        title="Port the importer to the new format",
        wishes=site,
    )
    home.turn(
        "2d306e5c-0000-4000-8000-000000000002",
        agent="gemini",
        ended=NOW - day,
        lasted_ms=7_400_000,
        model="flash",
        tokens=(1_200_000, 30_000, 4_000),
        outcome=Outcome.ERROR,
        title="日本語のタイトル with words behind it 🎉",
        wishes=Wishes(project="/home/me/app"),
    )
    home.turn(
        "3e417f6d-0000-4000-8000-000000000003",
        ended=NOW - 2 * day,
        outcome=Outcome.CANCELLED,
        title="Explain \x1b[31mred\x1b[0m [bold]markup[/bold] \u202eright to left",
        wishes=site,
    )
    home.turn(
        "4f528a7e-0000-4000-8000-000000000004",
        agent="echo",
        ended=NOW - 20 * day,
        lasted_ms=400,
        model="",
        tokens=(0, 0, 0),
        title="Say hello",
    )
    home.turn(
        "0b1e4c3a-7d65-4c19-9a52-0c7b1d2f3e4a",
        wishes=Wishes(name="login form", project="/home/me/site", branch="main", tags=("web",)),
        said=SAID,
        cached=9_000,
        cost=23_400,
        title="The login form loses what was typed",
        ends=False,
    )
