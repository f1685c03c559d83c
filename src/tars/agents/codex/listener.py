"""What the app-server tells by itself: text, tools, tokens, limits; thread by thread."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Raw

from tars.agents.codex import items, limits
from tars.agents.codex import messages as wire
from tars.agents.codex.usage import Meter
from tars.conversation.model import (
    ContextTold,
    Garbled,
    Limit,
    LimitsTold,
    RequestCounted,
    Said,
    TextSaid,
    ThoughtSaid,
    Unrecognised,
)
from tars.protocols.jsonrpc import decoded
from tars.protocols.open_sessions import STRANGE_SESSION

#: How many threads are known at once; of more, the oldest of a subagent is forgotten.
MAX_THREADS = 256
#: How many items are remembered whose text came in pieces, lest it is said again.
MAX_STREAMED = 256
#: How many of a turn's running commands are known.
MAX_COMMANDS = 256
#: How many of a turn's changes of files are known.
MAX_EDITS = 256

#: Methods that tell nothing that tars needs, and folders of such.
_KNOWN = frozenset(
    {
        "warning",
        "guardianWarning",
        "deprecationNotice",
        "configWarning",
        "rawResponseItem/completed",
        "turn/diff/updated",
        "turn/plan/updated",
        "turn/moderationMetadata",
        "item/autoApprovalReview/started",
        "item/autoApprovalReview/completed",
        "autoApprovalReview/strictReviewRequired",
        "item/commandExecution/outputDelta",
        "item/commandExecution/terminalInteraction",
        "item/fileChange/outputDelta",
        "item/fileChange/patchUpdated",
        "item/mcpToolCall/progress",
        "item/reasoning/summaryPartAdded",
        "model/verification",
        "model/safetyBuffering/updated",
    }
)
_KNOWN_FOLDERS = frozenset(
    {
        "account",
        "app",
        "command",
        "externalAgentConfig",
        "fs",
        "fuzzyFileSearch",
        "hook",
        "mcpServer",
        "modelProvider",
        "process",
        "project",
        "remoteControl",
        "skills",
        "thread",
        "windows",
        "windowsSandbox",
    }
)


@dataclass(slots=True)
class Thread:
    """One conversation in the process. `running` is the id of its turn under way, and
    `parent` the thread that a subagent works for."""

    id: str
    meter: Meter
    running: str | None = None
    parent: str | None = None


class Listener:
    """Turns notifications into what was said. `threads` are ours and our subagents';
    `commands` are the processes of the speaker's commands that run, by their items' ids, and
    `edits` say what changes of files that are not done are about, and how they look."""

    def __init__(self) -> None:
        self.threads: dict[str, Thread] = {}
        self.limits: dict[str, Limit] = {}
        self.ignored = 0
        self.commands: dict[str, str] = {}
        self.edits: dict[str, tuple[str, str]] = {}
        #: The thread whose turn somebody waits for.
        self.speaker: str | None = None
        self._item = ""
        self._spoken = False
        self._streamed: dict[str, None] = {}
        self._hear: dict[str, Callable[[Raw], list[Said] | None]] = {
            "item/agentMessage/delta": self._text,
            "item/plan/delta": self._text,
            "item/reasoning/summaryTextDelta": self._thought,
            "item/reasoning/textDelta": self._thought,
            "item/started": lambda params: self._item_told(params, completed=False),
            "item/completed": lambda params: self._item_told(params, completed=True),
            "rawResponse/completed": self._response,
            "thread/tokenUsage/updated": self._token_usage,
            "account/rateLimits/updated": self._rate_limits,
            "model/rerouted": self._rerouted,
        }

    def open(self, thread_id: str, model: str) -> None:
        """A thread of ours is open, and this model answers in it."""
        self.threads[thread_id] = Thread(thread_id, Meter(model))

    def listen_to(self, thread_id: str | None) -> None:
        """From now on a turn of this thread is waited for, or none."""
        self.speaker = thread_id
        self._item, self._spoken = "", False
        self._streamed.clear()
        self.commands.clear()
        self.edits.clear()

    def works_for_speaker(self, thread_id: str) -> bool:
        """Whether a thread is the speaker, or a subagent of it."""
        for _ in range(MAX_THREADS):
            thread = self.threads.get(thread_id)
            if thread is None or self.speaker is None:
                return False
            if thread.id == self.speaker:
                return True
            thread_id = thread.parent or ""
        return False

    def begun(self, told: wire.TurnTold) -> None:
        """A turn began. In a thread that is not known it may be a subagent's."""
        thread = self.threads.get(told.thread_id)
        if thread is None:
            root = told.turn.root_turn_id
            parent = next((t.id for t in self.threads.values() if root and t.running == root), None)
            if parent is None:
                return
            thread = self._subagent(told.thread_id, parent)
        thread.running = told.turn.id

    def over(self, told: wire.TurnTold) -> None:
        thread = self.threads.get(told.thread_id)
        if thread is not None and thread.running == told.turn.id:
            thread.running = None

    def hear(self, method: str, params: Raw) -> list[Said]:
        """Take one notification."""
        if (hear := self._hear.get(method)) is not None:
            said = hear(params)
            if said is None:
                return [Garbled(f"a malformed {method}", len(bytes(params)))]
            return said if said else self._ignore()
        if method in _KNOWN or method.partition("/")[0] in _KNOWN_FOLDERS:
            return self._ignore()
        return [Unrecognised(method[:100])]

    def _text(self, params: Raw) -> list[Said] | None:
        told = decoded(params, wire.DELTA)
        if told is None:
            return None
        if told.thread_id != self.speaker or not told.delta:
            return self._strange(told.thread_id)
        self._streamed[told.item_id] = None
        if len(self._streamed) > MAX_STREAMED:
            del self._streamed[next(iter(self._streamed))]
        return [TextSaid(self._gap(told.item_id) + told.delta)]

    def _thought(self, params: Raw) -> list[Said] | None:
        told = decoded(params, wire.DELTA)
        if told is None:
            return None
        return [ThoughtSaid(told.delta)] if told.thread_id == self.speaker and told.delta else []

    def _item_told(self, params: Raw, *, completed: bool) -> list[Said] | None:
        told = decoded(params, wire.ITEM_TOLD)
        if told is None:
            return None
        if told.thread_id in self.threads:
            for id in items.subagents(told.item):
                if id not in self.threads:
                    self._subagent(id, told.thread_id)
            self._note_edit(told.item, completed=completed)
        if told.thread_id != self.speaker:
            return self._strange(told.thread_id)
        self._note_command(told.item, completed=completed)
        read = items.read(told.item, completed=completed)
        if isinstance(read, items.Nothing):
            return []
        if isinstance(read, items.Answer):
            return self._whole_answer(read)
        return [read]

    def _note_edit(self, item: Raw, *, completed: bool) -> None:
        if (found := items.edit(item)) is None:
            return
        id, title, diffs = found
        if completed:
            self.edits.pop(id, None)
        elif len(self.edits) < MAX_EDITS:
            self.edits[id] = title, diffs

    def _note_command(self, item: Raw, *, completed: bool) -> None:
        if (found := items.process(item)) is None:
            return
        id, process = found
        if completed:
            self.commands.pop(id, None)
        elif len(self.commands) < MAX_COMMANDS:
            self.commands[id] = process

    def _whole_answer(self, answer: items.Answer) -> list[Said]:
        """Some providers do not stream."""
        if answer.item_id in self._streamed:
            return []
        return [TextSaid(self._gap(answer.item_id) + answer.text)]

    def _gap(self, item_id: str) -> str:
        """An answer in several pieces, with work between them, is one text."""
        new, self._item = item_id != self._item, item_id
        spoken, self._spoken = self._spoken, True
        return "\n\n" if new and spoken else ""

    def _response(self, params: Raw) -> list[Said] | None:
        told = decoded(params, wire.RESPONSE_COMPLETED)
        if told is None:
            return None
        thread = self.threads.get(told.thread_id)
        request = thread.meter.completed(told) if thread else None
        return [RequestCounted(request)] if request else []

    def _token_usage(self, params: Raw) -> list[Said] | None:
        told = decoded(params, wire.TOKEN_USAGE_UPDATED)
        if told is None:
            return None
        thread = self.threads.get(told.thread_id)
        if thread is None:
            return self._strange(told.thread_id)
        request = thread.meter.updated(told, thread.running)
        said: list[Said] = [RequestCounted(request)] if request else []
        return said if thread.parent else [*said, *_context(told.token_usage)]

    def _rate_limits(self, params: Raw) -> list[Said] | None:
        told = decoded(params, wire.RATE_LIMITS_UPDATED)
        if told is None:
            return None
        found = limits.told(told.rate_limits)
        self.limits |= {limit.name: limit for limit in found}
        return [LimitsTold(found)] if found else []

    def _rerouted(self, params: Raw) -> list[Said] | None:
        told = decoded(params, wire.MODEL_REROUTED)
        if told is None:
            return None
        if (thread := self.threads.get(told.thread_id)) is not None:
            thread.meter.model = told.to_model
        return []

    def _strange(self, thread_id: str) -> list[Said]:
        """What nobody waits for: count it where the thread is none of ours. One that is being
        opened is not known yet, but then there is no speaker."""
        ours = self.speaker is None or thread_id in self.threads
        return [] if ours else [Unrecognised(STRANGE_SESSION)]

    def _subagent(self, thread_id: str, parent: str) -> Thread:
        if len(self.threads) >= MAX_THREADS:
            oldest = next((id for id, t in self.threads.items() if t.parent), None)
            self.threads.pop(oldest or "", None)
        # Its own model is not told; most have their parent's.
        meter = Meter(self.threads[parent].meter.model, subagent=thread_id)
        thread = self.threads[thread_id] = Thread(thread_id, meter, parent=parent)
        return thread

    def _ignore(self) -> list[Said]:
        self.ignored += 1
        return []


def _context(usage: wire.TokenUsage) -> list[Said]:
    size = usage.model_context_window or 0
    last = decoded(usage.last, wire.TOKENS)
    if last is None:
        return []
    # A window that ran full is told as a total of nothing, and `last` is what was missing;
    # after a compaction `last` is a response that used nothing, with the size that is left.
    full = usage.total.nothing and size > 0 and usage.total.total_tokens >= size
    used = size if full else last.total_tokens
    return [ContextTold(used, size)]
