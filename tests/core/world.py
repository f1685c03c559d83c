"""An honest operating system for the core to act on, and the books it is audited by.

Nothing happens here by itself: the test decides when an ordered process is made, what an
agent says, when it dies, and when the core hears of it. What a process does is heard in
order, but as late as the test likes. Every broken promise is an AssertionError.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tars.core import commands as c
from tars.core import events as e
from tars.core.agent import Agent, Spec, State
from tars.core.commands import Command, SignalName
from tars.core.fleet import Fleet
from tars.core.permission import Option
from tars.errors import Fault

OPTIONS = (Option("yes", "allow_once"), Option("no", "reject_once"))
SIGKILL_STATUS = -9


@dataclass(slots=True)
class Process:
    """A process, until the core has heard of its exit. `turn` is what it works on."""

    pid: int
    turn: str | None = None
    alive: bool = True


@dataclass(slots=True)
class Place:
    """All that exists of one agent outside the core. `ordered` is a process to be made,
    with its prompt if it lives for one; `mail` is what the core has not heard yet."""

    ordered: bool = False
    prompt: str | None = None
    process: Process | None = None
    mail: deque[e.Event] = field(default_factory=deque)


@dataclass(slots=True)
class Request:
    """A permission request: who asked, for which turn it was heard, how often answered."""

    pid: int
    turn: str | None = None
    heard: bool = False
    answers: int = 0


class World:
    """The core and its surroundings. `now` only moves when the test says so."""

    def __init__(self, *specs: Spec) -> None:
        self.now = 0.0
        self.fleet = Fleet()
        self.places = {spec.name: Place() for spec in specs}
        self.log: list[tuple[str, e.Event, float]] = []
        self.told: list[Command] = []
        self.pids = 100
        self.asked: set[str] = set()
        self.kept: set[str] = set()
        self.begun: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.resumed: Counter[str] = Counter()
        self.early: Counter[str] = Counter()
        self.reported: Counter[str] = Counter()
        self.requests: dict[str, Request] = {}
        for spec in specs:
            self.tell(spec.name, e.Configured(spec))

    # --- the loop ---------------------------------------------------------

    def tell(self, name: str, event: e.Event) -> None:
        """Let the core decide, and act as it says."""
        before = self.fleet.agents.get(name)
        if isinstance(event, e.PromptAsked):
            self.asked.add(event.prompt)
        if isinstance(event, e.PermissionAsked):
            request = self.requests[event.request_id]
            request.heard = True
            turn = before.turn if before is not None else None
            request.turn = turn.prompt if turn is not None else None
        self.log.append((name, event, self.now))
        self.fleet, commands = self.fleet.step(name, event, self.now)
        if isinstance(event, e.StopAsked) and event.keep_queue and before is not None:
            self.kept |= set(before.queue.waiting)
            if before.held is not None:
                self.kept.add(before.held.prompt)
        if isinstance(event, e.RestartAsked) and before is not None and before.held is not None:
            self.early[before.held.prompt] += 1
        for command in commands:
            self._act(name, command, before)
        self.told.extend(commands)
        if before is not None and isinstance(event, e.Exited) and event.pid == before.pid:
            self.places[name].process = None

    def _act(self, name: str, command: Command, before: Agent | None) -> None:
        place = self.places[name]
        match command:
            case c.Spawn():
                self._order(name, None, before)
            case c.BeginTurn(prompt):
                self.begun[prompt] += 1
                assert self.begun[prompt] == 1, f"{prompt} was run twice"
                self._give(name, prompt, before)
            case c.HoldTurn(prompt):
                self.held[prompt] += 1
                assert self.begun[prompt], f"{prompt} was held before it began"
                assert self.held[prompt] == self.resumed[prompt] + 1, f"{prompt} was held twice"
                assert self.held[prompt] <= 1 + self.early[prompt], f"{prompt} was held again"
                assert not self.reported[prompt], f"{prompt} was held after its report"
            case c.ResumeTurn(prompt):
                self.resumed[prompt] += 1
                assert self.held[prompt], f"{prompt} was resumed but never held"
                assert self.resumed[prompt] == self.held[prompt], f"{prompt} was resumed twice"
                self._give(name, prompt, before)
            case c.CancelTurn(prompt):
                assert self.begun[prompt], f"{prompt} was cancelled before it began"
                assert not self.reported[prompt], f"{prompt} was cancelled after its end"
                assert place.process is not None, "a cancel for no process"
            case c.Signal(pid, signal):
                assert place.process is not None, "a signal to nobody"
                assert place.process.pid == pid, "a signal to somebody else"
                if signal is SignalName.KILL and place.process.alive:
                    self.die(name, SIGKILL_STATUS)
            case c.FinishTurn(prompt):
                assert self.begun[prompt], f"{prompt} was finished but never begun"
                self._report(prompt)
            case c.DropPrompt(prompt):
                assert not self.begun[prompt], f"{prompt} was dropped though it ran"
                self._report(prompt)
            case c.AnswerPermission(request_id):
                request = self.requests[request_id]
                request.answers += 1
                assert request.heard, "an answer before the question"
                assert request.answers == 1, "two answers to one request"
                assert place.process is not None, "an answer to nobody"
                assert place.process.pid == request.pid, "an answer to somebody else"

    def _give(self, name: str, prompt: str, before: Agent | None) -> None:
        """The agent gets the prompt, in a process of its own where each has one."""
        assert not self.reported[prompt], f"{prompt} was run after its report"
        if self.fleet[name].spec.one_shot:
            self._order(name, prompt, before)
            return
        process = self.places[name].process
        assert process is not None, "a prompt for no process"
        # An agent that ended its turn is free, even if the core hears it late.
        assert process.turn is None, "two turns at a time"
        process.turn = prompt if process.alive else None

    def _order(self, name: str, prompt: str | None, before: Agent | None) -> None:
        place = self.places[name]
        assert not place.ordered, "two processes were ordered"
        if place.process is not None:
            exit_heard = self.log[-1][1]
            assert isinstance(exit_heard, e.Exited), "a second process beside the first"
            assert exit_heard.pid == place.process.pid, "a second process beside the first"
            place.process = None
        place.ordered, place.prompt = True, prompt

    def _report(self, prompt: str) -> None:
        assert prompt in self.asked, f"nobody asked {prompt}"
        self.reported[prompt] += 1
        assert self.reported[prompt] == 1, f"{prompt} was reported twice"

    # --- what happens outside ----------------------------------------------

    def ordered(self) -> list[str]:
        return [n for n, p in self.places.items() if p.ordered]

    def alive(self) -> list[str]:
        return [n for n, p in self.places.items() if p.process is not None and p.process.alive]

    def working(self) -> list[str]:
        return [n for n in self.alive() if self.process(n).turn is not None]

    def with_mail(self) -> list[str]:
        return [n for n, p in self.places.items() if p.mail]

    def process(self, name: str) -> Process:
        process = self.places[name].process
        assert process is not None
        return process

    def make(self, name: str) -> None:
        """The operating system makes the process that was ordered."""
        place = self.places[name]
        self.pids += 1
        place.process = Process(self.pids, turn=place.prompt)
        place.ordered, place.prompt = False, None
        place.mail.append(e.Spawned(self.pids))

    def refuse(self, name: str, fault: Fault) -> None:
        """The operating system cannot make it."""
        place = self.places[name]
        place.ordered, place.prompt = False, None
        place.mail.append(e.SpawnFailed(fault))

    def say(self, name: str, event: e.Event) -> None:
        """The agent says something, which the core will hear."""
        if isinstance(event, e.TurnEnded):
            self.process(name).turn = None
        if isinstance(event, e.PermissionAsked):
            self.requests[event.request_id] = Request(self.process(name).pid)
        self.places[name].mail.append(event)

    def die(
        self, name: str, status: int, fault: Fault | None = None, retry_after: float | None = None
    ) -> None:
        """The process is gone, which the core will hear after all that it said."""
        process = self.process(name)
        process.alive, process.turn = False, None
        self.places[name].mail.append(e.Exited(process.pid, status, fault, retry_after))

    def deliver(self, name: str) -> None:
        """The core hears what is on the way longest."""
        self.tell(name, self.places[name].mail.popleft())

    def deliver_all(self, name: str) -> None:
        while self.places[name].mail:
            self.deliver(name)
            self.audit()

    def ring(self) -> None:
        """Tell every agent whose deadline has passed, until none has."""
        for _ in range(10):
            due = self.fleet.due(self.now)
            if not due:
                return
            for name in due:
                self.tell(name, e.TimeUp())
        raise AssertionError("a deadline that has passed stays")

    def drain(self) -> None:
        """Ask all to stop. No process obeys anything but SIGKILL, and still none survives."""
        for name in self.places:
            self.tell(name, e.StopAsked())
            self.audit()
        for _ in range(20):
            for name in self.ordered():
                self.make(name)
            for name in self.with_mail():
                self.deliver_all(name)
            deadline = self.fleet.next_deadline
            if deadline is None:
                break
            self.now = max(self.now, deadline)
            self.ring()
            self.audit()
        for name in self.places:
            place, agent = self.places[name], self.fleet[name]
            assert agent.state is State.STOPPED, f"{name} is {agent.state} after the drain"
            assert place.process is None, f"{name} has left a process behind"
            assert not place.ordered, f"{name} still wants a process"
            assert not place.mail
        unreported = self.asked - self.kept - set(self.reported)
        assert not unreported, f"never reported: {unreported}"

    # --- the books ---------------------------------------------------------

    def audit(self) -> None:
        """Whatever happened, this is true."""
        for name, place in self.places.items():
            agent = self.fleet[name]
            _check_process(agent, place)
            _check_rest(agent, place)
            self._check_permissions(agent, place)
        self._check_prompts()

    def _check_prompts(self) -> None:
        waiting = Counter(p for a in self._agents() for p in a.queue.waiting)
        running = Counter(a.under_way for a in self._agents() if a.under_way is not None)
        for prompt in self.asked:
            places = waiting[prompt] + running[prompt] + self.reported[prompt]
            if prompt in self.kept:
                assert not self.reported[prompt], f"{prompt} was kept and reported"
            else:
                assert places == 1, f"{prompt} is in {places} places"
            if running[prompt]:
                assert self.begun[prompt], f"{prompt} runs but never began"

    def _check_permissions(self, agent: Agent, place: Place) -> None:
        pending = {p.request_id for p in agent.permissions}
        for request_id in pending:
            assert not self.requests[request_id].answers, "answered, but still pending"
        if place.process is None or agent.pid is None:
            return
        for request_id, request in self.requests.items():
            over = request.turn is not None and self.reported[request.turn]
            if request.heard and request.pid == agent.pid and not over:
                assert request.answers == 1 or request_id in pending, "a request was forgotten"

    def _agents(self) -> Iterator[Agent]:
        return iter(self.fleet.agents.values())


def _check_process(agent: Agent, place: Place) -> None:
    """No process is forgotten, and none is imagined."""
    if place.process is not None:
        on_the_way = e.Spawned(place.process.pid) in place.mail
        known = agent.pid == place.process.pid
        assert known != on_the_way, "a process that the core does not know"
    else:
        assert agent.pid is None, "the core believes in a process that is gone"
    no_answer_yet = place.ordered or any(
        isinstance(m, e.Spawned | e.SpawnFailed) for m in place.mail
    )
    if no_answer_yet:
        assert agent.state in (State.STARTING, State.BUSY, State.STOPPING)


def _check_rest(agent: Agent, place: Place) -> None:
    """Whoever is not at rest has a deadline; whoever is at rest waits for nothing."""
    moving = (State.STARTING, State.BUSY, State.LIMITED, State.STOPPING, State.WAITING)
    assert (agent.deadline is not None) == (agent.state in moving)
    assert (agent.ending is not None) == (agent.state is State.STOPPING)
    assert not agent.permissions or agent.state is State.BUSY
    assert agent.wanted or agent.state in (State.STOPPED, State.STOPPING, State.FAILED)
    assert agent.held is None or agent.turn is None, "one prompt at a time"
    match agent.state:
        case State.STOPPED | State.FAILED:
            assert agent.pid is None
            assert agent.held is None
            assert agent.turn is None
            assert not agent.queue.waiting
        case State.WAITING:
            assert agent.pid is None
            assert agent.turn is None
        case State.STARTING:
            assert not agent.spec.one_shot
            assert agent.turn is None
        case State.READY:
            assert (agent.pid is None) == agent.spec.one_shot
            assert agent.turn is None
            assert agent.held is None
            assert not agent.queue.waiting
        case State.LIMITED:
            assert agent.held is not None
            assert (agent.pid is None) == agent.spec.one_shot
        case State.BUSY:
            assert agent.turn is not None
            assert agent.pid is not None or agent.spec.one_shot
        case State.STOPPING:
            pass
