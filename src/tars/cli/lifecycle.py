"""`tars start`, `stop` and `restart`: the daemon itself, or one agent in it."""

import time
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from tars import __version__
from tars.agents.registry import KINDS
from tars.cli import exit_codes
from tars.cli.background import Background, is_gone, last_words_file
from tars.cli.checks import home_fault
from tars.cli.connection import connect, say
from tars.cli.groups import examples, none_empty
from tars.cli.holder import ask_to_end, is_over, kill, lock_holder, unreachable
from tars.cli.progress import Progress
from tars.cli.render import agent_line, clean, fault_line
from tars.cli.serving import start_service, stop_service
from tars.config import load
from tars.control.contract import AgentStatus, Status
from tars.control.exchange import NoAnswer
from tars.errors import AgentNotFound, NotRunning, TarsError
from tars.home import Home, find_home

POLL_SECONDS = 0.05
#: How long the daemon may take until it answers; its agent has its own deadline, which
#: the daemon keeps (`handshake_seconds`), so this only bounds a daemon that does not.
SOCKET_SECONDS = 30.0
AGENT_SECONDS = 180.0
#: How long another daemon that holds the lock may take until it answers.
REFUSED_SECONDS = 5.0
STOP_SECONDS = 60.0
#: A daemon that hung and was sent SIGTERM is given so long before SIGKILL.
HUNG_SECONDS = 10.0
#: A daemon without a socket may just be on its way out.
LEAVING_SECONDS = 2.0

app = typer.Typer(rich_markup_mode=None)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME|GROUP]...",
        callback=none_empty,
        help="Agents, or groups of them, instead of the whole daemon.",
    ),
]
Action = Literal["start", "stop", "restart"]


@app.command(epilog=examples("tars start", "tars start gemini web", "tars start --foreground"))
def start(
    names: Names = None,
    foreground: Annotated[
        bool,
        typer.Option("--foreground", help="Stay in the foreground, for service managers."),
    ] = False,
) -> int:
    """Start the daemon in the background, or some of its agents.

    Returns when the default agent is ready. When the daemon runs already, it stays as it is.
    Agents start in the order of `after` in config.toml, else in the one given.
    """
    if foreground:
        if names:
            raise typer.BadParameter("--foreground starts the daemon, not an agent")
        from tars.daemon import run  # the daemon's imports are not the client's to pay

        return run(find_home())
    if not names:
        return _start_daemon()
    if not _check_names(names):
        _start_daemon(report=False)
    return _change(names, "start")


@app.command(epilog=examples("tars stop", "tars stop gemini", "tars stop web"))
def stop(names: Names = None) -> int:
    """Stop the agents and the daemon, or some agents alone.

    The agents go in the reverse of their order, then the daemon. Returns when the process is gone.
    When nothing runs, there is nothing to do.
    """
    return _change(names, "stop") if names else _stop_daemon()


@app.command(epilog=examples("tars restart", "tars restart gemini"))
def restart(names: Names = None) -> int:
    """Stop and start the daemon, or some of its agents.

    Agents get a new process and go on in the same session.
    """
    if names:
        return _change(names, "restart")
    # What cannot be started again is better kept running.
    load(find_home(), KINDS)
    status = _stop_daemon()
    return status if status != exit_codes.DONE else _start_daemon()


def _check_names(names: list[str]) -> bool:
    """Say whether a daemon runs, which knows the names. Raises AgentNotFound before one is
    started for nothing."""
    try:
        connect().agents()
        return True
    except NotRunning:
        agents = load(find_home(), KINDS).agents
        known = {*agents, *(group for agent in agents.values() for group in agent.group)}
        for name in names:
            if name not in known:
                raise AgentNotFound(f"There is no agent and no group {name!r}.") from None
        return False


def _start_daemon(*, report: bool = True) -> int:
    """`report`: complain about a default agent that does not work."""
    try:
        status = connect().status()
    except NotRunning:
        pass
    else:
        print(f"tars {status.daemon.version} is already running (pid {status.daemon.pid}).")
        _print_agents(status)
        _compare_versions(status)
        agent = _default_agent(status)
        failed = agent is not None and agent.state == "failed"
        return _report(agent) if failed and report else exit_codes.DONE
    found = start_in_background()
    print(f"tars {found.daemon.version} is running (pid {found.daemon.pid}).")
    _print_agents(found)
    return _report(_default_agent(found)) if report else exit_codes.DONE


def start_in_background() -> Status:
    """Start a daemon where none runs, and wait until its default agent is ready or failed. The
    service is started where one is enabled for this home."""
    home = find_home()
    fault = home_fault(home)
    if fault is not None:
        raise fault
    with Progress("Starting tars") as progress:
        # What is wrong with the configuration is better told here than in the manager's log.
        if start_service(home, progress, check=lambda: load(home, KINDS)):
            return connect(progress.tick).status()
        return _start_in_background(home, progress)


def _start_in_background(home: Home, progress: Progress) -> Status:
    while True:
        process = Background(home)
        try:
            found = _await_agent(process, progress)
        finally:
            process.let_go()
        if found is not None:
            return found


