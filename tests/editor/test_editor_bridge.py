"""Between an editor's pipes and the daemon: nothing that waits for permission is overlooked."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tars.control import contract as c
from tars.control.client import Client
from tars.control.status_contract import OptionStatus, PermissionStatus
from tars.editor.bridge import Bridge

WAITING = PermissionStatus(
    id="p1",
    agent="echo",
    title="rm -r /",
    tool_kind="execute",
    options=[OptionStatus(id="yes", name="Yes", kind="allow_once")],
    asked_at="2026-01-01T00:00:00Z",
    expires_in_seconds=60.0,
)


class AskedMeanwhile(Client):
    """A daemon whose agent asks just before what happens is followed, and then is silent."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.asked: list[PermissionStatus] = []

    def agents(self) -> c.AgentList:
        agent = c.AgentStatus(
            name="echo",
            kind="echo",
            protocol="acp",
            state="ready",
            session=c.SessionRef(id="s1"),
            permissions=self.asked,
        )
        return c.AgentList(agents=[agent], default="echo")

    def events(
        self, agent: str | None = None, *, begun: Callable[[], None] | None = None
    ) -> Iterator[c.FeedEvent | c.Lagged]:
        assert agent == "echo"
        self.asked = [WAITING]
        if begun is not None:
            begun()
        threading.Event().wait()  # as long as the process lives, like a bridge's watch
        yield from ()


def test_what_was_asked_before_events_are_followed_is_put_to_the_editor() -> None:
    """Between the look at what waits and the first event there is no moment for it to fall in."""
    client = AskedMeanwhile()
    (mine, its), (out, to) = os.pipe(), os.pipe()
    bridge = Bridge(client, version="1", narrate=lambda _said: None, stdin=mine, stdout=to)
    served = threading.Thread(target=bridge.run)
    served.start()
    with open(its, "wb") as editor, open(out, "rb") as answers:
        for number, (method, params) in enumerate(
            [
                ("initialize", {"protocolVersion": 1}),
                ("session/new", {"cwd": "/", "mcpServers": []}),
            ]
        ):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            editor.write(json.dumps(request).encode() + b"\n")
            editor.flush()
            assert json.loads(answers.readline())["id"] == number
        asked = json.loads(answers.readline())
        assert asked["method"] == "session/request_permission"
        assert asked["params"]["toolCall"]["title"] == "rm -r /"
        editor.close()
        served.join(30)
    assert not served.is_alive()
    for descriptor in (mine, to):
        os.close(descriptor)
