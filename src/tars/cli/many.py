"""One prompt to several agents at once, and their answers as they come.

On a terminal every line has its agent's name before it. Elsewhere an answer is one block
under a heading, when it is whole; with `--json` one line. An agent that fails fails alone.
"""

import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import msgspec

from tars.cli import exit_codes
from tars.cli.connection import connect, say
from tars.cli.interrupts import Interrupts, cancel
from tars.cli.progress import Progress
from tars.cli.questions import Questions, pass_on, permit_line
from tars.cli.render import one_line, turn_line
from tars.cli.screen import Lines, Screen, colorful, columns_beside, prefixes
from tars.cli.turn_view import TurnView
from tars.control.contract import (
    Accepted,
    FaultStatus,
    FellBack,
    PermissionStatus,
    PromptRequest,
    TurnResult,
    Wire,
)
from tars.errors import AgentNotFound, TarsError

#: How often Ctrl-C and typed answers are looked for while nothing comes.
LOOK_SECONDS = 0.1
#: What the readers may be ahead of the screen; then they wait, and the daemon drops.
MOST_EVENTS = 500


def members(names: list[str]) -> list[str]:
    """Put the agents of a group in its place, each agent once.

    Raises AgentNotFound before anybody was asked; of a single name the daemon says so.
    """
    agents = connect().agents().agents
    known = {agent.name for agent in agents}
    found: dict[str, None] = {}
    for name in names:
        group = [name] if name in known else [a.name for a in agents if name in a.groups]
        if not group and len(names) > 1:
            raise AgentNotFound(f"There is no agent and no group {name!r}.")
        found |= dict.fromkeys(group or [name])
    return list(found)


def submit_all(names: list[str], request: PromptRequest, *, as_json: bool) -> int:
    """Save the prompt for everybody and print the turns' ids, each behind its agent."""
    statuses = []
    for name in names:
        try:
            accepted = connect().submit(msgspec.structs.replace(request, agent=name))
        except TarsError as error:
            say(f"tars: {name}: {one_line(f'{error} {error.advice}')}")
            statuses.append(exit_codes.of_error(error))
        else:
            shown = msgspec.json.encode(accepted).decode()
            print(shown if as_json else f"{name} {accepted.turn}")
            statuses.append(exit_codes.DONE)
    return exit_codes.worst(statuses)


def ask_all(names: list[str], request: PromptRequest, *, as_json: bool) -> int:
    """Send the prompt to everybody, show all answers, and give the worst exit status."""
    with Progress(f"Waiting for {len(names)} answers") as progress, Interrupts() as interrupts:
        crowd = Crowd(names, progress, interrupts, as_json=as_json)
        return crowd.run(request)


@dataclass(slots=True)
class One:
    """One of those who were asked."""

    name: str
    view: TurnView
    accepted: Accepted | None = None
    cancelled: bool = False
    status: int | None = None


Heard = tuple[str, Wire | TarsError]


