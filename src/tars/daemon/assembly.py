"""The configuration made into agents: at start, and again at a reload."""

import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from tars import config as configuration
from tars.agents.kind import Kind, Setup
from tars.config import Config
from tars.config_agents import AgentConfig
from tars.core import events as e
from tars.core.agent import Spec, State
from tars.daemon.choices import Choices
from tars.daemon.chronicle import Chronicle
from tars.daemon.logs import AgentLog
from tars.daemon.order import Order
from tars.home import Home
from tars.runtime.driver import Driver
from tars.runtime.loop import Loop
from tars.service.activation import LISTEN_VARIABLES
from tars.service.notify import NOTIFY_VARIABLES
from tars.sessions.session_file import SessionManager
from tars.store.rows import AgentRow

_OTHER_STORE = "`store.url` is another one now: `tars restart` puts it in force."


class Assembly:
    """Knows the configuration in force, and turns it into drivers and policies."""

    def __init__(
        self,
        home: Home,
        config: Config,
        kinds: Mapping[str, Kind],
        loop: Loop,
        chronicle: Chronicle,
    ) -> None:
        self.config = config
        self._store = config.store
        self._home = home
        self._kinds = kinds
        self._loop = loop
        self._chronicle = chronicle
        chronicle.scribe.configure(config)
        self.chosen: dict[str, Chosen] = {}
        self.choices = Choices(home.choices)
        self.choices.load()
        self._known_relations = _Relations.of(config)
        self.order = Order(loop, self.after)
        self._reloading = anyio.Lock()
        self._retired = False

    @property
    def warnings(self) -> tuple[str, ...]:
        problem = self.choices.problem
        moved = _OTHER_STORE if self.config.store.url != self._store.url else None
        return (*self.config.warnings, *(said for said in (problem, moved) if said))

    def adopt_all(self) -> None:
        """Make every configured agent known; none is started yet."""
        for agent in self.config.agents.values():
            self._adopt(self._prepare(agent, self.config))

    def start_all(self) -> None:
        """Start those that start with tars, in their order; a prompt starts any of them."""
        for name in self.config.agents:
            self._loop.send(name, e.StartAsked(at_need=True))
        self.order.start(a.name for a in self.config.agents.values() if a.autostart)

    def after(self) -> Mapping[str, tuple[str, ...]]:
        """Who starts after whom; whoever starts after nobody is left out."""
        return self._relations().after

    def fallbacks(self) -> Mapping[str, tuple[str, ...]]:
        """Who stands in for whom."""
        return self._relations().fallbacks

    def _relations(self) -> "_Relations":
        # They are asked for at every event while an agent waits for its turn to start.
        if self._known_relations.config is not self.config:
            self._known_relations = _Relations.of(self.config)
        return self._known_relations

    def members(self, name: str) -> tuple[str, ...]:
        """Name the agents that a name means: the agent, those of the group, or none."""
        if name in self.config.agents:
            return (name,)
        return tuple(a.name for a in self.config.agents.values() if name in a.group)

    def refresh_environment(self, name: str) -> None:
        """A key that was mended in an env file counts from the next process on."""
        self._loop.drivers[name].reconfigure(self.setup(self.config.agents[name]))

    def choose(self, name: str, chosen: "Chosen") -> None:
        """Let a choice of model and mode hold over the configuration, from the next turn on."""
        self.chosen[name] = chosen
        config = self.config.agents[name]
        self._replace(config, self.setup(config))

    async def reload(self) -> list[str]:
        """Put the file as it is now in force, and name the agents that changed.

        Raises ConfigInvalid, StoreError and OSError, and changes nothing then. Reloads run
        one after the other. An agent that works gets its new process between two turns.
        """
        async with self._reloading:
            if self._retired:
                return []
            new = configuration.load(self._home, self._kinds)
            prepared = [
                self._prepare(agent, new)
                for agent in new.agents.values()
                if _key(self.config, agent.name) != _key(new, agent.name)
            ]
            # From here on nothing is refused any more.
            old, self.config = self.config, new
            self._chronicle.scribe.configure(new)
            gone = [name for name in old.agents if name not in new.agents]
            for name in gone:
                self.chosen.pop(name, None)
                session = self._loop.drivers[name].session_id
                await self._dismiss(name)
                self._chronicle.session_files.end(name, session)
            for agent in prepared:
                self.chosen.pop(agent.config.name, None)
                await self._change(old.agents.get(agent.config.name), agent)
            return [*(agent.config.name for agent in prepared), *gone]

    async def retire(self) -> None:
        """Wait for the reload under way; no other one changes anything."""
        async with self._reloading:
            self._retired = True

    def setup(
        self,
        agent: AgentConfig,
        config: Config | None = None,
        chosen: "Chosen | None" = None,
    ) -> Setup:
        """Resolve an agent's configuration, with what was chosen over it unless told otherwise.
        Raises ConfigInvalid when an env file went bad."""
        kind = self._kinds[agent.kind]
        chosen = chosen or self.chosen.get(agent.name, Chosen())
        command = agent.command or kind.command
        own = {k: v for k, v in os.environ.items() if k not in NOTIFY_VARIABLES | LISTEN_VARIABLES}
        env = configuration.environment(agent, config or self.config, own)
        return Setup(
            name=agent.name,
            command=(_absolute(command[0], env), *command[1:]),
            protocol=agent.protocol or kind.protocols[0],
            model=chosen.model or agent.model,
            mode=chosen.mode or agent.mode,
            cwd=agent.cwd,
            env=env,
            tmp=self._home.agent_tmp(agent.name),
            keep=self._home.agent_data(agent.name),
            usage=agent.usage,
            screen=agent.screen,
            makes_cwd=agent.cwd == self._home.workspace,
        )

    def _prepare(self, agent: AgentConfig, config: Config) -> "_Prepared":
        """Do for an agent what may fail, and change nothing. Raises TarsError and OSError."""
        # Another configuration ends what was chosen over the one before.
        setup = self.setup(agent, config, Chosen())
        path = self._home.session_file(agent.name, default=agent.name == config.default_agent)
        known = self._chronicle.sessions.get(agent.name)
        manager = SessionManager(path)
        if known is None or known.path != path:
            manager.load()
        else:
            # What its agent counts is there, and goes on being counted until it is dismissed.
            manager.session = known.session
        return _Prepared(agent, setup, manager)

    def _adopt(self, agent: "_Prepared") -> None:
        config, setup, manager = agent.config, agent.setup, agent.manager
        name = config.name
        if manager.problem:
            self._chronicle.warn(manager.problem)
        self._chronicle.sessions[name] = manager
        self._chronicle.logs[name] = AgentLog(
            self._home.agent_log(name),
            max_bytes=self.config.log_max_bytes,
            backups=self.config.log_backups,
        )
        session_id = manager.session.session_id or None if manager.session else None
        driver = Driver(self._kinds[config.kind], setup, self._loop, session_id)
        self._loop.adopt(driver, self._spec(config, setup))
        self._chronicle.known(AgentRow(name, config.kind, setup.protocol, config.model, session_id))

    def _spec(self, agent: AgentConfig, setup: Setup) -> Spec:
        kind = self._kinds[agent.kind]
        spec = agent.spec(
            one_shot=kind.one_shot(setup.protocol),
            trusts_exit_status=kind.trusts_exit_status,
            seed=random.getrandbits(32),
        )
        policy = replace(spec.permissions, remembered=self.choices.rules(agent.name))
        return replace(spec, permissions=policy)

    async def _change(self, old: AgentConfig | None, new: "_Prepared") -> None:
        name = new.config.name
        known = self._chronicle.sessions.get(name)
        if old is None or known is None:
            self._adopt(new)
        elif (old.kind, old.protocol) != (new.config.kind, new.config.protocol) or (
            known.path != new.manager.path
        ):
            await self._dismiss(name)
            if known.path == new.manager.path:
                new.manager.session = known.session
            self._adopt(new)
        else:
            self._replace(new.config, new.setup)
            return
        self._loop.send(name, e.StartAsked(at_need=True))
        if new.config.autostart:
            self.order.start([name])

    def _replace(self, new: AgentConfig, setup: Setup) -> None:
        """A new policy holds at once, a new way to launch from the next process on."""
        driver = self._loop.drivers[new.name]
        relaunch = replace(driver.setup, env=setup.env) != setup or driver.setup.env != setup.env
        relaunch = not driver.reconfigure(setup) and relaunch
        self._loop.adopt(driver, self._spec(new, setup))
        match self._loop.agent(new.name).state:
            case State.READY | State.BUSY | State.LIMITED if relaunch:
                self._loop.send(new.name, e.Outgrown("its configuration is another one now"))
            case State.STARTING if relaunch:
                self._loop.send(new.name, e.RestartAsked())
            case State.FAILED | State.WAITING:
                self._loop.send(new.name, e.StartAsked())
            case _:
                pass

    async def _dismiss(self, name: str) -> None:
        self.order.forget(name)
        self._loop.send(name, e.StopAsked())
        await self._loop.reached(lambda: self._loop.agent(name).state is State.STOPPED)
        self._loop.dismiss(name)
        self._chronicle.logs.pop(name).close()
        del self._chronicle.sessions[name]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody chose for an agent while it runs; empty is what is configured."""

    model: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An agent that can be adopted without anything that may fail; `manager` is loaded."""

    config: AgentConfig
    setup: Setup
    manager: SessionManager


@dataclass(frozen=True, slots=True)
class _Relations:
    """What the agents of a configuration say of each other, by their names."""

    config: Config
    after: Mapping[str, tuple[str, ...]]
    fallbacks: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, config: Config) -> "_Relations":
        agents = config.agents.values()
        return cls(
            config,
            {a.name: a.after for a in agents if a.after},
            {a.name: a.fallback for a in agents if a.fallback},
        )


def _key(config: Config, name: str) -> object:
    """What makes an agent's configuration the same: its table, and being the default."""
    agent = config.agents.get(name)
    return None if agent is None else (agent, config.default_agent == name, config.env_file)


def _absolute(command: str, env: Mapping[str, str]) -> str:
    """Find the command on the agent's own PATH; what is not found is left as it is."""
    if os.sep in command:
        return str(Path(command).expanduser())
    return shutil.which(command, path=env.get("PATH")) or command
