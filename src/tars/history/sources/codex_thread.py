"""What a rollout's lines add up to: each response of the model once.

`token_count` tells sums over the whole thread: a response used what they grew by. It is repeated
with the same sums wherever the limits changed or a turn failed, and the sums may fall: a full
context window sets them to 0. That begins another epoch. Newer versions also write a
`token_usage_record` for each response, with its id, right before the `token_count` that tells of
it: then that one is not counted.

A fork repeats its parent's lines with new times. What identifies a response is therefore its
sums, under the conversation that all began with: the index finds that one by the forks it is
told. Newer forks repeat nothing, but their sums begin with the parent's. So a fork's first
response used what it says of itself alone. The more threads a rollout repeats, the less its rows
count, so that each thread's own rollout says when its requests were.
"""

import msgspec
from msgspec import Struct

from tars.history.source import Request, request_of
from tars.history.sources import codex_lines
from tars.history.sources.codex_lines import Info, Payload, Tokens
from tars.history.timestamps import milliseconds

#: Input, of that cached and written to the cache, output, of that reasoning.
_Sums = tuple[int, int, int, int, int]
_ZERO: _Sums = (0, 0, 0, 0, 0)
#: More forks of forks are not told apart.
_DEEPEST = 100


class State(Struct, omit_defaults=True):
    """What is known after the lines so far, and what the next reading begins with.

    `session` is the conversation that requests belong to: a subagent's parent, else `thread`.
    `depth` is how many threads this one goes on from, as far as it says. `total` is that of the
    sums as Codex tells it. `told`: a record told of the next growth."""

    thread: str = ""
    session: str = ""
    parent: str = ""
    depth: int = 0
    named: bool = False
    provider: str = ""
    model: str = ""
    project: str = ""
    branch: str = ""
    sidechain: bool = False
    epoch: int = 0
    sums: _Sums | None = None
    total: int = 0
    told: bool = False


_state = msgspec.json.Decoder(State)
_encode = msgspec.json.Encoder().encode


class Thread:
    """One rollout. `thread` is the id in its name, which its first line says too; `modified` is
    when it was written last, for lines without a time."""

    def __init__(self, thread: str, modified: int, state: bytes = b"") -> None:
        self._modified = modified
        self.state = _state.decode(state) if state else State(thread, thread)
        self.forks: list[tuple[str, str]] = []

    def mark(self) -> bytes:
        """Give what the next reading begins with."""
        return _encode(self.state)

    def name(self, meta: Payload) -> None:
        """Read a `session_meta`. The first one is the rollout's own; another one shows that
        what follows is the beginning of another thread."""
        state = self.state
        if state.named:
            if meta.id and meta.id != state.thread:
                self._repeat(meta)
            return
        state.named = True
        state.thread = meta.id or state.thread
        state.provider = meta.provider or ""
        state.project = meta.cwd or ""
        state.branch = (meta.git and meta.git.branch) or ""
        state.sidechain, spawner = codex_lines.subagent(meta.source)
        state.session = state.thread
        if state.sidechain:
            state.session = meta.session or spawner or state.thread
        if parent := meta.forked_from or spawner:
            self._fork(parent)

    def turn(self, context: Payload) -> None:
        """Read a `turn_context`: who answers from now on."""
        self.state.model = context.model or self.state.model
        self.state.project = self.state.project or context.cwd or ""

    def record(self, told: Payload, timestamp: str | None) -> Request | None:
        """Read a `token_usage_record`."""
        if (usage := told.usage) is None:
            return None
        self.state.told = True
        id = told.response or _joined(_sums(told.thread_usage or usage))
        return self._request(f"r{id}", _sums(usage), usage.total_tokens or 0, timestamp)

    def count(self, told: Payload, timestamp: str | None) -> Request | None:
        """Read a `token_count`."""
        state, info = self.state, told.info
        if info is None:
            return None
        model = info.model or told.model or ""
        if info.total is None:
            last = info.last or Tokens()
            total = last.total_tokens or 0
            return self._request(f"t{timestamp}", _sums(last), total, timestamp, model)
        sums = _sums(info.total)
        if sums == state.sums:
            return None
        spent, total = self._growth(sums, info, info.total)
        state.sums, state.total = sums, info.total.total_tokens or 0
        if state.told and spent != _ZERO:
            state.told = False
            return None
        a, b, c, d, e = sums
        return self._request(f"{state.epoch}|{a},{b},{c},{d},{e}", spent, total, timestamp, model)

    def _growth(self, sums: _Sums, info: Info, total: Tokens) -> tuple[_Sums, int]:
        """Give what was used since, and the total of that."""
        state, before = self.state, self.state.sums
        if before is not None:
            a, b, c, d, e = sums
            v, w, x, y, z = before
            spent = a - v, b - w, c - x, d - y, e - z
            if min(spent) >= 0:
                return spent, (total.total_tokens or 0) - state.total
            state.epoch += 1
        elif state.depth and info.last is not None:
            alone = _sums(info.last)
            if alone != _ZERO and _within(alone, sums):
                return alone, info.last.total_tokens or 0
        return sums, total.total_tokens or 0

    def _request(
        self, key: str, spent: _Sums, total: int, timestamp: str | None, model: str = ""
    ) -> Request | None:
        inputs, cached, written, output, reasoning = spent
        if not (inputs or cached or written or output):
            return None
        state, session = self.state, self.state.session
        cached = min(cached, inputs)
        net = inputs - cached
        # The sum tells whether a provider counts what it wrote to its cache apart from the input.
        if written and total != inputs + written + output:
            net = max(0, net - written)
        return request_of(
            (
                f"{session}|{key}",
                session,
                milliseconds(timestamp or "") or self._modified,
                model or state.model,
                net,
                cached,
                written,
                0,
                output,
                min(reasoning, output),
                state.provider,
                state.project,
                state.branch,
                -state.depth,
                None,
                state.sidechain,
                1,
            )
        )

    def _fork(self, parent: str) -> None:
        state = self.state
        state.depth, state.parent = 1, parent
        child = state.thread if state.session == parent else state.session
        if child != parent:
            self.forks.append((child, parent))

    def _repeat(self, meta: Payload) -> None:
        """Read the `session_meta` of a thread that this one repeats."""
        state = self.state
        if not state.depth:
            self._fork(meta.id or "")
        elif meta.id != state.parent and state.depth < _DEEPEST:
            state.depth += 1


def _sums(tokens: Tokens) -> _Sums:
    return (
        tokens.input_tokens or 0,
        tokens.cached_input_tokens or tokens.cache_read_input_tokens or 0,
        tokens.cache_write_input_tokens or 0,
        tokens.output_tokens or 0,
        tokens.reasoning_output_tokens or 0,
    )


def _within(less: _Sums, more: _Sums) -> bool:
    a, b, c, d, e = less
    v, w, x, y, z = more
    return a <= v and b <= w and c <= x and d <= y and e <= z


def _joined(sums: _Sums) -> str:
    a, b, c, d, e = sums
    return f"{a},{b},{c},{d},{e}"
