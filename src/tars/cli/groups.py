"""How the command line finds its commands: a module is imported when its command is run.

`tars prompt` pays for importing neither `doctor` nor `config`.
"""

import importlib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

#: More than there is of anything, and less than the largest number of a database.
MOST = 10**15


def examples(*lines: str) -> str:
    """Make the end of a command's help."""
    # \b keeps the lines as they are.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def not_empty(value: str | None) -> str | None:
    """Check a name or an id: an unset shell variable must not mean the default."""
    if value is not None and not value.strip():
        raise typer.BadParameter("it is empty")
    return value


def none_empty(values: list[str] | None) -> list[str] | None:
    """Check several of them."""
    for value in values or ():
        not_empty(value)
    return values


def some_path(value: str) -> Path:
    """Read a path: an empty one would mean the folder that one is in."""
    if not value.strip():
        raise typer.BadParameter("it is empty")
    return Path(value)


def countable(value: int | None) -> int | None:
    """Give a number that every database takes; so many there are not, of anything."""
    return None if value is None else min(value, MOST)


def agent_option(help: str) -> Any:
    """Make the option that names an agent, with what it is for in this command."""
    return typer.Option("--agent", "-a", metavar="NAME", callback=not_empty, help=help)


class CommandGroup(TyperGroup):
    """A group that answers an unknown command with one line, and a likely one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            ctx.fail(f"say one of its commands: {', '.join(self.list_commands(ctx))}")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        names = self.list_commands(ctx)
        if args[0] not in names and not ctx.resilient_parsing:
            near = get_close_matches(args[0], names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else f" (see {ctx.command_path} --help)"
            ctx.fail(f"no such command: {args[0]}{hint}")
        return super().resolve_command(ctx, args)


class LazyGroup(CommandGroup):
    """The root. `homes` names the module of every command, in the order of the help."""

    homes: dict[str, str] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return list(self.homes)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:  # noqa: ARG002
        if cmd_name not in self.homes:
            return None
        app: typer.Typer = importlib.import_module(self.homes[cmd_name]).app
        group = get_group(app)
        command = group.commands.get(cmd_name, group)
        assert isinstance(command, TyperCommand | TyperGroup)
        return command
