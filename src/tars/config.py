"""config.toml → frozen values: the only reader of tars' configuration.

A file is judged whole: one run reports every fault, each with the file, the key path,
what is wrong, and what was probably meant. `config_agents` reads the tables of agents;
`config_writing` is the way back.
"""

import os
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tars.accounting.budget import Budget
from tars.accounting.runaway import RunawayConfig
from tars.config_agents import AgentConfig, KindFacts, env_file_of, read_agents
from tars.config_budgets import read_budgets, read_runaway
from tars.config_costs import CostsConfig, HistoryConfig, PricesConfig, read_tables
from tars.config_faults import OTHERS_CAN_READ, Notes, Table, read_text, suggestion
from tars.config_web import WebConfig, read_web
from tars.env_file import read_env_file
from tars.errors import ConfigInvalid
from tars.home import Home

KEPT_MESSAGES = ("full", "preview", "none")
LOG_LEVELS = ("debug", "info", "warning", "error")
DEFAULT_LOG_BYTES = 5 * 1024**2
DEFAULT_LOG_BACKUPS = 5

#: Kinds whose command has their own name, the one that is taken first before the others.
_CLIS = ("gemini", "claude", "codex", "opencode")

Which = Callable[[str], str | None]


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
    budgets: tuple[Budget, ...] = ()
    runaway: RunawayConfig = field(default_factory=RunawayConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    prices: PricesConfig = field(default_factory=PricesConfig)
    costs: CostsConfig = field(default_factory=CostsConfig)
    web: WebConfig = field(default_factory=WebConfig)
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
    config = judged(Table(_parse(path), "", notes), home, kinds, which)
    if notes.faults:
        raise ConfigInvalid(str(path), tuple(f"{path}: {fault}" for fault in notes.faults))
    warnings = (
        *_readable_secrets(path, config.agents),
        *(f"{path}: {warning}" for warning in notes.warnings),
    )
    return replace(config, source=path, warnings=warnings)


def judged(
    root: Table, home: Home, kinds: Mapping[str, KindFacts], which: Which = shutil.which
) -> Config:
    """Read the tables of a whole file; what is wrong with them is noted in their notes."""
    agents = read_agents(root.table("agents"), home, kinds) or embedded(home, which).agents
    history, prices, costs = read_tables(root)
    config = Config(
        default_agent=_default_agent(root, agents),
        agents=agents,
        env_file=env_file_of(root),
        store=_store(root.table("store")),
        sessions=_sessions(root.table("sessions")),
        budgets=read_budgets(root, {a.name: a.kind for a in agents.values()}),
        runaway=read_runaway(root.table("runaway")),
        history=history,
        prices=prices,
        costs=costs,
        web=read_web(root.table("web")),
        log_level=root.text("log_level", "info", choices=LOG_LEVELS),
        log_max_bytes=root.size("log_max_bytes", DEFAULT_LOG_BYTES) or DEFAULT_LOG_BYTES,
        log_backups=root.count("log_backups", DEFAULT_LOG_BACKUPS),
    )
    root.refuse_unknown()
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
    elif store.url.partition("://")[2].partition("?")[0].count("@") > 1:
        table.fault("url", "has more than one @: in a password it is written %40")
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


def _readable_secrets(path: Path, agents: Mapping[str, AgentConfig]) -> tuple[str, ...]:
    if any(agent.env for agent in agents.values()) and path.stat().st_mode & OTHERS_CAN_READ:
        return (f"{path}: holds variables of agents and others can read it: chmod 600 {path}",)
    return ()
