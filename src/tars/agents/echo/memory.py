"""What the agent remembers of its sessions: in a folder, or until it exits.

Two files of JSON lines per session, for their owner's eyes alone:

    <id>.history.jsonl    {"role": "user" | "agent", "text": …}
    <id>.requests.jsonl   {"id", "model", "input", "output", "cached", "thoughts", "at"}

A line is written at once: the prompt before it is answered, a model request as soon as
it is over. So a killed agent loses nothing but the answer it was giving.
"""

import json
import os
import sys
import time

MODEL = "echo-1"
#: What stands for the system prompt and the tools in every request.
PREFIX_TOKENS = 100
#: Of a longer message the beginning is remembered.
_LONGEST = 100_000

Row = dict[str, object]


class Session:
    """One conversation. Tokens are words, so that everybody can count them.

    input = PREFIX_TOKENS + the words of the whole history, with the prompt;
    cached = the input of the request before, but no more than this one's;
    output = the words of the answer; thoughts = 0.
    """

    def __init__(self, session_id: str, folder: str | None) -> None:
        self.id = session_id
        self.mode = "default"
        self.model = MODEL
        self.history: list[tuple[str, str]] = []
        self._folder = folder
        self._words = 0
        self._requests = 0
        self._last_input = 0

    @property
    def user_turns(self) -> int:
        return sum(role == "user" for role, _ in self.history)

    def remember(self, role: str, text: str) -> None:
        self._recall(role, text[:_LONGEST])
        self._append("history", {"role": role, "text": text[:_LONGEST]})

    def next_input(self) -> int:
        return PREFIX_TOKENS + self._words

    def next_cached(self) -> int:
        return min(self._last_input, self.next_input())

    def count(self, *, input: int, output: int, cached: int, thoughts: int) -> None:
        """Log one model request that is over."""
        self._requests += 1
        self._last_input = input
        row: Row = {"id": f"{self.id}-{self._requests}", "model": self.model}
        row |= {"input": input, "output": output, "cached": cached, "thoughts": thoughts}
        row["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._append("requests", row)

    def begin(self) -> None:
        """Make the files, so that a session without a prompt can be loaded too."""
        self._append("history")
        self._append("requests")

    def restore(self) -> None:
        """Read what an earlier process remembered; a line cut by its death is left out."""
        for row in _rows(self._path("history")):
            self._recall(str(row["role"]), str(row["text"]))
        for row in _rows(self._path("requests")):
            self._requests += 1
            self._last_input = int(str(row["input"]))

    def _recall(self, role: str, text: str) -> None:
        self.history.append((role, text))
        self._words += len(text.split())

    def _path(self, what: str) -> str:
        return os.path.join(self._folder or "", f"{self.id}.{what}.jsonl")

    def _append(self, what: str, *rows: Row) -> None:
        if self._folder is None:
            return
        try:
            flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
            descriptor = os.open(self._path(what), flags, 0o600)
            with open(descriptor, "ab") as file:
                file.writelines(json.dumps(row).encode() + b"\n" for row in rows)
        except OSError as error:
            # The conversation goes on without its record.
            print(f"Cannot write the session: {error.strerror}", file=sys.stderr, flush=True)


class Memory:
    """The sessions of this process, and those in the folder where there is one."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder or None
        self._open: dict[str, Session] = {}
        if self._folder:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def create(self) -> Session:
        session = Session(f"echo-{os.urandom(8).hex()}", self._folder)
        session.begin()
        self._open[session.id] = session
        return session

    def load(self, session_id: str) -> Session | None:
        """Bring a session back, from this process or an earlier one."""
        if session_id not in self._open and self._is_kept(session_id):
            session = Session(session_id, self._folder)
            session.restore()
            self._open[session_id] = session
        return self.find(session_id)

    def find(self, session_id: str) -> Session | None:
        """A session that this process has opened."""
        return self._open.get(session_id)

    def _is_kept(self, session_id: str) -> bool:
        # The id becomes a file's name: only what `create` could have made is looked for.
        return (
            self._folder is not None
            and session_id.replace("-", "").isalnum()
            and os.path.exists(os.path.join(self._folder, f"{session_id}.history.jsonl"))
        )


def _rows(path: str) -> list[Row]:
    rows: list[Row] = []
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    rows.append(json.loads(line))
                except ValueError:
                    continue
    except FileNotFoundError:
        pass
    return rows
