"""The ``[agents.NAME]`` tables of config.toml → frozen values, each judged by its kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tars.accounting.rules import UsageRule
from tars.config_faults import Table
from tars.config_relations import AGENT_NAME, judge_relations
from tars.conversation.model import TOOL_KINDS
from tars.core.agent import Spec
from tars.core.permission import PermissionPolicy, Rule
from tars.core.restart import RestartPolicy, When
from tars.env_file import VARIABLE_NAME, read_env_file
from tars.errors import ConfigInvalid
from tars.home import Home

#: Kinds that are no CLI of their own: what they are, and how one is named.
_EXAMPLES = {
    "acp": ("any ACP agent", 'command = ["opencode", "acp"]'),
    "pty": ("any terminal program", 'command = ["aider"]'),
}

#: By it tars knows an agent's processes again (`runtime.marks`).
_OWN_VARIABLE = "TARS_AGENT_MARK"


class KindFacts(Protocol):
    """What the configuration has to know of a kind of agent."""

    @property
    def protocols(self) -> tuple[str, ...]:
        """The protocols it offers; the first is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """One ``[agents.NAME]`` table. `config.example.toml` says what each key means.

    Times are in seconds and `max_rss` in bytes. `command` and `protocol` are None where
    the kind's own are meant.
    """

    name: str
    kind: str
    command: tuple[str, ...] | None = None
    protocol: str | None = None
    model: str = ""
    mode: str = ""
    usage: str = ""
    screen: str = ""
    cwd: Path
    permissions: PermissionPolicy = field(default_factory=PermissionPolicy)
    restart: When = When.ON_FAILURE
    # Variables may be secrets: they stay out of every repr, and so out of tracebacks.
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_file: Path | None = None
    autostart: bool = True
    after: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    handshake_seconds: float = 60.0
    turn_seconds: float = 3600.0
    silence_seconds: float = 600.0
    cancel_seconds: float = 10.0
    grace_seconds: float = 5.0
    permission_seconds: float = 300.0
    limit_wait_seconds: float = 21600.0
    max_rss: int | None = None
    max_restarts: int = 10
    window_seconds: float = 600.0
    queue_limit: int = 100

    def spec(self, *, one_shot: bool, trusts_exit_status: bool, seed: int) -> Spec:
        """Give the policy that the core decides by; the arguments are facts of the kind.

        Where another agent stands in, no turn waits for the end of a limit.
        """
        return Spec(
            name=self.name,
            one_shot=one_shot,
            trusts_exit_status=trusts_exit_status,
            restart=RestartPolicy(
                when=self.restart,
                max_restarts=self.max_restarts,
                window_seconds=self.window_seconds,
                seed=seed,
            ),
            permissions=self.permissions,
            queue_limit=self.queue_limit,
            handshake_seconds=self.handshake_seconds,
            turn_seconds=self.turn_seconds,
            silence_seconds=self.silence_seconds,
            cancel_seconds=self.cancel_seconds,
            grace_seconds=self.grace_seconds,
            permission_seconds=self.permission_seconds,
            waits_for_limits=not self.fallback,
            limit_wait_seconds=self.limit_wait_seconds,
            max_rss_bytes=self.max_rss,
        )


def read_agents(
    tables: Table, home: Home, kinds: Mapping[str, KindFacts]
) -> dict[str, AgentConfig]:
    """Read every table of `[agents]`; their faults are noted."""
    agents, own = {}, {}
    for name in tables.names():
        if not AGENT_NAME.fullmatch(name):
            tables.fault(
                name,
                "not a name for an agent: up to 32 lower-case letters, digits, - and _, "
                "beginning with a letter or a digit",
            )
        own[name] = tables.table(name)
        agents[name] = _agent(name, own[name], home, kinds)
    judge_relations(agents, own)
    return agents


def env_file_of(table: Table) -> Path | None:
    """Read the path of a file of variables, and the file; what is wrong in it is noted."""
    path = table.path("env_file")
    if path is not None:
        try:
            read_env_file(path)
        except ConfigInvalid as invalid:
            for fault in invalid.faults:
                table.fault("env_file", fault)
    return path


