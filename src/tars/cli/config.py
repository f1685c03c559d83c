"""`tars config`: config.toml, written once, shown, and judged."""

import os
import sys
from shutil import which

import typer

from tars.cli.connection import say
from tars.cli.groups import CommandGroup, examples
from tars.cli.render import clean, count, one_line
from tars.errors import UserError
from tars.home import FILE_MODE, FOLDER_MODE, Home, find_home

app = typer.Typer(
    name="config",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Write, show and check config.toml.",
    epilog=examples("tars config init", "tars config validate"),
    invoke_without_command=True,
)


@app.callback()
def config(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog=examples("tars config init"))
def init() -> None:
    """Write a config.toml that documents every key. One that is there is left alone."""
    from tars.cli.checks import home_fault
    from tars.config_writing import template

    home = find_home()
    fault = home_fault(home)
    if fault is not None:
        raise fault
    path = home.config
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError:
        raise UserError(f"{path} is there already.", advice="Edit it, or move it away.") from None
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(template())
    print(f"Wrote {path}.")
    _warn_of_missing_command(home)


def _warn_of_missing_command(home: Home) -> None:
    """Say so when the next start would fail for want of the default agent's command."""
    from tars.agents.registry import KINDS
    from tars.config import environment, load

    config = load(home, KINDS)
    agent = config.agents[config.default_agent]
    kind = KINDS[agent.kind]
    program = (agent.command or kind.command)[0]
    if which(program, path=environment(agent, config, os.environ).get("PATH")) is None:
        say(
            f"tars: the command `{one_line(program)}` of the default agent {agent.name} is not "
            f'on PATH. {kind.install_advice} Or write `default_agent = "echo"` and a table '
            f'[agents.echo] with `kind = "echo"` into config.toml.'
        )


@app.command(epilog=examples("tars config show"))
def show() -> None:
    """Print the configuration in force, defaults included. Values of variables are hidden."""
    from tars.agents.registry import KINDS
    from tars.config import load
    from tars.config_writing import dump

    sys.stdout.write(clean(dump(load(find_home(), KINDS), redact=True)))


@app.command(epilog=examples("tars config validate"))
def validate() -> None:
    """Check config.toml and print every fault it has."""
    from tars.agents.registry import KINDS
    from tars.config import load

    found = load(find_home(), KINDS)
    for warning in found.warnings:
        say(f"tars: {clean(warning)}")
    names = count(len(found.agents), "agent")
    print(f"{found.source or 'The embedded configuration'} is valid: {names}.")


@app.command(epilog=examples("$EDITOR $(tars config path)"))
def path() -> None:
    """Print where config.toml is, whether it exists or not."""
    print(find_home().config)
