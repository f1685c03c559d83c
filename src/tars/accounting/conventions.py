"""What an agent's counters include: the identity that holds for their total tells.

Measured over ACP: Claude's and Codex's adapters leave what was cached out of the input and
put thoughts into the output; opencode keeps all apart; Copilot and Qwen put what was cached
into the input, and thoughts into the output.
"""

from dataclasses import dataclass
from itertools import product

from tars.conversation.counters import Counters


@dataclass(frozen=True, slots=True)
class Convention:
    """Whether `input` includes what was cached, and `output` the thoughts."""

    cached_inside: bool
    thoughts_inside: bool


ALL = tuple(Convention(*inside) for inside in product((False, True), repeat=2))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counters as tars keeps them: `input` includes `cached` and `cache_write`, `output`
    leaves `thoughts` out."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    thoughts: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.thoughts

    @property
    def parts(self) -> tuple[int, ...]:
        return self.input, self.output, self.cached, self.cache_write, self.thoughts

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: "Tokens") -> "Tokens":
        return Tokens(*(a - b for a, b in zip(self.parts, other.parts, strict=True)))

    def at_least(self, other: "Tokens") -> bool:
        """Every part is as large as the other's."""
        return all(a >= b for a, b in zip(self.parts, other.parts, strict=True))


def normalised(counters: Counters, among: tuple[Convention, ...] = ALL) -> Tokens | None:
    """Give the tokens, or None where these conventions leave several readings."""
    readings = {_read(counters, c) for c in possible(counters) if c in among}
    return readings.pop() if len(readings) == 1 else None


def possible(counters: Counters) -> tuple[Convention, ...]:
    """Give the conventions under which the counters make sense."""
    return tuple(c for c in ALL if _holds(counters, c))


def _holds(counters: Counters, convention: Convention) -> bool:
    read = _read(counters, convention)
    if read.input < read.cached + read.cache_write or read.output < 0:
        return False
    return counters.total is None or counters.total == read.total


def _read(counters: Counters, convention: Convention) -> Tokens:
    cached, written = counters.cached or 0, counters.cache_write or 0
    thoughts = counters.thoughts or 0
    return Tokens(
        counters.input + (0 if convention.cached_inside else cached + written),
        counters.output - (thoughts if convention.thoughts_inside else 0),
        cached,
        written,
        thoughts,
    )
