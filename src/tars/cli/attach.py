"""`tars attach`: this terminal, joined to an agent."""

import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from tars.cli import exit_codes
from tars.cli.attach_terminal import Detached, ending_signals
from tars.cli.connection import connect, say
from tars.cli.groups import examples, not_empty
from tars.cli.render import one_line
from tars.control.attach_contract import Attached
from tars.errors import RequestInvalid, TarsError

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog=examples("tars attach", "tars attach reviewer", "tars attach reviewer --take"))
def attach(
    agent: Annotated[
        str | None,
        typer.Argument(metavar="[AGENT]", callback=not_empty, help="Instead of the default agent."),
    ] = None,
    take: Annotated[
        bool, typer.Option("--take", help="Take the keyboard from who has it now.")
    ] = False,
) -> int:
    """Join this terminal to an agent: to its screen, or to its live conversation.

    Ctrl-] detaches; the agent goes on. Several may watch a screen at once, and the first one
    types; it is as large as the smallest of their terminals. In a conversation a line that is
    typed is a prompt, and Ctrl-C cancels the turn.
    """
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        raise RequestInvalid(
            "`tars attach` needs a terminal: its input and output are none.",
            advice="`tars prompt` is for pipes and scripts.",
        )
    with ending_signals():
        return _attached(agent, take=take)


def _attached(agent: str | None, *, take: bool) -> int:
    from tars.cli.attach_conversation import Conversation
    from tars.cli.attach_screen import ScreenView

    name = agent or connect().agents().default
    columns, rows = shutil.get_terminal_size()
    keys = _Late()
    events = connect(keys.on_wait).attach(name, rows=rows, columns=columns, keyboard=take)
    _, first = next(events)
    if not isinstance(first, Attached):
        raise TarsError("The daemon's answer makes no sense to this version of tars.")
    view: ScreenView | Conversation = ScreenView(first) if first.screen else Conversation(first)
    keys.look = view.look_around
    try:
        with view:
            reason = view.follow(events)
    except Detached:
        reason = ""
    say(one_line(reason or f"Detached from {name}, {_left_as(name)}."))
    return exit_codes.FAILED if reason else exit_codes.DONE


def _left_as(name: str) -> str:
    """What becomes of the agent that was left, as far as anybody can tell."""
    with suppress(TarsError):
        agent = next((a for a in connect().status().agents if a.name == name), None)
        if agent is not None and agent.state in ("failed", "stopped"):
            return f"which is {agent.state}"
    return "which goes on"


class _Late:
    """What is called while nothing comes; it is known only when the first event came."""

    def __init__(self) -> None:
        self.look: Callable[[], None] = lambda: None

    def on_wait(self) -> None:
        self.look()
