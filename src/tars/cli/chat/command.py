"""`tars chat`: its options, and whether it is talked on a terminal or by lines of a pipe."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from tars.cli.chat.chat import Chat, check_resumable, is_resumable
from tars.cli.connection import connect, say
from tars.cli.groups import agent_option, examples, not_empty
from tars.cli.project import here
from tars.cli.prompt_options import (
    NEWEST,
    NewOption,
    NoSessionOption,
    ResumeOption,
    SessionOption,
    with_values,
)
from tars.control.contract import AgentStatus
from tars.control.session_contract import Session
from tars.errors import AgentNotFound, NotRunning
from tars.home import find_home

app = typer.Typer(rich_markup_mode=None)


class _Command(TyperCommand):
    """A command whose `--resume` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_values(args))


@app.command(
    cls=_Command,
    epilog=examples(
        "tars chat",
        "tars chat --resume login-page",
        "tars chat --new --agent claude --model opus",
        "tars chat --no-session < questions.txt",
    ),
)
def chat(
    agent: Annotated[str | None, agent_option("Instead of the default agent.")] = None,
    session: SessionOption = None,
    resume: ResumeOption = None,
    new: NewOption = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            callback=not_empty,
            help="Choose the agent's model, from its next turn on.",
        ),
    ] = None,
    no_session: NoSessionOption = False,
    over_budget: Annotated[
        bool, typer.Option("--over-budget", help="Say yes to budgets that ask.")
    ] = False,
) -> int:
    """Talk with an agent.

    It goes on with the project's conversation. Leaving it leaves the agent at work, and what
    others ask in the same conversation is shown too. Commands begin with a slash: /help.

    Without a terminal every line of stdin is a prompt, and the exit status is that of the last.
    """
    if sum((session is not None, resume is not None, new, no_session)) > 1:
        raise typer.BadParameter("--session, --resume, --new and --no-session exclude each other")
    agents, default = _agents()
    project, branch = here()
    found = _session(session or resume, agent, project)
    name = agent or (found.agent if found else default)
    known = next((a for a in agents if a.name == name), None)
    if known is None:
        raise AgentNotFound(f"There is no agent {name!r}.")
    talk = Chat(name, project, branch, new=new or no_session, record=not no_session)
    talk.on_screen, talk.over_budget = known.protocol == "pty", over_budget
    if found is not None:
        check_resumable(found, known)
    if model is not None:
        changed = connect().change_settings(name, model=model)
        say(f"From the next turn on the model of {name} is {changed.model}.")
    if found is not None:
        talk.goes_on_in(found.id, found.name or found.title)
    if not _on_terminal():
        from tars.cli.chat.scripted import run

        return run(talk)
    return _talk(talk, found, known)


def _agents() -> tuple[list[AgentStatus], str]:
    """Ask which agents there are, of a daemon that is started where there is none."""
    try:
        found = connect().agents()
    except NotRunning:
        from tars.cli.lifecycle import start_in_background

        status = start_in_background()
        say(f"tars {status.daemon.version} is running (pid {status.daemon.pid}).")
        found = connect().agents()
    return found.agents, found.default


def _session(word: str | None, agent: str | None, project: str) -> Session | None:
    if word is None:
        return None
    if word == NEWEST:
        return connect().session("last", agent=agent, project=project)
    return connect().session(word, agent=agent)


def _on_terminal() -> bool:
    return (
        sys.stdin is not None
        and sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def _talk(chat: Chat, found: Session | None, known: AgentStatus) -> int:
    from tars.cli.chat import records
    from tars.cli.chat.banner import greeting
    from tars.cli.chat.face import Face

    columns = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    if found is None and not chat.new:
        found = records.of_project(chat.agent, chat.project)
        if found is not None and not is_resumable(found, known):
            found = None
        if found is not None:
            chat.goes_on_in(found.id, found.name or found.title)
    face = Face(chat, find_home(), rich=not os.environ.get("NO_COLOR"))
    return face.run(greeting(chat, found, columns - 1))
