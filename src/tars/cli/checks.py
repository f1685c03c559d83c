"""What `tars doctor` looks at: each check says what it found, and how to mend it.

A check never prints the value of a variable or of a setting that may be a secret.
"""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tars.agents.kind import Kind
from tars.cli.render import fault_line, one_line
from tars.config import Config, environment
from tars.config_agents import AgentConfig
from tars.control.client import Client
from tars.errors import ConfigInvalid, NotRunning, TarsError, UserError
from tars.home import Home

#: sun_path of sockaddr_un, without its final NUL, on the system that has least (macOS).
LONGEST_SOCKET_PATH = 103
LEAST_NODE = 20
VERSION_SECONDS = 20.0
LITTLE_SPACE = 1024**3
NO_SPACE = 50 * 1024**2

#: Any of these signs Gemini CLI in without a browser.
GEMINI_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI")


class Verdict(StrEnum):
    WELL = "ok"
    NOTE = "note"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says how to mend a fault."""

    verdict: Verdict
    what: str
    message: str
    advice: str = ""


def check_home(home: Home) -> Iterator[Finding]:
    """The folder can be made or written, and is its owner's alone."""
    root = home.root
    if root.exists():
        yield _existing_home(root)
    else:
        parent = next(p for p in root.parents if p.exists())
        if not parent.is_dir():
            yield Finding(
                Verdict.FAULT,
                "home",
                f"{root} cannot be made: {parent} is not a folder",
                "Set TARS_HOME to a folder of yours.",
            )
        elif os.access(parent, os.W_OK | os.X_OK):
            yield Finding(Verdict.WELL, "home", f"{root} will be made by `tars start`")
        else:
            yield Finding(
                Verdict.FAULT,
                "home",
                f"{root} cannot be made: {parent} is not writable",
                "Set TARS_HOME to a folder of yours.",
            )
    if len(os.fsencode(home.socket)) > LONGEST_SOCKET_PATH:
        yield Finding(
            Verdict.FAULT,
            "socket",
            f"{home.socket} is longer than the {LONGEST_SOCKET_PATH} bytes a socket may have",
            "Set TARS_HOME to a shorter path.",
        )


def home_fault(home: Home) -> UserError | None:
    """Give what makes this home useless, as an error; None when nothing does."""
    faults = (found for found in check_home(home) if found.verdict is Verdict.FAULT)
    fault = next(faults, None)
    return None if fault is None else UserError(f"{fault.message}.", advice=fault.advice)


def _existing_home(root: Path) -> Finding:
    if not root.is_dir():
        return Finding(Verdict.FAULT, "home", f"{root} is not a folder", "Move it away.")
    about = root.stat()
    if about.st_uid != os.geteuid():
        return Finding(
            Verdict.FAULT, "home", f"{root} belongs to somebody else", "Set TARS_HOME elsewhere."
        )
    if not os.access(root, os.W_OK | os.X_OK):
        return Finding(Verdict.FAULT, "home", f"{root} is not writable", f"chmod 700 {root}")
    if stat.S_IMODE(about.st_mode) & 0o077:
        return Finding(Verdict.NOTE, "home", f"{root} is open to others; `tars start` closes it")
    return Finding(Verdict.WELL, "home", str(root))


def check_space(home: Home) -> Iterator[Finding]:
    """There is room for the store and the logs."""
    place = next(p for p in (home.root, *home.root.parents) if p.exists())
    free = shutil.disk_usage(place).free
    amount = f"{free / 1024**2:,.0f} MiB free for {home.root}"
    if free < NO_SPACE:
        yield Finding(Verdict.FAULT, "disk", amount, "Free some space: nothing can be saved.")
    elif free < LITTLE_SPACE:
        yield Finding(Verdict.NOTE, "disk", amount)
    else:
        yield Finding(Verdict.WELL, "disk", amount)


def check_config(load: Callable[[], Config]) -> tuple[Config | None, list[Finding]]:
    """config.toml makes sense; every fault is one finding."""
    try:
        config = load()
    except ConfigInvalid as invalid:
        advice = "`config.example.toml` documents every key; `tars config validate` checks again."
        return None, [
            Finding(Verdict.FAULT, "config", one_line(fault), advice) for fault in invalid.faults
        ]
    source = config.source or "no config.toml: the embedded configuration"
    found = [Finding(Verdict.WELL, "config", f"{source} (default agent: {config.default_agent})")]
    found += [Finding(Verdict.NOTE, "config", one_line(warning)) for warning in config.warnings]
    return config, found


