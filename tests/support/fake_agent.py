"""A scripted ACP agent on the official SDK, so that two independent implementations meet.

`python -m tests.support.fake_agent` speaks on stdio. A prompt says what it does:

    anything        three chunks that make `sdk: <prompt>`, and ACP's own `usage`
    think           a thought before the answer
    tool            asks for permission for an edit; if it is allowed the tool runs
    refuse          stops with `refusal`
    wait            says `waiting`, and then nothing until it is cancelled
    fail            an error of JSON-RPC with code 500

It replays two messages for the session `kept`, and knows no other from before.
"""

import asyncio
from typing import Any

import acp
from acp import schema

KEPT = "kept"


class FakeAgent:
    """The SDK's `Agent` protocol, as far as tars uses it."""

    def __init__(self) -> None:
        self._client: Any = None
        self._sessions = 0
        self._cancelled: dict[str, asyncio.Event] = {}
        self._mode = "default"

    def on_connect(self, conn: Any) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> acp.InitializeResponse:
        return acp.InitializeResponse(
            protocol_version=protocol_version,
            agent_info=schema.Implementation(name="fake", version="1.2.3"),
            agent_capabilities=schema.AgentCapabilities(load_session=True),
        )

    async def new_session(self, **_: Any) -> acp.NewSessionResponse:
        self._sessions += 1
        session_id = f"session-{self._sessions}"
        self._cancelled[session_id] = asyncio.Event()
        return acp.NewSessionResponse(session_id=session_id, modes=self._modes())

    async def load_session(self, session_id: str, **_: Any) -> acp.LoadSessionResponse:
        if session_id != KEPT:
            raise acp.RequestError.resource_not_found(session_id)
        self._cancelled[session_id] = asyncio.Event()
        await self._update(session_id, acp.update_user_message_text("an old prompt"))
        await self._update(session_id, acp.update_agent_message_text("an old answer"))
        # As Gemini CLI: the commands come last, and after the result.
        asyncio.get_running_loop().call_soon(self._list_commands_soon, session_id)
        return acp.LoadSessionResponse(modes=self._modes())

    async def set_session_mode(
        self, session_id: str, mode_id: str, **_: Any
    ) -> acp.SetSessionModeResponse:
        self._mode = mode_id
        return acp.SetSessionModeResponse()

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> acp.PromptResponse:
        text = "".join(block.text for block in prompt)
        self._cancelled[session_id].clear()
        play = {
            "think": self._think,
            "tool": self._tool,
            "refuse": self._refuse,
            "wait": self._wait,
            "fail": self._fail,
        }.get(text)
        return await (play(session_id) if play else self._echo(session_id, text))

    async def cancel(self, session_id: str, **_: Any) -> None:
        self._cancelled[session_id].set()

    async def _echo(self, session_id: str, text: str) -> acp.PromptResponse:
        for chunk in ("sdk", ": ", text):
            await self._say(session_id, chunk)
        usage = schema.Usage(
            input_tokens=100,
            output_tokens=10,
            cached_read_tokens=90,
            thought_tokens=5,
            total_tokens=205,
        )
        return acp.PromptResponse(stop_reason="end_turn", usage=usage)

    async def _think(self, session_id: str) -> acp.PromptResponse:
        await self._update(session_id, acp.update_agent_thought_text("hm"))
        await self._say(session_id, f"thought in mode {self._mode}")
        return acp.PromptResponse(stop_reason="end_turn")

    async def _tool(self, session_id: str) -> acp.PromptResponse:
        started = acp.start_tool_call("call-1", "Edit a.txt", kind="edit", status="pending")
        await self._update(session_id, started)
        answer = await self._client.request_permission(
            session_id=session_id,
            tool_call=schema.ToolCallUpdate(
                tool_call_id="call-1", title="Edit a.txt", kind="edit", status="pending"
            ),
            options=[
                schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
                schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
            ],
        )
        if answer.outcome.outcome == "cancelled":
            return acp.PromptResponse(stop_reason="cancelled")
        status: Any = "completed" if answer.outcome.option_id == "yes" else "failed"
        await self._update(session_id, acp.update_tool_call("call-1", status=status))
        await self._say(session_id, answer.outcome.option_id)
        return acp.PromptResponse(stop_reason="end_turn")

    async def _refuse(self, session_id: str) -> acp.PromptResponse:
        return acp.PromptResponse(stop_reason="refusal")

    async def _wait(self, session_id: str) -> acp.PromptResponse:
        await self._say(session_id, "waiting")
        await self._cancelled[session_id].wait()
        return acp.PromptResponse(stop_reason="cancelled")

    async def _fail(self, session_id: str) -> acp.PromptResponse:
        raise acp.RequestError(500, "The model is overloaded.")

    async def _say(self, session_id: str, text: str) -> None:
        await self._update(session_id, acp.update_agent_message_text(text))

    async def _update(self, session_id: str, update: Any) -> None:
        await self._client.session_update(session_id=session_id, update=update)

    def _list_commands_soon(self, session_id: str) -> None:
        update = schema.AvailableCommandsUpdate(
            session_update="available_commands_update", available_commands=[]
        )
        self._listing = asyncio.ensure_future(self._update(session_id, update))

    def _modes(self) -> schema.SessionModeState:
        modes = [schema.SessionMode(id=mode, name=mode) for mode in ("default", "yolo")]
        return schema.SessionModeState(current_mode_id="default", available_modes=modes)


def main() -> None:
    agent: Any = FakeAgent()
    asyncio.run(acp.run_agent(agent))


if __name__ == "__main__":
    main()
