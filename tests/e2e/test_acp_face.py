"""`tars acp` as an editor finds it: the official SDK on one side, a real daemon on the other."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import acp
import pytest
from acp import schema
from acp.client.connection import ClientSideConnection

from tests.support.tars_home import TarsHome, kill, tars_home

PATIENCE = 30.0
#: A second agent, whose command is not there.
BROKEN = '[agents.broken]\nkind = "acp"\ncommand = ["/nowhere/agent"]\nautostart = false\n'

Choose = Callable[[list[schema.PermissionOption]], Awaitable[str | None]]


class Editor:
    """The SDK's `Client`, as far as tars talks to one. `choose` answers for its user."""

    def __init__(self, choose: Choose | None = None) -> None:
        self.updates: list[Any] = []
        self.asked: list[schema.ToolCallUpdate] = []
        self._choose = choose
        self._changed = asyncio.Event()

    def on_connect(self, conn: Any) -> None:
        pass

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update)
        self._changed.set()

    async def request_permission(
        self,
        session_id: str,
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **_: Any,
    ) -> schema.RequestPermissionResponse:
        self.asked.append(tool_call)
        self._changed.set()
        option = await self._choose(options) if self._choose else None
        if option is None:
            return schema.RequestPermissionResponse(
                outcome=schema.DeniedOutcome(outcome="cancelled")
            )
        return schema.RequestPermissionResponse(
            outcome=schema.AllowedOutcome(outcome="selected", option_id=option)
        )

    def text(self, kind: str = "agent_message_chunk") -> str:
        return "".join(u.content.text for u in self.updates if u.session_update == kind)

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked again whenever something came."""
        while not claim():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE)


@asynccontextmanager
async def editing(
    tars: TarsHome, editor: Editor, *args: str
) -> AsyncIterator[ClientSideConnection]:
    """Start `tars acp` as an editor does, and hang up at the end."""
    command = (sys.executable, "-m", "tars", "acp", *args)
    client: Any = editor
    async with acp.spawn_agent_process(client, *command, env=tars.env) as (connection, _):
        await asyncio.wait_for(connection.initialize(protocol_version=1), PATIENCE)
        yield connection


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 2 * PATIENCE))


async def say(connection: ClientSideConnection, session: str, text: str) -> acp.PromptResponse:
    prompt = connection.prompt(session_id=session, prompt=[acp.text_block(text)])
    return await asyncio.wait_for(prompt, PATIENCE)


async def join(connection: ClientSideConnection) -> str:
    return (await connection.new_session(cwd="/", mcp_servers=[])).session_id


@pytest.fixture(scope="module")
def tars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TarsHome]:
    """One daemon with the echo agent, for all editors."""
    with tars_home(tmp_path_factory.mktemp("acp")) as tars:
        tars.configure_echo(more=BROKEN)
        tars.start()
        yield tars


def test_two_prompts_are_streamed_and_counted(tars: TarsHome) -> None:
    """In the agent's own conversation, with the pieces as they come, tools, and usage."""

    async def scenario() -> None:
        editor = Editor()
        async with editing(tars, editor) as connection:
            session = await join(connection)
            assert session == tars.agent().session.id
            first = await say(connection, session, "hello")
            assert (first.stop_reason, editor.text()) == ("end_turn", "echo: hello")
            assert len(editor.updates) > 1
            assert first.usage is not None
            assert first.usage.total_tokens > 0
            assert first.field_meta is not None
            assert first.field_meta["tars"]["agent"] == "echo"
            assert first.field_meta["tars"]["turn"] == tars.ledger()[-1].id
            second = await say(connection, session, "ECHO:tools")
            assert second.usage is not None
            ledger = tars.ledger()[-1].usage
            assert second.usage.total_tokens == ledger.input + ledger.output + ledger.thoughts
            assert second.usage.cached_read_tokens == ledger.cached == 1900
            calls = [u.session_update for u in editor.updates if hasattr(u, "tool_call_id")]
            assert calls.count("tool_call") == 2
            assert "tool_call_update" in calls

    run(scenario())


def test_an_error_says_what_to_do(tars: TarsHome) -> None:
    """As an error of JSON-RPC; what tars does not offer is refused, and the next prompt works."""

    async def scenario() -> None:
        editor = Editor()
        async with editing(tars, editor) as connection:
            session = await join(connection)
            with pytest.raises(acp.RequestError) as failed:
                await say(connection, session, "ECHO:error:429")
            assert failed.value.data is not None
            assert failed.value.data["kind"] == "rate_limit"
            with pytest.raises(acp.RequestError) as failed:
                await say(connection, session, "ECHO:error:-32000")
            assert failed.value.code == -32000
            for refused in (
                connection.set_session_mode(session_id=session, mode_id="yolo"),
                connection.ext_method("something/else", {}),
            ):
                with pytest.raises(acp.RequestError) as failed:
                    await refused
                assert failed.value.code == -32601
            with pytest.raises(acp.RequestError) as failed:
                await connection.prompt(
                    session_id=session, prompt=[acp.image_block("x", "image/png")]
                )
            assert failed.value.code == -32602
            tars.until(lambda s: s.agents[0].state == "ready")
            assert (await say(connection, session, "again")).stop_reason == "end_turn"

    run(scenario())


