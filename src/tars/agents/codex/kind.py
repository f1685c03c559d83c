"""How Codex is launched, spoken to and read."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tars import __version__
from tars.agents.codex import faults
from tars.agents.codex.app_server import AppServer
from tars.agents.codex.history import CodexHistory
from tars.agents.kind import Kind, Knowledge, Launch, Setup, Traces, npm_advice
from tars.errors import Fault
from tars.protocols.codec import Codec

#: For this process only: nothing is written into the user's configuration. The first keeps
#: it from asking for a newer version, the second from starting a daemon of its own, with a
#: loop that updates it, in sessions where no signal to its process group comes.
_OVERRIDES = ("check_for_update_on_startup=false", "features.daemon_auto_start=false")


class Codex(Kind):
    """Codex CLI: one warm `codex app-server` for all prompts."""

    name = "codex"
    protocols = ("app-server",)
    command = ("codex",)
    # It exits 0 as soon as its stdin closes, in mid-turn too.
    trusts_exit_status = False
    install_advice = npm_advice("@openai/codex")
    counts_on_the_wire = True

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge(
            tokens="every request",
            cache_read=True,
            cache_write=True,
            reasoning=True,
            per_model=True,
            subagents=True,
            context=True,
            limits=True,
            tools=True,
            permissions=True,
            resume=True,
            model=True,
            mode=True,
            tested="0.169.0",
            note="It tells no cost, and nothing of an answer that was interrupted.",
        )

    def traces(self, env: Mapping[str, str]) -> Traces:
        home = _home(env)
        logs = tuple(p for p in (home / "sessions", home / "archived_sessions") if p.is_dir())
        if (home / "auth.json").exists():
            return Traces(True, logs)
        # It may keep its account in the keyring, or use a provider with a key of its own.
        return Traces(None if (home / "config.toml").exists() else False, logs)

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        command, env = _native(setup.command, setup.env)
        overrides = (word for key in _OVERRIDES for word in ("-c", key))
        return Launch((*command, "app-server", *overrides), env, setup.cwd)

    def codec(self, setup: Setup) -> Codec:
        return AppServer(client_version=__version__)

    def history(self, setup: Setup, session_id: str, mark: str = "") -> CodexHistory:
        return CodexHistory(_home(setup.env), session_id, mark)

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        return faults.last_words(status, stderr_tail)


def _home(env: Mapping[str, str]) -> Path:
    home = env.get("CODEX_HOME")
    return Path(home) if home else Path(env.get("HOME") or Path.home()) / ".codex"


def _native(
    command: tuple[str, ...], env: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Give the binary that npm's `codex` starts, with the environment that it gets from there.

    The wrapper is a Node.js program; before Node.js 23 it stays, between us and Codex. What
    is not npm's wrapper is left as it is.
    """
    found = shutil.which(command[0], path=env.get("PATH")) if command else None
    wrapper = Path(os.path.realpath(found)) if found else None
    if wrapper is None or wrapper.name != "codex.js" or len(command) > 1:
        return command, env
    package = wrapper.parent.parent
    binary = _binary(package)
    if binary is None:
        return command, env
    managed = {"CODEX_MANAGED_PACKAGE_ROOT": str(package), "CODEX_MANAGED_BY_NPM": "1"}
    return (str(binary),), {**env, **managed}


def _binary(package: Path) -> Path | None:
    """npm puts the platform's package beside its own, or inside it."""
    uname = os.uname()
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(uname.machine, uname.machine)
    name = f"codex-{uname.sysname.lower()}-{arch}"
    for folder in (package.parent, package / "node_modules" / "@openai"):
        for binary in sorted(folder.glob(f"{name}/vendor/*/bin/codex")):
            if os.access(binary, os.X_OK):
                return binary
    return None
