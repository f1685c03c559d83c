"""One agent's processes: does what the core commands, and tells the hub what it hears.

A warm agent has one process for all prompts; a one-shot agent has one for each. Nothing
here decides: every fact goes to the hub as an event, and what follows comes back as a
call of one of the methods below. All of them return at once.
"""

import signal
from functools import partial

import anyio

from tars.agents.kind import History, Kind, Launch, Setup
from tars.conversation.model import (
    Opened,
    OpenFailed,
    PermissionAsked,
    RequestCounted,
    RequestUsage,
    Retrying,
    Said,
    SessionLost,
    Stop,
    ToolCallChanged,
    TurnEnded,
)
from tars.core import events as e
from tars.core.agent import Outcome
from tars.core.commands import SignalName
from tars.core.health import Signs
from tars.errors import Fault, FaultKind
from tars.home import FOLDER_MODE
from tars.protocols.codec import Offered, Opening
from tars.runtime import choosing, faults, limits, progress
from tars.runtime.channel import Channel
from tars.runtime.children import Child
from tars.runtime.counting import Counting
from tars.runtime.destinations import Destinations
from tars.runtime.endings import Endings
from tars.runtime.hub import Hub
from tars.runtime.parting import see_off
from tars.runtime.questions import Questions
from tars.runtime.redaction import Redactor
from tars.runtime.told import Told
from tars.runtime.turn import LiveTurn, Prompt, TurnReport, report
from tars.runtime.viewers import Viewers
from tars.runtime.vitals import Vitals


