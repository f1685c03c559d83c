"""A small daemon for the tests, a real server around it, and a client on a bare socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import anyio
from anyio.abc import SocketStream

from tars.control import contract as c
from tars.control import permission_contract as p
from tars.control.app import build
from tars.control.backend import AgentAction
from tars.control.feed import Feed, Subscription
from tars.control.permission_contract import PermitRequest, Permitted
from tars.control.queue_contract import Queue, QueuedPrompt
from tars.control.server import serve
from tars.control.unix_socket import bind
from tars.control.web_contract import WebClosed, WebOpened
from tars.errors import AgentNotFound, PermissionNotFound, RequestInvalid
from tests.control.scripted_desk import ScriptedDesk
from tests.control.scripted_remembering import ScriptedRemembering
from tests.control.scripted_spending import TODAY, ScriptedSpending

SESSION = c.SessionFields(
    session_id="s-1",
    created_at="2026-03-01T10:00:00Z",
    total_input_tokens=1200,
    total_output_tokens=60,
    total_cached_tokens=1000,
    total_net_tokens=1400,
    interaction_count=1,
    last_interaction_at="2026-03-01T10:05:00Z",
    last_input_tokens=3300,
)


class ScriptedPage:
    """A page that is open or not, and is served nowhere."""

    def __init__(self) -> None:
        self.port: int | None = None

    async def open(self, port: int | None) -> WebOpened:
        self.port = port or 8277
        url = f"http://127.0.0.1:{self.port}/?token=t"
        return WebOpened(url=url, port=self.port, expires_in_seconds=600)

    async def close(self) -> WebClosed:
        was_open, self.port = self.port is not None, None
        return WebClosed(was_open=was_open)


class ScriptedBackend:
    """Two agents that answer at once, in their own words; `hold …` leaves a turn open.

    `broken`, when set, is raised by whatever is asked next.
    """

    def __init__(self, logs: Path) -> None:
        self.feed = Feed()
        self.attaching = ScriptedDesk()
        self.remembering = ScriptedRemembering()
        self.spending = ScriptedSpending()
        self.page = ScriptedPage()
        self.logs = logs
        self.states = {"echo": "ready", "gemini": "stopped"}
        self.session: c.SessionFields | None = SESSION
        self.open_turns: dict[str, str] = {}
        self.waiting_permissions = {"p-1": ("allow_once", "reject_once")}
        self.answered_by = ""
        self.turns = 0
        self.stopping = False
        self.broken: Exception | None = None

    def status(self) -> c.Status:
        self._break()
        daemon = c.DaemonStatus(running=True, pid=1, version="1.0", uptime_seconds=1.0)
        return c.Status(
            daemon=daemon,
            agents=self.agents().agents,
            session=self.session,
            default_agent="echo",
            today=TODAY,
        )

    def agents(self) -> c.AgentList:
        agents = [
            c.AgentStatus(name=name, kind=name, protocol="acp", state=state)
            for name, state in self.states.items()
        ]
        return c.AgentList(agents=agents, default="echo")

    async def submit(self, request: c.PromptRequest) -> tuple[c.Accepted, Subscription]:
        self._break()
        agent = self._known(request.agent or "echo")
        self.turns += 1
        turn = f"t-{self.turns}"
        subscription = self.feed.follow_turn(turn)
        self.feed.publish_turn(turn, "started", c.Started(turn=turn, session="s-1"))
        self.open_turns[turn] = agent
        if not request.text.startswith("hold"):
            for word in request.text.split():
                self.feed.publish_turn(turn, "text", c.Text(text=word))
            self.finish(turn, "ok", request.text)
        return c.Accepted(turn=turn, agent=agent), subscription

    def finish(self, turn: str, outcome: str, text: str = "") -> None:
        agent = self.open_turns.pop(turn)
        result = c.TurnResult(turn=turn, agent=agent, outcome=outcome, text=text)
        self.feed.publish_turn(turn, "turn", result)
        self.feed.publish_event(c.FeedEvent(event="turn_ended", agent=agent, at="now"))

    async def cancel(self, request: c.CancelRequest) -> c.Cancelled:
        self._break()
        turn = request.turn or next(iter(self.open_turns), None)
        if turn is not None:
            self.finish(turn, "cancelled")
        return c.Cancelled(turn=turn)

    def queue(self, agent: str | None) -> Queue:
        name = self._known(agent or "echo")
        waiting = QueuedPrompt(turn="t-9", agent=name, position=1, asked_at="2026-03-01T10:00:00Z")
        return Queue(prompts=[waiting])

    async def reset(self, request: c.ResetRequest) -> c.ResetDone:
        agent = self._known(request.agent or "echo")
        cleared, self.session = self.session, None
        return c.ResetDone(agent=agent, session=cleared)

    async def permit(self, request_id: str, answer: PermitRequest, who: str = "") -> Permitted:
        self.answered_by = who
        options = self.waiting_permissions.get(request_id)
        if options is None:
            raise PermissionNotFound(f"Nothing waits for permission under {request_id!r}.")
        option = answer.option or options[1 if answer.deny else 0]
        if option not in options:
            raise RequestInvalid(f"There is no option {option!r}.")
        del self.waiting_permissions[request_id]
        remembered = "execute" if answer.remember else None
        return Permitted(id=request_id, option=option, remembered=remembered)

    async def budgets(self) -> c.BudgetList:
        return c.BudgetList(budgets=[])

    def permissions(self, agent: str | None) -> p.RuleList:
        self._known(agent or "echo")
        return p.RuleList()

    async def forget(self, request: p.ForgetRequest) -> p.Forgotten:
        self._break()
        return p.Forgotten()

    async def change_agent(self, name: str, action: AgentAction) -> c.AgentChanged:
        self.states[self._known(name)] = "stopped" if action == "stop" else "ready"
        return c.AgentChanged(agent=name, state=self.states[name])

    async def change_agents(self, request: c.ChangeRequest) -> c.AgentsChanged:
        self._break()
        action = cast("AgentAction", request.action)
        return c.AgentsChanged(agents=[await self.change_agent(n, action) for n in request.names])

    def settings(self, name: str) -> c.SettingsChanged:
        self._break()
        return c.SettingsChanged(agent=self._known(name), model="", mode="")

    async def change_settings(self, name: str, request: c.SettingsRequest) -> c.SettingsChanged:
        self._break()
        agent = self._known(name)
        return c.SettingsChanged(agent=agent, model=request.model or "", mode=request.mode or "")

    async def reload(self) -> c.Reloaded:
        self._break()
        return c.Reloaded(changed=["gemini"])

    async def shutdown(self) -> c.ShuttingDown:
        self.stopping = True
        return c.ShuttingDown(pid=1)

    def log_path(self, agent: str | None) -> Path:
        return self.logs / ("tars.log" if agent is None else f"{self._known(agent)}.log")

    def _known(self, agent: str) -> str:
        if agent not in self.states:
            raise AgentNotFound(f"There is no agent {agent!r}.")
        return agent

    def _break(self) -> None:
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error


@dataclass
class Answer:
    """One whole answer: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The stable word of an error."""
        return str(self.json["error"]["code"])

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The Server-Sent Events of a body that has ended."""
        return [event for block in self.body.split(b"\n\n") if (event := parse_event(block))]


