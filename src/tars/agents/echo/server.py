"""The agent's side of the Agent Client Protocol: one thread, one loop, many turns.

It behaves as Gemini CLI 0.61.0 does where that matters to a client: its request ids
begin at 0; a replay goes on after the result of session/load and ends with
`available_commands_update`; a cancel is not heard while a permission is asked for; a
second prompt on a busy session cancels the first; usage comes in `_meta.quota`, and only
with a turn that was not cancelled; noise on stdin is left alone.
"""

# ruff: noqa: ARG002 - all methods have one signature

import json
import sys
import time
from collections.abc import Callable

from tars import __version__
from tars.agents.echo.memory import MODEL, Memory, Session
from tars.agents.echo.script import (
    FOREVER,
    INVALID_PARAMS,
    Ask,
    Drain,
    Failure,
    Json,
    Steps,
    Turn,
    Wait,
    play,
)
from tars.agents.echo.wire import Wire

AUTH_REQUIRED = -32000
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603

MODES = ("default", "autoEdit", "yolo")
_HANDSHAKE_SECONDS = 3600.0


class _Running:
    """Steps under way: `due` is when they go on; `asked` is the request they wait for."""

    def __init__(self, steps: Steps, request_id: object, turn: Turn | None = None) -> None:
        self.steps = steps
        self.request_id = request_id
        self.turn = turn
        self.due = 0.0
        self.draining = False
        self.asked: int | None = None
        self.options: list[Json] = []
        self.cancelled = False


