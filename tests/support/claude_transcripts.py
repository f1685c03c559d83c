"""Recorded conversations with the real Claude Code, replayed against its codec.

`tests/golden/claude/<case>/` holds one recording: `stream.jsonl`, a line for each message with
`"dir": ">"` to the agent or `"<"` from it, after one for the `spawn` with its arguments; and
`conversation.jsonl`, what tars makes of it, one fact per line. That is written by
``python -m tests.support.claude_transcripts`` after a change that is meant to change it; read
the difference before you commit it.

Some recordings were made by a bare client, which said no hello: it is said here, and answered.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tars.agents.claude.codec import Claude
from tars.conversation.model import PermissionAsked, Said
from tars.protocols.codec import Opening
from tests.support.transcripts import GOLDEN, Chop, as_lines, whole

#: Delays that the agent tells are counted from here, in seconds since the epoch.
NOW = 1_800_000_000.0


def cases() -> list[Path]:
    """Give the folders of all recordings."""
    return sorted(path.parent for path in GOLDEN.glob("claude/*/stream.jsonl"))


def replay(case: Path, chop: Chop) -> list[Said]:
    """Play one recording and give what the codec makes of it."""
    text = (case / "stream.jsonl").read_text("utf-8")
    return _Replay([json.loads(line) for line in text.splitlines()], chop).run()


class _Replay:
    """Turns the recording's messages to the agent into calls of the codec."""

    def __init__(self, entries: list[dict[str, Any]], chop: Chop) -> None:
        self._entries = entries
        self._chop = chop
        self._said: list[Said] = []
        prompts = (e["msg"] for e in entries if e["dir"] == ">" and e["msg"]["type"] == "user")
        named = [p["uuid"] for p in prompts if "uuid" in p]
        ids = itertools.chain(named, (f"id-{n}" for n in itertools.count()))
        self._codec = Claude(now=lambda: NOW, new_id=lambda: next(ids))
        self._greets = not any(_subtype(e) == "initialize" for e in entries if e["dir"] == ">")
        self._hello = ""

    def run(self) -> list[Said]:
        for entry in self._entries:
            match entry["dir"]:
                case "spawn":
                    self._codec.open(_opening(entry["cmd"]))
                    if self._greets and "--resume" not in entry["cmd"]:
                        self._hear(_hello("initialize"))
                case ">":
                    self._do(entry["msg"])
                case "<":
                    self._hear(self._translated(entry["msg"]))
                case _:
                    pass
        return self._said + self._codec.eof()

    def _hear(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        self._said += [said for piece in self._chop(data) for said in self._codec.receive(piece)]

    def _do(self, message: dict[str, Any]) -> None:
        match message["type"], _subtype({"msg": message}):
            case "user", _:
                self._codec.prompt(message["message"]["content"])
            case _, "initialize":
                self._hello = message["request_id"]
            case _, "interrupt":
                self._codec.cancel()
            case "control_response", _:
                self._codec.answer(*_choice(message["response"]))
            case _:
                pass

    def _translated(self, message: dict[str, Any]) -> dict[str, Any]:
        """The codec has an id of its own for its hello; a resumed session was greeted late."""
        if message["type"] == "control_response" and self._hello:
            if message["response"]["request_id"] == self._hello:
                response = {**message["response"], "request_id": "initialize"}
                return {**message, "response": response}
        elif self._greets and message["type"] == "system" and not self._said:
            self._hear(_hello("initialize"))
        return message


def _opening(command: list[str]) -> Opening:
    options = dict(itertools.pairwise(command))
    resumed = options.get("--resume")
    new = "" if resumed else options.get("--session-id", "new")
    return Opening("{CWD}", resumed, options.get("--model", ""), new_id=new)


def _hello(id: str) -> dict[str, Any]:
    answer = {"subtype": "success", "request_id": id, "response": {}}
    return {"type": "control_response", "response": answer}


def _choice(response: dict[str, Any]) -> tuple[str, str]:
    answer = response["response"]
    if answer["behavior"] == "deny":
        return response["request_id"], "reject"
    return response["request_id"], "allow_always" if "updatedPermissions" in answer else "allow"


def _subtype(entry: dict[str, Any]) -> str:
    request = entry["msg"].get("request")
    return str(request.get("subtype", "")) if isinstance(request, dict) else ""


def questions(said: list[Said]) -> Iterator[PermissionAsked]:
    """Give what was asked."""
    yield from (one for one in said if isinstance(one, PermissionAsked))


def update() -> None:
    """Write every `conversation.jsonl` anew."""
    for case in cases():
        lines = as_lines(replay(case, whole))
        (case / "conversation.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    update()
