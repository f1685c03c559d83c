"""The prompts that wait: first in, first out, bounded. Only their ids; texts never come here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """At most `limit` prompts wait. `waiting` holds their ids, the next one first."""

    limit: int
    waiting: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        return len(self.waiting) >= self.limit

    def put(self, prompt: str) -> "Queue":
        """Append a prompt. Ask `full` first: this does not."""
        return Queue(self.limit, (*self.waiting, prompt))

    def take(self) -> "tuple[str | None, Queue]":
        """Give the next prompt, or None, and the queue without it."""
        if not self.waiting:
            return None, self
        return self.waiting[0], Queue(self.limit, self.waiting[1:])

    def without(self, prompt: str) -> "Queue":
        return Queue(self.limit, tuple(p for p in self.waiting if p != prompt))

    def emptied(self) -> "Queue":
        return Queue(self.limit)

    def __contains__(self, prompt: str) -> bool:
        return prompt in self.waiting

    def __len__(self) -> int:
        return len(self.waiting)
