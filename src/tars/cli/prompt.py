"""`tars prompt`: one turn, from the words to the exit status."""

import sys
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import typer

from tars.cli import exit_codes
from tars.cli import prompt_options as options
from tars.cli.connection import connect, say
from tars.cli.groups import examples, none_empty
from tars.cli.interrupts import Interrupts, cancel
from tars.cli.progress import Progress
from tars.cli.questions import Questions, agrees, pass_on, permit_line
from tars.cli.turn_view import TurnView
from tars.control.contract import (
    MAX_BODY,
    Accepted,
    FellBack,
    PermissionStatus,
    PromptRequest,
    TurnResult,
    Wire,
)
from tars.errors import BudgetAsks, RequestInvalid

app = typer.Typer(rich_markup_mode=None)


@app.command(
    cls=options.Command,
    epilog=examples(
        'tars prompt "What does this repository do?"',
        "git diff | tars prompt -",
        'tars prompt --new "Something else"',
        'tars prompt --resume "Where were we?"',
        'tars prompt --feature login --task T1.1 "Write the form"',
        'tars prompt --json "Say hello" | jq .usage',
        'turn=$(tars prompt --no-wait "Run the tests")',
        'tars prompt --agent claude --agent codex "Review this change"',
    ),
)
def prompt(
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="The prompt; - reads it from stdin.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the finished turn as one line of JSON.")
    ] = False,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            "-a",
            metavar="NAME|GROUP",
            callback=none_empty,
            help="Instead of the default agent; several times, or a group, for several agents.",
        ),
    ] = None,
    session: options.SessionOption = None,
    new: options.NewOption = False,
    resume: options.ResumeOption = None,
    no_session: options.NoSessionOption = False,
    name: options.NameOption = None,
    feature: options.FeatureOption = None,
    command: options.AsOption = None,
    task: options.TaskOption = None,
    tag: options.TagOption = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the turn's id once the prompt is saved.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="Give the turn up when it has run for so long; the time in the queue is free.",
        ),
    ] = None,
    over_budget: Annotated[
        bool, typer.Option("--over-budget", help="Say yes to budgets that ask.")
    ] = False,
) -> int:
    """Send a prompt and stream the answer.

    It goes to the newest session of the project that you are in, or begins one. Only the answer
    goes to stdout. Ctrl-C cancels the turn, not the daemon; a second Ctrl-C leaves without
    waiting for that.

    With several agents every line has its agent's name before it; in a pipe every answer is
    a block under a heading, and with --json a line. The exit status is then the worst: 130
    before 1, 3, 4, 5 and 0.
    """
    if timeout is not None and not 0 < timeout < float("inf"):
        raise typer.BadParameter("--timeout is more than 0 seconds")
    meant = options.Destination(
        session, new, resume, no_session, name, feature, command, task, tuple(tag or ())
    )
    meant.check()
    request = PromptRequest(
        text=prompt_text(text), timeout_seconds=timeout, despite_budget=over_budget
    )
    if agent:
        from tars.cli.many import ask_all, members, submit_all

        names = members(agent)
        if len(names) > 1:
            if meant.of_one_agent is not None:
                option = meant.of_one_agent
                raise typer.BadParameter(f"{option} belongs to one agent, and several are named")
            several = submit_all if no_wait else ask_all
            return several(names, meant.of(request), as_json=as_json)
        request.agent = names[0]
    return send(meant.of(request), as_json=as_json, no_wait=no_wait)


def send(request: PromptRequest, *, as_json: bool = False, no_wait: bool = False) -> int:
    """Send one prompt, show its turn, and give the exit status."""
    try:
        return _sent(request, as_json=as_json, no_wait=no_wait)
    except BudgetAsks as asked:
        if not agrees(asked):
            raise
    yes = msgspec.structs.replace(request, despite_budget=True)
    return _sent(yes, as_json=as_json, no_wait=no_wait)


def _sent(request: PromptRequest, *, as_json: bool, no_wait: bool) -> int:
    if no_wait:
        return _submit(request, as_json=as_json)
    with Progress("Waiting for the answer") as progress:
        view = TurnView(progress, terminal=sys.stdout.isatty(), quiet=as_json)
        with Interrupts() as interrupts:
            result = Turn(view, progress, interrupts).run(request)
    if as_json:
        print(msgspec.json.encode(result).decode())
    if interrupts.count:
        return exit_codes.CANCELLED
    return exit_codes.of_turn(result.outcome, result.error.kind if result.error else None)


def prompt_text(argument: str) -> str:
    """Raises RequestInvalid for what cannot be a prompt."""
    try:
        if argument == "-":
            text = _stdin().decode("utf-8")
        else:
            text = argument.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        raise RequestInvalid("The prompt is not UTF-8 text.") from None
    if not text.strip():
        raise RequestInvalid("The prompt is empty.")
    return text


def _stdin() -> bytes:
    if sys.stdin is None:
        raise RequestInvalid("There is no stdin to read the prompt from: it is closed.")
    # One byte more than can be sent, so that too much is noticed and not cut.
    given = sys.stdin.buffer.read(MAX_BODY + 1)
    if len(given) > MAX_BODY:
        raise RequestInvalid(f"The prompt is larger than {MAX_BODY // 1024**2} MiB.")
    return given


def _submit(request: PromptRequest, *, as_json: bool) -> int:
    accepted = connect().submit(request)
    print(msgspec.json.encode(accepted).decode() if as_json else accepted.turn)
    if accepted.position:
        say(f"{accepted.agent}: {accepted.position} before it.")
    return exit_codes.DONE


@dataclass(slots=True)
class Turn:
    """Follows one turn to its end, and passes on what the person wants meanwhile."""

    view: TurnView
    progress: Progress
    interrupts: Interrupts
    accepted: Accepted | None = None
    cancelled: bool = False
    questions: Questions | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
            self.questions = Questions(self.view.say, self.view.ask, sys.stdin.fileno())

    def run(self, request: PromptRequest) -> TurnResult:
        """Raises what `Client.prompt` raises."""
        for name, event in connect(self._look_around).prompt(request):
            if name != "thought":
                self._show(event)
            if isinstance(event, TurnResult):
                return event
            self._look_around()
        raise AssertionError("the client ends every stream with a turn, or raises")

    def _show(self, event: Wire) -> None:
        match event:
            case Accepted():
                self.accepted = event
                if event.position:
                    self.progress.waiting_for(f"{event.position} before it")
            case FellBack():
                # Whoever cancels from now on means the turn there.
                self.accepted = Accepted(turn=event.turn, agent=event.to_agent)
                self.view.show(event)
            case PermissionStatus():
                self._ask(event)
            case TurnResult():
                self.view.end(event)
            case _:
                self.view.show(event)

    def _ask(self, asked: PermissionStatus) -> None:
        if self.questions is None:
            self.view.say(permit_line(asked))
        else:
            self.questions.put(asked)

    def _look_around(self) -> None:
        """Pass on a Ctrl-C or an answer that was typed."""
        if self.interrupts.count and self.accepted is not None and not self.cancelled:
            self.cancelled = True
            self._cancel(self.accepted)
        if self.questions is not None:
            self._pass_on_answer(self.questions)
            if self.questions.open:
                return  # the line is the person's
        self.progress.tick()

    def _cancel(self, accepted: Accepted) -> None:
        self.view.say("Cancelling the turn; Ctrl-C again leaves without waiting.")
        cancel(accepted.agent, accepted.turn)

    def _pass_on_answer(self, questions: Questions) -> None:
        answer = questions.poll()
        if answer is None:
            return
        self.view.answered()
        pass_on(answer, self.view.say)
