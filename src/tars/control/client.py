"""The daemon's control channel as plain calls, for everything that is not the daemon.

Synchronous, one connection per call, typed by the contract. What the daemon refuses
comes back as the exception of `tars.errors` that it raised there.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec.structs import replace

from tars.control.attach_contract import KeysRequest, View, ViewRequest
from tars.control.calls import QUICK_SECONDS, quoted, with_query
from tars.control.contract import (
    Accepted,
    AgentChanged,
    AgentList,
    AgentsChanged,
    BudgetList,
    Cancelled,
    CancelRequest,
    ChangeRequest,
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
from tars.control.permission_contract import (
    ForgetRequest,
    Forgotten,
    PermitRequest,
    Permitted,
    RuleList,
)
from tars.control.queue_contract import Queue
from tars.control.routes import ATTACH_STREAM, PROMPT_STREAM
from tars.control.session_calls import SessionCalls
from tars.control.spending_calls import SpendingCalls
from tars.control.web_contract import WebClosed, WebOpened, WebRequest
from tars.errors import TarsError


class Client(SessionCalls, SpendingCalls):
    """One daemon, by its socket. `on_wait` is called some ten times a second while an
    answer is awaited: to show progress, say. What it raises ends the call.

    `accept_seconds` bounds the wait until a prompt is accepted.

    Every method raises NotRunning when no daemon answers, the daemon's own refusals as
    `tars.errors`, and TarsError when the daemon hangs or dies before it has answered.
    """

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
        request = replace(request, wait=False)
        return self._call("POST", "/v1/prompt", Accepted, request, seconds=self._accept_seconds)

    def cancel(self, *, agent: str | None = None, turn: str | None = None) -> Cancelled:
        """Cancel the turn under way, or withdraw a prompt that waits."""
        request = CancelRequest(agent=agent, turn=turn)
        return self._call("POST", "/v1/cancel", Cancelled, request, seconds=self._accept_seconds)

    def queue(self, agent: str | None = None) -> Queue:
        """Ask which prompts wait."""
        return self._call("GET", with_query("/v1/queue", agent=agent), Queue)

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
        path = f"/v1/permit/{quoted(request_id)}"
        request = PermitRequest(option=option, deny=deny, remember=remember, face=face)
        return self._call("POST", path, Permitted, request, seconds=self._accept_seconds)

    def budgets(self) -> BudgetList:
        """Ask how every budget stands."""
        return self._call("GET", "/v1/budgets", BudgetList, seconds=self._accept_seconds)

    def permissions(self, agent: str | None = None) -> RuleList:
        """Ask by which rules requests are answered."""
        return self._call("GET", with_query("/v1/permissions", agent=agent), RuleList)

    def forget(self, *, agent: str | None = None, tool_kind: str | None = None) -> Forgotten:
        """Forget remembered choices: of one agent or all, for one kind of tool or all."""
        request = ForgetRequest(agent=agent, tool_kind=tool_kind)
        path = "/v1/permissions/forget"
        return self._call("POST", path, Forgotten, request, seconds=self._accept_seconds)

    def change_agent(self, name: str, action: Literal["start", "stop", "restart"]) -> AgentChanged:
        """Start, stop or restart an agent, and wait until that is done."""
        path = f"/v1/agents/{quoted(name)}/{action}"
        return self._call("POST", path, AgentChanged, seconds=None)

    def change_agents(
        self, action: Literal["start", "stop", "restart"], names: list[str]
    ) -> AgentsChanged:
        """Start, stop or restart agents and groups, in the order in which they start."""
        request = ChangeRequest(action=action, names=names)
        return self._call("POST", "/v1/change", AgentsChanged, request, seconds=None)

    def settings(self, name: str) -> SettingsChanged:
        """Ask which model and mode were chosen for an agent, and what it offers."""
        return self._call("GET", f"/v1/agents/{quoted(name)}/settings", SettingsChanged)

    def change_settings(
        self, name: str, *, model: str | None = None, mode: str | None = None
    ) -> SettingsChanged:
        """Choose another model or mode for an agent; empty is the configured one again."""
        path = f"/v1/agents/{quoted(name)}/settings"
        request = SettingsRequest(model=model, mode=mode)
        return self._call("POST", path, SettingsChanged, request, seconds=None)

    def reload(self) -> Reloaded:
        """Have config.toml read again."""
        return self._call("POST", "/v1/reload", Reloaded, seconds=None)

    def open_page(self, port: int | None = None) -> WebOpened:
        """Have the page in the browser served, and one more browser let in."""
        request = WebRequest(port=port)
        return self._call("POST", "/v1/web", WebOpened, request, seconds=self._accept_seconds)

    def close_page(self) -> WebClosed:
        """Have it served no more, and every browser forgotten."""
        return self._call("POST", "/v1/web/close", WebClosed, seconds=self._accept_seconds)

    def shutdown(self) -> ShuttingDown:
        """Have the daemon stop; it is still running when this returns."""
        return self._call("POST", "/v1/shutdown", ShuttingDown)

    def events(
        self, agent: str | None = None, *, begun: Callable[[], None] | None = None
    ) -> Iterator[FeedEvent | Lagged]:
        """Give everything that happens, until the daemon stops. `begun` is called once, when
        nothing is missed from there on: who looks how things stand then knows everything."""
        path = with_query("/v1/events", agent=agent)
        types: dict[str, type[Wire]] = {"event": FeedEvent, "lagged": Lagged}
        for _, event in self._stream("GET", path, types, begun=begun):
            if isinstance(event, FeedEvent | Lagged):
                yield event

    def attach(
        self, agent: str, *, rows: int, columns: int, keyboard: bool = False
    ) -> Iterator[tuple[str, Wire]]:
        """Give an agent's screen or its live conversation, until the daemon stops."""
        path = with_query(
            f"/v1/agents/{quoted(agent)}/attach",
            rows=rows,
            columns=columns,
            keyboard=1 if keyboard else None,
        )
        yield from self._stream("GET", path, dict(ATTACH_STREAM))

    def type_keys(self, agent: str, request: KeysRequest) -> View:
        """Type into an agent's screen, if one has the keyboard."""
        return self._call("POST", f"/v1/agents/{quoted(agent)}/keys", View, request)

    def change_view(self, agent: str, request: ViewRequest) -> View:
        """Tell a new size of one's terminal, or take the keyboard."""
        return self._call("POST", f"/v1/agents/{quoted(agent)}/view", View, request)

    def logs(
        self, *, agent: str | None = None, lines: int = 100, follow: bool = False
    ) -> Iterator[str]:
        """Give the end of the daemon's log, or of an agent's stderr; `follow` goes on."""
        path = with_query("/v1/logs", agent=agent, lines=lines, follow=1 if follow else None)
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