def parse_event(block: bytes) -> tuple[str, Any] | None:
    """Understand one event; a comment is None."""
    fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
    return (fields[b"event"].decode(), json.loads(fields[b"data"])) if b"event" in fields else None


class Client:
    """An HTTP client that writes and reads bytes, and can therefore misbehave."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self._read = bytearray()

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request with a JSON body, or with bytes as they are; read the answer."""
        await self.send_request(method, path, body)
        return await self.answer()

    async def send_request(self, method: str, path: str, body: Any = None) -> None:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        head = f"{method} {path} HTTP/1.1\r\nhost: tars\r\ncontent-length: {len(raw)}\r\n\r\n"
        await self.stream.send(head.encode() + raw)

    async def answer(self) -> Answer:
        status, headers = await self.head()
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join([chunk async for chunk in self.chunks()])
        else:
            body = await self._exactly(int(headers["content-length"]))
        return Answer(status, headers, body)

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self._until(b"\r\n\r\n")).decode().split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in lines)

    async def chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._until(b"\r\n"), 16):
            yield await self._exactly(size)
            await self._until(b"\r\n")
        await self._until(b"\r\n")

    async def events(self) -> AsyncIterator[tuple[str, Any] | None]:
        """Read the answer's events as they come; None stands for a comment."""
        block = b""
        async for chunk in self.chunks():
            *blocks, block = (block + chunk).split(b"\n\n")
            for whole in blocks:
                yield parse_event(whole)

    async def closed(self) -> bool:
        """Read on until the other side closes the connection; what comes is thrown away."""
        try:
            while True:
                await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return True

    async def _until(self, end: bytes) -> bytes:
        while (at := self._read.find(end)) < 0:
            self._read += await self.stream.receive()
        found = bytes(self._read[:at])
        del self._read[: at + len(end)]
        return found

    async def _exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            self._read += await self.stream.receive()
        found = bytes(self._read[:count])
        del self._read[:count]
        return found


@dataclass
class Running:
    """A server that runs, with what a test needs of it."""

    socket: Path
    backend: ScriptedBackend
    stop: anyio.Event = field(default_factory=anyio.Event)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with await anyio.connect_unix(self.socket) as stream:
            yield Client(stream)

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        async with self.client() as client:
            return await client.ask(method, path, body)

    @classmethod
    @asynccontextmanager
    async def at(
        cls,
        folder: Path,
        *,
        body_seconds: float = 10.0,
        grace_seconds: float = 0.5,
        idle_seconds: int = 60,
    ) -> AsyncIterator[Self]:
        """Run a server in this folder, and stop it at the end."""
        running = cls(folder / "run" / "tars.sock", ScriptedBackend(folder))
        app = build(running.backend, body_seconds=body_seconds)
        sock = bind(running.socket)
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:

                async def run() -> None:
                    await serve(
                        app,
                        sock,
                        stop=running.stop,
                        grace_seconds=grace_seconds,
                        idle_seconds=idle_seconds,
                    )

                tasks.start_soon(run)
                # The socket accepts connections once the server listens on it.
                await listening(running.socket)
                yield running
                running.stop.set()


async def listening(path: Path) -> None:
    """Wait until somebody listens on the socket."""
    while True:
        try:
            async with await anyio.connect_unix(path):
                return
        except ConnectionRefusedError:
            await anyio.lowlevel.checkpoint()
