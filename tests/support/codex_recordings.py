"""Recorded conversations with the real Codex, replayed against its codec.

`tests/golden/codex/<case>/` holds one recording:

- `app-server.jsonl`: `{"dir": "->" to Codex | "<-" from it, "msg": …}` per message;
- `conversation.jsonl`: what tars makes of it, one fact per line. Written by
  ``python -m tests.support.codex_recordings`` after a change that is meant to change it;
  read the difference before you commit it.

Some were made with a bare client, so that some messages to Codex are none that the codec
makes. Those are left out with their answers; what else Codex said because of them stays. It
also asked nothing about the account: then an answer is made up, that none is needed.
"""

import json
from pathlib import Path
from typing import Any

from tars.agents.codex.app_server import AppServer
from tars.conversation.model import Opened, Said, TurnEnded
from tars.protocols.codec import Opening
from tests.support.transcripts import GOLDEN, Chop, Replay, as_lines, whole

CODEX = GOLDEN / "codex"

_NO_ACCOUNT_NEEDED = {"account": None, "requiresOpenaiAuth": False}


def cases() -> list[Path]:
    """Give the folders of all recordings."""
    return sorted(path.parent for path in CODEX.glob("*/app-server.jsonl"))


def replay(case: Path, chop: Chop) -> list[Said]:
    """Play one recording and give what the codec makes of it."""
    text = (case / "app-server.jsonl").read_text("utf-8")
    return _Replay([json.loads(line) for line in text.splitlines()], chop).run()


class _Replay(Replay):
    def __init__(self, entries: list[dict[str, Any]], chop: Chop) -> None:
        super().__init__(entries, AppServer(), chop)
        self._knows_account = any(e["msg"].get("method") == "account/read" for e in entries)

    def _drain(self) -> None:
        for line in self._codec.outgoing().splitlines():
            message = json.loads(line)
            assert "jsonrpc" not in message
            if message.get("method") == "account/read" and not self._knows_account:
                self._unheard += json.dumps(
                    {"id": message["id"], "result": _NO_ACCOUNT_NEEDED}
                ).encode()
                self._unheard += b"\n"
                self._hear()
            elif "method" in message and "id" in message:
                self._asked[message["method"]].append(message["id"])

    def _call(self, method: str | None, message: dict[str, Any], at: int) -> None:
        params = message.get("params", {})
        if method is None:
            self._codec.answer(str(message["id"]), message["result"]["decision"])
        elif method == "initialize":
            self._codec.open(self._opening())
        elif method in ("thread/start", "thread/resume") and self._idle and self._opened:
            if method == "thread/start":
                self._codec.forget_session()
            self._prompt(self._next_text(at), params.get("threadId"))
        elif method == "turn/start" and self._idle:
            self._prompt(params["input"][0]["text"], params["threadId"])
        elif method == "turn/interrupt":
            self._codec.cancel()

    def _prompt(self, text: str, thread_id: str | None) -> None:
        self._turns += 1
        self._codec.prompt(text, thread_id)

    def _next_text(self, at: int) -> str:
        """The prompt that a thread was opened for in mid-conversation."""
        later = (entry["msg"] for entry in self._entries[at:])
        message = next(m for m in later if m.get("method") == "turn/start")
        text = message["params"]["input"][0]["text"]
        assert isinstance(text, str)
        return text

    @property
    def _opened(self) -> bool:
        return any(isinstance(said, Opened) for said in self._said)

    @property
    def _idle(self) -> bool:
        """Whether every turn so far has ended: a second one would join the first."""
        return sum(isinstance(said, TurnEnded) for said in self._said) == self._turns

    def _opening(self) -> Opening:
        """What the client asked for, as tars asks for it."""
        for entry in self._entries:
            message = entry["msg"]
            if message.get("method") in ("thread/start", "thread/resume"):
                params = message["params"]
                words = (params.get("approvalPolicy"), params.get("sandbox"))
                mode = "/".join(word for word in words if word)
                return Opening("/WORK", params.get("threadId"), params.get("model", ""), mode)
        return Opening("/WORK")


def update() -> None:
    """Write every `conversation.jsonl` anew."""
    for case in cases():
        lines = as_lines(replay(case, whole))
        (case / "conversation.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    update()
