"""The agent's side of an ACP conversation, written as a script: expect a request, answer it."""

import json
from typing import Any

from tars.conversation.model import Said
from tars.protocols.acp import Acp
from tars.protocols.codec import Opening

HELLO: dict[str, Any] = {
    "protocolVersion": 1,
    "agentInfo": {"name": "fake", "version": "9"},
    "agentCapabilities": {"loadSession": True},
}
CHOICES: dict[str, Any] = {
    "modes": {"availableModes": [], "currentModeId": "default"},
    "models": {"availableModels": [], "currentModelId": "m1"},
}
NEW: dict[str, Any] = {"sessionId": "s1", **CHOICES}


class Script:
    """Speaks to one codec. Everything the codec sends has to be expected."""

    def __init__(self, codec: Acp | None = None) -> None:
        self.codec = codec or Acp("1.2")
        self._id: int | None = None

    def sent(self) -> list[dict[str, Any]]:
        """Give all that the codec has sent since the last look."""
        return [json.loads(line) for line in self.codec.outgoing().splitlines()]

    def expect(self, method: str) -> dict[str, Any]:
        """The codec has sent exactly one message: give its params; `answer` answers it."""
        [message] = self.sent()
        assert message["method"] == method
        self._id = message.get("id")
        params: dict[str, Any] = message["params"]
        return params

    def say(self, **members: Any) -> list[Said]:
        """Send one message."""
        return self.codec.receive(json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n")

    def answer(self, result: Any) -> list[Said]:
        return self.say(id=self._id, result=result)

    def refuse(self, code: int, message: str, details: str = "") -> list[Said]:
        data = {"details": details}
        return self.say(id=self._id, error={"code": code, "message": message, "data": data})

    def update(self, kind: str, /, session: str = "s1", **members: Any) -> list[Said]:
        update = {"sessionUpdate": kind, **members}
        return self.say(method="session/update", params={"sessionId": session, "update": update})

    def text(self, text: str, session: str = "s1") -> list[Said]:
        content = {"type": "text", "text": text}
        return self.update("agent_message_chunk", session, content=content)

    def ask_permission(self, id: int | str, session: str = "s1", **call: Any) -> list[Said]:
        options = [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]
        params = {"sessionId": session, "toolCall": call, "options": options}
        return self.say(id=id, method="session/request_permission", params=params)

    def open(self, opening: Opening | None = None) -> list[Said]:
        """Answer the handshake of a new session."""
        self.codec.open(opening or Opening("/cwd"))
        self.expect("initialize")
        self.answer(HELLO)
        self.expect("session/new")
        return self.answer(NEW)

    def begin(self, text: str = "hi", session: str | None = None) -> None:
        """Begin a turn in a session that is open."""
        self.codec.prompt(text, session)
        self.expect("session/prompt")


def opened() -> Script:
    """Give an agent whose session s1 is open."""
    script = Script()
    script.open()
    return script


def prompted() -> Script:
    """Give an agent that works on a prompt in its session s1."""
    script = opened()
    script.begin()
    return script
