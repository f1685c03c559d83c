"""What happened, told to everybody who wants to know: the store, session.json, the feed, the log.

The loop's only audience. It decides nothing: it translates facts for those who keep or
show them, each in its own words.
"""

import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import anyio

from tars.control.feed import Feed
from tars.conversation.model import (
    Garbled,
    Opened,
    PermissionAsked,
    RequestUsage,
    Said,
    SessionLost,
)
from tars.core import events as e
from tars.core.agent import Agent, Outcome
from tars.core.commands import AnswerPermission, Command
from tars.core.condition import Condition, Word
from tars.core.fallback import Attempt
from tars.daemon import records, status
from tars.daemon.announcements import Announcements
from tars.daemon.beginnings import Beginnings
from tars.daemon.fallbacks import Fallbacks
from tars.daemon.garbage import Garbage
from tars.daemon.logs import AgentLog
from tars.daemon.scribe import Scribe
from tars.daemon.session_files import SessionFiles
from tars.daemon.watching import Gate, Watching, open_gate
from tars.errors import Fault, FaultKind, StoreError
from tars.home import Home
from tars.runtime.children import Identity
from tars.runtime.driver import Driver
from tars.runtime.leftovers import Note
from tars.runtime.log import log
from tars.runtime.recorder import Recorder
from tars.runtime.turn import LiveTurn, Prompt, TurnReport
from tars.sessions.session_file import SessionManager
from tars.store.rows import AgentRow, Decision, Keep, Named, PromptRow, TurnBegun, TurnRecord

#: Decisions are written in batches; what a kill -9 takes is the end of the log only.
BATCH = 100
#: How many decisions are kept: some weeks of busy work.
DECISIONS_KEPT = 200_000
#: How many warnings are shown.
WARNINGS = 5


