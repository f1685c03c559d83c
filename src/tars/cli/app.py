"""The root of the command line: what it offers, and how it ends."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.main import get_command

from tars import __version__
from tars.cli import exit_codes
from tars.cli.failures import FAILURES, report, say
from tars.cli.groups import LazyGroup, examples
from tars.cli.streams import mend

MODULES = {
    "start": "tars.cli.lifecycle",
    "stop": "tars.cli.lifecycle",
    "restart": "tars.cli.lifecycle",
    "status": "tars.cli.status",
    "tui": "tars.cli.tui",
    "prompt": "tars.cli.prompt",
    "chat": "tars.cli.chat.command",
    "attach": "tars.cli.attach",
    "cancel": "tars.cli.turns",
    "permit": "tars.cli.turns",
    "permissions": "tars.cli.permissions",
    "reset": "tars.cli.turns",
    "sessions": "tars.cli.sessions",
    "costs": "tars.cli.costs.command",
    "budgets": "tars.cli.budgets",
    "guard": "tars.cli.guard",
    "web": "tars.cli.web",
    "agents": "tars.cli.agents",
    "acp": "tars.cli.acp",
    "logs": "tars.cli.logs",
    "prices": "tars.cli.prices",
    "history": "tars.cli.history",
    "config": "tars.cli.config",
    "service": "tars.cli.service",
    "doctor": "tars.cli.doctor",
}


class Root(LazyGroup):
    homes = MODULES


app = typer.Typer(
    cls=Root,
    # rich costs more to import than all the rest together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tars {__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "tars start", 'tars prompt "What does this repository do?"', "tars status", "tars stop"
    ),
)
def root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """Keep a coding agent alive, count its tokens, and talk to it.

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 not running, 4 agent unavailable,
    5 refused, 130 cancelled.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> int:
    """Run the command line of this process and give its exit status."""
    mend()
    return run(sys.argv[1:])


def run(words: list[str]) -> int:
    """Run one command line. Whatever goes wrong ends as one line on stderr."""
    try:
        status = _invoke(words)
        sys.stdout.flush()
        return status
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.TyperException as error:
        say(f"tars: {_usage_line(error)}")
        return exit_codes.WRONG_USAGE
    except FAILURES as error:
        return report(error)


def _invoke(words: list[str]) -> int:
    command = get_command(app)
    if "_TARS_COMPLETE" in os.environ:
        command.main(words, prog_name="tars")  # leaves through SystemExit
    with command.make_context("tars", words) as context:
        status: Any = command.invoke(context)
    return status if isinstance(status, int) else exit_codes.DONE


def _usage_line(error: typer.TyperException) -> str:
    near = getattr(error, "possibilities", None)
    message = str(error) if near else error.format_message()
    message = " ".join(message.split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if near:
        message += f" (did you mean {near[0]}?)"
    elif context is not None and not message.endswith(("?)", "--help)")):
        message += f" (see {context.command_path} --help)"
    return message[:1].lower() + message[1:]
