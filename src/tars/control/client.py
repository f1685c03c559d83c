"""The daemon's control channel as plain calls, for everything that is not the daemon.

Synchronous, one connection per call, typed by the contract. What the daemon refuses
comes back as the exception of `tars.errors` that it raised there.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tars.control.attach_contract import KeysRequest, View, ViewRequest
from tars.control.contract import (
    MAX_BODY,
    Accepted,
    AgentChanged,
    AgentList,
    AgentsChanged,
    BudgetList,
    Cancelled,
    CancelRequest,
    ChangeRequest,
    Error,
    ErrorBody,
    FeedEvent,
    Lagged,
    LogLine,
    PromptRequest,
    Reloaded,
    ResetDone,
    ResetRequest,
    SettingsChanged,
    SettingsRequest,
    ShuttingDown,
    Status,
    Wire,
)
from tars.control.error_answers import ANSWERS
from tars.control.exchange import Exchange
from tars.control.permission_contract import (
    ForgetRequest,
    Forgotten,
    PermitRequest,
    Permitted,
    RuleList,
)
from tars.control.routes import ATTACH_STREAM, PROMPT_STREAM
from tars.control.session_contract import (
    MessageList,
    RenameRequest,
    SearchHits,
    Session,
    SessionList,
    Stats,
)
from tars.errors import (
    AgentUnavailable,
    ConfigInvalid,
    Fault,
    FaultKind,
    RequestInvalid,
    TarsError,
)
from tars.protocols.sse import EventReader, EventTooLarge

#: For what the daemon answers at once.
QUICK_SECONDS = 5.0
#: For a prompt that is saved, which may wait for the disk; and for a stream to begin.
ACCEPT_SECONDS = 10.0
#: An answer that is not a stream is small; a stranger on the socket cannot fill memory.
LARGEST_ANSWER = 64 * 1024 * 1024

#: The server's table read backwards: a code that classes share is their parent's.
CLASSES: dict[str, type[TarsError]] = {
    **{code: kind for kind, (_, code) in reversed(ANSWERS.items())},
    "body_too_large": RequestInvalid,
}

Answer = TypeVar("Answer", bound=Wire)


def _just_wait() -> None:
    """Show nothing while waiting."""


class Client:
    """One daemon, by its socket. `on_wait` is called some ten times a second while an
    answer is awaited: to show progress, say. What it raises ends the call.

    `accept_seconds` bounds the wait until a prompt is accepted.

    Every method raises NotRunning when no daemon answers, the daemon's own refusals as
    `tars.errors`, and TarsError when the daemon hangs or dies before it has answered.
    """

    def __init__(
        self,
        socket_path: Path,
        *,
        on_wait: Callable[[], None] = _just_wait,
        accept_seconds: float = ACCEPT_SECONDS,
    ) -> None:
        self._path = socket_path
        self._on_wait = on_wait
        self._accept_seconds = accept_seconds

    def status(self, *, seconds: float = QUICK_SECONDS) -> Status:
        """Ask how everything is, and wait for so long."""
        return self._call("GET", "/v1/status", Status, seconds=seconds)

    def agents(self) -> AgentList:
        """Ask which agents are configured."""
        return self._call("GET", "/v1/agents", AgentList)

    def prompt(self, request: PromptRequest) -> Iterator[tuple[str, Wire]]:
        """Send a prompt and give its events until the final `turn`.

        Nothing is sent before the first event is asked for. Closing the iterator leaves
        the turn running.
        """
        return self._prompt(request)

    def submit(self, request: PromptRequest) -> Accepted:
        """Send a prompt, and return as soon as it is saved."""
        request = msgspec.structs.replace(request, wait=False)
        return self._call("POST", "/v1/prompt", Accepted, request, seconds=self._accept_seconds)

    def cancel(self, *, agent: str | None = None, turn: str | None = None) -> Cancelled:
        """Cancel the turn under way, or withdraw a prompt that waits."""
        request = CancelRequest(agent=agent, turn=turn)
        return self._call("POST", "/v1/cancel", Cancelled, request, seconds=self._accept_seconds)

    def reset(self, agent: str | None = None) -> ResetDone:
        """Clear the session of an agent; None is the default agent."""
        return self._call("POST", "/v1/reset", ResetDone, ResetRequest(agent=agent), seconds=None)

    def permit(
        self,
        request_id: str,
        *,
        option: str | None = None,
        deny: bool = False,
        remember: bool = False,
        face: str = "",
    ) -> Permitted:
        """Answer a permission request; without an option, allow once. `remember` answers the
        agent's next requests for this kind of tool, too."""
        path = f"/v1/permit/{quote(request_id, safe='')}"
        request = PermitRequest(option=option, deny=deny, remember=remember, face=face)
        return self._call("POST", path, Permitted, request, seconds=self._accept_seconds)

    def budgets(self) -> BudgetList:
        """Ask how every budget stands."""
        return self._call("GET", "/v1/budgets", BudgetList, seconds=self._accept_seconds)

    def permissions(self, agent: str | None = None) -> RuleList:
        """Ask by which rules requests are answered."""
        return self._call("GET", _with_query("/v1/permissions", agent=agent), RuleList)

    def forget(self, *, agent: str | None = None, tool_kind: str | None = None) -> Forgotten:
        """Forget remembered choices: of one agent or all, for one kind of tool or all."""
        request = ForgetRequest(agent=agent, tool_kind=tool_kind)
        path = "/v1/permissions/forget"
        return self._call("POST", path, Forgotten, request, seconds=self._accept_seconds)

    def change_agent(self, name: str, action: Literal["start", "stop", "restart"]) -> AgentChanged:
        """Start, stop or restart an agent, and wait until that is done."""
        path = f"/v1/agents/{quote(name, safe='')}/{action}"
        return self._call("POST", path, AgentChanged, seconds=None)

    def change_agents(
        self, action: Literal["start", "stop", "restart"], names: list[str]
    ) -> AgentsChanged:
        """Start, stop or restart agents and groups, in the order in which they start."""
        request = ChangeRequest(action=action, names=names)
        return self._call("POST", "/v1/change", AgentsChanged, request, seconds=None)

    def settings(self, name: str) -> SettingsChanged:
        """Ask which model and mode were chosen for an agent, and what it offers."""
        return self._call("GET", f"/v1/agents/{quote(name, safe='')}/settings", SettingsChanged)

    def change_settings(
        self, name: str, *, model: str | None = None, mode: str | None = None
    ) -> SettingsChanged:
        """Choose another model or mode for an agent; empty is the configured one again."""
        path = f"/v1/agents/{quote(name, safe='')}/settings"
        request = SettingsRequest(model=model, mode=mode)
        return self._call("POST", path, SettingsChanged, request, seconds=None)

    def reload(self) -> Reloaded:
        """Have config.toml read again."""
        return self._call("POST", "/v1/reload", Reloaded, seconds=None)

    def shutdown(self) -> ShuttingDown:
        """Have the daemon stop; it is still running when this returns."""
        return self._call("POST", "/v1/shutdown", ShuttingDown)

    def sessions(self, **query: str | int | None) -> SessionList:
        """List the remembered sessions that a query means; see `session_queries.FILTERS`."""
        return self._call("GET", _with_query("/v1/sessions", **query), SessionList)

    def session(
        self, reference: str, *, agent: str | None = None, project: str | None = None
    ) -> Session:
        """Find a session by its id, the beginning of it, its name, or `last`."""
        path = _with_query(_session_path(reference), agent=agent, project=project or None)
        return self._call("GET", path, Session)

    def messages(self, reference: str, *, after: int = 0, limit: int | None = None) -> MessageList:
        """Read a part of what was said in a session."""
        path = _with_query(f"{_session_path(reference)}/messages", after=after, limit=limit)
        return self._call("GET", path, MessageList, seconds=self._accept_seconds)

    def search(self, text: str, **query: str | int | None) -> SearchHits:
        """Find where words were said."""
        path = _with_query("/v1/search", text=text, **query)
        return self._call("GET", path, SearchHits, seconds=self._accept_seconds)

    def stats(self, **query: str | int | None) -> Stats:
        """Add up the remembered sessions that a query means."""
        path = _with_query("/v1/stats", **query)
        return self._call("GET", path, Stats, seconds=self._accept_seconds)

    def rename_session(self, reference: str, name: str | None) -> Session:
        """Name a session, or take its name away."""
        request = RenameRequest(name=name)
        return self._call("POST", f"{_session_path(reference)}/rename", Session, request)

    def events(
        self, agent: str | None = None, *, begun: Callable[[], None] | None = None
    ) -> Iterator[FeedEvent | Lagged]:
        """Give everything that happens, until the daemon stops. `begun` is called once, when
        nothing is missed from there on: who looks how things stand then knows everything."""
        path = _with_query("/v1/events", agent=agent)
        types: dict[str, type[Wire]] = {"event": FeedEvent, "lagged": Lagged}
        for _, event in self._stream("GET", path, types, begun=begun):
            if isinstance(event, FeedEvent | Lagged):
                yield event

    def attach(
        self, agent: str, *, rows: int, columns: int, keyboard: bool = False
    ) -> Iterator[tuple[str, Wire]]:
        """Give an agent's screen or its live conversation, until the daemon stops."""
        path = _with_query(
            f"/v1/agents/{quote(agent, safe='')}/attach",
            rows=rows,
            columns=columns,
            keyboard=1 if keyboard else None,
        )
        yield from self._stream("GET", path, dict(ATTACH_STREAM))

    def type_keys(self, agent: str, request: KeysRequest) -> View:
        """Type into an agent's screen, if one has the keyboard."""
        return self._call("POST", f"/v1/agents/{quote(agent, safe='')}/keys", View, request)

    def change_view(self, agent: str, request: ViewRequest) -> View:
        """Tell a new size of one's terminal, or take the keyboard."""
        return self._call("POST", f"/v1/agents/{quote(agent, safe='')}/view", View, request)

    def logs(
        self, *, agent: str | None = None, lines: int = 100, follow: bool = False
    ) -> Iterator[str]:
        """Give the end of the daemon's log, or of an agent's stderr; `follow` goes on."""
        path = _with_query("/v1/logs", agent=agent, lines=lines, follow=1 if follow else None)
        for _, event in self._stream("GET", path, {"line": LogLine}):
            if isinstance(event, LogLine):
                yield event.line

    def _prompt(self, request: PromptRequest) -> Iterator[tuple[str, Wire]]:
        for name, event in self._stream("POST", "/v1/prompt", dict(PROMPT_STREAM), request):
            yield name, event
            if name == "turn":
                return
        raise TarsError(
            "The daemon ended the stream before the turn had ended.",
            advice="`tars status` shows how things stand.",
        )

    def _call(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        request: Wire | None = None,
        *,
        seconds: float | None = QUICK_SECONDS,
    ) -> Answer:
        exchange = self._open(method, path, request, seconds)
        try:
            return _decoded(_whole(exchange), answer)
        finally:
            exchange.close()

    def _stream(
        self,
        method: str,
        path: str,
        types: dict[str, type[Wire]],
        request: Wire | None = None,
        *,
        begun: Callable[[], None] | None = None,
    ) -> Iterator[tuple[str, Wire]]:
        exchange = self._open(method, path, request, self._accept_seconds)
        try:
            if request is None:
                exchange.be_patient()  # what is only watched may be silent for hours
            if exchange.content_type != "text/event-stream":
                raise TarsError("The daemon answered with something other than a stream.")
            reader = EventReader()
            for piece in exchange.body():
                if begun is not None:
                    begun()
                    begun = None
                for name, data in reader.feed(piece):
                    exchange.be_patient()  # a turn takes as long as it takes
                    # A newer daemon may send events that this client does not know.
                    if name in types:
                        yield name, _decoded(data, types[name])
        except EventTooLarge as error:
            raise TarsError("The daemon sent an event that is far too large.") from error
        finally:
            exchange.close()

    def _open(
        self, method: str, path: str, request: Wire | None, seconds: float | None
    ) -> Exchange:
        exchange = Exchange(
            self._path,
            _request(method, path, request),
            answer_seconds=seconds,
            on_wait=self._on_wait,
        )
        if exchange.status < 400:
            return exchange
        try:
            raise _error(exchange.status, _whole(exchange))
        finally:
            exchange.close()


