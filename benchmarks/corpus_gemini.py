"""Gemini CLI's chats: one JSON document of old, or a line each time that a message changed."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from benchmarks.corpus_scribe import Scribe, as_line, iso
from tars.accounting.rates import Tokens

_MODELS = (
    "gemini-3-pro-preview",
    "gemini-3-flash-preview",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
)


def writer(scribe: Scribe) -> Callable[[int, datetime], int]:
    """Give what writes a chat: of about a size, from a time on."""

    def write(size: int, at: datetime) -> int:
        chat = _Chat(scribe, at)
        chat.talk(size)
        return chat.save()

    return write


class _Chat:
    """One conversation, and the lines that its recorder wrote unless it is an old one."""

    def __init__(self, scribe: Scribe, at: datetime) -> None:
        self._scribe = scribe
        self._began = self._at = at
        self._id = scribe.uuid()
        self._project = f"/home/dev/src/{scribe.word()}"
        self._model = scribe.random.choice(_MODELS)
        self._old = scribe.chance(0.4)
        self._messages: list[dict[str, Any]] = []
        self._lines: list[str] = []
        self._size = 0
        self._context = scribe.random.randint(8_000, 14_000)
        self._head = {
            "sessionId": self._id,
            "projectHash": hashlib.sha256(self._project.encode()).hexdigest(),
            "startTime": iso(at),
            "lastUpdated": iso(at),
        }

    def talk(self, size: int) -> None:
        """Go on until there are so many bytes."""
        scribe = self._scribe
        self._record({**self._head, "kind": "main"})
        while self._size < size:
            self._at += scribe.seconds(5, 300)
            asked = {**self._begun("user"), "content": [{"text": scribe.text(40, 1500)}]}
            self._record(asked)
            self._messages.append(asked)
            for _ in range(scribe.random.randint(1, 6)):
                self._at += scribe.seconds(2, 30)
                self._answer()
            if scribe.chance(0.01):
                # What is taken back was paid for all the same.
                self._record({"$rewindTo": self._messages[-1]["id"]})
            if scribe.chance(0.006) and self._size < 1_000_000:
                kept = self._messages[-6:]
                self._record({"$set": {"messages": kept, "lastUpdated": iso(self._at)}})

    def save(self) -> int:
        """Write the file; some old ones were gone on with since, and are there twice."""
        scribe, hash = self._scribe, str(self._head["projectHash"])
        folder = hash if self._old else self._project.rpartition("/")[2]
        name = f"session-{self._began:%Y-%m-%dT%H-%M}-{self._id[:8]}"
        base = scribe.home / ".gemini" / "tmp" / folder / "chats" / name
        if not self._old:
            return scribe.save(base.with_name(f"{name}.jsonl"), self._lines, self._at)
        whole = json.dumps({**self._head, "messages": self._messages}, ensure_ascii=False, indent=2)
        written = scribe.save(base.with_name(f"{name}.json"), [whole], self._at)
        if scribe.chance(0.1):
            lines = [self._head, *self._messages, {"$set": {"sessionId": self._id}}]
            twin = base.with_name(f"{name}.jsonl")
            written += scribe.save(twin, map(as_line, lines), self._at)
        return written

    def _answer(self) -> None:
        scribe = self._scribe
        begun = {
            **self._begun("gemini"),
            "content": scribe.text(60, 1500),
            "thoughts": [{"subject": scribe.word(), "description": scribe.text(40, 600)}],
        }
        told = {**begun, "tokens": self._request(), "model": self._model}
        answer = {"output": scribe.text(200, 7000)}
        result = [{"functionResponse": {"name": "read_file", "response": answer}}]
        call = {"id": scribe.id("read_file-", 10), "name": "read_file", "args": {}}
        whole = {**told, "toolCalls": [{**call, "status": "success", "result": result}]}
        # The recorder writes the message again each time that it knows more.
        self._record({**begun, "tokens": None, "model": self._model})
        self._record({"$set": {"lastUpdated": iso(self._at)}})
        self._record(told)
        self._record(whole)
        self._messages.append(whole)

    def _request(self) -> dict[str, int]:
        chance = self._scribe.random
        asked = self._context + chance.randint(200, 4_000)
        cached = int(self._context * chance.uniform(0.6, 0.98)) if chance.random() < 0.8 else 0
        answered, thought = chance.randint(20, 1_500), chance.randint(0, 1_200)
        tool = chance.choice((0, 0, 0, 0, 60))
        self._context = asked + answered if asked + answered <= 400_000 else 20_000
        tokens = Tokens(asked - cached + tool, cached, output=answered + thought, reasoning=thought)
        self._scribe.count("gemini", self._model, self._at, tokens)
        return {
            "input": asked,
            "output": answered,
            "cached": cached,
            "thoughts": thought,
            "tool": tool,
            "total": asked + answered + thought + tool,
        }

    def _begun(self, kind: str) -> dict[str, Any]:
        return {"id": self._scribe.uuid(), "timestamp": iso(self._at), "type": kind}

    def _record(self, record: dict[str, Any]) -> None:
        line = as_line(record)
        self._size += len(line) + 1
        if not self._old:
            self._lines.append(line)
