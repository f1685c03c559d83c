"""Which agent CLIs this machine has: where they are, which version, and who is signed in.

Nothing is asked of a server, and nothing is started but `--version`.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tars.agents.kind import Kind, Traces
from tars.cli.render import one_line

#: A cold CLI on Node.js can need some seconds.
VERSION_SECONDS = 15.0
#: More of what a program says to `--version` is not read.
VERSION_BYTES = 4096
AT_ONCE = 8

#: Where installers put programs that a service's PATH does not have, below the home folder.
_OWN_PLACES = (
    ".local/bin",
    "bin",
    ".npm-global/bin",
    ".claude/local",
    ".opencode/bin",
    ".bun/bin",
    ".volta/bin",
    ".asdf/shims",
    ".cargo/bin",
    ".local/share/pnpm",
    "Library/pnpm",
)
_PLACES = ("/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", "/snap/bin")

#: Programs that one of the general kinds runs, and the words that make them speak with tars.
_OTHERS = {
    "copilot": ("acp", ("copilot", "--acp")),
    "qwen": ("acp", ("qwen", "--acp")),
    "kimi": ("acp", ("kimi", "acp")),
    "claude-agent-acp": ("acp", ("claude-agent-acp",)),
    "codex-acp": ("acp", ("codex-acp",)),
    "aider": ("pty", ("aider",)),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A CLI that may be here. `name` is what its agent would be called."""

    name: str
    kind: Kind
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A CLI that is here. `on_path`: its name alone finds it. `version` is its own word, or
    empty where it gave none."""

    candidate: Candidate
    program: Path
    on_path: bool
    version: str
    traces: Traces


def candidates(kinds: Mapping[str, Kind]) -> list[Candidate]:
    """Give every CLI that tars knows by name; the built-in agent is none."""
    own = [Candidate(n, k, k.command) for n, k in kinds.items() if k.command and n != "echo"]
    others = [
        Candidate(name, kinds[kind], command)
        for name, (kind, command) in _OTHERS.items()
        if kind in kinds
    ]
    return own + others


def detect(wanted: Iterable[Candidate], env: Mapping[str, str]) -> list[Found]:
    """Look for them all at the same time; those that are not here are left out."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = pool.map(lambda candidate: _look(candidate, env), wanted)
        return [found for found in looked if found is not None]


def places(env: Mapping[str, str]) -> Iterator[Path]:
    """Give the folders where programs are beside those of PATH, the newest Node.js first."""
    home = Path(env.get("HOME") or Path.home())
    yield from (home / place for place in _OWN_PLACES)
    versions = home / ".nvm/versions/node"
    yield from sorted(versions.glob("*/bin"), key=_version_key, reverse=True)
    yield from map(Path, _PLACES)


def version_of(program: Path, env: Mapping[str, str], seconds: float = VERSION_SECONDS) -> str:
    """Ask a program for its version, in one line; empty when it does not say, or not in time."""
    # A script of Node.js finds its own `node` beside it.
    path = os.pathsep.join([env.get("PATH", os.defpath), str(program.parent)])
    try:
        process = subprocess.Popen(
            [str(program), "--version"],
            env={**env, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return ""
    patience = threading.Timer(seconds, _end, [process])
    patience.start()
    try:
        assert process.stdout is not None
        said = process.stdout.read(VERSION_BYTES)
    finally:
        patience.cancel()
        _end(process)
        process.communicate()
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[0])[:80] if lines else ""


def _look(candidate: Candidate, env: Mapping[str, str]) -> Found | None:
    name = candidate.command[0]
    program = shutil.which(name, path=env.get("PATH"))
    elsewhere = program or shutil.which(name, path=os.pathsep.join(map(str, places(env))))
    if elsewhere is None:
        return None
    path, kind = Path(elsewhere), candidate.kind
    # What npm put there may be no more than a stub beside the program.
    asked = Path(kind.program((elsewhere,), env) or elsewhere)
    return Found(candidate, path, program is not None, version_of(asked, env), kind.traces(env))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it with all that it started: a launcher's child may hold the pipe."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _version_key(folder: Path) -> tuple[int, ...]:
    numbers = folder.parent.name.removeprefix("v").split(".")
    return tuple(int(n) for n in numbers if n.isdecimal())
