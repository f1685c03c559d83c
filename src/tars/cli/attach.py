"""`tars attach`: this terminal, joined to an agent."""

import shutil
import signal
import sys
import time
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
    """Join this terminal to an agent's screen or conversation.

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
    except SystemExit as end:
        # A signal: the daemon may be slow, and is asked nothing.
        say(one_line(f"Detached from {name} by {_signal_name(end)}; the agent goes on."))
        raise
    if reason:
        say(one_line(f"{reason} {_NEXT.get(_state_after_end(name), '')}"))
        return exit_codes.FAILED
    state = _state(name)
    left = f"which is {state}" if state in _AT_REST else "which goes on"
    say(one_line(f"Detached from {name}, {left}."))
    return exit_codes.DONE


_LOOKS, _BETWEEN_SECONDS = 5, 0.1
_AT_REST = ("failed", "stopped")
_AGAIN = "It is started again; `tars attach` joins it then."
#: What follows when the program has ended, by the agent's state.
_NEXT = {
    "failed": "The agent is failed: `tars status` says why.",
    "stopped": "The agent is stopped; `tars start` starts it.",
    "waiting": _AGAIN,
    "starting": _AGAIN,
    "ready": _AGAIN,
    "busy": _AGAIN,
}


def _state_after_end(name: str) -> str:
    """The daemon may have to notice yet; what is ready after a moment was started again."""
    state = _state(name)
    for _ in range(_LOOKS):
        if state not in ("ready", "busy", "limited"):
            break
        time.sleep(_BETWEEN_SECONDS)
        state = _state(name)
    return state


def _state(name: str) -> str:
    """What became of the agent, as far as anybody can tell."""
    with suppress(TarsError):
        agent = next((a for a in connect().status().agents if a.name == name), None)
        if agent is not None:
            return agent.state
    return ""


def _signal_name(end: SystemExit) -> str:
    number = end.code - 128 if isinstance(end.code, int) else 0
    known = number in set(signal.Signals)
    return signal.Signals(number).name if known else "a signal"


class _Late:
    """What is called while nothing comes; it is known only when the first event came."""

    def __init__(self) -> None:
        self.look: Callable[[], None] = lambda: None

    def on_wait(self) -> None:
        self.look()
