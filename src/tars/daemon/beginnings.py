"""Prompts and turns put on record before an agent gets them; foreseen turns with their prompt."""

from collections.abc import Callable

from tars.daemon.scribe import Scribe
from tars.errors import Busy, Fault, FaultKind, StoreError
from tars.runtime.log import log
from tars.runtime.recorder import Recorder
from tars.runtime.turn import LiveTurn
from tars.store.rows import PromptRow, TurnBegun

_ADVICE = "Try again when it is done."


class Beginnings:
    """Each agent has one turn at most on its way."""

    def __init__(self, recorder: Recorder, scribe: Scribe) -> None:
        self._recorder = recorder
        self._scribe = scribe
        self._on_record: dict[str, TurnBegun] = {}
        self._foreseeing: set[str] = set()

    def foresees(self, agent: str) -> bool:
        """Whether a prompt of this agent is being saved with its turn."""
        return agent in self._foreseeing

    async def accept(self, row: PromptRow, foreseen: LiveTurn | None) -> None:
        """Save a prompt; with its turn, in one go, where that is about to begin: should it
        not, after all, a successor reports it instead of running it. Raises StoreError, and
        Busy when another process writes into its session."""
        if foreseen is None:
            await self._recorder.ask(lambda store: store.save_prompt(row))
            return
        begun = self._scribe.begun(row.agent, foreseen)
        self._foreseeing.add(row.agent)
        try:
            refusal = await self._recorder.ask(lambda store: store.begin_prompt(row, begun))
        finally:
            self._foreseeing.discard(row.agent)
        if refusal is not None:
            raise Busy(refusal, advice=_ADVICE)
        self._on_record[row.id] = begun

    def begin(
        self,
        agent: str,
        turn: LiveTurn,
        then: Callable[[], None],
        refuse: Callable[[Fault], None],
    ) -> None:
        """Note a turn, unless it is on record as it is, and only then go on with it."""
        begun = self._scribe.begun(agent, turn)
        known = self._on_record.pop(turn.prompt.id, None)
        self._scribe.begins(turn, begun.asked)
        if known is not None and (known.session, known.log_mark) == (begun.session, begun.log_mark):
            then()
            return

        def go_on(answer: str | StoreError | None) -> None:
            if isinstance(answer, str):
                refuse(Fault(FaultKind.SESSION_LOCKED, answer, _ADVICE))
            else:
                then()

        self._recorder.put(lambda store: store.begin_turn(begun), then=go_on)

    def know_better(self, agent: str, turn: LiveTurn) -> None:
        """Note what is known by now of a turn under way: its session, for one."""
        begun = self._scribe.begun(agent, turn)

        def told(answer: str | StoreError | None) -> None:
            if isinstance(answer, str):
                # Too late to refuse it: the agent has the prompt.
                log.warning("session_locked", agent=agent, turn=begun.id, reason=answer)

        self._recorder.put(lambda store: store.begin_turn(begun), then=told)

    def forget(self, prompt: str) -> TurnBegun | None:
        """Give the turn that was foreseen for a prompt, and never came."""
        return self._on_record.pop(prompt, None)
