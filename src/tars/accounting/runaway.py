"""Does a turn go round in circles? Pure findings on what an agent does, with bounded memory.

What is looked for, and what is left alone:

- **repeats**: the same tool call, with the same result, over and over. A call is the same when
  its kind, title, paths, outcome and output are; an edit shows too little of itself to be called
  the same as another, unless both failed in the same words. A call that itself took
  `wait_seconds` waited for something, so that asking again is no circle: polling stays unseen.
- **errors**: failed calls without a single success between them.
- **oscillation**: two calls that take turns, each the same every time.
- **tokens**: one request's prompt that is larger by `jump_tokens` than the one before, a prompt
  larger than `context_tokens`, or a turn that used more than `turn_tokens` besides what its
  cache gave.

At its threshold a finding is low, at twice that medium, at four times that high. The same
finding is told again when it is graver, or when it grew and `cooldown_seconds` have passed.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tars.conversation.model import RequestUsage, ToolCallChanged, ToolStatus


class Finding(StrEnum):
    """The values are the public contract."""

    REPEATS = "repeats"
    ERRORS = "errors"
    OSCILLATION = "oscillation"
    TOKENS = "tokens"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Reaction(StrEnum):
    """What is done about a finding."""

    WARN = "warn"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunawayConfig:
    """The ``[runaway]`` table. A threshold of 0 looks for nothing. `least` is the severity from
    which on a finding is told and acted upon. `oscillations` counts pairs of calls."""

    enabled: bool = True
    action: Reaction = Reaction.WARN
    least: Severity = Severity.LOW
    repeats: int = 15
    errors: int = 12
    oscillations: int = 10
    jump_tokens: int = 150_000
    context_tokens: int = 500_000
    turn_tokens: int = 5_000_000
    wait_seconds: float = 5.0
    cooldown_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, in a sentence that holds no title, no argument and no text of a prompt."""

    finding: Finding
    severity: Severity
    reason: str


#: How many calls that have begun and not ended are remembered.
MOST_CALLS = 1000
#: Severity by how many times the threshold was reached.
_STEPS = ((4, Severity.HIGH), (2, Severity.MEDIUM), (1, Severity.LOW))
#: Kinds of tools whose title says little of what they do.
_VAGUE = frozenset({"edit", "delete", "move", "think", "switch_mode", "other", ""})


@dataclass(slots=True)
class _Call:
    """A call under way, as far as it told. Text is kept as its digest only."""

    began: float
    kind: str = ""
    title: str = ""
    paths: tuple[str, ...] = ()
    output: str = ""


@dataclass(slots=True)
class _Told:
    """How a finding was last told."""

    severity: Severity
    count: int
    at: float


class Watch:
    """One turn's. `now` is monotonic, in seconds, and never goes back."""

    def __init__(self, config: RunawayConfig) -> None:
        self._config = config
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._last: tuple[bytes | None, bytes | None] = (None, None)
        self._same = 0
        self._pairs = 0
        self._failed = 0
        self._prompt = 0
        self._spent = 0
        self._told: dict[str, _Told] = {}

    def called(self, said: ToolCallChanged, now: float) -> list[Found]:
        """Note a tool call that began, moved on or ended."""
        call = self._calls.pop(said.call_id, None) or _Call(now)
        call.kind, call.title = said.kind or call.kind, said.title or call.title
        call.paths, call.output = said.paths or call.paths, _digest(said.output) or call.output
        if said.status in (ToolStatus.PENDING, ToolStatus.RUNNING):
            self._calls[said.call_id] = call
            if len(self._calls) > MOST_CALLS:
                self._calls.popitem(last=False)
            return []
        return self._ended(call, now, failed=said.status is ToolStatus.FAILED)

    def counted(self, requests: Iterable[RequestUsage], now: float) -> list[Found]:
        """Note requests to the model, in their order. Those of subagents have contexts of their
        own, and count for the turn alone."""
        found: list[Found] = []
        for request in requests:
            self._spent += max(0, request.input - request.cached) + request.output
            self._spent += request.thoughts
            if not request.subagent:
                found += self._grew(request.input, now)
        return [*found, *self._over(self._spent, self._config.turn_tokens, _USED, now)]

    def full(self, used: int, now: float) -> list[Found]:
        """Note how full the context window is."""
        return self._grew(used, now)

    def _ended(self, call: _Call, now: float, *, failed: bool) -> list[Found]:
        self._failed = self._failed + 1 if failed else 0
        found = self._find(Finding.ERRORS, self._failed, self._config.errors, now)
        waited = now - call.began >= self._config.wait_seconds > 0
        before_last, last = self._last
        mark = None if waited or not _is_telling(call, failed=failed) else _mark(call, failed)
        self._last = last, mark
        self._same = self._same + 1 if mark is not None and mark == last else int(mark is not None)
        pairs = mark is not None and mark == before_last and mark != last and last is not None
        self._pairs = self._pairs + 1 if pairs else 0
        found += self._find(Finding.REPEATS, self._same, self._config.repeats, now)
        # The first pair is there before its second call was seen to repeat.
        turns = self._pairs // 2 + 1 if self._pairs else 0
        found += self._find(Finding.OSCILLATION, turns, self._config.oscillations, now)
        return found

    def _grew(self, prompt: int, now: float) -> list[Found]:
        jump = prompt - self._prompt if self._prompt else 0
        self._prompt = prompt
        found = self._over(jump, self._config.jump_tokens, _JUMPED, now)
        return found or self._over(prompt, self._config.context_tokens, _FULL, now)

    def _over(self, count: int, threshold: int, words: str, now: float) -> list[Found]:
        return self._find(Finding.TOKENS, count, threshold, now, words)

    def _find(
        self, finding: Finding, count: int, threshold: int, now: float, words: str = ""
    ) -> list[Found]:
        """Tell a finding whose threshold is reached, unless that is told already."""
        if not threshold or count < threshold:
            return []
        severity = next(s for times, s in _STEPS if count >= times * threshold)
        words = words or _WORDS[finding]
        told, order = self._told.get(words), list(Severity)
        graver = told is None or order.index(severity) > order.index(told.severity)
        rested = told is not None and now - told.at >= self._config.cooldown_seconds
        grew = told is not None and count > told.count
        if not graver and not (rested and grew):
            return []
        if order.index(severity) < order.index(self._config.least):
            return []
        self._told[words] = _Told(severity, count, now)
        return [Found(finding, severity, words.format(count=count))]


_WORDS = {
    Finding.REPEATS: "The agent made the same tool call {count} times in a row, with the same "
    "result.",
    Finding.ERRORS: "{count} tool calls in a row failed.",
    Finding.OSCILLATION: "The agent went back and forth between two tool calls {count} times.",
}
_JUMPED = "The context grew by {count:,} tokens with one request to the model."
_FULL = "The context has grown to {count:,} tokens."
_USED = "The turn has used {count:,} tokens, cached ones left out."


def _is_telling(call: _Call, *, failed: bool) -> bool:
    """Whether a call shows enough of itself to be called the same as another."""
    if call.kind == "edit":
        return failed and bool(call.output)
    return bool(call.output) or (call.kind not in _VAGUE and bool(call.title))


def _mark(call: _Call, failed: bool) -> bytes:
    parts = (call.kind, call.title, *call.paths, "failed" if failed else "", call.output)
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).digest()


def _digest(text: str) -> str:
    if not text:
        return ""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
