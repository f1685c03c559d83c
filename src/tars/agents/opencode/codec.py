"""`opencode serve`, from the client's side: requests over HTTP, everything else as events.

Rules:

- Ready means that the server told its version and its models, and a session is open.
- A lost session is followed by a new one only while the process is opened. In a turn it
  ends the turn: nobody wants an answer that knows nothing of the conversation.
- A turn belongs to one session, and to the sessions of its subagents. What comes for any
  other is counted in `ignored` and dropped. `turn` has the rules of its end.
- Every request for a permission is answered. A cancel refuses them first: opencode leaves
  one open when it aborts.
- When the stream of events broke off, what was missed is read from the messages. No request
  is counted twice, and none from before the turn.
"""

from dataclasses import replace
from typing import Any

from tars.agents.opencode import faults
from tars.agents.opencode.asks import Asks
from tars.agents.opencode.events import Hearing
from tars.agents.opencode.opening import Greeting, SessionStart, is_lost
from tars.agents.opencode.remembered import Remembered
from tars.agents.opencode.server import Result, Server, refusal_of, session_path, succeeded
from tars.agents.opencode.turn import Turn
from tars.conversation.model import Garbled, OpenFailed, Said, SessionLost
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Offered, Opening
from tars.protocols.http_frames import Answer, Event, Failed, Frame, Frames
from tars.protocols.lines import DEFAULT_LIMIT

#: How long the server has to be silent before it is asked whether a turn is over.
DOUBT_SECONDS = 0.5


