"""Token counters as an agent gave them, before anybody says what they mean."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """One set of counters. None is what the agent left out; `model` is empty where it names
    none. Whether `input` includes what was cached, and `output` the thoughts, depends on
    the agent."""

    input: int
    output: int
    total: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    thoughts: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the end of a prompt counts: `usage` as one figure, `models` by model, which may
    be more. `raw` is the agent's own JSON of all that."""

    usage: Counters | None
    models: tuple[Counters, ...] = ()
    raw: str = ""
