"""Conversations with real programs on a terminal, recorded step by step, and replayed.

`python -m tests.support.screen_recording NAME FOLDER COMMAND …` records one anew, with the
steps of `SCENES`; the environment is the caller's. A recording is JSON lines: what the program
printed (`out`), what the codec typed (`in`), what was asked of it (`do`), when the screen was
still (`still`), what it said then (`said`), and how the screen looked (`screen`).
"""

import json
import os
import select
import sys
import time
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tars.agents.pty.description import rules_of
from tars.conversation.model import Opened, PermissionAsked, TextSaid, TurnEnded
from tars.protocols.codec import Opening
from tars.protocols.screen import ScreenCodec

GOLDEN = Path(__file__).parents[1] / "golden" / "pty"

#: What is asked of each program: a prompt, and how its question is answered or when it is
#: cancelled.
SCENES: dict[str, list[tuple[str, str]]] = {
    "gemini": [
        ("prompt", "hi there FAKE:usage:10000:50:8000:25"),
        ("prompt", "line one\nline two FAKE:slow:4:0.3"),
        ("prompt", "allowed FAKE:write:one.txt"),
        ("answer", "allow"),
        ("prompt", "refused FAKE:write:two.txt"),
        ("answer", "deny"),
        ("prompt", "wrong FAKE:400"),
        ("prompt", "never sent"),
        ("cancel", ""),
        ("prompt", "stopped FAKE:slow:40:0.1"),
        ("cancel", "part5"),
        ("prompt", "\n".join(f"row {n}" for n in range(30))),
    ],
    "aider": [
        ("prompt", "hello there, say something"),
        ("prompt", "line one\nline two"),
        ("prompt", "look at https://example.invalid/page"),
        ("answer", "deny"),
        ("prompt", "wrong @401"),
        ("prompt", "stopped @slow"),
        ("cancel", "w9"),
    ],
}


def recording(name: str) -> list[dict[str, Any]]:
    """Read a recording."""
    lines = (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def codec_for(name: str) -> ScreenCodec:
    return ScreenCodec(rules_of(name), new_id=lambda: "s-1")


def told(said: object) -> dict[str, Any]:
    """Give what a codec said as JSON has it, with its kind."""
    return {"kind": type(said).__name__, **_plain(said)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


class Recorder:
    """Drives the codec against a real program, as the daemon does."""

    def __init__(self, name: str, folder: Path, argv: list[str]) -> None:
        import pexpect

        self.steps: list[dict[str, Any]] = []
        self.codec = codec_for(name)
        rules = self.codec.rules
        self.heard: list[object] = []
        self._process = pexpect.spawn(
            argv[0], argv[1:], cwd=str(folder), dimensions=(rules.rows, rules.columns)
        )
        self._since = time.monotonic()

    def play(self, scene: list[tuple[str, str]]) -> None:
        self.codec.open(Opening("/"))
        self._until(Opened)
        for what, words in scene:
            if what == "cancel":
                self._until(words)
            self.heard.clear()
            self.steps.append({"do": [what, words]})
            if what == "prompt":
                self.codec.prompt(words)
            elif what == "cancel":
                self.codec.cancel()
            else:
                self.codec.answer(self.question, words)
            self._flush()
            nothing_more = scene[scene.index((what, words)) + 1 :][:1]
            if not (nothing_more and nothing_more[0][0] == "cancel"):
                self._until((TurnEnded, PermissionAsked))
        self._process.close(force=True)

    @property
    def question(self) -> str:
        return (
            f"q{sum(s['kind'] == 'PermissionAsked' for x in self.steps for s in x.get('said', []))}"
        )

    def _until(self, kinds: Any) -> None:
        give_up = time.monotonic() + 60
        while not self._came(kinds):
            assert time.monotonic() < give_up, self.codec.redraw()
            self._step()

    def _came(self, kinds: Any) -> bool:
        if isinstance(kinds, str):
            return any(kinds in line for line in self.codec.screen.shown())
        return any(isinstance(said, kinds) for said in self.heard)

    def _step(self) -> None:
        if select.select([self._process.child_fd], [], [], 0.02)[0]:
            data = os.read(self._process.child_fd, 65536)
            self._since = time.monotonic()
            self.steps.append({"out": data.decode("latin-1")})
            self._hear(self.codec.receive(data))
        seconds = self.codec.quiet_seconds
        if seconds is not None and time.monotonic() >= self._since + seconds:
            self._since = time.monotonic()
            self.steps.append({"still": True})
            self._hear(self.codec.settle())

    def _hear(self, said: list[Any]) -> None:
        self.heard += said
        lasting = [told(s) for s in said]
        if lasting:
            self.steps.append({"said": lasting})
            if not all(isinstance(s, TextSaid) for s in said):
                shown = "\n".join(self.codec.screen.shown())
                self.steps.append({"screen": shown.rstrip().splitlines()})
        self._flush()

    def _flush(self) -> None:
        data = self.codec.outgoing()
        if data:
            self._since = time.monotonic()
            self.steps.append({"in": data.decode("latin-1")})
            os.write(self._process.child_fd, data)


def main(name: str, folder: str, *argv: str) -> None:
    recorder = Recorder(name, Path(folder), list(argv))
    recorder.play(SCENES[name])
    lines = (json.dumps(step, ensure_ascii=False) for step in recorder.steps)
    (GOLDEN / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