class Server:
    """Serves one client until it hangs up. `fail` is what TARS_ECHO_FAIL says."""

    def __init__(self, wire: Wire, memory: Memory, fail: str = "") -> None:
        self._wire = wire
        self._memory = memory
        self._fail = fail
        self._running: list[_Running] = []
        self._asked = 0
        self._methods: dict[str, Callable[[object, Json], None]] = {
            "initialize": self._initialize,
            "session/new": self._new,
            "session/load": self._load,
            "session/prompt": self._prompt,
            "session/cancel": self._cancel,
            "session/set_mode": self._set_mode,
            "session/set_model": self._set_model,
        }

    def run(self) -> None:
        """Serve. Returns when stdin has ended, however busy; only a deaf turn goes on."""
        while not self._wire.ended or self._is_deaf():
            for line in self._wire.wait(self._patience()):
                self._hear(line)
            now = time.monotonic()
            for running in [r for r in self._running if self._goes_on(r, now)]:
                self._advance(running)
        self._wire.flush()

    def _is_deaf(self) -> bool:
        return any(r.turn is not None and r.turn.deaf for r in self._running)

    def _patience(self) -> float | None:
        """Seconds until something goes on by itself; None where nothing does."""
        if any(r.draining for r in self._running) and self._wire.drained:
            return 0.0
        dues = [r.due for r in self._running if r.asked is None and not r.draining]
        soonest = min(dues, default=FOREVER)
        return None if soonest == FOREVER else max(0.0, soonest - time.monotonic())

    def _goes_on(self, running: _Running, now: float) -> bool:
        if running.asked is not None:
            return False
        return self._wire.drained if running.draining else running.due <= now

    # What the client says.

    def _hear(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._note("Left alone a line that is not JSON.")
            return
        if not isinstance(message, dict):
            self._note("Left alone a line that is not an object.")
        elif "method" in message:
            self._call(message.get("id"), message["method"], message.get("params") or {})
        else:
            self._answered(message.get("id"), message.get("result"))

    def _call(self, request_id: object, method: object, params: object) -> None:
        if not isinstance(method, str) or method not in self._methods:
            self._refuse(request_id, METHOD_NOT_FOUND, "Method not found.")
        elif not isinstance(params, dict):
            self._refuse(request_id, INVALID_PARAMS, "Parameters have to be an object.")
        else:
            self._methods[method](request_id, params)

    def _initialize(self, request_id: object, params: Json) -> None:
        if self._fail == "handshake":
            self._refuse(request_id, INTERNAL_ERROR, "Told to refuse the handshake.")
        elif self._fail == "slow-handshake":
            self._running.append(_Running(self._greet_late(request_id), request_id))
        else:
            self._greet(request_id)

    def _greet_late(self, request_id: object) -> Steps:
        yield _HANDSHAKE_SECONDS
        self._greet(request_id)

    def _greet(self, request_id: object) -> None:
        self._respond(
            request_id,
            {
                "protocolVersion": 1,
                "authMethods": [],
                "agentInfo": {"name": "tars-echo", "title": "Echo", "version": __version__},
                "agentCapabilities": {
                    "loadSession": True,
                    "promptCapabilities": {"image": False, "audio": False},
                },
            },
        )

    def _new(self, request_id: object, params: Json) -> None:
        if not self._can_open(request_id):
            return
        session = self._memory.create()
        self._respond(request_id, {"sessionId": session.id, **_choices(session)})
        self._list_commands(session)

    def _load(self, request_id: object, params: Json) -> None:
        if not self._can_open(request_id):
            return
        session = self._memory.load(str(params.get("sessionId")))
        if session is None:
            self._refuse(request_id, INVALID_PARAMS, "Session not found.")
            return
        session.mode, session.model = MODES[0], MODEL
        first, *rest = [*session.history, ("", "")]
        self._replay(session, first)
        self._respond(request_id, _choices(session))
        for message in rest:
            self._replay(session, message)
        self._list_commands(session)

    def _can_open(self, request_id: object) -> bool:
        if self._fail == "no-key":
            self._refuse(request_id, AUTH_REQUIRED, "API key is missing or not configured.")
        elif self._fail == "session":
            self._refuse(request_id, INTERNAL_ERROR, "Told to open no session.")
        return self._fail not in ("no-key", "session")

    def _replay(self, session: Session, message: tuple[str, str]) -> None:
        role, text = message
        if role:
            kind = "user_message_chunk" if role == "user" else "agent_message_chunk"
            content = {"type": "text", "text": text}
            self._update(session, {"sessionUpdate": kind, "content": content})

    def _list_commands(self, session: Session) -> None:
        self._update(
            session, {"sessionUpdate": "available_commands_update", "availableCommands": []}
        )

    def _set_mode(self, request_id: object, params: Json) -> None:
        session = self._session(request_id, params)
        if session is not None and params.get("modeId") not in MODES:
            self._refuse(request_id, INVALID_PARAMS, "Invalid mode.")
        elif session is not None:
            session.mode = str(params["modeId"])
            self._respond(request_id, {})

    def _set_model(self, request_id: object, params: Json) -> None:
        session = self._session(request_id, params)
        if session is not None:
            session.model = str(params.get("modelId"))
            self._respond(request_id, {})

    def _prompt(self, request_id: object, params: Json) -> None:
        session = self._session(request_id, params)
        if session is None:
            return
        self._cancel(None, params)
        text = _text(params.get("prompt"))
        session.remember("user", text)
        turn = Turn(session, update=lambda u: self._update(session, u), raw=self._wire.send)
        running = _Running(play(turn, text), request_id, turn)
        self._running.append(running)
        self._advance(running)

    def _cancel(self, request_id: object, params: Json) -> None:
        for running in list(self._running):
            turn = running.turn
            if turn is None or turn.deaf or turn.session.id != params.get("sessionId"):
                continue
            running.cancelled = True
            if running.asked is None:
                self._end(running, {"stopReason": "cancelled"})

    def _answered(self, request_id: object, result: object) -> None:
        """Take the answer to a request for permission."""
        for running in [r for r in self._running if r.asked == request_id]:
            running.asked = None
            if running.cancelled:
                self._end(running, {"stopReason": "cancelled"})
            else:
                self._advance(running, _chosen(result, running.options))

    def _session(self, request_id: object, params: Json) -> Session | None:
        session = self._memory.find(str(params.get("sessionId")))
        if session is None:
            self._refuse(request_id, INVALID_PARAMS, "Session not found.")
        return session

    # How a turn goes on.

    def _advance(self, running: _Running, answer: str | None = None) -> None:
        running.draining = False
        try:
            wait = running.steps.send(answer)
        except StopIteration:
            self._end(running, _done(running.turn))
        except Failure as failure:
            self._end(running, None)
            self._refuse(running.request_id, failure.code, failure.message)
        else:
            self._wait_for(running, wait)

    def _wait_for(self, running: _Running, wait: Wait) -> None:
        if isinstance(wait, Ask):
            self._ask(running, wait)
        elif isinstance(wait, Drain):
            running.draining = True
        else:
            running.due = time.monotonic() + wait

    def _ask(self, running: _Running, ask: Ask) -> None:
        running.asked, running.options = self._asked, ask.options
        self._asked += 1
        turn = running.turn
        params = {
            "sessionId": turn.session.id if turn is not None else "",
            "options": ask.options,
            "toolCall": ask.tool_call,
        }
        self._send({"id": running.asked, "method": "session/request_permission", "params": params})

    def _end(self, running: _Running, result: Json | None) -> None:
        """Finish a turn, and answer its prompt unless `result` is None."""
        self._running.remove(running)
        running.steps.close()
        turn = running.turn
        if turn is None:
            return
        if turn.said:
            turn.session.remember("agent", "".join(turn.said))
        if result is not None:
            self._respond(running.request_id, result)

    # What goes out.

    def _update(self, session: Session, update: Json) -> None:
        params = {"sessionId": session.id, "update": update}
        self._send({"method": "session/update", "params": params})

    def _respond(self, request_id: object, result: Json) -> None:
        if request_id is not None:
            self._send({"id": request_id, "result": result})

    def _refuse(self, request_id: object, code: int, message: str) -> None:
        if request_id is not None:
            self._send({"id": request_id, "error": {"code": code, "message": message}})

    def _send(self, message: Json) -> None:
        self._wire.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def _note(self, note: str) -> None:
        print(note, file=sys.stderr, flush=True)


def _choices(session: Session) -> Json:
    modes = [{"id": mode, "name": mode} for mode in MODES]
    models = [{"modelId": MODEL, "name": "Echo"}]
    return {
        "modes": {"availableModes": modes, "currentModeId": session.mode},
        "models": {"availableModels": models, "currentModelId": session.model},
    }


def _done(turn: Turn | None) -> Json:
    """The result of session/prompt, with the sums of the turn's model requests."""
    if turn is None:
        return {}
    tokens = {"input_tokens": turn.input, "output_tokens": turn.output}
    by_model = [{"model": turn.session.model, "token_count": tokens}]
    return {
        "stopReason": "end_turn",
        "_meta": {"quota": {"token_count": tokens, "model_usage": by_model}},
    }


def _text(prompt: object) -> str:
    blocks = prompt if isinstance(prompt, list) else []
    return "".join(str(b.get("text", "")) for b in blocks if isinstance(b, dict))


def _chosen(result: object, options: list[Json]) -> str:
    """The kind of the chosen option; `cancelled` where none was."""
    outcome = result.get("outcome") if isinstance(result, dict) else None
    option = outcome.get("optionId") if isinstance(outcome, dict) else None
    kinds = {o["optionId"]: str(o["kind"]) for o in options}
    return kinds.get(str(option), "cancelled")