@pytest.mark.parametrize(
    ("kind", "said"), [("allow_once", "allow_once"), ("reject_once", "reject_once")]
)
def test_a_permission_is_asked_of_the_editor(tars: TarsHome, kind: str, said: str) -> None:
    """Its answer reaches the agent."""

    async def choose(options: list[schema.PermissionOption]) -> str:
        return next(o.option_id for o in options if o.kind == kind)

    async def scenario() -> None:
        editor = Editor(choose)
        async with editing(tars, editor) as connection:
            session = await join(connection)
            assert (await say(connection, session, "ECHO:ask")).stop_reason == "end_turn"
            assert editor.text() == f"echo: {said}"
            assert [call.kind for call in editor.asked] == ["execute"]
            assert [call.tool_call_id for call in editor.asked] == ["call-1"]

    run(scenario())


def test_somebody_else_may_answer_first(tars: TarsHome) -> None:
    """The editor's question is withdrawn, and its late answer changes nothing."""

    async def scenario() -> None:
        late = asyncio.Event()

        async def choose(options: list[schema.PermissionOption]) -> str:
            await late.wait()
            return options[0].option_id

        editor = Editor(choose)
        async with editing(tars, editor) as connection:
            session = await join(connection)
            turn = asyncio.create_task(say(connection, session, "ECHO:ask"))
            await editor.until(lambda: bool(editor.asked))
            [waiting] = tars.agent().permissions
            assert tars.tars("permit", waiting.id, "--deny").returncode == 0
            assert (await turn).stop_reason == "end_turn"
            assert editor.text() == "echo: reject_once"
            late.set()
            assert (await say(connection, session, "on")).stop_reason == "end_turn"

    run(scenario())


def test_a_permission_reaches_whoever_is_connected(tars: TarsHome) -> None:
    """The prompt is somebody else's, who has nobody to ask."""

    async def choose(options: list[schema.PermissionOption]) -> str:
        return options[0].option_id

    async def scenario() -> None:
        editor = Editor(choose)
        async with editing(tars, editor) as connection:
            await join(connection)
            result = await asyncio.to_thread(tars.prompt, "ECHO:ask")
            assert result.text.startswith("echo: allow")
            assert len(editor.asked) == 1

    run(scenario())


def test_a_cancel_ends_the_turn(tars: TarsHome) -> None:
    """Under way, and also while its permission is asked for."""

    async def never(_options: list[schema.PermissionOption]) -> str | None:
        await asyncio.Event().wait()
        return None

    async def scenario() -> None:
        editor = Editor(never)
        async with editing(tars, editor) as connection:
            session = await join(connection)
            turn = asyncio.create_task(say(connection, session, "ECHO:slow:100:0.05"))
            await editor.until(lambda: bool(editor.text()))
            await connection.cancel(session_id=session)
            assert (await turn).stop_reason == "cancelled"
            turn = asyncio.create_task(say(connection, session, "ECHO:ask"))
            await editor.until(lambda: bool(editor.asked))
            await connection.cancel(session_id=session)
            assert (await turn).stop_reason == "cancelled"

    run(scenario())


def test_two_editors_share_the_agent(tars: TarsHome) -> None:
    """Each has its own answers; one conversation, one prompt after the other."""

    async def scenario() -> None:
        one, two = Editor(), Editor()
        async with editing(tars, one) as first, editing(tars, two) as second:
            session = await join(first)
            assert await join(second) == session
            turns = [say(first, session, "of one"), say(second, session, "of two")]
            ends = await asyncio.gather(*turns)
            assert [end.stop_reason for end in ends] == ["end_turn", "end_turn"]
            assert (one.text(), two.text()) == ("echo: of one", "echo: of two")

    run(scenario())