def check_store(opens: Callable[[], bool]) -> Iterator[Finding]:
    """What is remembered can be read. `opens` tries; it says whether there is anything."""
    try:
        found = opens()
    except TarsError as error:
        yield Finding(Verdict.FAULT, "store", one_line(str(error)), error.advice)
        return
    yield Finding(Verdict.WELL, "store", "it can be read" if found else "nothing is kept yet")


def check_daemon(client: Client) -> Iterator[Finding]:
    """The daemon answers, and none of its agents is in trouble."""
    try:
        status = client.status()
    except NotRunning:
        yield Finding(Verdict.NOTE, "daemon", "not running; `tars start` starts it")
        return
    except TarsError as error:
        yield Finding(Verdict.FAULT, "daemon", one_line(str(error)), error.advice)
        return
    about = status.daemon
    yield Finding(Verdict.WELL, "daemon", f"running (pid {about.pid}, version {about.version})")
    for agent in status.agents:
        if agent.last_error is not None and agent.state in ("failed", "waiting"):
            message = f"{agent.state}: {fault_line(agent.last_error)}"
            yield Finding(Verdict.FAULT, agent.name, message)
    for warning in status.warnings:
        yield Finding(Verdict.NOTE, "daemon", one_line(warning))


def check_agent(
    agent: AgentConfig, kind: Kind, config: Config, base: Mapping[str, str]
) -> Iterator[Finding]:
    """Its command is there and runs, and it can sign in."""
    try:
        env = environment(agent, config, base)
    except ConfigInvalid as invalid:
        yield Finding(Verdict.FAULT, agent.name, one_line(str(invalid)))
        return
    command = agent.command or kind.command
    program = kind.program(command, env)
    if program is None:
        yield Finding(
            Verdict.FAULT,
            agent.name,
            f"the command `{one_line(command[0])}` is not on PATH",
            kind.install_advice,
        )
        return
    if kind.name == "echo":
        yield Finding(Verdict.WELL, agent.name, "built in; it answers without a model")
        return
    if kind.name == "gemini":
        yield from check_node(env)
    yield _version_of(agent.name, program, env)
    if kind.name == "gemini":
        yield check_gemini_sign_in(agent.name, env)


def check_node(env: Mapping[str, str]) -> Iterator[Finding]:
    """Gemini CLI runs on Node.js 20 or newer."""
    advice = f"Install Node.js {LEAST_NODE} or newer: https://nodejs.org"
    program = shutil.which("node", path=env.get("PATH"))
    if program is None:
        yield Finding(Verdict.FAULT, "node", "Node.js is not on PATH", advice)
        return
    said = _first_line([program, "--version"], env)
    major = said.removeprefix("v").partition(".")[0]
    if not major.isdecimal() or int(major) < LEAST_NODE:
        yield Finding(Verdict.FAULT, "node", f"{program} is {said or 'silent'}", advice)
    else:
        yield Finding(Verdict.WELL, "node", f"{said} ({program})")


def check_gemini_sign_in(name: str, env: Mapping[str, str]) -> Finding:
    """There is a key, or a sign-in was chosen; whether it is accepted, only a prompt shows."""
    for key in GEMINI_KEYS:
        if env.get(key):
            return Finding(Verdict.WELL, name, f"{key} is set")
    home = env.get("GEMINI_CLI_HOME") or env.get("HOME") or ""
    settings = Path(home) / ".gemini" / "settings.json"
    chosen = _selected_type(settings)
    if chosen == "gemini-api-key":
        return Finding(
            Verdict.FAULT,
            name,
            f"{settings} chose an API key, and GEMINI_API_KEY is not set",
            f"Put it into [agents.{name}.env] or an env_file of config.toml.",
        )
    if chosen:
        return Finding(Verdict.WELL, name, f"a sign-in is chosen in {settings}")
    return Finding(
        Verdict.FAULT,
        name,
        "not signed in: no GEMINI_API_KEY, and no sign-in in its settings",
        f"Run `gemini` once and sign in, or put GEMINI_API_KEY into [agents.{name}.env].",
    )


def _selected_type(settings: Path) -> str:
    try:
        chosen = json.loads(settings.read_text(encoding="utf-8"))["security"]["auth"][
            "selectedType"
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return chosen if isinstance(chosen, str) else ""


def _version_of(name: str, program: str, env: Mapping[str, str]) -> Finding:
    said = _first_line([program, "--version"], env)
    if said:
        return Finding(Verdict.WELL, name, f"{said} ({program})")
    return Finding(
        Verdict.FAULT,
        name,
        f"{program} --version said nothing within {VERSION_SECONDS:g} s, or failed",
        "Run it by hand to see why.",
    )


def _first_line(argv: list[str], env: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[0])[:80] if lines else ""
