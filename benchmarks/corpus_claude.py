"""Claude Code's logs: a line for each block of an answer, all with the same message's id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from benchmarks.corpus_scribe import Scribe, as_line, iso
from tars.accounting.rates import Tokens

_MODELS = {
    "claude-opus-4-5-20251101": 4,
    "claude-sonnet-4-5-20250929": 4,
    "claude-haiku-4-5-20251001": 2,
    "claude-opus-4-6": 2,
}
_TOOLS = ("Read", "Bash", "Edit", "Grep", "Write", "Glob", "TodoWrite")
_OVERLOADED = "API Error: 529 overloaded"
#: Short sessions that others may go on from: their ids and the beginnings of their lines.
_Earlier = list[tuple[str, list[dict[str, Any]]]]


def writer(scribe: Scribe) -> Callable[[int, datetime], int]:
    """Give what writes a session and its subagents: of about a size, from a time on."""
    earlier: _Earlier = []

    def write(size: int, at: datetime) -> int:
        session = _Session(scribe, at)
        if earlier and scribe.chance(0.03):
            session.resume(*scribe.random.choice(earlier))
        session.talk(size)
        written = session.save()
        if session.size < 400_000:
            earlier.append((session.id, session.lines[: len(session.lines) // 2]))
            del earlier[:-12]
        if scribe.chance(0.15):
            subagent = _Session(scribe, session.at, parent=session)
            subagent.talk(min(size, scribe.size(0.6)))
            written += subagent.save()
        return written

    return write


class _Session:
    """One file: a session's, or with a parent that of one of its subagents."""

    def __init__(self, scribe: Scribe, at: datetime, parent: _Session | None = None) -> None:
        self._scribe = scribe
        self._parent = parent
        self._subagent = scribe.id("a", 7) if parent else ""
        own = f"-home-dev-src-{scribe.word()}-{scribe.word()}"
        self._folder: str = parent._folder if parent else own
        self.id: str = parent.id if parent else scribe.uuid()
        self.at = at
        self.lines: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self.size = 0
        # Another company's models behind the same interface: no ids of requests.
        self._gateway = parent is None and scribe.chance(0.02)
        [model] = scribe.random.choices([*_MODELS], [*_MODELS.values()])
        self._model = "glm-4.6" if self._gateway else model
        self._an_hour = scribe.chance(0.2)
        self._context = scribe.random.randint(12_000, 24_000)
        self._tool = ""
        self._helpers: list[dict[str, Any]] = []

    def resume(self, session: str, lines: list[dict[str, Any]]) -> None:
        """Begin with a copy of another session, under this one's id."""
        for line in lines:
            copied = {**line, "sessionId": self.id} if line.get("sessionId") == session else line
            self._add(copied)

    def talk(self, size: int) -> None:
        """Go on until there are so many bytes."""
        if not self._parent:
            snapshot = {"messageId": self._scribe.uuid(), "trackedFileBackups": {}}
            self._add({"type": "file-history-snapshot", "snapshot": snapshot})
        while self.size < size:
            pause = (1, 40) if self._scribe.chance(0.9) else (60, 2400)
            self.at += self._scribe.seconds(*pause)
            self._ask()
            if self._scribe.chance(0.004):
                self._fail()
            else:
                self._answer()

    def save(self) -> int:
        """Write the file, and one for the helpers that only left a trace here."""
        scribe, lines = self._scribe, self._texts
        project = scribe.home / ".claude" / "projects" / self._folder
        if self._parent:
            name = f"agent-{self._subagent}.jsonl"
            return scribe.save(project / self.id / "subagents" / name, lines, self.at)
        written = scribe.save(project / f"{self.id}.jsonl", lines, self.at)
        if self._helpers:
            path = project / self.id / "subagents" / f"agent-{scribe.id('a', 7)}.jsonl"
            written += scribe.save(path, map(as_line, self._helpers), self.at)
        return written

    def _ask(self) -> None:
        scribe = self._scribe
        if not self._tool:
            said = {"role": "user", "content": scribe.text(40, 1500)}
            self._line("user", message=said)
            return
        # What a tool gave is written twice, and a subagent's result has figures of its own.
        body = scribe.text(200, 14_000)
        result: dict[str, Any] = {"type": "text", "file": {"filePath": "x.py", "content": body}}
        if scribe.chance(0.02):
            usage = _usage(4, 900, 0, 40_000, 700)
            result = {"status": "completed", "content": [_said(body)], "usage": usage}
        block = {"tool_use_id": self._tool, "type": "tool_result", "content": body}
        self._line("user", message={"role": "user", "content": [block]}, toolUseResult=result)

    def _fail(self) -> None:
        message = {"id": self._scribe.uuid(), "model": "<synthetic>", "role": "assistant"}
        usage = {**_usage(0, 0, 0, 0, 0), "server_tool_use": {"web_search_requests": 0}}
        content = [_said(_OVERLOADED)]
        self._line("assistant", message={**message, "usage": usage, "content": content})

    def _answer(self) -> None:
        scribe, began = self._scribe, self.at
        ids = scribe.id("msg_01"), scribe.id("req_011")
        written, read = scribe.random.randint(150, 6_000), self._context
        self._context += written
        if self._context > 170_000:
            self._context = scribe.random.randint(15_000, 30_000)
        asked, answered = scribe.random.randint(1, 12), scribe.random.randint(20, 1_800)
        hour = written if self._an_hour else 0
        [blocks] = scribe.random.choices((1, 2, 3, 4), (35, 35, 20, 10))
        self._tool = ""
        for number in range(blocks):
            last = number == blocks - 1
            # Only the last line has the answer's whole length.
            output = answered if last else scribe.random.randint(1, 9)
            usage = _usage(asked, written, hour, read, output)
            self._message(ids, self._block(first=number == 0, last=last), usage)
            self.at += scribe.seconds(0.2, 2.5)
        figures = Tokens(asked, read, written, hour, answered)
        scribe.count("claude", self._model, began, figures)
        if not self._parent and scribe.chance(0.03):
            self._help()

    def _block(self, *, first: bool, last: bool) -> dict[str, Any]:
        scribe = self._scribe
        if not last and first:
            thought = scribe.text(100, 2500)
            return {"type": "thinking", "thinking": thought, "signature": scribe.noise(200, 1200)}
        if not last:
            return _said(scribe.text(40, 1200))
        if scribe.chance(0.2):
            return _said(scribe.text(80, 3000))
        self._tool = scribe.id("toolu_01")
        given = {"file_path": "x.py", "command": scribe.text(20, 900)}
        name = scribe.random.choice(_TOOLS)
        return {"type": "tool_use", "id": self._tool, "name": name, "input": given}

    def _message(self, ids: tuple[str, str], block: dict[str, Any], usage: dict[str, Any]) -> None:
        message = _message(self._model, ids[0], block, usage)
        request = {} if self._gateway else {"requestId": ids[1]}
        self._line("assistant", message=message, **request)

    def _help(self) -> None:
        """Let a subagent answer: its progress is told here, and the whole in its own file."""
        scribe, at = self._scribe, self.at
        ids = {"requestId": scribe.id("req_011")}
        message, block = scribe.id("msg_01"), _said(scribe.text(40, 400))
        written, read = scribe.random.randint(200, 4_000), scribe.random.randint(5_000, 40_000)
        answered = scribe.random.randint(20, 900)
        begun, done = (
            _message(self._model, message, block, _usage(3, written, 0, read, output))
            for output in (2, answered)
        )
        progress = {"type": "agent_progress", "message": {"type": "assistant", "message": begun}}
        self._line("progress", data=progress)
        own = self._record("assistant", message=done, isSidechain=True, **ids)
        self._helpers.append(own)
        scribe.count("claude", self._model, at, Tokens(3, read, written, 0, answered))

    def _line(self, kind: str, **parts: Any) -> None:
        self._add(self._record(kind, **parts))

    def _record(self, kind: str, **parts: Any) -> dict[str, Any]:
        before = {
            "parentUuid": self.lines[-1].get("uuid") if self.lines else None,
            "isSidechain": self._parent is not None,
            "userType": "external",
            "cwd": self._folder.replace("-", "/"),
            "sessionId": self.id,
            "version": "2.1.40",
            "gitBranch": "main",
            "type": kind,
        }
        if self._subagent:
            before["agentId"] = self._subagent
        return {**before, **parts, "uuid": self._scribe.uuid(), "timestamp": iso(self.at)}

    def _add(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        self._texts.append(as_line(line))
        self.size += len(self._texts[-1]) + 1


def _message(model: str, id: str, block: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    head = {"model": model, "id": id, "type": "message", "role": "assistant", "content": [block]}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}


def _said(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _usage(asked: int, written: int, hour: int, read: int, answered: int) -> dict[str, Any]:
    parts = {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour}
    return {
        "input_tokens": asked,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": parts,
        "output_tokens": answered,
        "service_tier": "standard",
    }


def another_answer() -> str:
    """Give a line that no log had before."""
    usage = _usage(3, 700, 0, 20_000, 250)
    message = _message("claude-opus-4-6", f"msg_{uuid4().hex}", _said("Done."), usage)
    at = iso(datetime(2026, 11, 20, 13, tzinfo=UTC))
    return f"{as_line({'type': 'assistant', 'message': message, 'timestamp': at})}\n"
