"""What `tars doctor` says of the service: how the daemon is run, and what would stop it."""

import getpass
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tars.cli.checks import Finding, Verdict
from tars.cli.render import one_line
from tars.control.client import Client
from tars.errors import TarsError
from tars.home import Home
from tars.service.environment import keys_faults
from tars.service.finding import same_home, service
from tars.service.installed import Service, ServiceState
from tars.service.plan import MACOS_PATH
from tars.service.systemd import lingers

ANEW = "`tars service install` writes it anew."


def check_service(home: Home, client: Client, env: Mapping[str, str]) -> Iterator[Finding]:
    """How the daemon of this home is run."""
    found = False
    for system in (False, True):
        one = service(env, system=system)
        try:
            state = one.state()
        except (TarsError, OSError) as error:
            yield Finding(Verdict.NOTE, "service", one_line(f"{one.file}: {error}"))
            continue
        if state is not None and same_home(state.home, home):
            found = True
            yield from _check(one, state, client, system=system, env=env)
    if not found:
        yield Finding(
            Verdict.WELL,
            "service",
            "none: the daemon runs from `tars start` until the machine or you stop it",
        )


def _check(
    one: Service, state: ServiceState, client: Client, *, system: bool, env: Mapping[str, str]
) -> Iterator[Finding]:
    name = one.name
    if command_is_gone(state):
        message = f"{name} runs {state.command}, which is gone"
        yield Finding(Verdict.FAULT, "service", message, ANEW)
    for fault in keys_faults(Path(state.home) / "env"):
        yield Finding(Verdict.FAULT, "service", one_line(fault))
    for folder in gone_folders(state):
        yield Finding(Verdict.NOTE, "service", f"{folder} of its PATH is gone", ANEW)
    starts = f"starts {state.starts}" if state.starts else "is not enabled"
    yield Finding(Verdict.WELL, "service", f"{name} {starts} · {state.words}")
    running = _running(client)
    if running is not None and state.starts and running != state.pid:
        message = f"the daemon that runs (pid {running}) is not the service's"
        yield Finding(Verdict.NOTE, "service", message, "`tars restart` hands over.")
    finding = None if system else lingering(env)
    if finding is not None:
        yield finding


def lingering(env: Mapping[str, str]) -> Finding | None:
    """Whether a person's own service goes on after the last logout; None where it has no say."""
    if sys.platform == "darwin":
        return None
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        return None
    if lingers(user, env):
        return Finding(Verdict.WELL, "lingering", "the service goes on after you log out")
    return Finding(
        Verdict.NOTE,
        "lingering",
        "the service ends with your last session, and starts at your next login",
        "`loginctl enable-linger` lets it go on.",
    )


def command_is_gone(state: ServiceState) -> bool:
    """Whether what the service would run is not there any more, as after a move."""
    return bool(state.command) and not os.access(state.command, os.X_OK)


def gone_folders(state: ServiceState) -> list[str]:
    """Give folders of its PATH that are not there; those that every system may have do not
    count. A new version of Node.js under nvm leaves one behind."""
    own = [each for each in state.path if each and each not in MACOS_PATH]
    return [each for each in own if not os.path.isdir(each)]


def _running(client: Client) -> int | None:
    try:
        return client.status().daemon.pid
    except TarsError:
        return None
