"""`tars permissions`: by which rules agents' requests are answered, and what was chosen."""

from typing import Annotated

import msgspec
import typer

from tars.cli.connection import connect
from tars.cli.groups import CommandGroup, agent_option, examples, not_empty
from tars.cli.render import count, rules_table
from tars.control.permission_contract import RuleList
from tars.errors import UserError

app = typer.Typer(
    name="permissions",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Show the rules for permissions, and forget choices.",
    epilog=examples("tars permissions", "tars permissions forget execute --agent gemini"),
    invoke_without_command=True,
)

Agent = Annotated[
    str | None,
    agent_option("This agent's alone."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead.")]


@app.callback()
def permissions(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        _show(connect().permissions(), as_json=False)


@app.command("list", epilog=examples("tars permissions list", "tars permissions list --json"))
def list_rules(agent: Agent = None, as_json: AsJson = False) -> None:
    """List the rules of config.toml and the remembered choices.

    `tars permit --always` made those.
    """
    _show(connect().permissions(agent), as_json=as_json)


@app.command(
    epilog=examples(
        "tars permissions forget execute --agent gemini", "tars permissions forget --all"
    )
)
def forget(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            callback=not_empty,
            help="The kind of tool, as `tars permissions list` shows it.",
            show_default=False,
        ),
    ] = None,
    agent: Agent = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Forget the choices for every kind of tool.")
    ] = False,
) -> None:
    """Forget remembered choices; config.toml answers again. Its own rules stay."""
    if (kind is None) is not everything:
        raise typer.BadParameter("name one kind of tool, or say --all")
    gone = connect().forget(agent=agent, tool_kind=kind).rules
    if not gone and not everything:
        raise UserError(
            f"No choice for {kind!r} is remembered.",
            advice="`tars permissions list` shows what is.",
        )
    print(f"Forgot {count(len(gone), 'choice')}.")


def _show(found: RuleList, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        print(rules_table(found.rules), end="")
