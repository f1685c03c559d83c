"""tars' side of the protocol towards an editor, without I/O: lines in, asks and lines out.

Rules:

- A session of the editor's is the agent's conversation. `session/new` joins the current one,
  so that a conversation outlives its editors; where the agent has none yet, it gets a
  stand-in for its id, which means the current one until a turn tells.
- A prompt is answered when its turn in tars has ended. Whoever hangs up cancels nothing.
- A permission that waits in an open session is put to the editor, whoever's prompt it is of.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tars.control import contract as c
from tars.editor import wire, words
from tars.editor.asks import AnswerPermission, Ask, CancelTurn, Narrate, OpenSession, SendPrompt
from tars.editor.questions import Questions
from tars.editor.wire import Id, Json
from tars.errors import TarsError

PROTOCOL_VERSION = 1
#: Stand-ins begin with it; no agent's ids do.
STAND_IN = "tars-session-"
#: How many prompts of one editor may be under way; tars runs them one after the other.
MAX_PROMPTS = 64

_FIXED = "tars leaves that to the agent's configuration: set `{}` in config.toml."


@dataclass(slots=True)
class _Prompt:
    """A prompt under way. `calls` are the ids of its tool calls so far."""

    request: Id
    session: str
    turn: str = ""
    cancelled: bool = False
    lagged: bool = False
    fell_back: bool = False
    calls: set[str] = field(default_factory=set)


class Server:
    """Serves one editor. Call `outgoing` after every other call, and write what it gives."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._out = bytearray()
        self._greeted = False
        self._stand_ins = 0
        self._asked = 0
        self._prompted = 0
        #: The editor's sessions, with the agent's id of each, as far as it is known.
        self._sessions: dict[str, str | None] = {}
        self._prompts: dict[int, _Prompt] = {}
        self._questions = Questions(self._ask, self._tell)
        self._methods: dict[str, Callable[[Id, Json], list[Ask]]] = {
            "initialize": self._initialize,
            "authenticate": self._authenticate,
            "session/new": self._new,
            "session/load": self._load,
            "session/resume": self._load,
            "session/close": self._close,
            "session/prompt": self._prompt,
            "session/set_mode": self._set("mode"),
            "session/set_model": self._set("model"),
            "session/set_config_option": self._set("mode` and `model"),
        }

    @property
    def open(self) -> bool:
        """Whether the editor has a session."""
        return bool(self._sessions)

    def outgoing(self) -> bytes:
        """Give the bytes for the editor, once."""
        out, self._out = bytes(self._out), bytearray()
        return out

    # What the editor says.

    def receive(self, line: bytes | None) -> list[Ask]:
        """Take one line; None stands for one that was too long to be read."""
        if line is None:
            self._refuse(None, wire.INVALID_REQUEST, "This line is too long.")
            return []
        match wire.read(line):
            case wire.Malformed(code, message, id):
                self._refuse(id, code, message)
                return []
            case wire.Request() as request:
                return self._call(request)
            case wire.Notification(method, params):
                return self._told(method, params)
            case wire.Response(id, result):  # pragma: no branch
                chosen = self._questions.answered(id, result)
                return [] if chosen is None else [AnswerPermission(*chosen)]

    def _call(self, request: wire.Request) -> list[Ask]:
        method = self._methods.get(request.method)
        if method is None:
            message = f"tars does not offer {request.method[:80]}."
            self._refuse(request.id, wire.METHOD_NOT_FOUND, message)
            return []
        if not self._greeted and request.method != "initialize":
            self._refuse(request.id, wire.INVALID_REQUEST, "initialize comes first.")
            return []
        return method(request.id, request.params)

    def _told(self, method: str, params: Json) -> list[Ask]:
        if method == "session/cancel":
            session = params.get("sessionId")
            return self._cancel([p for p in self._prompts.values() if p.session == session])
        if method == "$/cancel_request":
            request = params.get("requestId")
            return self._cancel([p for p in self._prompts.values() if p.request == request])
        return []

    def _initialize(self, id: Id, _params: Json) -> list[Ask]:
        self._greeted = True
        self._answer(
            id,
            {
                # The newest that tars speaks; an editor that does not speak it hangs up.
                "protocolVersion": PROTOCOL_VERSION,
                "agentInfo": {"name": "tars", "title": "tars", "version": self._version},
                "agentCapabilities": {
                    "loadSession": True,
                    "promptCapabilities": {
                        "image": False,
                        "audio": False,
                        "embeddedContext": True,
                    },
                    "mcpCapabilities": {"http": False, "sse": False},
                    "sessionCapabilities": {"resume": {}, "close": {}},
                },
                "authMethods": [],
            },
        )
        return []

    def _authenticate(self, id: Id, _params: Json) -> list[Ask]:
        message = "The agent signs in by itself, where it runs; `tars status` shows what it needs."
        self._refuse(id, wire.INVALID_PARAMS, message)
        return []

    def _set(self, key: str) -> Callable[[Id, Json], list[Ask]]:
        def refuse(id: Id, _params: Json) -> list[Ask]:
            self._refuse(id, wire.METHOD_NOT_FOUND, _FIXED.format(key))
            return []

        return refuse

    def _new(self, id: Id, params: Json) -> list[Ask]:
        return [*_left_alone(params), OpenSession(id)]

    def _load(self, id: Id, params: Json) -> list[Ask]:
        session = params.get("sessionId")
        if not isinstance(session, str) or not session:
            self._refuse(id, wire.INVALID_PARAMS, "Which session?")
            return []
        return [*_left_alone(params), OpenSession(id, session)]

    def _close(self, id: Id, params: Json) -> list[Ask]:
        session = params.get("sessionId")
        self._sessions.pop(str(session), None)
        self._answer(id, {})
        return self._cancel([p for p in self._prompts.values() if p.session == session])

    def _prompt(self, id: Id, params: Json) -> list[Ask]:
        session = params.get("sessionId")
        if not isinstance(session, str) or session not in self._sessions:
            self._refuse(id, wire.NOT_FOUND, "No such session is open here.")
            return []
        if len(self._prompts) >= MAX_PROMPTS:
            self._refuse(id, wire.INTERNAL_ERROR, "Too many prompts are under way.")
            return []
        try:
            text = words.prompt_text(params.get("prompt"))
        except words.Unusable as error:
            self._refuse(id, wire.INVALID_PARAMS, str(error))
            return []
        self._prompted += 1
        self._prompts[self._prompted] = _Prompt(id, session)
        return [SendPrompt(self._prompted, text, self._sessions[session])]

    def _cancel(self, prompts: list[_Prompt]) -> list[Ask]:
        """Cancel what has a turn; what has none yet is cancelled as soon as it has."""
        turns = [p.turn for p in prompts if p.turn and not p.cancelled]
        for prompt in prompts:
            prompt.cancelled = True
        return [CancelTurn(turn) for turn in turns]

    # What tars says.

    def opened(self, request: OpenSession, agent: str, current: str | None) -> None:
        """The agent can take prompts; its conversation is this one, or None so far."""
        wanted = request.session
        joins = wanted is None or wanted.startswith(STAND_IN)
        its = current if joins else wanted
        mine = wanted or its or self._stand_in()
        self._sessions[mine] = its
        result: Json = {"_meta": {"tars": {"agent": agent, "session": its}}}
        self._answer(request.request, result if wanted else {"sessionId": mine, **result})

    def refused(self, request: Id, error: TarsError) -> None:
        """A session cannot be had now."""
        self._out += words.tars_error(request, error)

    def failed(self, key: int, error: TarsError) -> None:
        """A prompt was refused, or its stream broke."""
        prompt = self._prompts.pop(key, None)
        if prompt is not None:
            self._out += words.tars_error(prompt.request, error)

    def happened(self, key: int, event: c.Wire, *, thought: bool = False) -> list[Ask]:
        """Take one event of a prompt's stream; a `Text` may be of the reasoning."""
        prompt = self._prompts.get(key)
        if prompt is None:
            return []
        match event:
            case c.Accepted(turn=turn):
                prompt.turn = turn
                return [CancelTurn(turn)] if prompt.cancelled else []
            case c.Started(session=str(session)):
                self._learn(prompt, session)
            case c.Text(text=text):
                kind = "agent_thought_chunk" if thought else "agent_message_chunk"
                self._update(prompt.session, words.chunk(kind, text))
            case c.Tool():
                known = event.id in prompt.calls
                prompt.calls.add(event.id)
                self._update(prompt.session, words.tool(event, known=known))
            case c.Waiting(reason=str(reason)) if reason:
                self._update(prompt.session, words.aside(f"waiting: {reason}"))
            case c.Notice():
                said = words.aside(f"{event.message} {event.advice}".rstrip())
                self._update(prompt.session, said)
            case c.FellBack():
                return self._fell_back(prompt, event)
            case c.Lagged():
                prompt.lagged = True
            case c.TurnResult():
                del self._prompts[key]
                self._end(prompt, event)
            case _:
                pass
        return []

    def waits(self, waiting: list[c.PermissionStatus], session: str | None) -> None:
        """These permissions wait now, in this conversation of the agent's."""
        here = self._where(session)
        if here is None:
            # Nobody here knows that conversation.
            here, waiting = "", []
        self._questions.look(waiting, here)

    def _end(self, prompt: _Prompt, result: c.TurnResult) -> None:
        if result.session:
            self._learn(prompt, result.session)
        if prompt.lagged:
            # This editor read so slowly that pieces are missing; the end has them all.
            lost = f"\n\n(Pieces were lost. The whole answer:)\n\n{result.text}"
            self._update(prompt.session, words.chunk("agent_message_chunk", lost))
        answer = words.ended(result, cancelled=prompt.cancelled)
        if answer is None:
            self._out += words.turn_error(prompt.request, result)
        else:
            self._answer(prompt.request, answer)

    def _fell_back(self, prompt: _Prompt, event: c.FellBack) -> list[Ask]:
        """Another agent has the prompt now, in a conversation of its own."""
        prompt.fell_back = True
        prompt.turn = event.turn
        told = f"{event.from_agent} failed ({event.reason}); {event.to_agent} has the prompt now"
        self._update(prompt.session, words.aside(told))
        return [CancelTurn(event.turn)] if prompt.cancelled else []

    def _learn(self, prompt: _Prompt, its: str) -> None:
        if prompt.session in self._sessions and not prompt.fell_back:
            self._sessions[prompt.session] = its

    def _where(self, session: str | None) -> str | None:
        """The editor's session that is this conversation, or that may become it."""
        for its in (session, None):
            for mine, known in self._sessions.items():
                if known == its:
                    return mine
        return None

    def _stand_in(self) -> str:
        self._stand_ins += 1
        return f"{STAND_IN}{self._stand_ins}"

    # What goes out.

    def _update(self, session: str, update: Json) -> None:
        self._tell("session/update", {"sessionId": session, "update": update})

    def _ask(self, method: str, params: Json) -> int:
        self._asked += 1
        self._out += wire.request(self._asked, method, params)
        return self._asked

    def _tell(self, method: str, params: Json) -> None:
        self._out += wire.notification(method, params)

    def _answer(self, id: Id, result: Json) -> None:
        self._out += wire.answer(id, result)

    def _refuse(self, id: Id, code: int, message: str) -> None:
        self._out += wire.refusal(id, code, message)


def _left_alone(params: dict[str, Any]) -> list[Ask]:
    """Say what an editor wants and tars does not pass on."""
    if params.get("mcpServers"):
        sentence = "The editor's MCP servers are not passed on: configure them with the agent."
        return [Narrate(sentence)]
    return []
