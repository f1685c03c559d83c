"""`codex app-server`, from the client's side: JSON-RPC over lines, without "jsonrpc".

    initialize ─► initialized ─► `starting` opens a thread
    turn/start ─► turn/started ─► items, deltas, requests … ─► turn/completed

Rules, all measured on 0.169:

- A thread without a turn cannot be resumed ("no rollout found"): nothing was lost then.
- A second turn/start joins the turn under way: there is never one.
- turn/interrupt is refused between turn/start's answer and turn/started, and the turn runs
  on. So a cancel waits for turn/started.
- An interrupted turn leaves its command running, in a session of its own: it is ended then.
- A subagent is a thread of its own in the same process. Nobody asked for its words, but what
  it uses counts, and what it wants leave for is asked.
"""

from dataclasses import dataclass, replace

from msgspec import Raw

from tars.agents.codex import approvals, faults, limits, modes, usage
from tars.agents.codex import messages as wire
from tars.agents.codex.listener import Listener
from tars.agents.codex.starting import ThreadStart
from tars.conversation import shown
from tars.conversation.model import (
    Garbled,
    Opened,
    ReportedUsage,
    RequestCounted,
    Retrying,
    Said,
    Stop,
    TurnEnded,
    Unrecognised,
)
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Opening
from tars.protocols.faults import broken
from tars.protocols.jsonrpc import METHOD_NOT_FOUND, Id, Notification, RpcError, decoded
from tars.protocols.lines import DEFAULT_LIMIT
from tars.protocols.open_sessions import OpenSessions, Turn
from tars.protocols.peer import Answered, Heard, Peer

_STOPS = {"completed": Stop.DONE, "interrupted": Stop.CANCELLED, "failed": Stop.ERROR}


@dataclass(slots=True)
class _Turn(Turn):
    """A prompt until its end; its session is a thread of Codex's. `id` is Codex's own, once
    turn/start was answered; `over` is an end that came before that answer."""

    interrupted: bool = False
    id: str | None = None
    over: wire.Turn | None = None
    used: ReportedUsage = usage.NOTHING