class Opencode:
    """The codec of one server."""

    def __init__(self, *, line_limit: int = DEFAULT_LIMIT) -> None:
        self._frames = Frames(line_limit)
        self._server = Server()
        self._asks = Asks()
        self._known = Remembered()
        self._hearing = Hearing(self._server, self._asks, self._known)
        self._opening = Opening(cwd="")
        self._greeting: Greeting | None = None
        self._handshaking = False
        self._starting: SessionStart | None = None
        self._started: SessionStart | None = None
        self._current: str | None = None

    # What the caller asks for.

    @property
    def ignored(self) -> int:
        """How many events made sense, but were no business of ours."""
        return self._hearing.ignored

    @property
    def session_id(self) -> str | None:
        """The session that the next prompt goes to; None when it gets a new one."""
        return self._current

    @property
    def quiet_seconds(self) -> float | None:
        """How long a silence makes it doubtful whether the turn still runs."""
        turn = self._hearing.turn
        return DOUBT_SECONDS if turn is not None and turn.doubtful else None

    def open(self, opening: Opening) -> None:
        """Begin the handshake. `Opened` or `OpenFailed` follows from `receive`."""
        self._opening = opening
        self._handshaking = True
        self._greeting = Greeting(self._server, opening, self._ready, self._fail)
        self._start(opening.session_id or "")

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin a turn in this session, or in the current one, or in a new one.

        The session becomes the current one. Raises RuntimeError when a turn is under way.
        """
        if self._hearing.turn is not None:
            raise RuntimeError("A turn is under way; wait for its end.")
        self._hearing.turn = Turn(text, session_id)
        self._pursue()

    @property
    def offered(self) -> Offered | None:
        """The models that the server told of; None until it has."""
        limits = self._hearing.limits
        return Offered(models=tuple(limits)) if limits else None

    def choose(self, model: str, mode: str) -> bool:
        """Name model and agent with the prompts that follow. opencode goes on with what a prompt
        named last, so that its own choice is had from another process."""
        before = self._opening
        if (before.model and not model) or (before.mode and not mode):
            return False
        self._opening = replace(before, model=model, mode=mode)
        return True

    def cancel(self) -> None:
        """Ask for the end of the turn under way; without one, do nothing.

        A turn that the server has not taken yet ends when it has, or cannot.
        """
        turn = self._hearing.turn
        if turn is None or turn.cancelled:
            return
        turn.cancelled = True
        self._refuse_all()
        if turn.accepted:
            self._server.abort(turn)

    def answer(self, request_id: str, option_id: str | None) -> None:
        """Answer a permission request; None says that the turn was cancelled."""
        reply = self._asks.answer(request_id, option_id)
        if reply is not None:
            self._server.tell(reply)

    def forget_session(self) -> None:
        """Let the next prompt have a new session, in this process."""
        self._current = None
        if self._starting is not None:
            self._starting.forgotten = True

    def receive(self, data: bytes) -> list[Said]:
        """Take frames from the link, cut anywhere."""
        return [said for frame in self._frames.feed(data) for said in self._act_on(frame)]

    def settle(self) -> list[Said]:
        """Ask the server whether the turn is over although it did not say all of it."""
        turn = self._hearing.turn
        if turn is not None and turn.doubtful:
            self._hearing.check(turn)
        return []

    def eof(self) -> list[Said]:
        """The server will say no more; what is under way ends with an error."""
        return self._fail(Fault(FaultKind.CRASHED, "opencode's process ended."))

    def outgoing(self) -> bytes:
        """Give the frames for the link, once."""
        return self._server.outgoing()

    # What the link says.

    def _act_on(self, frame: Frame | Garbled) -> list[Said]:
        if isinstance(frame, Garbled):
            return [frame]
        if isinstance(frame, Event):
            return self._hearing.hear(frame.data) + self._end_if_over()
        if frame.id is None:
            return self._fail(faults.lost(frame.reason))
        said = self._server.answered(frame.id, frame)
        return [Garbled("an answer to nothing")] if said is None else said + self._end_if_over()

    # How a session comes to be open.

    def _start(self, session_id: str) -> None:
        self._starting = SessionStart(
            self._server, self._known, session_id, opened=self._opened, failed=self._not_opened
        )

    def _opened(self, start: SessionStart) -> list[Said]:
        if start is not self._starting:
            # The handshake has failed by now.
            return []
        turn = self._hearing.turn
        if start.forgotten and start.resumed and turn is None:
            # Nobody wants this conversation any more.
            self._start("")
            return []
        self._starting, self._started = None, start
        self._current = None if start.forgotten and turn else start.session_id
        if turn is not None and turn.session_id is None:
            turn.session_id = start.session_id
        return self._ready() if self._handshaking else self._told_open(start)

    def _not_opened(self, start: SessionStart, fault: Fault) -> list[Said]:
        if start is not self._starting:
            return []
        self._starting = None
        if self._handshaking and is_lost(start, fault):
            self._start("")
            return [SessionLost(start.session_id, fault.message)]
        return self._fail(fault)

    def _ready(self) -> list[Said]:
        """The handshake is over once the greeting is, and a session is open."""
        greeting, start = self._greeting, self._started
        if not self._handshaking or greeting is None or not greeting.over:
            return []
        if self._starting is not None or start is None:
            return []
        self._handshaking = False
        self._hearing.limits = greeting.limits
        return self._told_open(start)

    def _told_open(self, start: SessionStart) -> list[Said]:
        version = "" if self._greeting is None else self._greeting.version
        return [start.told(self._opening, version), *self._pursue()]

    # How a turn runs.

    def _pursue(self) -> list[Said]:
        """Bring the turn one step on: open its session, or send it."""
        turn = self._hearing.turn
        if turn is None or turn.sent or self._starting is not None or self._handshaking:
            return []
        if turn.cancelled:
            return self._end(turn)
        turn.session_id = target = turn.session_id or self._current
        if target is None or target not in self._known.own:
            self._start(target or "")
        else:
            self._send(turn, target)
        return []

    def _send(self, turn: Turn, session_id: str) -> None:
        self._current = session_id
        turn.sent = True
        body: dict[str, Any] = {"parts": [{"type": "text", "text": turn.text}]}
        provider, _, model = self._opening.model.partition("/")
        if model:
            body["model"] = {"providerID": provider, "modelID": model}
        if self._opening.mode:
            body["agent"] = self._opening.mode

        def answered(result: Result) -> list[Said]:
            return self._taken(turn, result)

        self._server.ask("POST", f"{session_path(session_id)}/prompt_async", answered, body)

    def _taken(self, turn: Turn, result: Result) -> list[Said]:
        if self._hearing.turn is not turn:
            return []
        if succeeded(result):
            turn.accepted = True
            if turn.cancelled:
                self._server.abort(turn)
            return []
        if isinstance(result, Answer) and result.status == 404 and turn.session_id is not None:
            # Let the next prompt try to find it.
            self._known.own.discard(turn.session_id)
        if isinstance(result, Failed):
            # It may have got there all the same.
            self._server.abort(turn)
        return self._end(turn, refusal_of(result, "the prompt"))

    def _end_if_over(self) -> list[Said]:
        turn = self._hearing.turn
        return self._end(turn) if turn is not None and turn.accepted and turn.over else []

    def _end(self, turn: Turn, fault: Fault | None = None) -> list[Said]:
        self._hearing.turn = None
        self._refuse_all()
        if turn.session_id is not None and turn.latest:
            self._known.ends_with(turn.session_id, turn.latest)
        return [turn.end() if fault is None else turn.cut_short(fault)]

    def _refuse_all(self) -> None:
        for reply in self._asks.refuse_all():
            self._server.tell(reply)

    def _fail(self, fault: Fault) -> list[Said]:
        """End what is under way: the handshake, and the turn."""
        said: list[Said] = [OpenFailed(fault)] if self._handshaking else []
        self._handshaking = False
        self._starting = None
        turn = self._hearing.turn
        if turn is None:
            return said
        if turn.cancelled and not turn.sent:
            return said + self._end(turn)
        return said + self._end(turn, fault)
