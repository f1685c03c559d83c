"""A chat without a terminal: every line of stdin is a prompt or a command, one after the other."""

import sys
from collections.abc import Iterator

from tars.cli import exit_codes
from tars.cli.chat import slash
from tars.cli.chat.chat import Chat
from tars.cli.connection import say
from tars.cli.failures import report
from tars.cli.interrupts import Interrupts
from tars.cli.progress import Progress
from tars.cli.prompt import Turn
from tars.cli.render import clean
from tars.cli.turn_view import TurnView
from tars.control.contract import MAX_BODY
from tars.errors import RequestInvalid, TarsError

_COLUMNS = 100


def run(chat: Chat) -> int:
    """Answer line by line; give the exit status of the last one."""
    status = exit_codes.DONE
    for line in _lines():
        if not line.strip():
            continue
        try:
            if not slash.is_command(line):
                status = _prompt(chat, slash.as_prompt(line))
            elif _command(chat, line):
                break
            else:
                status = exit_codes.DONE
        except (TarsError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            status = report(error)
        if status == exit_codes.CANCELLED:
            break
    return status


def _lines() -> Iterator[str]:
    if sys.stdin is None:
        raise RequestInvalid("There is no stdin to read prompts from: it is closed.")
    while line := sys.stdin.buffer.readline(MAX_BODY + 1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise RequestInvalid("A line of stdin is not UTF-8 text.") from None


def _prompt(chat: Chat, text: str) -> int:
    with Progress("Waiting for the answer") as progress:
        view = TurnView(progress, terminal=sys.stdout.isatty())
        with Interrupts() as interrupts:
            result = Turn(view, progress, interrupts).run(chat.request(text))
    if result.session is not None and result.agent == chat.agent:
        # What fell back is in a conversation of the other agent.
        chat.goes_on_in(result.session)
    if not sys.stdout.isatty() and result.text and not result.text.endswith("\n"):
        print(flush=True)  # an answer begins a line
    if interrupts.count:
        return exit_codes.CANCELLED
    return exit_codes.of_turn(result.outcome, result.error.kind if result.error else None)


def _command(chat: Chat, line: str) -> bool:
    """Obey, and say whether that was the last."""
    done = slash.run(line, chat, _COLUMNS)
    if done.resumes is not None:
        _goes_to(chat, done)
        chat.goes_on_in(done.resumes.id)
    elif done.begins:
        _goes_to(chat, done)
        chat.begins_anew()
    chat.listed = chat.listed if done.listed is None else done.listed
    chat.name = chat.name if done.named is None else done.named
    for text in done.lines:
        say(clean(text))
    return done.leaves


def _goes_to(chat: Chat, done: slash.Done) -> None:
    if done.agent is not None:
        chat.agent, chat.on_screen = done.agent, done.on_screen
