"""Recorded conversations with real agents, replayed against the codecs.

`tests/golden/<agent>/<case>/` holds one recording:

- `acp.jsonl`: `{"dir": "->" to the agent | "<-" from it, "msg": …}` per message, or
  `stdout.jsonl` with `run.json`: what one headless run printed, and its arguments;
- `stderr.txt`: what the agent wrote beside it;
- `conversation.jsonl`: what tars makes of it, one fact per line. Written by
  ``python -m tests.support.transcripts`` after a change that is meant to change it;
  read the difference before you commit it.

The recordings were made with a bare client, so that some messages to the agent are none
that the codec makes (garbage, unknown methods, a second prompt at once). Those are left out
with their answers; what else the agent said because of them stays.
"""

import json
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from tars.agents.acp import faults
from tars.agents.acp.presets import dialect_of
from tars.conversation.model import Said, TurnEnded
from tars.protocols.acp import Acp
from tars.protocols.codec import Codec, Opening
from tars.protocols.stream_json import StreamJson

GOLDEN = Path(__file__).parent.parent / "golden"

#: How the bytes of the agent are cut into pieces.
Chop = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def by_line(data: bytes) -> Iterator[bytes]:
    yield from data.splitlines(keepends=True)


def by_byte(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[at : at + 1]


def cases() -> list[Path]:
    """Give the folders of all recordings that a codec can be driven with."""
    found = [*GOLDEN.glob("*/*/acp.jsonl"), *GOLDEN.glob("*/*/stdout.jsonl")]
    # What lies in `history` are the agents' own logs.
    return sorted(path.parent for path in found if path.parent.parent.name != "history")


def replay(case: Path, chop: Chop) -> list[Said]:
    """Play one recording and give what the codec makes of it."""
    if (case / "acp.jsonl").exists():
        return _AcpReplay(_lines(case / "acp.jsonl"), _acp_codec(case), chop).run()
    return _replay_headless(case, chop)


def as_lines(conversation: list[Said]) -> list[str]:
    """Write a conversation as `conversation.jsonl` holds it."""
    return [
        json.dumps({"said": type(said).__name__, **_shown(said)}, ensure_ascii=False)
        for said in conversation
    ]


def expected(case: Path) -> list[str]:
    return (case / "conversation.jsonl").read_text("utf-8").splitlines()


def _shown(said: Said) -> dict[str, Any]:
    shown: dict[str, Any] = _told(msgspec.to_builtins(said))
    return shown


def _told(value: Any) -> Any:
    """Leave out what the agent did not say."""
    if isinstance(value, dict):
        return {name: _told(v) for name, v in value.items() if _says_something(name, v)}
    if isinstance(value, list | tuple):
        return [_told(v) for v in value]
    return value


def _says_something(name: str, value: Any) -> bool:
    # Added to the model after the recordings, and no agent of theirs estimates.
    return value is not None and value not in ("", ()) and (name, value) != ("estimated", False)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _feed(codec: Codec, data: bytes, chop: Chop) -> list[Said]:
    return [said for piece in chop(data) for said in codec.receive(piece)]


def _replay_headless(case: Path, chop: Chop) -> list[Said]:
    args: list[str] = json.loads((case / "run.json").read_text("utf-8"))["args"]
    options = dict(pairwise(args))
    resumed = options.get("--resume")
    codec = StreamJson()
    codec.prompt(options.get("-p", ""), None if resumed == "latest" else resumed)
    said = _feed(codec, (case / "stdout.jsonl").read_bytes(), chop)
    return said + codec.eof()


def _acp_codec(case: Path) -> Acp:
    """Gemini CLI's is the plain one; any other agent is recognised by its name."""
    if case.parent.name == "gemini":
        return Acp()
    return Acp(
        classify=faults.classify,
        recognise=lambda agent: dialect_of(agent, (), "", mint="r"),
    )


class Replay(ABC):
    """Turns the recording's messages to the agent into calls of the codec, and its ids into
    the codec's."""

    def __init__(self, entries: list[dict[str, Any]], codec: Codec, chop: Chop) -> None:
        self._entries = [entry for entry in entries if "msg" in entry]
        self._chop = chop
        self._codec = codec
        self._said: list[Said] = []
        self._unheard = b""
        self._turns = 0
        self._ids: dict[int, int] = {}
        self._asked: defaultdict[str, deque[int]] = defaultdict(deque)

    def run(self) -> list[Said]:
        for at, entry in enumerate(self._entries):
            if entry["dir"] == "<-":
                self._collect(entry["msg"])
            else:
                self._hear()
                self._send(entry["msg"], at)
        self._hear()
        return self._said + self._codec.eof()

    def _collect(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            if message["id"] not in self._ids:
                return
            message = {**message, "id": self._ids[message["id"]]}
        self._unheard += json.dumps(message).encode() + b"\n"

    def _hear(self) -> None:
        data, self._unheard = self._unheard, b""
        self._said += _feed(self._codec, data, self._chop)
        self._drain()

    def _drain(self) -> None:
        for line in self._codec.outgoing().splitlines():
            message = json.loads(line)
            if "method" in message and "id" in message:
                self._asked[message["method"]].append(message["id"])

    def _send(self, message: dict[str, Any], at: int) -> None:
        method = message.get("method")
        self._call(method, message, at)
        self._drain()
        if method is not None and self._asked[method]:
            self._ids[message["id"]] = self._asked[method].popleft()

    @abstractmethod
    def _call(self, method: str | None, message: dict[str, Any], at: int) -> None:
        """Have the codec say this message, the recording's number `at`."""


class _AcpReplay(Replay):
    def _call(self, method: str | None, message: dict[str, Any], at: int) -> None:
        params = message.get("params", {})
        if method is None:
            outcome = message["result"].get("outcome", {})
            self._codec.answer(str(message["id"]), outcome.get("optionId"))
        elif method == "initialize":
            self._codec.open(self._opening())
        elif method == "session/prompt" and self._idle_in(params["sessionId"]):
            self._turns += 1
            self._codec.prompt(params["prompt"][0]["text"], params["sessionId"])
        elif method == "session/cancel" and params["sessionId"] == self._codec.session_id:
            self._codec.cancel()

    def _idle_in(self, session_id: str) -> bool:
        ended = sum(isinstance(said, TurnEnded) for said in self._said)
        return session_id == self._codec.session_id and ended == self._turns

    def _opening(self) -> Opening:
        """What the bare client asked for before its first prompt, as tars asks for it."""
        first: dict[str, dict[str, Any]] = {}
        for entry in self._entries:
            message = entry["msg"]
            if message.get("method") == "session/prompt":
                break
            if entry["dir"] == "->" and "method" in message:
                first.setdefault(message["method"], message["params"])
        session_id = None if "session/new" in first else first["session/load"]["sessionId"]
        return Opening(
            "{CWD}",
            session_id,
            first.get("session/set_model", {}).get("modelId", ""),
            first.get("session/set_mode", {}).get("modeId", ""),
        )


def update() -> None:
    """Write every `conversation.jsonl` anew."""
    for case in cases():
        lines = as_lines(replay(case, whole))
        (case / "conversation.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    update()