def test_a_turn_outlives_its_editor(tars: TarsHome) -> None:
    """It goes on in tars; the next editor is in the same conversation, and may name it."""

    async def scenario() -> None:
        before = len(tars.ledger())
        editor = Editor()
        async with editing(tars, editor) as connection:
            session = await join(connection)
            turn = asyncio.create_task(say(connection, session, "ECHO:slow:20:0.05"))
            await editor.until(lambda: bool(editor.text()))
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)
        editor = Editor()
        async with editing(tars, editor) as connection:
            assert await join(connection) == session
            await connection.resume_session(session_id=session, cwd="/")
            await connection.load_session(session_id=session, cwd="/", mcp_servers=[])
            assert (await say(connection, session, "ECHO:history")).stop_reason == "end_turn"
        rows = tars.ledger()[before:]
        assert [row.outcome for row in rows] == ["ok", "ok"]
        assert {row.session for row in rows} == {session}

    run(scenario())


def test_a_new_conversation_has_a_name_once_it_began(tars: TarsHome) -> None:
    """With --new the editor gets a stand-in, which works like any other session."""

    async def scenario() -> None:
        old = tars.agent().session.id
        editor = Editor()
        async with editing(tars, editor, "--new") as connection:
            session = await join(connection)
            assert session != old
            end = await say(connection, session, "ECHO:history")
            assert editor.text() == "turns=1"
            assert end.field_meta is not None
            assert end.field_meta["tars"]["session"] == tars.agent().session.id != old
            await say(connection, session, "ECHO:history")
            assert editor.text() == "turns=1turns=2"

    run(scenario())


def test_without_a_daemon_the_editor_is_told_what_to_do(tmp_path: Path) -> None:
    """It can connect; a session it cannot have. So it is for an agent that is not there."""

    async def scenario(tars: TarsHome, words: str, *args: str) -> None:
        async with editing(tars, Editor(), *args) as connection:
            with pytest.raises(acp.RequestError) as failed:
                await join(connection)
            assert words in str(failed.value)

    with tars_home(tmp_path) as down:
        run(scenario(down, "tars start"))


@pytest.mark.parametrize(
    ("agent", "advice"), [("nobody", "tars agents"), ("broken", "mend `command`")]
)
def test_an_agent_that_cannot_be_had_is_told(tars: TarsHome, agent: str, advice: str) -> None:
    """One that is not configured, and one that does not start: each with what to do."""

    async def scenario() -> None:
        async with editing(tars, Editor(), "--agent", agent) as connection:
            with pytest.raises(acp.RequestError) as failed:
                await join(connection)
            assert advice in str(failed.value)

    run(scenario())


class Raw:
    """`tars acp` under a hand-written editor, which may be rude."""

    def __init__(self, tars: TarsHome) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tars", "acp"],
            env=tars.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.session = ""

    def __enter__(self) -> Self:
        self.ask(1, "initialize", protocolVersion=1)
        self.ask(2, "session/new", cwd="/", mcpServers=[{"name": "x"}])
        assert self.hear()["id"] == 1
        self.session = self.hear()["result"]["sessionId"]
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ask(self, id: int, method: str, **params: object) -> None:
        message = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        print(json.dumps(message), file=self.process.stdin, flush=True)

    def prompt(self, id: int, text: str) -> None:
        blocks = [{"type": "text", "text": text}]
        self.ask(id, "session/prompt", sessionId=self.session, prompt=blocks)

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


def test_the_last_word_of_an_editor_reaches_tars(tars: TarsHome) -> None:
    """A prompt sent with its last breath is run; stdout holds the protocol and nothing else."""
    before = len(tars.ledger())
    with Raw(tars) as editor:
        editor.prompt(3, "last")
        rest, said = editor.process.communicate(timeout=PATIENCE)
        assert editor.process.returncode == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    assert "MCP servers are not passed on" in said
    tars.prompt("and the one behind it")
    assert [row.outcome for row in tars.ledger()[before:]] == ["ok", "ok"]


def test_an_editor_that_stalls_harms_nobody(tars: TarsHome) -> None:
    """It reads nothing of a large answer; others are served, and it finds all of it later."""
    with Raw(tars) as editor:
        editor.prompt(3, "ECHO:big:3000000")
        assert tars.prompt("Hello").text == "echo: Hello"
        heard = [editor.hear()]
        while heard[-1].get("id") != 3:
            heard.append(editor.hear())
    texts = [m["params"]["update"]["content"]["text"] for m in heard[:-1]]
    assert len("".join(texts)) == 3_000_000


def test_an_editor_that_is_killed_leaves_its_turn_to_tars(tars: TarsHome) -> None:
    """kill -9 in mid-turn: the turn goes on to its end."""
    before = len(tars.ledger())
    with Raw(tars) as editor:
        editor.prompt(3, "ECHO:slow:10:0.05")
        assert editor.hear()["method"] == "session/update"
        kill(editor.process.pid)
    tars.prompt("and the one behind it")
    assert [row.outcome for row in tars.ledger()[before:]] == ["ok", "ok"]
