"""The configuration made into agents: at start, and again at a reload."""

import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tars import config as configuration
from tars.agents.kind import Kind, Setup
from tars.config import AgentConfig, Config
from tars.core import events as e
from tars.core.agent import Spec, State
from tars.daemon.chronicle import Chronicle
from tars.daemon.logs import AgentLog
from tars.home import Home
from tars.runtime.driver import Driver
from tars.runtime.loop import Loop
from tars.service.notify import NOTIFY_VARIABLES
from tars.sessions.session_file import SessionManager
from tars.store.rows import AgentRow


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
        self._home = home
        self._kinds = kinds
        self._loop = loop
        self._chronicle = chronicle

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.config.warnings

    def adopt_all(self) -> None:
        """Make every configured agent known; none is started yet."""
        for agent in self.config.agents.values():
            self._adopt(agent)

    def start_all(self) -> None:
        for agent in self.config.agents.values():
            if agent.autostart:
                self._loop.send(agent.name, e.StartAsked())

    async def reload(self) -> list[str]:
        """Put the file as it is now in force, and name the agents that changed.

        Raises ConfigInvalid, and changes nothing then. An agent that works gets its new
        process between two turns.
        """
        new = configuration.load(self._home, self._kinds)
        old, self.config = self.config, new
        for name in old.agents:
            if name not in new.agents:
                await self._dismiss(name)
        changed = [a.name for a in new.agents.values() if _key(old, a.name) != _key(new, a.name)]
        for name in changed:
            await self._change(old.agents.get(name), new.agents[name])
        gone = [name for name in old.agents if name not in new.agents]
        return [*changed, *gone]

    def setup(self, agent: AgentConfig) -> Setup:
        """Resolve an agent's configuration. Raises ConfigInvalid when an env file went bad."""
        kind = self._kinds[agent.kind]
        command = agent.command or kind.command
        own = {k: v for k, v in os.environ.items() if k not in NOTIFY_VARIABLES}
        env = configuration.environment(agent, self.config, own)
        return Setup(
            name=agent.name,
            command=(_absolute(command[0], env), *command[1:]),
            protocol=agent.protocol or kind.protocols[0],
            model=agent.model,
            mode=agent.mode,
            cwd=agent.cwd,
            env=env,
            tmp=self._home.agent_tmp(agent.name),
            keep=self._home.agent_data(agent.name),
        )

    def _adopt(self, agent: AgentConfig) -> None:
        kind = self._kinds[agent.kind]
        setup = self.setup(agent)
        manager = SessionManager(self._session_path(agent))
        session = manager.load()
        if manager.problem:
            self._chronicle.warn(manager.problem)
        self._chronicle.sessions[agent.name] = manager
        self._chronicle.logs[agent.name] = AgentLog(
            self._home.agent_log(agent.name),
            max_bytes=self.config.log_max_bytes,
            backups=self.config.log_backups,
        )
        session_id = session.session_id or None if session else None
        self._loop.adopt(Driver(kind, setup, self._loop, session_id), self._spec(agent, setup))
        self._chronicle.known(AgentRow(agent.name, agent.kind, setup.protocol, agent.model))

    def _session_path(self, agent: AgentConfig) -> Path:
        default = agent.name == self.config.default_agent
        return self._home.session_file(agent.name, default=default)

    def _spec(self, agent: AgentConfig, setup: Setup) -> Spec:
        kind = self._kinds[agent.kind]
        return agent.spec(
            one_shot=kind.one_shot(setup.protocol),
            trusts_exit_status=kind.trusts_exit_status,
            seed=random.getrandbits(32),
        )

    async def _change(self, old: AgentConfig | None, new: AgentConfig) -> None:
        manager = self._chronicle.sessions.get(new.name)
        if old is None or manager is None:
            self._adopt(new)
        elif (old.kind, old.protocol) != (new.kind, new.protocol) or (
            manager.path != self._session_path(new)
        ):
            await self._dismiss(new.name)
            self._adopt(new)
        else:
            self._replace(new)
            return
        if new.autostart:
            self._loop.send(new.name, e.StartAsked())

    def _replace(self, new: AgentConfig) -> None:
        """A new policy holds at once, a new way to launch from the next process on."""
        driver = self._loop.drivers[new.name]
        setup = self.setup(new)
        relaunch = replace(driver.setup, env=setup.env) != setup or driver.setup.env != setup.env
        driver.reconfigure(setup)
        self._loop.adopt(driver, self._spec(new, setup))
        match self._loop.agent(new.name).state:
            case State.READY | State.BUSY if relaunch:
                self._loop.send(new.name, e.Outgrown("its configuration is another one now"))
            case State.STARTING if relaunch:
                self._loop.send(new.name, e.RestartAsked())
            case State.FAILED | State.WAITING:
                self._loop.send(new.name, e.StartAsked())
            case _:
                pass

    async def _dismiss(self, name: str) -> None:
        self._loop.send(name, e.StopAsked())
        await self._loop.reached(lambda: self._loop.agent(name).state is State.STOPPED)
        self._loop.dismiss(name)
        self._chronicle.logs.pop(name).close()
        del self._chronicle.sessions[name]


def _key(config: Config, name: str) -> object:
    """What makes an agent's configuration the same: its table, and being the default."""
    agent = config.agents.get(name)
    return None if agent is None else (agent, config.default_agent == name, config.env_file)


def _absolute(command: str, env: Mapping[str, str]) -> str:
    """Find the command on the agent's own PATH; what is not found is left as it is."""
    if os.sep in command:
        return str(Path(command).expanduser())
    return shutil.which(command, path=env.get("PATH")) or command
