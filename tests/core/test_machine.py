"""Anything that can happen, in any order: the core keeps its promises.

Hypothesis plays the operating system, two agents of every temper and the people; the
rules of `world.World` are checked after each step, and each run ends in a drain.
"""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tars.core import events as e
from tars.core.agent import Outcome, Spec, State
from tars.core.commands import Command
from tars.core.condition import condition
from tars.core.fleet import Fleet
from tars.core.health import Look, Signs, verdict
from tars.core.permission import PermissionPolicy, Rule
from tars.core.restart import RestartPolicy, When
from tars.errors import Fault, FaultKind
from tests.core.world import OPTIONS, World

SPECS = {
    "warm": Spec(
        "warm",
        queue_limit=2,
        limit_wait_seconds=300.0,
        permissions=PermissionPolicy(Rule.ASK, {"read": Rule.ALLOW, "delete": Rule.DENY}),
        restart=RestartPolicy(max_restarts=2, first_delay=1.0),
        max_rss_bytes=1000,
    ),
    "single": Spec("single", one_shot=True, queue_limit=2, limit_wait_seconds=300.0),
}
FAULTS = st.sampled_from(
    [
        Fault(FaultKind.NOT_INSTALLED, "The command is not there."),
        Fault(FaultKind.OVERLOADED, "The model is overloaded."),
        Fault(FaultKind.CRASHED, "It crashed."),
    ]
)
LIMIT = Fault(FaultKind.QUOTA, "The limit is reached.", "Wait.", until=1e9)
names = st.sampled_from(sorted(SPECS))
some = st.data()


