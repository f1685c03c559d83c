"""`tars cancel`, `permit` and `reset`: one request each."""

from typing import Annotated

import typer

from tars.cli.connection import connect
from tars.cli.groups import agent_option, examples, not_empty
from tars.cli.progress import Progress
from tars.cli.render import cleared_line, one_line
from tars.errors import UserError

app = typer.Typer(rich_markup_mode=None)

Agent = Annotated[
    str | None,
    agent_option("Instead of the default agent."),
]


@app.command(
    epilog=examples(
        "tars cancel", "tars cancel --agent gemini", "tars cancel --turn 849fd4f93fd7ce82"
    )
)
def cancel(
    agent: Agent = None,
    turn: Annotated[
        str | None,
        typer.Option(
            "--turn", metavar="ID", callback=not_empty, help="This turn; it may still be waiting."
        ),
    ] = None,
) -> None:
    """Cancel the turn under way, or a prompt that waits. The agent stays."""
    with Progress("Cancelling") as progress:
        cancelled = connect(progress.tick).cancel(agent=agent, turn=turn)
    if cancelled.turn is None and turn is not None:
        raise UserError(f"No turn {turn} waits or runs.", advice="`tars status` shows what does.")
    if cancelled.turn is None:
        print("There was nothing to cancel.")
    else:
        print(f"Cancelled turn {cancelled.turn}.")


@app.command(
    epilog=examples(
        "tars permit p1",
        "tars permit p2 --always",
        "tars permit p3 --option proceed_once",
        "tars permit p4 --deny",
    )
)
def permit(
    request_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", callback=not_empty, help="As `tars status` shows it.", show_default=False
        ),
    ],
    option: Annotated[
        str | None,
        typer.Option("--option", "-o", metavar="X", help="One of the options it offers."),
    ] = None,
    deny: Annotated[bool, typer.Option("--deny", help="Refuse.")] = False,
    always: Annotated[
        bool,
        typer.Option(
            "--always",
            "--remember",
            help="Answer the agent's next requests for this kind of tool the same way.",
        ),
    ] = False,
) -> None:
    """Answer an agent that asks for permission. Without an option: allow, this once.

    What is remembered holds until `tars permissions forget`; a `deny` in config.toml
    outdoes it.
    """
    if deny and option is not None:
        raise typer.BadParameter("--deny and --option exclude each other")
    permitted = connect().permit(request_id, option=option, deny=deny, remember=always, face="cli")
    chosen = f" ({one_line(permitted.option)})" if permitted.option else ""
    kind = permitted.remembered
    kept = f" Remembered for {one_line(kind)}." if kind else ""
    print(f"{'Refused' if deny else 'Allowed'}{chosen}.{kept}")


@app.command(epilog=examples("tars reset", "tars reset --agent gemini"))
def reset(agent: Agent = None) -> None:
    """Clear the session. The next prompt begins a new one, in the same process."""
    with Progress("Clearing the session") as progress:
        done = connect(progress.tick).reset(agent)
    print(cleared_line(done.agent, done.session, done.tokens))