def _request(method: str, path: str, request: Wire | None) -> bytes:
    try:
        body = b"" if request is None else msgspec.json.encode(request)
    except UnicodeEncodeError:
        raise RequestInvalid("A text has half a character in it, which is no Unicode.") from None
    if len(body) > MAX_BODY:
        raise RequestInvalid(f"The prompt is larger than {MAX_BODY // 1024**2} MiB (as JSON).")
    lines = [f"{method} {path} HTTP/1.1", "Host: tars", "Connection: close"]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _with_query(path: str, **values: str | int | None) -> str:
    given = {name: value for name, value in values.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _session_path(reference: str) -> str:
    return f"/v1/sessions/{quote(reference, safe='')}"


def _whole(exchange: Exchange) -> bytes:
    body = bytearray()
    for piece in exchange.body():
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise TarsError("The daemon's answer is far too large.")
    return bytes(body)


def _decoded(data: bytes, answer: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(data, type=answer)
    except msgspec.MsgspecError as error:
        raise TarsError(
            "The daemon's answer makes no sense to this version of tars.",
            advice="`tars restart` makes the daemon the same version as this command.",
        ) from error


def _error(status: int, body: bytes) -> TarsError:
    try:
        said = msgspec.json.decode(body, type=Error).error
    except msgspec.MsgspecError:
        return TarsError(f"The daemon answered with HTTP status {status}.")
    return error_of(said)


def error_of(said: ErrorBody) -> TarsError:
    """Make the exception that the daemon raised from what it said of it."""
    kind = CLASSES.get(said.code, TarsError)
    if issubclass(kind, AgentUnavailable):
        # The wire does not say which fault it was; the sentence does.
        return AgentUnavailable(Fault(FaultKind.INTERNAL, said.message, said.advice))
    if issubclass(kind, ConfigInvalid):
        return ConfigInvalid("", tuple(said.message.splitlines()))
    return kind(said.message, advice=said.advice)