class Chronicle:
    """`warnings` are sentences for a person."""

    def __init__(self, home: Home, recorder: Recorder, feed: Feed) -> None:
        self.feed = feed
        self._announcements = Announcements(feed)
        self.logs: dict[str, AgentLog] = {}
        self.warnings: deque[str] = deque(maxlen=WARNINGS)
        self.store_deleted = False
        self.fallbacks: Fallbacks | None = None
        self.asked_for: Callable[[str, e.PermissionAsked], PermissionAsked | None] = _nothing
        self._reload_problem: str | None = None
        self.run = uuid.uuid4().hex[:12]
        self._children = Note(home.children)
        self._store = home.store
        self._recorder = recorder
        self._garbage = Garbage(anyio.current_time)
        self._decisions: list[Decision] = []
        self._held: set[str] = set()
        self.healed = False
        self.session_files = SessionFiles(recorder, self.warn)
        self.scribe = Scribe(recorder)
        self._beginnings = Beginnings(recorder, self.scribe)
        self.refuse: Callable[[str, LiveTurn, Fault], None] = _refused_by_nobody
        #: Called when something that was used is on record.
        self.counted: Callable[[], None] = _counted_by_nobody
        self.watching: list[Watching] = []
        self.gate: Gate = open_gate

    @property
    def sessions(self) -> dict[str, SessionManager]:
        """Each agent's session.json."""
        return self.session_files.managers

    @property
    def problems(self) -> list[str]:
        """What is wrong now: warnings, a configuration that is not in force, and a disk that
        does not take what is written."""
        disk = self._recorder.problem or self.session_files.problem
        deleted = "The store's file was deleted; restart tars." if self.store_deleted else None
        return [*self.warnings, *(p for p in (self._reload_problem, disk, deleted) if p)]

    def warn(self, sentence: str) -> None:
        log.warning("warned", reason=sentence)
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def reloaded(self, faults: Iterable[str] = ()) -> None:
        """Note how the last reload went: its faults are a warning until one works."""
        told = "; ".join(faults)
        self._reload_problem = (
            f"The new configuration has faults, and the old one stays in force: {told}"
            if told
            else None
        )
        log.info("reloaded", faults=told)

    # --- what the core decided ----------------------------------------------

    def decided(
        self, agent: str, event: e.Event, commands: tuple[Command, ...], now: float
    ) -> None:
        name = type(event).__name__
        log.info(
            "decided", agent=agent, event_name=name, commands=[type(x).__name__ for x in commands]
        )
        if isinstance(event, e.Exited):
            self._garbage.ended(agent)
        at = datetime.now(UTC)
        self._decisions.append(Decision(self.run, agent, now, at, event, commands))
        if len(self._decisions) >= BATCH:
            self.flush()
        title = ""
        if isinstance(event, e.PermissionAsked) and (asked := self.asked_for(agent, event)):
            title = asked.title
        self._announcements.decided(agent, event, title)

    def close(self) -> None:
        """Let go of its files: nothing more happens."""
        self._children.close()
        for file in self.logs.values():
            file.close()

    def flush(self) -> None:
        """Write the decisions so far, and see to what has to be looked at now and then."""
        batch, self._decisions = self._decisions, []
        if batch:
            self._recorder.put(lambda store: store.log_decisions(batch))
        self.scribe.prolong()
        self.session_files.look_at_names(self._store)

    def prune(self) -> None:
        self._recorder.put(lambda store: store.prune_decisions(DECISIONS_KEPT))

    def asked(self, agent: Agent, driver: Driver, request_id: str, now: float) -> None:
        self._announcements.asked(agent, driver, request_id, now)

    def answered(self, agent: str, asked: PermissionAsked | None, answer: AnswerPermission) -> None:
        """Say who answered a request, and how; never what it was about."""
        data = status.answer_data(asked, answer)
        log.info("permission_answered", agent=agent, **data)
        self._announcements.happened("permission_answered", agent, data)

    def condition_changed(
        self, agent: str, was: Word, now: Condition, waiting: tuple[str, ...]
    ) -> None:
        log.info("condition_changed", agent=agent, was=was.value, now=now.word.value)
        self._announcements.condition_changed(agent, was, now)
        for prompt in waiting:
            self.holds_up(prompt, now)

    def holds_up(self, prompt: str, condition: Condition) -> None:
        """Tell who waits for a prompt why its agent does not get to it."""
        self._announcements.holds_up(prompt, condition)

    # --- what the agent said ------------------------------------------------

    def said(self, agent: str, turn: LiveTurn | None, said: Said) -> None:
        match said:
            case Opened():
                if turn is None or not turn.prompt.wishes.unrecorded:
                    self.session_files.opened(agent, said, listed=self.scribe.enabled)
                if turn is not None:
                    self._beginnings.know_better(agent, turn)
                    self._announcements.started(turn)
            case SessionLost(session_id, reason):
                self.session_files.lost(agent, session_id, reason)
            case Garbled():
                self._garbage.heard(agent, said)
            case _:
                if turn is not None:
                    self.scribe.heard(turn, said)
                    self._announcements.said(turn, said)
                    for watching in self.watching:
                        watching.heard(agent, turn, said)

    def wrote(self, agent: str, lines: list[str]) -> None:
        if agent in self.logs:
            self.logs[agent].write(lines)

    def known(self, agent: AgentRow) -> None:
        self._recorder.put(lambda store: store.save_agent(agent))

    # --- turns --------------------------------------------------------------

    async def accept(self, row: PromptRow, foreseen: LiveTurn | None) -> None:
        """Save a prompt. Raises StoreError, and Busy when another process has its session."""
        await self._beginnings.accept(row, foreseen)

    def foresees(self, agent: str) -> bool:
        """Whether another prompt is about to begin: one on its way, or an earlier daemon's."""
        return not self.healed or self._beginnings.foresees(agent)

    def began(self, agent: str, turn: LiveTurn, then: Callable[[], None]) -> None:
        """Note it in the store, and only then let the agent have the prompt."""
        again = turn.prompt.id in self._held
        self._held.discard(turn.prompt.id)
        if not again:
            self._announcements.begins(agent, turn)
        refuse = partial(self.refuse, agent, turn)
        go_on = then if again else partial(self.gate, agent, turn, then, refuse)
        self._beginnings.begin(agent, turn, go_on, refuse)
        if turn.session_id is not None and not again:
            self._announcements.started(turn)

    def held(self, agent: str, report: TurnReport) -> None:
        """Note it in the store: whoever finds it there runs the prompt."""
        self._held.add(report.prompt.id)
        record = records.record(agent, report, self.scribe.pause(report.prompt.id))
        self._recorder.put(lambda store: store.hold_turn(record))

    def finished(self, agent: str, report: TurnReport) -> None:
        """Count the turn, write it down, and only then tell those who wait for it."""
        self._held.discard(report.prompt.id)
        for watching in self.watching:
            watching.over(report)
        manager = self.sessions[agent]
        if report.session_id is not None and not report.prompt.wishes.unrecorded:
            self.session_files.go_to(manager, report.session_id)
            manager.update_usage(report.usage, at=report.ended_at)
            self.session_files.mark(agent, report.session_id, report.usage)
        if report.prompt.session and _is_gone(report):
            self.session_files.leave(agent, report.prompt.session, "the agent does not know it")
        unrecorded = not self.scribe.records(report.prompt)
        said = self.scribe.over(report.prompt.id)
        record = records.record(agent, report, said, unrecorded=unrecorded)
        self.session_files.save(manager)
        following = self.fallbacks.after_turn(report) if self.fallbacks else None
        row = records.prompt_row(following, report.ended_at) if following else None
        self._recorder.put(
            lambda store: store.finish_turn(record, row),
            then=partial(self._tell_finished, agent, report, following),
        )
        if unrecorded or self.scribe.keep is not Keep.FULL:
            # The journal still has the prompt, whose text nobody is to find.
            self._recorder.look(lambda store: store.forget(), then=lambda _: None)
        log.info(
            "turn_finished",
            agent=agent,
            turn=report.prompt.id,
            outcome=report.outcome.value,
            duration_ms=report.duration_ms,
            input_tokens=report.usage.input,
            output_tokens=report.usage.output,
            fault=None if report.fault is None else report.fault.kind.value,
        )

    def _tell_finished(
        self,
        agent: str,
        report: TurnReport,
        following: Prompt | None,
        told: Named | StoreError | None,
    ) -> None:
        self.session_files.named(told)
        self.counted()
        if following is not None:
            self.go_on_elsewhere(report.prompt, report.fault, following)
            return
        self.feed.publish_turn(report.prompt.id, "turn", status.turn_result(agent, report))

    def dropped(self, prompt: Prompt, outcome: Outcome, fault: Fault | None) -> None:
        if prompt.before is not None and prompt.agent in self.sessions:
            self.finished(prompt.agent, records.given_up(prompt, prompt.before, outcome, fault))
            return
        attempt = Attempt(outcome, fault, began=False)
        following = self.fallbacks.after_drop(prompt, attempt) if self.fallbacks else None
        if following is not None:
            record, row = self._elsewhere(prompt, outcome, fault, following)
            self._recorder.put(
                lambda store: store.finish_turn(record, row),
                then=lambda _: self.go_on_elsewhere(prompt, fault, following),
            )
            return
        at = datetime.now(UTC)
        result = status.unanswered(prompt, outcome, fault)
        begun = self._beginnings.forget(prompt.id)
        if begun is not None:
            # Its turn was foreseen, and never came.
            record = records.unbegun(begun, outcome, fault, at)
            self._recorder.put(lambda store: store.finish_turn(record))
        self._recorder.put(
            lambda store: store.drop_prompt(prompt.id, outcome, fault, at),
            then=lambda _: self.feed.publish_turn(prompt.id, "turn", result),
        )

    async def accept_elsewhere(self, prompt: Prompt, fault: Fault, following: Prompt) -> None:
        """Save a prompt for whoever stands in for its agent. Raises StoreError."""
        record, row = self._elsewhere(prompt, Outcome.REFUSED, fault, following)
        await self._recorder.ask(lambda store: store.finish_turn(record, row))

    def go_on_elsewhere(self, failed: Prompt, fault: Fault | None, following: Prompt) -> None:
        """Let the next attempt at a prompt begin: both are on record."""
        if self.fallbacks is None or not self.fallbacks.begin(failed, fault, following):
            self.adjourned([following])

    def _elsewhere(
        self, prompt: Prompt, outcome: Outcome, fault: Fault | None, following: Prompt
    ) -> tuple[TurnRecord, PromptRow]:
        at = datetime.now(UTC)
        begun = self._beginnings.forget(prompt.id)
        begun = begun or TurnBegun(prompt.id, prompt.agent, at)
        record = records.unbegun(begun, outcome, fault, at)
        return record, records.prompt_row(following, at)

    def adjourned(self, prompts: Iterable[Prompt]) -> None:
        """Tell those who wait for a prompt that it is kept for the next daemon."""
        for prompt in prompts:
            when = "while it waited for a limit to end" if prompt.id in self._held else ""
            fault = Fault(
                FaultKind.STOPPED,
                f"tars was stopped {when or 'before this prompt had its turn'}.",
                "It is kept: the next `tars start` runs it.",
            )
            result = status.unanswered(prompt, Outcome.INTERRUPTED, fault)
            self.feed.publish_turn(prompt.id, "turn", result)

    def recover(self, record: TurnRecord, *, counted: bool) -> None:
        """Write down a turn that this daemon's predecessor left under way. `counted`: it had
        written session.json for it."""
        manager = self.sessions.get(record.agent)
        session = manager.session if manager else None
        if (
            manager is not None
            and session is not None
            and session.session_id == record.session
            and not counted
        ):
            manager.update_usage(record.usage, at=record.ended_at)
            self.session_files.save(manager)
        self._recorder.put(lambda store: store.finish_turn(record), then=lambda _: self.counted())

    def spent(self, agent: str, session_id: str, requests: tuple[RequestUsage, ...]) -> None:
        """Tokens that belong to no turn get a ledger row of their own."""
        record = records.background(agent, session_id, requests, datetime.now(UTC))
        manager = self.sessions[agent]
        if manager.session is not None and manager.session.session_id == session_id:
            count = manager.session.interaction_count
            counted = manager.update_usage(record.usage, at=record.ended_at)
            manager.session = replace(counted, interaction_count=count)
            self.session_files.save(manager)
        self._recorder.put(lambda store: store.finish_turn(record), then=lambda _: self.counted())

    def logged(
        self, agent: str, turn: str, session_id: str, requests: tuple[RequestUsage, ...]
    ) -> None:
        self._recorder.put(lambda store: store.add_logged(turn, agent, session_id, requests))

    def children_began(self, who: Iterable[Identity]) -> None:
        self._note_children(self._children.began, who)

    def children_ended(self, who: Iterable[Identity]) -> None:
        self._note_children(self._children.ended, who)

    def _note_children(
        self, note: Callable[[Iterable[Identity]], None], who: Iterable[Identity]
    ) -> None:
        try:
            note(who)
        except OSError as error:
            # PDEATHSIG and the marks still end them, with a killed daemon or after it.
            log.error("children_not_noted", reason=error.strerror)


def _is_gone(report: TurnReport) -> bool:
    return report.fault is not None and report.fault.kind is FaultKind.SESSION_UNKNOWN


def _counted_by_nobody() -> None:
    pass


def _refused_by_nobody(agent: str, turn: LiveTurn, fault: Fault) -> None:
    log.error("turn_not_refused", agent=agent, turn=turn.prompt.id, reason=fault.message)


def _nothing(_agent: str, _event: e.PermissionAsked) -> None:
    return None
