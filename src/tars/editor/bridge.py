"""Between an editor on stdio and the daemon on its socket.

The server runs in the main thread alone. One thread reads stdin, one watches what waits for
permission, and each thing that is asked of tars has one of its own; they all hand what they
have to the main thread, over a queue that is bounded: an editor that does not read holds up
nobody but itself.
"""

import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tars.control import contract as c
from tars.control.client import Client
from tars.editor.asks import AnswerPermission, Ask, CancelTurn, Narrate, OpenSession, SendPrompt
from tars.editor.server import Server
from tars.editor.wire import Lines
from tars.errors import AgentNotFound, AgentUnavailable, Fault, FaultKind, TarsError

#: How much may wait for the main thread.
_QUEUE = 1000
#: How long what was asked just before the editor hung up may take to reach tars.
FAREWELL_SECONDS = 5.0
#: How long to wait for the daemon before it is watched again.
_RETRY_SECONDS = 1.0
_READ = 65536
#: What may change what waits for permission.
_SIGNS = ("permission_asked", "permission_answered", "time_up", "turn_ended", "exited")
_UP = ("ready", "busy", "limited")

Work = Callable[[], list[Ask]]


class Bridge:
    """One editor and one agent. `agent` None is the default one. `anew`: every session/new
    begins a new conversation. `narrate` gets a sentence for a person."""

    def __init__(
        self,
        client: Client,
        *,
        version: str,
        narrate: Callable[[str], None],
        agent: str | None = None,
        anew: bool = False,
        stdin: int = 0,
        stdout: int = 1,
    ) -> None:
        self._client = client
        self._agent = agent
        self._anew = anew
        self._narrate = narrate
        self._stdin = stdin
        self._stdout = stdout
        self._server = Server(version)
        self._inbox: queue.Queue[Work | None] = queue.Queue(_QUEUE)
        self._unsettled: set[threading.Event] = set()
        self._watching = False

    def run(self) -> None:
        """Serve until the editor hangs up. Turns under way go on in tars."""
        self._begin(self._listen)
        while (work := self._inbox.get()) is not None:
            for ask in work():
                self._do(ask)
            try:
                self._write(self._server.outgoing())
            except OSError:
                break
        self._take_leave()

    # What is asked of tars.

    def _do(self, ask: Ask) -> None:
        match ask:
            case Narrate(sentence):
                self._narrate(sentence)
            case OpenSession():
                self._begin(self._open, ask, self._settling())
            case SendPrompt():
                self._begin(self._prompt, ask, self._settling())
            case CancelTurn(turn):
                self._begin(self._quickly, self._settling(), lambda: self._cancel(turn))
            case AnswerPermission(permission, option):  # pragma: no branch
                self._begin(
                    self._quickly,
                    self._settling(),
                    lambda: self._client.permit(permission, option=option, face="editor"),
                )

    def _open(self, ask: OpenSession, settled: threading.Event) -> None:
        try:
            agent = self._ready_agent()
            if self._anew and ask.session is None:
                self._client.reset(agent.name)
                agent = self._find()
            session = agent.session.id
        except TarsError as error:
            refusal = error
            self._later(lambda: self._server.refused(ask.request, refusal))
        else:
            self._later(lambda: self._opened(ask, agent.name, session))
        settled.set()

    def _opened(self, ask: OpenSession, agent: str, session: str | None) -> None:
        self._server.opened(ask, agent, session)
        if not self._watching:
            self._watching = True
            self._begin(self._watch, agent)

    def _ready_agent(self) -> c.AgentStatus:
        """Have the agent warm before its first prompt. Raises TarsError."""
        agent = self._find()
        if agent.state not in _UP:
            error = self._client.change_agent(agent.name, "start").error
            if error is not None:
                raise AgentUnavailable(Fault(FaultKind.INTERNAL, error.message, error.advice))
            agent = self._find()
        return agent

    def _find(self) -> c.AgentStatus:
        listed = self._client.agents()
        name = self._agent or listed.default
        for agent in listed.agents:
            if agent.name == name:
                return agent
        raise AgentNotFound(f"There is no agent {name!r}.")

    def _prompt(self, ask: SendPrompt, settled: threading.Event) -> None:
        request = c.PromptRequest(text=ask.text, agent=self._agent, session=ask.session)
        try:
            for name, event in self._client.prompt(request):
                self._tell(ask.key, name, event)
                settled.set()
        except TarsError as error:
            broken = error
            self._later(lambda: self._server.failed(ask.key, broken))
        settled.set()

    def _tell(self, key: int, name: str, event: c.Wire) -> None:
        self._inbox.put(lambda: self._server.happened(key, event, thought=name == "thought"))

    def _cancel(self, turn: str) -> None:
        self._client.cancel(agent=self._agent, turn=turn)

    def _quickly(self, settled: threading.Event, call: Callable[[], object]) -> None:
        # What is over already needs no answer, and the end of a turn is told by its stream.
        with suppress(TarsError):
            call()
        settled.set()

    # What waits for permission.

    def _watch(self, agent: str) -> None:
        """Look what waits, now and whenever something happened to it, as long as we run."""
        while True:
            with suppress(TarsError):
                # What is asked from the moment of this look on is told as an event.
                for event in self._client.events(agent, begun=lambda: self._look(agent)):
                    if isinstance(event, c.Lagged) or event.event in _SIGNS:
                        self._look(agent)
            time.sleep(_RETRY_SECONDS)

    def _look(self, name: str) -> None:
        agent = next((a for a in self._client.agents().agents if a.name == name), None)
        if agent is not None:
            waiting, session = agent.permissions, agent.session.id
            self._later(lambda: self._server.waits(waiting, session))

    # Threads, and the two ends of stdio.

    def _listen(self) -> None:
        lines = Lines()
        with suppress(OSError):
            while data := os.read(self._stdin, _READ):
                for line in lines.feed(data):
                    self._hear(line)
        self._inbox.put(None)

    def _hear(self, line: bytes | None) -> None:
        self._inbox.put(lambda: self._server.receive(line))

    def _later(self, work: Callable[[], None]) -> None:
        def done() -> list[Ask]:
            work()
            return []

        self._inbox.put(done)

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()

    def _settling(self) -> threading.Event:
        self._unsettled = {event for event in self._unsettled if not event.is_set()}
        event = threading.Event()
        self._unsettled.add(event)
        return event

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._stdout, view) :]

    def _take_leave(self) -> None:
        """What was asked before the editor hung up still reaches tars."""
        deadline = time.monotonic() + FAREWELL_SECONDS
        threading.Thread(target=self._drain, daemon=True).start()
        for event in self._unsettled:
            event.wait(max(0.0, deadline - time.monotonic()))

    def _drain(self) -> None:
        """Nobody reads any more: let nobody wait for room in the queue."""
        while True:
            self._inbox.get()