def _agent(name: str, table: Table, home: Home, kinds: Mapping[str, KindFacts]) -> AgentConfig:
    kind = _kind(name, table, kinds)
    if kind in _EXAMPLES and "command" not in table:
        which, example = _EXAMPLES[kind]
        table.fault("command", f'missing; kind = "{kind}" is {which}: say which, as {example}')
    offered = kinds[kind].protocols if kind in kinds else ()
    usual = AgentConfig(name=name, kind=kind, cwd=home.workspace)
    agent = AgentConfig(
        name=name,
        kind=kind,
        command=table.texts("command"),
        protocol=table.text("protocol", "", choices=offered) or None,
        model=table.text("model", usual.model),
        mode=table.text("mode", usual.mode),
        usage=table.text("usage", usual.usage, choices=("", *(r.value for r in UsageRule))),
        screen=_screen(table),
        cwd=_cwd(table) or usual.cwd,
        permissions=_permissions(table),
        restart=When(table.text("restart", usual.restart, choices=tuple(When))),
        env=_env(table.table("env")),
        env_file=env_file_of(table),
        autostart=table.flag("autostart", default=usual.autostart),
        after=table.listing("after"),
        group=table.listing("group"),
        fallback=table.listing("fallback"),
        handshake_seconds=table.seconds("handshake_seconds", usual.handshake_seconds),
        turn_seconds=table.seconds("turn_seconds", usual.turn_seconds),
        silence_seconds=table.seconds("silence_seconds", usual.silence_seconds),
        cancel_seconds=table.seconds("cancel_seconds", usual.cancel_seconds, zero=True),
        grace_seconds=table.seconds("grace_seconds", usual.grace_seconds, zero=True),
        permission_seconds=table.seconds("permission_seconds", usual.permission_seconds),
        limit_wait_seconds=table.seconds("limit_wait_seconds", usual.limit_wait_seconds, zero=True),
        max_rss=table.size("max_rss", usual.max_rss),
        max_restarts=table.count("max_restarts", usual.max_restarts),
        window_seconds=table.seconds("window_seconds", usual.window_seconds),
        queue_limit=table.count("queue_limit", usual.queue_limit, at_least=1),
    )
    _judge_uses(agent, table)
    table.refuse_unknown()
    return agent


def _judge_uses(agent: AgentConfig, table: Table) -> None:
    """Note what this kind does not use, or does not understand."""
    if agent.usage and agent.kind != "acp":
        table.warn("usage", f'is for kind = "acp" alone; {agent.kind} does not use it')
    if agent.screen and agent.kind != "pty" and agent.protocol != "pty":
        table.warn("screen", f"is for agents with a screen alone; {agent.kind} does not use it")
    if agent.kind == "codex" and agent.mode:
        # Only who has such an agent pays for the import.
        from tars.agents.codex import modes

        if modes.parse(agent.mode) is None:
            table.fault("mode", f"{agent.mode!r} is none of Codex's: {modes.NAMES}")


def _kind(name: str, table: Table, kinds: Mapping[str, KindFacts]) -> str:
    if "kind" not in table and name not in kinds:
        table.fault("kind", f"missing; one of {', '.join(kinds)}")
    return table.text("kind", name, choices=kinds)


def _screen(table: Table) -> str:
    screen = table.text("screen", "")
    if screen:
        # Only who has such an agent pays for the import.
        from tars.agents.pty.description import faults_of

        for fault in faults_of(screen):
            table.fault("screen", fault)
    return screen


def _cwd(table: Table) -> Path | None:
    path = table.path("cwd")
    if path is not None and not path.is_dir():
        table.warn("cwd", f"{path} is not a folder, so the agent cannot start there")
    return path


def _permissions(table: Table) -> PermissionPolicy:
    """One rule for everything, or a table of rules by kind of tool."""
    rules = tuple(Rule)
    if not table.holds_table("permissions"):
        return PermissionPolicy(Rule(table.text("permissions", Rule.ASK, choices=rules)))
    by_kind = table.table("permissions")
    default = Rule(by_kind.text("default", Rule.ASK, choices=rules))
    chosen = {kind: Rule(by_kind.text(kind, default, choices=rules)) for kind in TOOL_KINDS}
    by_kind.refuse_unknown()
    return PermissionPolicy(default, {kind: chosen[kind] for kind in TOOL_KINDS if kind in by_kind})


def _env(table: Table) -> dict[str, str]:
    for name in table.names():
        if not VARIABLE_NAME.fullmatch(name):
            table.fault(name, "not a name for an environment variable")
        elif name == _OWN_VARIABLE:
            table.fault(name, "is tars' own: it finds an agent's processes by it")
    return {name: table.text(name, "") for name in table.names()}
