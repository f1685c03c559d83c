"""`tars acp`: an agent for an editor."""

import signal
from typing import Annotated

import typer

from tars import __version__
from tars.cli.connection import connect, say
from tars.cli.groups import agent_option, examples

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=examples("tars acp", "tars acp --agent gemini", "tars acp --new"))
def acp(
    agent: Annotated[
        str | None,
        agent_option("Instead of the default agent."),
    ] = None,
    new: Annotated[
        bool,
        typer.Option("--new", help="Begin a new conversation for each session of the editor."),
    ] = False,
) -> None:
    """Be an agent for an editor, on stdin and stdout.

    It speaks the Agent Client Protocol. The editor joins the agent's current conversation. When it
    hangs up, a turn under way goes on in tars, and the next editor finds the conversation as it
    is.
    """
    from tars.editor.bridge import Bridge

    # An editor ends what it started with a signal to its group; there is nothing to clean up.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    bridge = Bridge(
        connect(),
        version=__version__,
        narrate=lambda sentence: say(f"tars: {sentence}"),
        agent=agent,
        anew=new,
    )
    bridge.run()