def _await_agent(process: Background, progress: Progress) -> Status | None:
    """Wait until the daemon answers and its default agent is ready or failed. None when
    this one was refused for another's sake, and that one is gone by now."""
    began = time.monotonic()
    while True:
        progress.tick()
        elapsed = time.monotonic() - began
        try:
            status = connect(progress.tick).status()
        except NotRunning:
            if process.exit_status() == exit_codes.REFUSED:
                holder = lock_holder(find_home())
                if holder is None:
                    return None
                if elapsed > REFUSED_SECONDS:
                    raise unreachable(holder) from None
            else:
                _check_alive(process, elapsed)
        else:
            agent = _default_agent(status)
            moving = agent is not None and agent.state in ("starting", "stopping", "waiting")
            if agent is None or not (moving or agent.waits_for):
                return status
            progress.waiting_for(_holds_up(agent))
            if elapsed > AGENT_SECONDS:
                return status
        time.sleep(POLL_SECONDS)


def _holds_up(agent: AgentStatus) -> str:
    if agent.waits_for:
        return f"{agent.name} starts after {', '.join(agent.waits_for)}"
    return f"{agent.name} is {agent.state}"


def _check_alive(process: Background, elapsed: float) -> None:
    """Raises TarsError when waiting for the socket is of no use any more."""
    status = process.exit_status()
    if status is not None:
        how = f"was ended by signal {-status}" if status < 0 else f"exited with status {status}"
        raise TarsError(_with_last_words(process, f"The daemon {how} while it started."))
    if elapsed > SOCKET_SECONDS:
        raise TarsError(
            f"The daemon did not answer within {SOCKET_SECONDS:g} s.",
            advice=f"See {last_words_file(find_home())} and `tars doctor`.",
        )


def _with_last_words(process: Background, message: str) -> str:
    for line in clean(process.last_words()).splitlines():
        say(f"  {line}")
    return message


def _default_agent(status: Status) -> AgentStatus | None:
    default = connect().agents().default
    return next((agent for agent in status.agents if agent.name == default), None)


def _report(agent: AgentStatus | None) -> int:
    """Complain about an agent that does not work, and give the exit status."""
    if agent is None or agent.state in ("ready", "busy", "limited", "stopped", "stopping"):
        return exit_codes.DONE
    if agent.last_error is not None:
        then = f" Then `tars restart {agent.name}`." if agent.state == "failed" else ""
        say(f"tars: {agent.name}: {fault_line(agent.last_error)}{then}")
    else:
        say(f"tars: {agent.name} is {agent.state}. `tars status` shows how it goes on.")
    return exit_codes.AGENT_UNAVAILABLE


def _print_agents(status: Status) -> None:
    for agent in status.agents:
        print(agent_line(agent))
    for warning in status.warnings:
        say(f"tars: {clean(warning)}")


def _compare_versions(status: Status) -> None:
    if status.daemon.version not in ("", __version__):
        say(f"tars: this command is version {__version__}; `tars restart` makes both the same.")


def _stop_daemon() -> int:
    with Progress("Stopping tars") as progress:
        served = stop_service(find_home(), progress)
        try:
            pid = connect(progress.tick).shutdown().pid
        except (NotRunning, NoAnswer) as error:
            ended = _end_holder(error, progress) or served
            if ended is None:
                print("tars is not running.")
                return exit_codes.DONE
            pid = ended
        else:
            if not _await(lambda: is_gone(pid), STOP_SECONDS, progress):
                raise _still_there(pid, STOP_SECONDS)
    print(f"tars is stopped (pid {pid} is gone).")
    return exit_codes.DONE


def _end_holder(error: TarsError, progress: Progress) -> int | None:
    """End a daemon that cannot be asked: by signals, and by the lock that it holds. Gives
    its pid, or None when nobody holds the home."""
    home, hangs = find_home(), isinstance(error, NoAnswer)
    if not hangs and _await(lambda: lock_holder(home) is None, LEAVING_SECONDS, progress):
        return None
    holder = lock_holder(home)
    if holder is None or holder.process is None:
        raise error  # what is known of it is said where every error is
    process = holder.process
    say(f"tars: the daemon (pid {process.pid}) does not answer; ending it with SIGTERM.")
    ask_to_end(process)
    patience = HUNG_SECONDS if hangs else STOP_SECONDS
    if not _await(lambda: is_over(process), patience, progress) and hangs:
        say(f"tars: it is still there after {patience:g} s; killing it.")
        kill(process)
        patience = HUNG_SECONDS
    if not _await(lambda: is_over(process), patience, progress):
        raise _still_there(process.pid, patience)
    return process.pid


def _await(done: Callable[[], bool], seconds: float, progress: Progress) -> bool:
    """Wait until it is so; False when it is not after so many seconds."""
    began = time.monotonic()
    while not done():
        progress.tick()
        if time.monotonic() - began > seconds:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _still_there(pid: int, seconds: float) -> TarsError:
    return TarsError(
        f"The daemon (pid {pid}) is still there after {seconds:g} s.",
        advice=f"`tars logs` shows what it does; `kill -9 {pid}` ends it.",
    )


def _change(names: list[str], action: Action) -> int:
    doing = {"start": "Starting", "stop": "Stopping", "restart": "Restarting"}[action]
    with Progress(f"{doing} {', '.join(names)}") as progress:
        changed = connect(progress.tick).change_agents(action, names).agents
    status = exit_codes.DONE
    for agent in changed:
        print(f"{agent.agent} is {agent.state}.")
        if agent.error is not None and action != "stop":
            say(f"tars: {agent.agent}: {fault_line(agent.error)}")
            status = exit_codes.AGENT_UNAVAILABLE
    return status
