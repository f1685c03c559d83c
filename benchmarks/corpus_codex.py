"""Codex's rollouts: sums that grow, told again and again; forks that repeat their parent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.corpus_scribe import Scribe, as_line, iso
from tars.accounting.rates import Tokens

_MODELS = ("gpt-5-codex", "gpt-5.1-codex-max", "gpt-5.2-codex", "gpt-5.2")
_Record = dict[str, Any]


@dataclass(frozen=True)
class _Cut:
    """A rollout as it was at the end of a turn, for forks to go on from."""

    session: str
    model: str
    records: list[_Record]
    sums: list[int]
    context: int


def writer(scribe: Scribe) -> Callable[[int, datetime], int]:
    """Give what writes a rollout: of about a size, from a time on."""
    cuts: list[_Cut] = []

    def write(size: int, at: datetime) -> int:
        parent = scribe.random.choice(cuts) if cuts and scribe.chance(0.03) else None
        rollout = _Rollout(scribe, at, parent)
        rollout.work(size)
        if rollout.cut and not parent:
            cuts.append(rollout.cut)
            del cuts[:-8]
        return rollout.save()

    return write


class _Rollout:
    """One file. The sums are input, cached input, output and reasoning output."""

    def __init__(self, scribe: Scribe, at: datetime, parent: _Cut | None) -> None:
        self._scribe = scribe
        self._began = self._at = at
        self._id = scribe.uuid()
        self._model = parent.model if parent else scribe.random.choice(_MODELS)
        self._folder = f"/home/dev/src/{scribe.word()}"
        self._records: list[_Record] = []
        self._texts: list[str] = []
        self._size = 0
        self._sums = list(parent.sums) if parent else [0, 0, 0, 0]
        self._context = parent.context if parent else scribe.random.randint(8_000, 16_000)
        self.cut: _Cut | None = None
        self._begin(parent)
        if parent:
            self._repeat(parent)

    def work(self, size: int) -> None:
        """Go on, turn by turn, until there are so many bytes."""
        while self._size < size:
            self._ask()
            for _ in range(self._scribe.random.randint(2, 14)):
                self._step()
                if self._size >= size:
                    break
            answer = {"type": "output_text", "text": self._scribe.text(80, 2000)}
            self._item(type="message", role="assistant", content=[answer])
            self._event("agent_message", message=self._scribe.text(80, 2000))
            self._at += self._scribe.seconds(10, 900)
            if not self.cut and self._size < 300_000 and self._scribe.chance(0.3):
                so_far = list(self._records), list(self._sums), self._context
                self.cut = _Cut(self._id, self._model, *so_far)

    def save(self) -> int:
        began = self._began
        folder = self._scribe.home / ".codex" / "sessions" / f"{began:%Y/%m/%d}"
        path = folder / f"rollout-{began:%Y-%m-%dT%H-%M-%S}-{self._id}.jsonl"
        return self._scribe.save(path, self._texts, self._at)

    def _begin(self, parent: _Cut | None) -> None:
        meta = {
            "id": self._id,
            "timestamp": iso(self._at),
            "cwd": self._folder,
            "originator": "codex_cli_rs",
            "cli_version": "0.104.0",
            "source": "cli",
            "model_provider": "openai",
            "base_instructions": {"text": self._scribe.text(12_000, 22_000)},
            "git": {"commit_hash": "0" * 40, "branch": "main"},
        }
        if parent:
            spawned = {"parent_thread_id": parent.session, "depth": 1}
            meta["forked_from_id"] = parent.session
            meta["source"] = {"subagent": {"thread_spawn": spawned}}
        self._record("session_meta", meta)

    def _repeat(self, parent: _Cut) -> None:
        """Write all of the parent's records again, within the one second of now."""
        second = self._at.replace(microsecond=0)
        for number, record in enumerate(parent.records):
            now = second + timedelta(milliseconds=number % 900)
            self._add({**record, "timestamp": iso(now)})
        self._at += timedelta(seconds=5)

    def _ask(self) -> None:
        context = {"cwd": self._folder, "approval_policy": "on-request", "model": self._model}
        self._record("turn_context", {**context, "effort": "medium", "summary": "auto"})
        asked = self._scribe.text(40, 1200)
        self._item(type="message", role="user", content=[{"type": "input_text", "text": asked}])
        self._event("user_message", message=asked, images=[])
        if self._scribe.chance(0.5):
            self._counted(None)

    def _step(self) -> None:
        """Think, call a tool, and tell what the request used; often twice."""
        scribe = self._scribe
        self._at += scribe.seconds(1, 30)
        summary = [{"type": "summary_text", "text": scribe.text(40, 400)}]
        thoughts = f"gAAAA{scribe.noise(800, 6000)}"
        self._item(type="reasoning", summary=summary, encrypted_content=thoughts)
        self._event("agent_reasoning", text=scribe.text(40, 300))
        call = scribe.id("call_")
        given = as_line({"cmd": "rg -n x", "workdir": self._folder})
        self._item(type="function_call", name="exec_command", arguments=given, call_id=call)
        told = self._request()
        self._counted(told)
        if scribe.chance(0.35):
            self._at += scribe.seconds(0.3, 4)
            self._counted(told)
        self._item(type="function_call_output", call_id=call, output=scribe.text(150, 9000))

    def _request(self) -> _Record:
        scribe = self._scribe
        asked = self._context + scribe.random.randint(200, 5_000)
        cached = self._context // 128 * 128 if scribe.chance(0.93) else 0
        answered = scribe.random.randint(30, 1_500)
        thought = int(answered * scribe.random.uniform(0, 0.8))
        self._context = asked + answered
        if self._context > 240_000:
            self._context = scribe.random.randint(20_000, 40_000)
        used = [asked, cached, answered, thought]
        self._sums = [before + now for before, now in zip(self._sums, used, strict=True)]
        tokens = Tokens(asked - cached, cached, output=answered, reasoning=thought)
        scribe.count("codex", self._model, self._at, tokens)
        return {
            "total_token_usage": _usage(self._sums),
            "last_token_usage": _usage(used),
            "model_context_window": 258_400,
        }

    def _counted(self, info: _Record | None) -> None:
        shares = [round(self._scribe.random.uniform(0, 90), 1) for _ in range(2)]
        limits = {
            "primary": {"used_percent": shares[0], "window_minutes": 300, "resets_at": 1763600000},
            "secondary": {"used_percent": shares[1], "window_minutes": 10080},
            "plan_type": "pro",
        }
        self._event("token_count", info=info, rate_limits=limits)

    def _item(self, **payload: Any) -> None:
        self._record("response_item", payload)

    def _event(self, kind: str, **payload: Any) -> None:
        self._record("event_msg", {"type": kind, **payload})

    def _record(self, kind: str, payload: _Record) -> None:
        self._add({"timestamp": iso(self._at), "type": kind, "payload": payload})

    def _add(self, record: _Record) -> None:
        self._records.append(record)
        self._texts.append(as_line(record))
        self._size += len(self._texts[-1]) + 1


def _usage(figures: list[int]) -> dict[str, int]:
    asked, cached, answered, thought = figures
    return {
        "input_tokens": asked,
        "cached_input_tokens": cached,
        "output_tokens": answered,
        "reasoning_output_tokens": thought,
        "total_tokens": asked + answered,
    }