class Driver:
    """One configured agent. `session_id` is the conversation the next prompt goes to.

    `turn` is the one under way, and `held` one that waits for the end of a limit. `told` is
    what the agent last said of itself, and `destinations` where waiting prompts go.
    """

    def __init__(self, kind: Kind, setup: Setup, hub: Hub, session_id: str | None) -> None:
        self.kind = kind
        self.setup = setup
        self.turn: LiveTurn | None = None
        self.held: LiveTurn | None = None
        self.questions = Questions(setup.name, hub)
        self.model, self.agent_version = setup.model, ""
        self.vitals = Vitals()
        self.told = Told()
        self.destinations = Destinations()
        self._hub = hub
        self._channel: Channel | None = None
        self._redactor = Redactor(setup.env)
        self._has_one_session = False
        self._open_sessions: set[str] = set()
        self._counting = Counting(setup.name, kind, hub)
        self._endings = Endings(setup.name, hub, self._counting)
        if session_id:
            self._counting.go_to(session_id, kind.history(setup, session_id))

    @property
    def name(self) -> str:
        return self.setup.name

    @property
    def session_id(self) -> str | None:
        return self._counting.session_id

    @property
    def child(self) -> Child | None:
        """The process under way."""
        return None if self._channel is None else self._channel.child

    @property
    def one_shot(self) -> bool:
        return self.kind.one_shot(self.setup.protocol)

    @property
    def on_screen(self) -> bool:
        """Whether it has a screen to look at, or would have one if it ran."""
        return self.setup.protocol == "pty"

    @property
    def viewers(self) -> Viewers | None:
        """Who looks at its screen; None where it has none now."""
        return None if self._channel is None else self._channel.viewers

    def press(self, keys: bytes) -> None:
        """Pass on what a person types into its terminal."""
        if self._channel is not None:
            self._channel.press(keys)

    @property
    def signs(self) -> Signs:
        return progress.signs(self.turn, self._channel, self.vitals.rss_bytes)

    @property
    def nonsense(self) -> Fault | None:
        """Why its handshake is not answered, where what it wrote tells."""
        return faults.nonsense(self._channel, self.setup.protocol)

    def look(self) -> None:
        """Look whether the process's tree works, for a verdict that is near."""
        if self._channel is not None and self.turn is not None:
            self._channel.pulse.take(anyio.current_time(), self.turn.began_at.timestamp())

    def measure(self) -> None:
        """Sample memory and CPU; descendants matter only while a turn runs."""
        if self._channel is not None:
            self.vitals = self._channel.gauge.sample(descendants=self.turn is not None)
            if self.turn is not None:
                self._channel.child.look()

    # --- commands -----------------------------------------------------------

    def spawn(self) -> None:
        """Make the warm process and begin its handshake."""
        self._counting.guard()
        self._open(self.kind.launch(self.setup, self.session_id), self.session_id)

    def begin(self, prompt: Prompt) -> None:
        """Send a prompt; a one-shot agent gets its process now."""
        wish = self.destinations.take(prompt, self.session_id)
        turn = self.turn = prompt.begin(anyio.current_time(), wish)
        self._counting.claim_rest()
        turn.came_from = (self.session_id, self._counting.history)
        if wish != self.session_id:
            # What that conversation used so far is not this turn's.
            self._go_to(wish, self.kind.history(self.setup, wish) if wish else None)
        if self.one_shot or wish not in self._open_sessions:
            self._counting.guard()
        turn.log_mark = prompt.mark_of(wish) or self._counting.mark()
        if self.one_shot and self._make(self.kind.launch(self.setup, wish)) is None:
            return
        refusal = self._change_process(wish) if wish else None
        if refusal is not None:
            self._hub.began(self.name, turn, lambda: self.refuse(turn, refusal))
        else:
            self._hub.began(self.name, turn, lambda: self._give(turn, wish))

    def _give(self, turn: LiveTurn, session_id: str | None) -> None:
        channel = self._channel
        if self.turn is not turn or turn.given or channel is None:
            return
        turn.given = True
        channel.heard_at = anyio.current_time()
        channel.codec.prompt(turn.prompt.text, session_id)
        channel.flush()
        if self.one_shot:
            channel.finish_input()

    def hold(self, fault: Fault) -> TurnReport:
        """Put the turn aside until a limit ends, say so, and give its attempt."""
        turn = self.turn
        assert turn is not None, "the core holds only turns that began"
        self.questions.clear()
        progress.tell_held(self._hub, self.name, turn, fault)
        self._counting.read_log(turn)
        self.turn, self.held = None, turn
        return report(turn, Outcome.ERROR, fault, now=anyio.current_time(), model=self.model)

    def resume(self) -> None:
        """Send the prompt of the held turn again, to the same conversation."""
        turn = self.held
        assert turn is not None, "the core resumes only turns that it holds"
        self.turn, self.held = turn, None
        self._counting.read_log(turn)
        progress.tell_waiting(self._hub, self.name, turn, Retrying(""))
        turn.given, turn.progressed_at, turn.reported_before = False, None, turn.reported
        turn.transcript.running_tools.clear()
        session = turn.session_id
        if self.one_shot and self._make(self.kind.launch(self.setup, session)) is None:
            return
        self._hub.began(self.name, turn, lambda: self._give(turn, session))

    def refuse(self, turn: LiveTurn, fault: Fault) -> None:
        """Nobody is given this prompt: the next one goes where this one came from."""
        if self.turn is turn and not turn.given:
            turn.given = True
            self._counting.go_to(*turn.came_from)
            turn.session_id = None
            self._endings.tell(turn, TurnEnded(Stop.ERROR, fault=fault))

    def next_turn(self, prompt: Prompt) -> LiveTurn | None:
        """Foresee the turn that this prompt would begin now, or None where that is not certain."""
        goal = self.destinations.of(prompt, self.session_id)
        known = goal is not None and goal == self.session_id
        return prompt.begin(anyio.current_time(), goal, self._counting.mark()) if known else None

    def cancel(self) -> None:
        """Ask for the end of the turn, in the protocol."""
        if self.turn is not None and not self.turn.given:
            # The agent knows nothing of it yet, and never will.
            self._hub.send(self.name, e.TurnEnded(self.turn.prompt.id, Outcome.CANCELLED))
        elif self._channel is not None:
            self._channel.codec.cancel()
            self._channel.flush()

    def answer(self, permission: str, option: str | None) -> None:
        """Answer a permission request by its public id; None says cancelled."""
        request = self.questions.take(permission, self.turn)
        if request is not None and self._channel is not None:
            self._channel.codec.answer(request, option)
            self._channel.flush()

    def signal(self, name: SignalName) -> None:
        if self.child is not None:
            self.child.signal_group(signal.Signals[name.value])

    def finish(self, outcome: Outcome, fault: Fault | None) -> TurnReport:
        """Close the turn and give everything known of it. A turn is under way, or held."""
        turn = self.turn or self.held
        assert turn is not None, "the core finishes only turns that began"
        self.turn = self.held = None
        self.questions.clear()
        self._endings.forget()
        self._counting.finished(turn)
        if turn.leaves_no_session:
            self._go_to(*turn.came_from)
        if self._channel is not None:
            self._channel.sweep()
        return report(turn, outcome, fault, now=anyio.current_time(), model=self.model)

    def forget_session(self) -> None:
        """Let the next prompt begin a new conversation, in the same process."""
        self._counting.claim_rest()
        self._go_to(None)

    def read_from(self, session_id: str, mark: str) -> tuple[RequestUsage, ...] | None:
        """Give what the agent's log shows of a session since a stored mark."""
        history = self.kind.history(self.setup, session_id, mark or "0")
        return self._counting.look(history) if mark else None

    @property
    def offered(self) -> Offered | None:
        return choosing.offered(self._channel)

    def reconfigure(self, setup: Setup) -> bool:
        """Take another setup. False where it holds from the next process on alone."""
        live = choosing.chosen(self._channel, self.setup, setup)
        self.setup, self._redactor = setup, Redactor(setup.env)
        return live

    def _go_to(self, session_id: str | None, history: History | None = None) -> None:
        """Let the next prompt go to this session, or begin a new one."""
        self._counting.go_to(session_id, history)
        if session_id is None and self._channel is not None:
            self._channel.codec.forget_session()

    # --- the process --------------------------------------------------------

    def _make(self, launch: Launch) -> Channel | None:
        """Make a process and begin to listen to it, or tell why there is none."""
        try:
            if self.setup.makes_cwd:
                launch.cwd.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            channel = Channel(self.setup, launch, self.kind.codec(self.setup))
        except OSError as error:
            fault = faults.not_spawned(self.kind, self.name, launch, error)
            self._hub.send(self.name, e.SpawnFailed(fault))
            return None
        self._channel = channel
        self._has_one_session = bool(launch.session_id)
        self._open_sessions = set()
        self._hub.send(self.name, e.Spawned(channel.child.pid))
        conversation = partial(channel.converse, self._hear, self._note_lines, self._note_hints)
        self._hub.attend(self.name, channel.child, conversation)
        return channel

    def _open(self, launch: Launch, session_id: str | None) -> bool:
        """Make the process of a conversation and begin its handshake."""
        # What the kind gave it is as secret as what the person did.
        self._redactor = Redactor(launch.env)
        channel = self._make(launch)
        if channel is None:
            return False
        setup = self.setup
        new = launch.session_id if launch.session_id != session_id else ""
        channel.codec.open(Opening(str(setup.cwd), session_id, setup.model, setup.mode, new))
        channel.flush()
        return True

    def _change_process(self, session_id: str) -> Fault | None:
        """Replace a process that cannot be given this conversation, or say why none can."""
        old = self._channel
        if old is None or not self._has_one_session or old.codec.session_id == session_id:
            return None
        launch = self.kind.launch(self.setup, session_id)
        if launch.session_id != session_id:
            return faults.session_unknown(self.name)
        if not self._open(launch, session_id):
            return faults.no_process(self.name)
        self._hub.background(self.name, partial(see_off, old))
        return None

    def _note_lines(self, lines: list[str]) -> None:
        self._note_hints(lines)
        if lines:
            self._hub.wrote(self.name, [self._redactor.clean(line) for line in lines])

    def farewell(self, child: Child, status: int) -> e.Exited:
        """Give the event for a child that has exited; the driver forgets it."""
        child.close()
        channel = self._channel
        if channel is None or child is not channel.child:
            # Another one has taken its place.
            return e.Exited(child.pid, status)
        self._channel, self.vitals = None, Vitals()
        told = self._endings.exited()
        if self.held is not None:
            self._counting.read_log(self.held)  # it grows no more
        elif self.turn is None and not told:
            self._counting.claim_rest()
        last, now = channel.codec.eof(), anyio.current_time()
        self._counting.told_last(self.turn, last)
        fault = faults.why_gone(self.kind, channel, status, self._redactor)
        fault = faults.as_its_codec_says(fault, last, status, one_shot=self.one_shot)
        return e.Exited(child.pid, status, fault, limits.retry_after(fault, self.turn, now))

    # --- what it says -------------------------------------------------------

    def _hear(self, channel: Channel, heard: list[Said]) -> None:
        if channel is not self._channel:
            return
        for said in heard:
            self._note(said)
            self._hub.said(self.name, said)
            match said:
                case Opened():
                    if self.turn is None:
                        self._hub.send(self.name, e.HandshakeAnswered())
                case OpenFailed(fault):
                    self._hub.send(self.name, e.HandshakeFailed(fault))
                case PermissionAsked():
                    self.questions.ask(said, self.turn)
                case TurnEnded():
                    self._end_turn(said)
                case _:
                    pass

    def _note(self, said: Said) -> None:
        if isinstance(said, Opened):
            self._open_session(said)
        elif isinstance(said, SessionLost):
            self._counting.go_to(None, None)
        elif isinstance(said, RequestCounted):
            self._counting.told(self.turn, said.request)
        self.told.note(said)
        turn = self.turn
        if turn is not None and isinstance(said, ToolCallChanged):
            # A request to the model ended with it: what it used shows in the log by now.
            self._counting.read_log(turn)
        if turn is not None and progress.note(turn, said, anyio.current_time()):
            self._hub.said(self.name, Retrying(""))

    def _open_session(self, opened: Opened) -> None:
        self.model = opened.model or self.model
        self.agent_version = opened.agent_version or self.agent_version
        self._open_sessions.add(opened.session_id)
        self.destinations.opened(opened, self.turn)
        if opened.session_id != self.session_id or self._counting.history is None:
            # A new conversation's log is read from its beginning: it may be ahead of us.
            mark = "" if opened.resumed else "0"
            history = self.kind.history(self.setup, opened.session_id, mark)
            self._counting.go_to(opened.session_id, history)
            if self.turn is not None and history is not None:
                self.turn.log_mark = history.mark()
        self._counting.tidy()
        if self.turn is not None:
            self.turn.session_id = opened.session_id

    def _end_turn(self, ended: TurnEnded) -> None:
        turn = self.turn
        if turn is None:
            return
        if ended.fault is not None and ended.fault.kind is FaultKind.SESSION_UNKNOWN:
            # It never got there: the next prompt goes where this one came from.
            self._counting.go_to(*turn.came_from)
            turn.session_id = None
        self._endings.begin(turn, ended)

    def _note_hints(self, lines: list[str]) -> None:
        if self.turn is not None:
            progress.heed_hints(self._hub, self.kind, self.name, self.turn, lines)
