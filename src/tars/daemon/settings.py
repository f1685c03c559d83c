"""Another model or mode for an agent, from its next turn on, while its configuration stays."""

from dataclasses import dataclass

from tars.config_agents import AgentConfig
from tars.control.contract import SettingsChanged, SettingsRequest
from tars.core.agent import State
from tars.daemon.assembly import Assembly, Chosen
from tars.daemon.order import UNSETTLED
from tars.errors import RequestInvalid
from tars.protocols.codec import Offered
from tars.runtime.loop import Loop

#: How many choices a refusal names.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What people choose over the configuration. A choice with which an idle agent does not come
    up is taken back."""

    loop: Loop
    assembly: Assembly

    async def change(self, name: str, request: SettingsRequest) -> SettingsChanged:
        """Put a choice in force: at once where nothing runs, after the turn under way otherwise.

        Raises AgentNotFound, and RequestInvalid for what the agent does not take.
        """
        await self._choose(name, request)
        return self.now(name)

    def now(self, name: str) -> SettingsChanged:
        """Say what is chosen, and what can be as far as the agent says. Raises AgentNotFound."""
        self.loop.agent(name)
        driver = self.loop.drivers[name]
        setup, offered = driver.setup, driver.offered or Offered()
        return SettingsChanged(
            agent=name,
            model=setup.model,
            mode=setup.mode,
            models=list(offered.models),
            modes=list(offered.modes),
        )

    async def _choose(self, name: str, request: SettingsRequest) -> None:
        self.loop.agent(name)
        config = self.assembly.config.agents[name]
        before = self.assembly.chosen.get(name, Chosen())
        wanted = Chosen(
            before.model if request.model is None else request.model,
            before.mode if request.mode is None else request.mode,
        )
        self._check(config, request)
        self.assembly.choose(name, wanted)
        if self.loop.agent(name).under_way is None:
            await self._came_up(name, before)

    async def _came_up(self, name: str, before: Chosen) -> None:
        await self.loop.reached(lambda: self.loop.agent(name).state not in UNSETTLED)
        agent = self.loop.agent(name)
        if agent.state not in (State.FAILED, State.WAITING) or agent.fault is None:
            return
        fault = agent.fault
        self.assembly.choose(name, before)
        raise RequestInvalid(f"The agent {name} did not take it: {fault.message}")

    def _check(self, config: AgentConfig, request: SettingsRequest) -> None:
        """Refuse what the agent cannot be, as far as that is known beforehand."""
        driver = self.loop.drivers[config.name]
        knowledge = driver.kind.knowledge(driver.setup.protocol)
        offered = driver.offered
        known = Offered() if offered is None else offered
        if request.model:
            able = knowledge.model if offered is None else bool(known.models)
            _judge("model", request.model, known.models, config.name, able=able)
        if request.mode:
            able = knowledge.mode if offered is None or not known.modes else True
            _judge("mode", request.mode, known.modes, config.name, able=able)
            _judge_codex(config, request.mode)


def _judge(what: str, word: str, offered: tuple[str, ...], agent: str, *, able: bool) -> None:
    if not able:
        raise RequestInvalid(f"The agent {agent} leaves nobody the choice of its {what}.")
    if offered and word not in offered:
        more = f", and {len(offered) - _NAMED} more" if len(offered) > _NAMED else ""
        raise RequestInvalid(
            f"The agent {agent} has no {what} {word!r}; it offers "
            f"{', '.join(offered[:_NAMED])}{more}."
        )


def _judge_codex(config: AgentConfig, mode: str) -> None:
    if config.kind == "codex":
        from tars.agents.codex import modes  # only who has such an agent pays for it

        if modes.parse(mode) is None:
            raise RequestInvalid(f"{mode!r} is none of Codex's modes: {modes.NAMES}.")
