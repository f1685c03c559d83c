"""`tars service`: the daemon in the hands of systemd or launchd."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tars.agents.registry import KINDS
from tars.cli import exit_codes
from tars.cli.checks import Verdict
from tars.cli.checks_service import command_is_gone, gone_folders, lingering
from tars.cli.connection import connect, say
from tars.cli.groups import CommandGroup, examples, not_empty
from tars.cli.progress import Progress
from tars.cli.render import clean, one_line
from tars.config import Config, environment, load
from tars.errors import Refused, TarsError, UserError
from tars.home import Home, find_home
from tars.service.environment import keys_faults, unheard
from tars.service.finding import agents_programs, make_plan, own_command, person, same_home, service
from tars.service.installed import ServiceState
from tars.service.launchd import property_list
from tars.service.plan import Plan
from tars.service.units import service_unit, socket_unit

app = typer.Typer(
    name="service",
    cls=CommandGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Let systemd or launchd run the daemon.",
    epilog=examples("tars service install", "tars service status", "tars service uninstall"),
)

System = Annotated[
    bool,
    typer.Option("--system", help="A service of the machine, which starts without a login."),
]
User = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="NAME",
        callback=not_empty,
        help="With --system: whose daemon it is; else whoever called sudo.",
    ),
]
Socket = Annotated[
    bool,
    typer.Option("--socket", help="Start the daemon when somebody first asks it something."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Also where the file was written or changed by hand.")
]


@app.command(
    epilog=examples("tars service install", "sudo tars service install --system --user NAME")
)
def install(
    system: System = False,
    user: User = None,
    socket: Socket = False,
    force: Force = False,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start it now, too.", show_default=False)
    ] = True,
) -> int:
    """Write the service, enable it, and start it.

    Agents get the folders where their programs are found now, and the keys in ~/.tars/env. Once
    it is there, `tars start`, `stop` and `restart` go through it. May be called again.
    """
    plan, missing, configured = _plan(system=system, user=user, socket=socket)
    faults = keys_faults(Path(plan.keys))
    if faults:
        raise UserError(" ".join(faults))
    for name in missing:
        say(f"tars: {one_line(name)} is not found; the service would not find it either.")
    for name in unheard(Path(plan.keys), os.environ, configured):
        say(f"tars: {name} is set here, and not for the service: {plan.keys} may have it.")
    outside = _outside(plan)
    found = service(os.environ, system=system)
    before = found.state()
    if before is not None and not force and not same_home(before.home, Home(Path(plan.home))):
        raise Refused(
            f"The service that is installed serves {before.home}.",
            advice=f"--force lets it serve {plan.home} instead.",
        )
    with Progress("Installing the service") as progress:
        done = found.install(plan, force=force, start=start and not outside, on_wait=progress.tick)
    for line in done or [f"{found.file} is as it should be."]:
        print(line)
    if done and before is not None and before.active and not socket:
        say("tars: the daemon that runs was started before that; `tars restart` starts it anew.")
    if outside:
        say(f"tars: a daemon runs already (pid {outside}); `tars restart` hands over.")
    finding = lingering(os.environ) if not system else None
    if finding is not None and finding.verdict is Verdict.NOTE:
        say(f"tars: {finding.message}: {finding.advice}")
    return exit_codes.DONE


@app.command(epilog=examples("tars service uninstall"))
def uninstall(system: System = False, force: Force = False) -> int:
    """Stop the service, and remove it. What you remember and configured stays."""
    found = service(os.environ, system=system)
    with Progress("Removing the service") as progress:
        done = found.uninstall(force=force, on_wait=progress.tick)
    for line in done or ["The service is not installed."]:
        print(line)
    return exit_codes.DONE


@app.command(epilog=examples("tars service status", "tars service status --system"))
def status(system: System = False) -> int:
    """Say whether the service runs, and what is amiss.

    Exit status 0 when it runs or waits to be asked, 3 otherwise.
    """
    found = service(os.environ, system=system)
    state = found.state()
    if state is None:
        print("The service is not installed. `tars service install` does that.")
        if not system and service(os.environ, system=True).file.exists():
            print("There is one of the machine: `tars service status --system`.")
        return exit_codes.NOT_RUNNING
    rows = {
        "service": found.name,
        "file": _file(state),
        "starts": state.starts or "by `tars start` alone: it is not enabled",
        "state": state.words + (f" · pid {state.pid}" if state.pid else ""),
        "says": clean(state.says),
        "home": _whose(state),
        "command": state.command,
        "logs": found.logs,
    }
    for name, value in rows.items():
        if value:
            print(f"{name:<12}{one_line(value)}")
    for line in _amiss(state, system=system):
        say(f"tars: {line}")
    return exit_codes.DONE if state.active or state.listens else exit_codes.NOT_RUNNING


@app.command("print", epilog=examples("tars service print", "tars service print --socket"))
def show(
    system: System = False,
    user: User = None,
    socket: Socket = False,
    launchd: Annotated[
        bool, typer.Option("--launchd", help="As macOS has it, on any machine.")
    ] = False,
) -> None:
    """Print what `install` would write, and change nothing."""
    macos = launchd or sys.platform == "darwin"
    plan, _, _ = _plan(system=system, user=user, socket=socket, macos=macos)
    if macos:
        print(property_list(plan).decode(), end="")
        return
    print(service_unit(plan), end="")
    if socket:
        print(f"\n# tars.socket\n\n{socket_unit(plan)}", end="")


def _plan(
    *, system: bool, user: str | None, socket: bool, macos: bool = sys.platform == "darwin"
) -> tuple[Plan, tuple[str, ...], set[str]]:
    """Give the plan, programs that were not found, and variables that config.toml sets."""
    if user is not None and not system:
        raise typer.BadParameter("--user goes with --system")
    if socket and macos:
        raise typer.BadParameter("--socket is systemd's; launchd has no such thing for tars")
    owner = person(os.environ, system=system, named=user)
    # Under sudo TARS_HOME is not there, and ~ is root's.
    home = find_home() if not system or "TARS_HOME" in os.environ else Home(owner.folder / ".tars")
    try:
        config = load(home, KINDS)
    except (TarsError, OSError) as error:
        say(f"tars: the configuration cannot be read, so its agents are not looked for: {error}")
        config = None
    plan, missing = make_plan(
        own_command(sys.argv, os.environ),
        owner,
        home,
        os.environ,
        list(agents_programs(config, KINDS)),
        system=system,
        socket=socket,
        macos=macos,
    )
    return plan, missing, _configured(config)


def _configured(config: Config | None) -> set[str]:
    names: set[str] = set()
    if config is None:
        return names
    for agent in config.agents.values():
        with suppress(TarsError):
            names |= environment(agent, config, {}).keys()
    return names


def _outside(plan: Plan) -> int | None:
    """Give the pid of a daemon that serves the home and is not the service's."""
    state = None
    try:
        running = connect().status().daemon.pid
        state = service(os.environ, system=bool(plan.user)).state()
    except TarsError:
        return None
    mine = state is not None and state.pid == running
    return None if mine or Home(Path(plan.home)) != find_home() else running


def _file(state: ServiceState) -> str:
    notes = ["changed by hand"] if state.edited else []
    notes += [f"with {path}" for path in state.drop_ins]
    notes += ["changed since it was read: `systemctl daemon-reload`"] if state.stale else []
    return f"{state.file} ({', '.join(notes)})" if notes else str(state.file)


def _whose(state: ServiceState) -> str:
    return state.home if same_home(state.home, find_home()) else f"{state.home} (not this one)"


def _amiss(state: ServiceState, *, system: bool) -> list[str]:
    faults = keys_faults(Path(state.home) / "env")
    if command_is_gone(state):
        faults.append(f"{state.command} is gone: `tars service install` names the one there is.")
    faults += [
        f"{folder} of PATH is gone: `tars service install` looks anew."
        for folder in gone_folders(state)
    ]
    if not system:
        finding = lingering(os.environ)
        if finding is not None and finding.verdict is Verdict.NOTE:
            faults.append(f"{finding.message}: {finding.advice}")
    return faults