class AppServer:
    """The codec of one app-server process. `client_version` is tars' own."""

    def __init__(self, client_version: str = "", *, line_limit: int = DEFAULT_LIMIT) -> None:
        self._client_version = client_version
        self._peer = Peer(line_limit, bare=True)
        self._listener = Listener()
        self._approvals = approvals.OpenApprovals()
        self._opening = Opening(cwd="")
        self._agent_version = ""
        self._sessions: OpenSessions[_Turn, ThreadStart] = OpenSessions(
            start=self._start, send=self._send, end=self._cut_turn
        )

    # What the caller asks for.

    @property
    def session_id(self) -> str | None:
        """The thread that the next prompt goes to; None when it gets a new one."""
        return self._sessions.current

    @property
    def quiet_seconds(self) -> float | None:
        """Silence says nothing here."""
        return None

    @property
    def ignored(self) -> int:
        """How many messages made sense but said nothing to tars."""
        return self._listener.ignored

    def open(self, opening: Opening) -> None:
        """Begin the handshake. `Opened` or `OpenFailed` follows from `receive`."""
        self._opening = opening
        self._sessions.handshaking = True
        client = {"name": "tars", "title": "tars", "version": self._client_version}
        # Only with this does rawResponse/completed come, the count with an id.
        capabilities = {"experimentalApi": True}
        hello = {"clientInfo": client, "capabilities": capabilities}
        self._peer.ask("initialize", hello, self._greeted)

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin a turn in this thread, or in the current one, or in a new one.

        The thread becomes the current one. Raises RuntimeError when a turn is under way.
        """
        self._sessions.prompt(_Turn(text, session_id))

    def cancel(self) -> None:
        """Ask for the end of the turn under way; without one, do nothing."""
        turn = self._sessions.turn
        if turn is not None and not turn.cancelled:
            turn.cancelled = True
            self._withdraw()
            self._interrupt(turn)

    def answer(self, request_id: str, option_id: str | None) -> None:
        """Answer a permission request; None says that the turn was cancelled."""
        if (taken := self._approvals.take(request_id, option_id)) is not None:
            self._peer.answer(*taken)

    def forget_session(self) -> None:
        """Let the next prompt have a new thread, in this process."""
        self._sessions.forget()

    def receive(self, data: bytes) -> list[Said]:
        """Take bytes from Codex's stdout, cut anywhere."""
        return [said for heard in self._peer.receive(data) for said in self._act_on(heard)]

    def settle(self) -> list[Said]:
        """Silence says nothing here."""
        return []

    def eof(self) -> list[Said]:
        """Codex will say no more; what is under way ends with an error."""
        said = [said for heard in self._peer.end() for said in self._act_on(heard)]
        return said + self._sessions.abandon(self._peer, "Codex's app-server protocol")

    def outgoing(self) -> bytes:
        """Give the bytes for Codex's stdin, once."""
        return self._peer.outgoing()

    # What Codex says.

    def _act_on(self, heard: Heard) -> list[Said]:
        if isinstance(heard, Garbled):
            return [heard]
        if isinstance(heard, Answered):
            return heard.then(heard.result)
        if isinstance(heard, Notification):
            return self._told(heard.method, heard.params)
        return self._asked(heard.id, heard.method, heard.params)

    def _told(self, method: str, params: Raw) -> list[Said]:
        match method:
            case "turn/started" | "turn/completed":
                told = decoded(params, wire.TURN_TOLD)
                if told is None:
                    return _malformed(method, params)
                return self._turn_told(told, over=method == "turn/completed")
            case "error":
                return self._error_told(params)
            case "serverRequest/resolved":
                if (resolved := decoded(params, wire.REQUEST_RESOLVED)) is not None:
                    self._approvals.forget(resolved.request_id)
                return []
            case _:
                return [self._counted(said) for said in self._listener.hear(method, params)]

    def _turn_told(self, told: wire.TurnTold, *, over: bool) -> list[Said]:
        turn = self._sessions.turn
        ours = turn is not None and turn.sent and turn.session_id == told.thread_id
        if not over:
            self._listener.begun(told)
            if turn is not None and ours:
                self._interrupt(turn)
            return []
        self._listener.over(told)
        if turn is None or not ours:
            return []
        if turn.id is None:
            turn.over = told.turn
            return []
        return self._finish(told.turn) if turn.id == told.turn.id else []

    def _error_told(self, params: Raw) -> list[Said]:
        """What ends a turn comes again with turn/completed."""
        told = decoded(params, wire.ERROR_TOLD)
        if told is None:
            return _malformed("error", params)
        if not told.will_retry or not self._listener.works_for_speaker(told.thread_id):
            return []
        return [Retrying(faults.retrying(told.error))]

    def _counted(self, said: Said) -> Said:
        turn = self._sessions.turn
        if isinstance(said, RequestCounted) and turn is not None:
            turn.used = usage.at_least(turn.used, said.request)
        return said

    def _asked(self, id: Id, method: str, params: Raw) -> list[Said]:
        asked = approvals.read(method, params)
        if asked is None:
            return self._refuse(id, method)
        if id in self._approvals:
            return [Garbled("a request whose id is in use", len(bytes(params)))]
        turn = self._sessions.turn
        known = turn is not None and self._listener.works_for_speaker(asked.thread_id)
        if turn is None or not known or turn.cancelled or self._approvals.full:
            self._peer.answer(id, asked.declined)
            return []
        if asked.kind == "edit":
            # The request does not name the files; their item did.
            title, diffs = self._listener.edits.get(asked.call_id, (asked.title, ""))
            details = shown.visible("\n".join(filter(None, (diffs, asked.details))))
            asked = replace(asked, title=title, details=details)
        return [self._approvals.add(id, asked)]

    def _refuse(self, id: Id, method: str) -> list[Said]:
        better = approvals.refusal(method)
        if better is not None:
            self._peer.answer(id, better)
        else:
            self._peer.refuse(id, METHOD_NOT_FOUND, "tars does not offer this method")
        return [Unrecognised(method[:100])]

    # How a thread comes to be open.

    def _greeted(self, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            return self._sessions.fail(faults.classify(result))
        answer = decoded(result, wire.INITIALIZED)
        if answer is None:
            return self._sessions.fail(broken("Codex's answer to initialize is malformed."))
        if modes.parse(self._opening.mode) is None:
            return self._sessions.fail(faults.bad_mode(self._opening.mode))
        self._agent_version = answer.version
        self._peer.tell("initialized", {})
        self._sessions.greeted(self._opening.session_id or "")
        return []

    def _start(self, wanted: str) -> ThreadStart:
        """Open a thread: this one, or with an empty id a new one."""
        return ThreadStart(
            self._peer,
            self._opening,
            wanted,
            account_known=not self._sessions.handshaking,
            opened=self._opened,
            failed=self._not_opened,
        )

    def _opened(self, opened: Opened) -> list[Said]:
        self._listener.open(opened.session_id, opened.model)
        if not self._sessions.opened(opened.session_id, resumed=opened.resumed):
            return []
        return [replace(opened, agent_version=self._agent_version), *self._sessions.pursue()]

    def _not_opened(self, start: ThreadStart, fault: Fault) -> list[Said]:
        return self._sessions.not_opened(start.wanted, fault)

    # How a turn runs.

    def _send(self, turn: _Turn, thread_id: str) -> None:
        self._listener.listen_to(thread_id)
        self._peer.ask(
            "turn/start",
            {"threadId": thread_id, "input": [{"type": "text", "text": turn.text}]},
            lambda result: self._answered(turn, thread_id, result),
        )

    def _answered(self, turn: _Turn, thread_id: str, result: Raw | RpcError) -> list[Said]:
        if isinstance(result, RpcError):
            fault = faults.classify(result)
            if fault.kind is FaultKind.SESSION_UNKNOWN:
                self._sessions.close(thread_id)
            return self._end_turn(Stop.ERROR, fault)
        begun = decoded(result, wire.TURN_BEGUN)
        if begun is None:
            fault = broken("Codex's answer to turn/start is malformed.")
            return self._end_turn(Stop.ERROR, fault)
        turn.id = begun.turn.id
        if turn.over is not None and turn.over.id == turn.id:
            return self._finish(turn.over)
        self._interrupt(turn)
        return []

    def _interrupt(self, turn: _Turn) -> None:
        """Send the cancel that was asked for, once Codex will take it."""
        thread = self._listener.threads.get(turn.session_id or "")
        begun = turn.id is not None and thread is not None and thread.running == turn.id
        if turn.cancelled and begun and not turn.interrupted:
            turn.interrupted = True
            params = {"threadId": turn.session_id, "turnId": turn.id}
            # Refused, the turn is at its end already.
            self._peer.ask("turn/interrupt", params, lambda _: [])

    def _finish(self, over: wire.Turn) -> list[Said]:
        stop = _STOPS.get(over.status)
        if stop is None:
            fault = broken("Codex ended the turn with a status that tars does not know.")
            return self._end_turn(Stop.ERROR, fault)
        if stop is Stop.CANCELLED:
            self._end_commands()
        if stop is not Stop.ERROR:
            return self._end_turn(stop, cut=stop is Stop.CANCELLED)
        until = limits.free_at(self._listener.limits.values())
        fault = faults.of_turn(over.error, until)
        return self._end_turn(stop, fault, cut=faults.cut_off(over.error))

    def _end_commands(self) -> None:
        for process in self._listener.commands.values():
            params = {"threadId": self._listener.speaker, "processId": process}
            self._peer.ask("thread/backgroundTerminals/terminate", params, lambda _: [])

    def _end_turn(self, stop: Stop, fault: Fault | None = None, *, cut: bool = False) -> list[Said]:
        """End it. `cut`: in the middle of a response, which is billed, but told by nobody."""
        turn, self._sessions.turn = self._sessions.turn, None
        self._withdraw()
        self._listener.listen_to(None)
        used = turn.used if turn is not None and turn.sent and cut else None
        return [TurnEnded(stop, used, fault)]

    def _cut_turn(self, stop: Stop, fault: Fault | None) -> list[Said]:
        return self._end_turn(stop, fault, cut=True)

    def _withdraw(self) -> None:
        for name in self._approvals.names():
            self.answer(name, None)


def _malformed(method: str, params: Raw) -> list[Said]:
    return [Garbled(f"a malformed {method}", len(bytes(params)))]
