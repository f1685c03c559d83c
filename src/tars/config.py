"""config.toml → frozen values: the only reader of tars' configuration.

A file is judged whole: one run reports every fault, each with the file, the key path,
what is wrong, and what was probably meant. `config_writing` is the way back.
"""

import os
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tars.accounting.rules import UsageRule
from tars.config_faults import OTHERS_CAN_READ, Notes, Table, read_text, suggestion
from tars.config_relations import AGENT_NAME, judge_relations
from tars.conversation.model import TOOL_KINDS
from tars.core.agent import Spec
from tars.core.permission import PermissionPolicy, Rule
from tars.core.restart import RestartPolicy, When
from tars.env_file import VARIABLE_NAME, read_env_file
from tars.errors import ConfigInvalid
from tars.home import Home

KEPT_MESSAGES = ("full", "preview", "none")
LOG_LEVELS = ("debug", "info", "warning", "error")
DEFAULT_LOG_BYTES = 5 * 1024**2
DEFAULT_LOG_BACKUPS = 5

#: Kinds that are no CLI of their own: what they are, and how one is named.
_EXAMPLES = {
    "acp": ("any ACP agent", 'command = ["opencode", "acp"]'),
    "pty": ("any terminal program", 'command = ["aider"]'),
}

#: By it tars knows an agent's processes again (`runtime.marks`).
_OWN_VARIABLE = "TARS_AGENT_MARK"

#: Kinds whose command has their own name, the one that is taken first before the others.
_CLIS = ("gemini", "claude", "codex", "opencode")