class Supervision(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(*SPECS.values())
        self.asked = 0
        self.requests = 0

    @initialize(up=st.booleans())
    def begin(self, up: bool) -> None:
        if up:
            for name in SPECS:
                self.come_up(name)

    @rule(name=names)
    def come_up(self, name: str) -> None:
        """All goes well, so that the agent has something to lose."""
        self.world.tell(name, e.StartAsked())
        if name in self.world.ordered():
            self.world.make(name)
        self.world.deliver_all(name)
        if self.world.fleet[name].state is State.STARTING and name in self.world.alive():
            self.world.say(name, e.HandshakeAnswered())
            self.world.deliver_all(name)

    @rule(name=names, tool=st.sampled_from([None, "execute", "read"]))
    def work(self, name: str, tool: str | None) -> None:
        """A prompt reaches the agent, which may ask for leave."""
        self.prompt(name)
        if name in self.world.ordered():
            self.world.make(name)
        self.world.deliver_all(name)
        if tool is not None and name in self.world.working():
            self.request(name, tool)
            self.world.deliver_all(name)

    # --- the people ---------------------------------------------------------

    @rule(name=names)
    def start(self, name: str) -> None:
        self.world.tell(name, e.StartAsked())

    @rule(name=names, keep_queue=st.booleans())
    def stop(self, name: str, keep_queue: bool) -> None:
        self.world.tell(name, e.StopAsked(keep_queue))

    @rule(name=names)
    def restart(self, name: str) -> None:
        self.world.tell(name, e.RestartAsked())

    @rule(name=names)
    def prompt(self, name: str) -> None:
        self.asked += 1
        self.world.tell(name, e.PromptAsked(f"p{self.asked}"))

    @rule(name=names, data=some)
    def prompt_again(self, name: str, data: st.DataObject) -> None:
        """A client that lost its answer repeats a prompt that is not over."""
        agent = self.world.fleet[name]
        known = [*agent.queue.waiting, *([agent.turn.prompt] if agent.turn else [])]
        if known:
            self.world.tell(name, e.PromptAsked(data.draw(st.sampled_from(known))))

    @rule(name=names, data=some)
    def cancel(self, name: str, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, self.asked))
        self.world.tell(name, e.CancelAsked(f"p{number}"))

    @rule(name=names, data=some, verdict=st.sampled_from([e.OverBudget, e.RanAway]))
    def find_fault(
        self, name: str, data: st.DataObject, verdict: type[e.OverBudget | e.RanAway]
    ) -> None:
        """Somebody who watches the turns has enough of one."""
        number = data.draw(st.integers(0, self.asked))
        self.world.tell(name, verdict(f"p{number}", "enough"))

    @rule(name=names, data=some, option=st.sampled_from(["yes", "no", None]))
    def answer(self, name: str, data: st.DataObject, option: str | None) -> None:
        number = data.draw(st.integers(0, self.requests))
        self.world.tell(name, e.PermissionAnswered(f"r{number}", option))

    @rule(
        name=names,
        switch=st.sampled_from([False, False, True]),
        trusts=st.booleans(),
        limit_wait=st.sampled_from([300.0, 300.0, 0.0]),
        when=st.sampled_from(When),
        queue_limit=st.integers(0, 3),
    )
    def configure(
        self, name: str, switch: bool, trusts: bool, limit_wait: float, when: When, queue_limit: int
    ) -> None:
        spec = self.world.fleet[name].spec
        changed = replace(
            spec,
            one_shot=spec.one_shot is not switch,
            trusts_exit_status=trusts,
            limit_wait_seconds=limit_wait,
            restart=replace(spec.restart, when=when),
            queue_limit=queue_limit,
        )
        self.world.tell(name, e.Configured(changed))

    # --- the operating system -----------------------------------------------

    @precondition(lambda self: self.world.ordered())
    @rule(data=some)
    def make(self, data: st.DataObject) -> None:
        self.world.make(data.draw(st.sampled_from(self.world.ordered())))

    @precondition(lambda self: self.world.ordered())
    @rule(data=some, fault=FAULTS)
    def refuse_to_make(self, data: st.DataObject, fault: Fault) -> None:
        self.world.refuse(data.draw(st.sampled_from(self.world.ordered())), fault)

    @precondition(lambda self: self.world.alive())
    @rule(data=some, status=st.sampled_from([0, 0, 1, -2, -15]), fault=st.one_of(st.none(), FAULTS))
    def die(self, data: st.DataObject, status: int, fault: Fault | None) -> None:
        """A crash, a goodbye, or obedience to a signal: the core cannot know."""
        self.world.die(data.draw(st.sampled_from(self.world.alive())), status, fault)

    @precondition(lambda self: self.world.with_mail())
    @rule(data=some)
    def deliver(self, data: st.DataObject) -> None:
        self.world.deliver(data.draw(st.sampled_from(self.world.with_mail())))

    @precondition(lambda self: self.world.with_mail())
    @rule()
    def deliver_all(self) -> None:
        for name in self.world.with_mail():
            self.world.deliver_all(name)

    # --- the agents ---------------------------------------------------------

    @precondition(lambda self: self.world.alive())
    @rule(data=some)
    def answer_handshake(self, data: st.DataObject) -> None:
        self.world.say(data.draw(st.sampled_from(self.world.alive())), e.HandshakeAnswered())

    @precondition(lambda self: self.world.alive())
    @rule(data=some, fault=FAULTS)
    def fail_handshake(self, data: st.DataObject, fault: Fault) -> None:
        self.world.say(data.draw(st.sampled_from(self.world.alive())), e.HandshakeFailed(fault))

    @precondition(lambda self: self.world.working())
    @rule(data=some, outcome=st.sampled_from([Outcome.OK, Outcome.CANCELLED, Outcome.ERROR]))
    def end_turn(self, data: st.DataObject, outcome: Outcome) -> None:
        name = data.draw(st.sampled_from(self.world.working()))
        turn = self.world.process(name).turn
        assert turn is not None
        self.world.say(name, e.TurnEnded(turn, outcome))

    @precondition(lambda self: self.world.working())
    @rule(data=some, seconds=st.sampled_from([0.0, 60.0, 300.0, 301.0]), dies=st.booleans())
    def meet_limit(self, data: st.DataObject, seconds: float, dies: bool) -> None:
        """The account has used up what it may, until then: told by the protocol, or by a
        process's last words."""
        name = data.draw(st.sampled_from(self.world.working()))
        turn = self.world.process(name).turn
        assert turn is not None
        if dies:
            self.world.die(name, 1, LIMIT, seconds)
        else:
            self.world.say(name, e.TurnEnded(turn, Outcome.ERROR, LIMIT, seconds))

    @precondition(lambda self: self.world.alive())
    @rule(data=some, tool=st.sampled_from(["execute", "execute", "read", "delete"]))
    def ask_permission(self, data: st.DataObject, tool: str) -> None:
        """Even outside of a turn: it gets its answer all the same."""
        self.request(data.draw(st.sampled_from(self.world.alive())), tool)

    def request(self, name: str, tool: str) -> None:
        self.requests += 1
        self.world.say(name, e.PermissionAsked(f"r{self.requests}", tool, OPTIONS))

    # --- time and verdicts ----------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 10.0, 60.0, 300.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        """The loop may be late: that the deadline has passed is told by `ring`."""
        self.world.now += seconds

    @rule()
    def ring(self) -> None:
        self.world.ring()

    @rule()
    def wait_for_deadline(self) -> None:
        deadline = self.world.fleet.next_deadline
        if deadline is not None:
            self.world.now = max(self.world.now, deadline)
            self.world.ring()

    @rule(name=names)
    def ring_early(self, name: str) -> None:
        self.world.tell(name, e.TimeUp())

    @rule(name=names, grown=st.booleans())
    def judge(self, name: str, grown: bool) -> None:
        now = self.world.now
        signs = Signs(heard_at=0.0, rss_bytes=2000 if grown else 0, look=Look(now, now - 10))
        found = verdict(self.world.fleet[name], signs, now)
        condition(self.world.fleet[name], signs, now, 0.0)
        if found is not None:
            self.world.tell(name, found)

    # --- what is always true ----------------------------------------------------

    @invariant()
    def the_books_are_right(self) -> None:
        self.world.audit()

    def teardown(self) -> None:
        """Nothing survives the drain, and the log alone tells the whole story again."""
        self.world.drain()
        fleet = Fleet()
        told: list[Command] = []
        for name, event, now in self.world.log:
            fleet, commands = fleet.step(name, event, now)
            told.extend(commands)
        assert fleet == self.world.fleet
        assert told == self.world.told


Supervision.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestSupervision = Supervision.TestCase
