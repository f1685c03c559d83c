"""Which session a prompt is for, and what is noted of it: the options, and what they mean."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer
from typer.core import TyperCommand

from tars.cli.connection import connect, say
from tars.cli.groups import none_empty, not_empty
from tars.cli.project import here
from tars.control.contract import PromptRequest
from tars.errors import SessionNotFound

#: Stands for `--resume` without a word; no shell can give it.
NEWEST = "\0"
_RESUME = ("--resume", "-r")


class Command(TyperCommand):
    """A command whose `--resume` may stand alone: a word after it that is the only one is the
    prompt."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = with_values(args)
        try:
            return super().parse_args(ctx, list(args))
        except typer.BadParameter as error:
            place = next((n for n, word in enumerate(args) if word in _RESUME), None)
            if place is None or error.param is None or error.param.name != "text":
                raise
        args[place] = f"--resume={NEWEST}"
        return super().parse_args(ctx, args)


def with_values(args: list[str]) -> list[str]:
    """Give a `--resume` that has no word after it one."""
    end = args.index("--") if "--" in args else len(args)
    given = []
    for place, word in enumerate(args):
        following = args[place + 1] if place + 1 < end else None
        bare = following is None or (following.startswith("-") and following != "-")
        given.append(f"--resume={NEWEST}" if word in _RESUME and bare and place < end else word)
    return given


class As(StrEnum):
    """What is done for a feature; the session's name begins with it."""

    IMPLEMENT = "implement"
    PLAN = "plan"
    REVIEW = "review"


SessionOption = Annotated[
    str | None,
    typer.Option(
        "--session",
        "-s",
        metavar="REF",
        callback=not_empty,
        help="Go to this session: its id, the beginning of it, its name, or `last`.",
    ),
]
NewOption = Annotated[bool, typer.Option("--new", help="Begin a new conversation.")]
ResumeOption = Annotated[
    str | None,
    typer.Option(
        *_RESUME,
        metavar="[REF]",
        callback=not_empty,
        help="Like --session, and say which one it is; without REF the project's newest one.",
    ),
]
NoSessionOption = Annotated[
    bool,
    typer.Option("--no-session", help="Have a conversation of its own that is not remembered."),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        callback=not_empty,
        help="Go to the session of this name, or begin it; with --session, name that one so.",
    ),
]
FeatureOption = Annotated[
    str | None,
    typer.Option(
        "--feature",
        metavar="FEATURE",
        callback=not_empty,
        help="Go to this feature's session, such as implement-FEATURE, or begin it.",
    ),
]
AsOption = Annotated[
    As | None, typer.Option("--as", help="What is done for the feature; implement unless told.")
]
TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task", metavar="TASK", callback=not_empty, help="The task that this is part of: T1.1."
    ),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", callback=none_empty, help="Tag the session; several times."
    ),
]


@dataclass(frozen=True, slots=True)
class Destination:
    """What was said of the session that a prompt is for."""

    session: str | None = None
    new: bool = False
    resume: str | None = None
    no_session: bool = False
    name: str | None = None
    feature: str | None = None
    command: As | None = None
    task: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def of_one_agent(self) -> str | None:
        """The option that means one session, and so one agent; None where none does."""
        given = {
            "--session": self.session,
            "--resume": self.resume,
            "--name": self.name,
            "--feature": self.feature,
        }
        return next((option for option, value in given.items() if value is not None), None)

    def check(self) -> None:
        """Refuse what contradicts itself. Raises typer.BadParameter."""
        ways = {
            "--session": self.session is not None,
            "--new": self.new,
            "--resume": self.resume is not None,
            "--no-session": self.no_session,
        }
        given = [option for option, is_given in ways.items() if is_given]
        if len(given) > 1:
            raise typer.BadParameter(f"{given[0]} and {given[1]} exclude each other")
        if self.feature is not None and self.name is not None:
            raise typer.BadParameter("--feature makes the name: leave --name out")
        if self.command is not None and self.feature is None:
            raise typer.BadParameter("--as says what is done for a --feature: name that too")
        if self.feature is not None and given and not self.new:
            raise typer.BadParameter(f"--feature has a session of its own: leave {given[0]} out")
        if self.no_session and (self.name is not None or self.feature or self.tags):
            raise typer.BadParameter(
                "with --no-session nothing is remembered that has a name or tag"
            )

    def of(self, request: PromptRequest) -> PromptRequest:
        """Put it into a request. `--resume` asks the daemon, and says what it resumes."""
        project, branch = here()
        session, agent = self.session, request.agent
        if self.resume is not None:
            session, agent = _resumed(self.resume, agent, project)
        return msgspec.structs.replace(
            request,
            agent=agent,
            session=session,
            new=self.new,
            record=not self.no_session,
            project=project,
            branch=branch,
            name=self._name(),
            task=self.task,
            tags=list(self.tags),
        )

    def _name(self) -> str | None:
        if self.feature is None:
            return self.name
        from tars.sessions.names import automatic_name  # only who has a feature pays for it

        return automatic_name(self.command or As.IMPLEMENT, self.feature)


def _resumed(word: str, agent: str | None, project: str) -> tuple[str, str]:
    """Find the session to go on in, and say which it is; give its id and its agent."""
    from tars.cli.resumed import resumed_line

    client = connect()
    if word != NEWEST:
        session = client.session(word, agent=agent)
    else:
        try:
            session = client.session("last", agent=agent, project=project)
        except SessionNotFound:
            session = client.session("last", agent=agent)
    say(resumed_line(session))
    return session.id, session.agent