Which = Callable[[str], str | None]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """The ``[store]`` table. `url` is that of a PostgreSQL database, or empty for the home's own
    file; it may hold a password. `messages` is full, preview or none."""

    url: str = field(default="", repr=False)
    messages: str = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsConfig:
    """The ``[sessions]`` table. Retention is off where a number is None. `archive_directory` is
    None for the home's own."""

    enabled: bool = True
    per_project: bool = True
    retention_days: int | None = None
    max_sessions: int | None = None
    auto_archive: bool = False
    archive_directory: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration. `source` is None for the one without a file; `warnings`
    are for a person, and forbid nothing."""

    default_agent: str
    agents: Mapping[str, AgentConfig]
    env_file: Path | None = None
    store: StoreConfig = field(default_factory=StoreConfig)
    sessions: SessionsConfig = field(default_factory=SessionsConfig)
    log_level: str = "info"
    log_max_bytes: int = DEFAULT_LOG_BYTES
    log_backups: int = DEFAULT_LOG_BACKUPS
    source: Path | None = None
    warnings: tuple[str, ...] = ()


def load(home: Home, kinds: Mapping[str, KindFacts], which: Which = shutil.which) -> Config:
    """Read the home's config.toml, or give the embedded configuration where there is none.

    Raises ConfigInvalid with every fault of the file.
    """
    # A dangling link is a mistake to report, not an absent file.
    if os.path.lexists(home.config):
        return read(home.config, home, kinds, which)
    return embedded(home, which)


def embedded(home: Home, which: Which = shutil.which) -> Config:
    """Configure the first CLI that `which` finds, else the built-in agent, which says so."""
    installed = [name for name in _CLIS if which(name) is not None]
    name, *others = installed or ["echo"]
    warnings: tuple[str, ...] = ()
    if not installed:
        warnings = (
            "No agent CLI is installed, so the built-in agent `echo` answers, without a model. "
            f"Install one of {', '.join(_CLIS)}: `npm install -g @google/gemini-cli`.",
        )
    elif others:
        warnings = (
            f"No agent is configured, so {name} is the only one; {', '.join(others)} can be too: "
            f"`tars agents detect --write {','.join(installed)}`.",
        )
    return Config(
        default_agent=name,
        agents={name: AgentConfig(name=name, kind=name, cwd=home.workspace)},
        warnings=warnings,
    )


def read(
    path: Path, home: Home, kinds: Mapping[str, KindFacts], which: Which = shutil.which
) -> Config:
    """Read and judge a whole file. A file without agents has the embedded ones.

    Raises ConfigInvalid with every fault.
    """
    notes = Notes()
    root = Table(_parse(path), "", notes)
    agents = _agents(root.table("agents"), home, kinds) or embedded(home, which).agents
    config = Config(
        default_agent=_default_agent(root, agents),
        agents=agents,
        env_file=_env_file(root),
        store=_store(root.table("store")),
        sessions=_sessions(root.table("sessions")),
        log_level=root.text("log_level", "info", choices=LOG_LEVELS),
        log_max_bytes=root.size("log_max_bytes", DEFAULT_LOG_BYTES) or DEFAULT_LOG_BYTES,
        log_backups=root.count("log_backups", DEFAULT_LOG_BACKUPS),
        source=path,
        warnings=(*_readable_secrets(path, agents), *(f"{path}: {w}" for w in notes.warnings)),
    )
    root.refuse_unknown()
    if notes.faults:
        raise ConfigInvalid(str(path), tuple(f"{path}: {fault}" for fault in notes.faults))
    return config


def kept(home: Home) -> tuple[StoreConfig, SessionsConfig]:
    """Read of the home's config.toml only where sessions are kept, and for how long.

    It needs to know no kind of agent. Raises ConfigInvalid with every fault of these tables.
    """
    if not os.path.lexists(home.config):
        return StoreConfig(), SessionsConfig()
    notes = Notes()
    root = Table(_parse(home.config), "", notes)
    found = _store(root.table("store")), _sessions(root.table("sessions"))
    if notes.faults:
        faults = tuple(f"{home.config}: {fault}" for fault in notes.faults)
        raise ConfigInvalid(str(home.config), faults)
    return found


def environment(agent: AgentConfig, config: Config, base: Mapping[str, str]) -> dict[str, str]:
    """Make an agent's environment: `base`, then the env files, then the agent's env table.

    The files are read anew, so that a new key in them counts from the agent's next
    start. Raises ConfigInvalid when a file has gone bad since the configuration was read.
    """
    merged = dict(base)
    for path in (config.env_file, agent.env_file):
        if path is not None:
            merged.update(read_env_file(path))
    merged.update(agent.env)
    return merged


def _parse(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        return tomllib.loads(text)
    # Beyond its own errors tomllib lets some of Python's limits show: on the length of
    # a number (ValueError), and on nesting.
    except (ValueError, RecursionError) as error:
        fault = f"not valid TOML: {error}"
    last_line = text.rstrip().count("\n") + 1
    fault = fault.replace("(at end of document)", f"(at line {last_line}, the end of the file)")
    raise ConfigInvalid(str(path), (f"{path}: {fault}",))


def _store(table: Table) -> StoreConfig:
    usual = StoreConfig()
    store = StoreConfig(
        url=table.text("url", usual.url),
        messages=table.text("messages", usual.messages, choices=KEPT_MESSAGES),
    )
    if store.url and not store.url.startswith(("postgresql://", "postgres://")):
        table.fault("url", 'not the URL of a PostgreSQL database: "postgresql://…"')
    table.refuse_unknown()
    return store


def _sessions(table: Table) -> SessionsConfig:
    usual = SessionsConfig()
    sessions = SessionsConfig(
        enabled=table.flag("enabled", default=usual.enabled),
        per_project=table.flag("per_project", default=usual.per_project),
        retention_days=table.count("retention_days", 0, at_least=1) or None,
        max_sessions=table.count("max_sessions", 0, at_least=1) or None,
        auto_archive=table.flag("auto_archive", default=usual.auto_archive),
        archive_directory=table.path("archive_directory"),
    )
    table.refuse_unknown()
    return sessions


def _default_agent(root: Table, agents: Mapping[str, AgentConfig]) -> str:
    first = next(iter(agents))
    name = root.text("default_agent", first)
    if name not in agents:
        root.fault("default_agent", f"there is no [agents.{name}]{suggestion(name, agents)}")
    return name


def _agents(tables: Table, home: Home, kinds: Mapping[str, KindFacts]) -> dict[str, AgentConfig]:
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
        env_file=_env_file(table),
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


def _env_file(table: Table) -> Path | None:
    path = table.path("env_file")
    if path is not None:
        try:
            read_env_file(path)
        except ConfigInvalid as invalid:
            for fault in invalid.faults:
                table.fault("env_file", fault)
    return path


def _readable_secrets(path: Path, agents: Mapping[str, AgentConfig]) -> tuple[str, ...]:
    if any(agent.env for agent in agents.values()) and path.stat().st_mode & OTHERS_CAN_READ:
        return (f"{path}: holds variables of agents and others can read it: chmod 600 {path}",)
    return ()
