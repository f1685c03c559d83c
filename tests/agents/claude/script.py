"""Claude Code's side of a conversation, written by hand."""

import itertools
import json
from typing import Any

from tars.agents.claude.codec import Claude
from tars.conversation.model import Said
from tars.protocols.codec import Opening

NOW = 1_000_000.0


class Script:
    """A codec, and what would have been said to it and heard from it."""

    def __init__(self, **options: Any) -> None:
        numbers = itertools.count(1)
        self.codec = Claude(now=lambda: NOW, new_id=lambda: f"u{next(numbers)}", **options)

    def open(self, **hello: Any) -> list[Said]:
        """Begin a new conversation, s1, and answer the handshake."""
        self.codec.open(Opening("/cwd", new_id="s1"))
        return self.hello(**hello)

    def resume(self, **hello: Any) -> list[Said]:
        """Bring s1 back."""
        self.codec.open(Opening("/cwd", "s1"))
        return self.hello(**hello)

    def hello(self, **hello: Any) -> list[Said]:
        return self.control("initialize", **hello)

    def control(self, id: str, **response: Any) -> list[Said]:
        answer = {"subtype": "success", "request_id": id, "response": response}
        return self.hear("control_response", response=answer)

    def hear(self, type: str, **members: Any) -> list[Said]:
        """Say one line to the codec."""
        line = json.dumps({"type": type, **members}).encode() + b"\n"
        return self.codec.receive(line)

    def init(self, session: str = "s1", **members: Any) -> list[Said]:
        return self.hear("system", subtype="init", session_id=session, **members)

    def event(self, type: str, parent: str | None = None, **members: Any) -> list[Said]:
        event = {"type": type, **members}
        return self.hear("stream_event", event=event, parent_tool_use_id=parent)

    def began(self, id: str = "m1", parent: str | None = None, **usage: int) -> list[Said]:
        """The model begins a message."""
        message = {"id": id, "model": "opus", "usage": usage}
        return self.event("message_start", parent, message=message)

    def text(self, text: str, parent: str | None = None) -> list[Said]:
        delta = {"type": "text_delta", "text": text}
        return self.event("content_block_delta", parent, index=0, delta=delta)

    def result(self, **members: Any) -> list[Said]:
        return self.hear("result", **{"subtype": "success", "is_error": False, **members})

    def sent(self) -> list[dict[str, Any]]:
        """What the codec wanted to be written since the last call."""
        return [json.loads(line) for line in self.codec.outgoing().splitlines()]

    def asked(self) -> list[str]:
        """The subtypes of what it asked, and the texts of its prompts."""
        return [
            m["message"]["content"] if m["type"] == "user" else m["request"]["subtype"]
            for m in self.sent()
        ]


def ready() -> Script:
    """A codec with an open conversation, in which nothing was said yet."""
    script = Script()
    script.open()
    script.sent()
    return script


def busy() -> Script:
    """A codec whose agent works at the prompt `hi`, with the id u1."""
    script = ready()
    script.codec.prompt("hi")
    script.sent()
    script.init()
    return script


def used() -> Script:
    """A conversation in which something was said."""
    script = busy()
    script.result()
    return script