@dataclass(slots=True)
class Crowd:
    """Everybody who was asked. A thread reads for each of them; the screen is this one's."""

    names: list[str]
    progress: Progress
    interrupts: Interrupts
    as_json: bool
    screen: Screen = field(default_factory=Screen)
    questions: Questions | None = None
    _asked: dict[str, One] = field(default_factory=dict)
    _heard: "queue.Queue[Heard]" = field(default_factory=lambda: queue.Queue(MOST_EVENTS))
    _blocks: int = 0

    def __post_init__(self) -> None:
        if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
            self.questions = Questions(self._say, self._ask, sys.stdin.fileno())
        before = prefixes(self.names, color=colorful())
        columns = columns_beside(self.names) if self._live else 0
        for name in self.names:
            out = Lines(self.screen, sys.stdout, before[name], columns=columns)
            prefix = before[name] if self._live else f"{name}: "
            err = Lines(self.screen, sys.stderr, prefix, columns=columns)
            self._asked[name] = One(
                name,
                TurnView(
                    self.progress,
                    terminal=True,
                    quiet=not self._live,
                    owner=name,
                    out=cast(BytesIO, out),
                    err=cast(Any, err),
                ),
            )

    @property
    def _live(self) -> bool:
        return sys.stdout.isatty() and not self.as_json

    def run(self, request: PromptRequest) -> int:
        for name in self.names:
            own = msgspec.structs.replace(request, agent=name)
            # Daemons: a second Ctrl-C leaves without waiting for anybody.
            threading.Thread(target=self._read, args=(name, own), daemon=True).start()
        for name, heard in self._all_heard():
            self._take(self._asked[name], heard)
        statuses = [one.status for one in self._asked.values() if one.status is not None]
        return exit_codes.CANCELLED if self.interrupts.count else exit_codes.worst(statuses)

    def _read(self, name: str, request: PromptRequest) -> None:
        last: Wire | TarsError = TarsError("The command failed; this is a fault of tars.")
        try:
            for kind, event in connect().prompt(request):
                if isinstance(event, TurnResult):
                    last = event
                elif kind != "thought":
                    self._heard.put((name, event))
        except TarsError as error:
            last = error
        finally:
            # Whatever happens: nobody waits in vain.
            self._heard.put((name, last))

    def _all_heard(self) -> Iterator[Heard]:
        while any(one.status is None for one in self._asked.values()):
            heard = self._next()
            if heard is not None:
                yield heard
            self._look_around()

    def _next(self) -> Heard | None:
        try:
            return self._heard.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return None

    def _take(self, one: One, heard: Wire | TarsError) -> None:
        self.progress.wipe()
        match heard:
            case TarsError():
                one.status = exit_codes.of_error(heard)
                self._refused(one, heard)
            case TurnResult():
                one.status = exit_codes.of_turn(
                    heard.outcome, heard.error.kind if heard.error else None
                )
                self._ended(one, heard)
            case Accepted():
                one.accepted = heard
            case FellBack():
                one.accepted = Accepted(turn=heard.turn, agent=heard.to_agent)
                one.view.show(heard)
            case PermissionStatus():
                self._permission(heard)
            case _:
                one.view.show(heard)
        self.progress.hidden = False

    def _refused(self, one: One, error: TarsError) -> None:
        """It has no turn. Its line of JSON is there all the same."""
        said = one_line(f"{error} {error.advice}")
        one.view.say(said)
        if self.as_json:
            fault = FaultStatus(kind="refused", message=str(error), advice=error.advice)
            self._json(TurnResult(turn="", agent=one.name, outcome="refused", error=fault))

    def _ended(self, one: One, result: TurnResult) -> None:
        one.view.end(result)
        if self.as_json:
            self._json(result)
        elif not self._live:
            self._block(one, result)
        elif result.usage.requests + result.usage.input_tokens:
            one.view.say(turn_line(result))

    def _json(self, result: TurnResult) -> None:
        self.screen.line(sys.stdout, msgspec.json.encode(result).decode())

    def _block(self, one: One, result: TurnResult) -> None:
        """As `tail` shows several files."""
        other = "" if result.agent == one.name else f", answered by {result.agent}"
        gap = "\n" if self._blocks else ""
        self._blocks += 1
        text = result.text.removesuffix("\n")
        self.screen.line(sys.stdout, f"{gap}==> {one.name}{other} <==\n{text}")

    # --- what the person wants meanwhile ----------------------------------------

    def _look_around(self) -> None:
        if self.interrupts.count:
            self._cancel_all()
        if self.questions is not None:
            self._pass_on_answer(self.questions)
            if self.questions.open:
                return  # the line is the person's
        self.progress.tick()

    def _cancel_all(self) -> None:
        told = any(one.cancelled for one in self._asked.values())
        for one in self._asked.values():
            if one.status is not None or one.cancelled or one.accepted is None:
                continue
            if not told:
                told = True
                self._say("Cancelling all turns; Ctrl-C again leaves without waiting.")
            one.cancelled = True
            cancel(one.accepted.agent, one.accepted.turn)

    def _permission(self, asked: PermissionStatus) -> None:
        if self.questions is None:
            self._say(permit_line(asked))
        else:
            self.questions.put(asked)

    def _pass_on_answer(self, questions: Questions) -> None:
        answer = questions.poll()
        if answer is None:
            return
        if not questions.open:
            self.screen.release()
        pass_on(answer, self._say)

    def _say(self, line: str) -> None:
        self.progress.wipe()
        if self.screen.asking:
            sys.stderr.write("\n")
        asking, self.screen.asking = self.screen.asking, False
        self.screen.line(sys.stderr, line)
        self.screen.asking = asking

    def _ask(self, question: str) -> None:
        self.progress.wipe()
        self.screen.asking = True
        sys.stderr.write(question)
        sys.stderr.flush()
