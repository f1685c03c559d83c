"""Which service serves this home, and what a service for it would be made of."""

import os
import pwd
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tars.agents.kind import Kind
from tars.config import Config
from tars.errors import TarsError, UserError
from tars.home import Home
from tars.service.environment import find_programs, service_path
from tars.service.installed import Service
from tars.service.launchd_service import LaunchdService
from tars.service.plan import MACOS_PATH, STANDARD_PATH, Plan
from tars.service.systemd import Systemd
from tars.service.systemd_service import SystemdService

#: What agents need that is not an agent's own program.
_RUNTIMES = ("node",)


@dataclass(frozen=True, slots=True)
class Person:
    """Whose daemon it is."""

    name: str
    folder: Path


def service(env: Mapping[str, str], *, system: bool = False) -> Service:
    """Give the service of this machine's manager, installed or not."""
    if sys.platform == "darwin":
        return LaunchdService(env, system=system)
    return SystemdService(Systemd(env, system=system))


def serving(home: Home, env: Mapping[str, str]) -> Service | None:
    """Give the service that is enabled for this very home, or None. Costs nothing where no unit
    is there."""
    for system in (False, True):
        found = service(env, system=system)
        try:
            state = found.state()
        # Without its manager it is as if it were not there.
        except (TarsError, OSError):
            continue
        if state is not None and state.starts and same_home(state.home, home):
            return found
    return None


def same_home(path: str, home: Home) -> bool:
    """Whether a service's home is this one."""
    return os.path.realpath(path) == os.path.realpath(home.root)


def person(env: Mapping[str, str], *, system: bool, named: str | None) -> Person:
    """Give whose service it will be. Raises UserError where that has to be said."""
    if not system:
        entry = pwd.getpwuid(os.getuid())
        return Person(entry.pw_name, Path(env.get("HOME") or entry.pw_dir))
    name = named or env.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    if name == "root" and named is None:
        raise UserError(
            "Whose daemon is it? One of root's would give its agents root's rights.",
            advice="Say --user NAME; --user root if you mean that.",
        )
    try:
        return Person(name, Path(pwd.getpwnam(name).pw_dir))
    except KeyError:
        raise UserError(f"There is no user {name!r}.") from None


def own_command(argv: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Give the words that start this tars: the command that was typed, by its whole path."""
    named = argv[0] if argv else ""
    if os.path.basename(named) == "tars":
        found = shutil.which(named, path=env.get("PATH"))
        if found:
            return (os.path.abspath(found),)
    return (sys.executable, "-P", "-m", "tars")


def agents_programs(config: Config | None, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Name the programs of the agents that are configured."""
    for agent in config.agents.values() if config else ():
        if agent.kind != "echo":
            yield (agent.command or kinds[agent.kind].command)[0]


def make_plan(
    command: tuple[str, ...],
    owner: Person,
    home: Home,
    env: Mapping[str, str],
    programs: Sequence[str],
    *,
    system: bool = False,
    socket: bool = False,
    macos: bool = sys.platform == "darwin",
) -> tuple[Plan, tuple[str, ...]]:
    """Give the plan, and the programs that were not found."""
    found = find_programs([*programs, *_RUNTIMES], env, owner.folder)
    standard = MACOS_PATH if macos else STANDARD_PATH
    plan = Plan(
        command=command,
        path=service_path(command[0], found.folders, standard),
        person=str(owner.folder),
        home=str(home.root),
        user=owner.name if system else "",
        socket=socket,
    )
    return plan, tuple(name for name in found.missing if name not in _RUNTIMES)
