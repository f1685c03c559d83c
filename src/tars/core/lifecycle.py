"""The life of an agent, as one total table: state x event -> decision.

The rules, which the table spells out cell by cell:

- Ready means that the handshake was answered, not that a process exists.
- One prompt at a time. A prompt that was accepted ends in exactly one `FinishTurn` (the
  agent saw it) or `DropPrompt` (it did not), or waits for the daemon's successor.
- What a person has to mend (not installed, not signed in …) fails at once; everything
  else is tried again as `restart.next_attempt` says.
- A turn that met a limit of the account with a known end is tried once more after it, and
  is one turn for whoever waits. Nothing else is tried meanwhile; the process stays.
- A process is ended rung by rung: the protocol's own cancel while a turn runs, then
  SIGINT, SIGTERM, SIGKILL to its whole group. An idle one starts at SIGTERM.
- A turn keeps its place until the process has answered or gone, so that what it used
  can still be counted.
- `ignore` is a decision too: it is written where nothing follows.

No cell looks at a clock or a process: `now` and the facts come with the event. The cells
are in `starting`, `turns` and `ending`, each with its own rule; the moves they share in
`transitions`. `diagram` prints this table.
"""

from collections.abc import Callable, Mapping

from tars.core import ending, starting, turns
from tars.core import events as e
from tars.core.agent import Agent, State
from tars.core.transitions import Step

Cell = Callable[[Agent, object, float], Step]


def step(agent: Agent, event: e.Event, now: float) -> Step:
    """Decide what one event means for one agent. `now` is monotonic, in seconds."""
    return TABLE[agent.state][type(event)](agent, event, now)


def ignore(agent: Agent, event: object, now: float) -> Step:
    """Nothing follows."""
    return agent, ()


def _row(**cells: object) -> Mapping[type, Cell]:
    """One state's cells, by the event's name. A missing or unknown name is a bug in the table."""
    return {getattr(e, name): cell for name, cell in cells.items()}  # type: ignore[misc]


TABLE: Mapping[State, Mapping[type, Cell]] = {
    State.STOPPED: _row(
        StartAsked=starting.start_afresh,
        StopAsked=ending.unwant,
        RestartAsked=starting.start_afresh,
        Configured=ending.reconfigure,
        Spawned=ignore,
        SpawnFailed=ignore,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=starting.start_for_prompt,
        CancelAsked=turns.withdraw,
        TurnEnded=ignore,
        Exited=ignore,
        TimeUp=ignore,
        Hung=ignore,
        Outgrown=ignore,
        OverBudget=ignore,
        RanAway=ignore,
        PermissionAsked=ignore,
        PermissionAnswered=ignore,
    ),
    State.STARTING: _row(
        StartAsked=ignore,
        StopAsked=ending.stop,
        RestartAsked=ending.restart,
        Configured=ending.reconfigure_idle,
        Spawned=starting.note_process,
        SpawnFailed=starting.give_up_spawning,
        HandshakeAnswered=starting.become_ready,
        HandshakeFailed=starting.end_after_refusal,
        PromptAsked=turns.enqueue,
        CancelAsked=turns.withdraw,
        TurnEnded=ignore,
        Exited=starting.lose_in_start,
        TimeUp=starting.end_deaf,
        Hung=ignore,
        Outgrown=ignore,
        OverBudget=turns.let_held_go,
        RanAway=ignore,
        PermissionAsked=turns.answer_nobody,
        PermissionAnswered=ignore,
    ),
    State.READY: _row(
        StartAsked=ignore,
        StopAsked=ending.stop,
        RestartAsked=ending.restart,
        Configured=ending.reconfigure_idle,
        Spawned=ignore,
        SpawnFailed=ignore,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=turns.begin_prompt,
        CancelAsked=ignore,
        TurnEnded=ignore,
        Exited=ending.lose_idle,
        TimeUp=ignore,
        Hung=ignore,
        Outgrown=ending.make_room,
        OverBudget=ignore,
        RanAway=ignore,
        PermissionAsked=turns.answer_nobody,
        PermissionAnswered=ignore,
    ),
    State.BUSY: _row(
        StartAsked=ignore,
        StopAsked=ending.stop_busy,
        RestartAsked=ending.restart_busy,
        Configured=ending.reconfigure_busy,
        Spawned=turns.note_process_of_turn,
        SpawnFailed=turns.fail_turn_without_process,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=turns.enqueue,
        CancelAsked=turns.cancel,
        TurnEnded=turns.finish_turn,
        Exited=turns.lose_busy,
        TimeUp=turns.lose_patience,
        Hung=turns.cancel_hung,
        Outgrown=ending.make_room_later,
        OverBudget=turns.cancel_over_budget,
        RanAway=turns.cancel_runaway,
        PermissionAsked=turns.weigh_permission,
        PermissionAnswered=turns.answer_permission,
    ),
    State.LIMITED: _row(
        # A start that is repeated must not use up the one attempt that is left.
        StartAsked=ignore,
        StopAsked=ending.stop,
        RestartAsked=ending.restart_limited,
        Configured=ending.reconfigure_limited,
        Spawned=ignore,
        SpawnFailed=ignore,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=turns.enqueue,
        CancelAsked=turns.cancel_held,
        TurnEnded=ignore,
        Exited=ending.lose_limited,
        TimeUp=turns.resume_when_due,
        Hung=ignore,
        Outgrown=ending.make_room,
        OverBudget=turns.end_held,
        RanAway=ignore,
        PermissionAsked=turns.answer_nobody,
        PermissionAnswered=ignore,
    ),
    State.STOPPING: _row(
        StartAsked=ending.come_back,
        StopAsked=ending.stay_down,
        RestartAsked=ending.come_back,
        Configured=ending.reconfigure_ending,
        Spawned=ending.end_newborn,
        SpawnFailed=ending.conclude_unborn,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=turns.enqueue_if_back,
        CancelAsked=turns.withdraw,
        TurnEnded=ending.finish_turn_then_end,
        Exited=ending.conclude,
        TimeUp=ending.climb,
        Hung=ignore,
        Outgrown=ignore,
        OverBudget=turns.let_held_go,
        RanAway=ignore,
        PermissionAsked=turns.answer_nobody,
        PermissionAnswered=ignore,
    ),
    State.WAITING: _row(
        StartAsked=starting.start_now,
        StopAsked=ending.stop_without_process,
        RestartAsked=starting.start_now,
        Configured=ending.reconfigure,
        Spawned=ignore,
        SpawnFailed=ignore,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=turns.enqueue,
        CancelAsked=turns.withdraw,
        TurnEnded=ignore,
        Exited=ignore,
        TimeUp=starting.start_when_due,
        Hung=ignore,
        Outgrown=ignore,
        OverBudget=turns.let_held_go,
        RanAway=ignore,
        PermissionAsked=ignore,
        PermissionAnswered=ignore,
    ),
    State.FAILED: _row(
        StartAsked=starting.start_afresh,
        StopAsked=ending.stop_without_process,
        RestartAsked=starting.start_afresh,
        Configured=ending.reconfigure,
        Spawned=ignore,
        SpawnFailed=ignore,
        HandshakeAnswered=ignore,
        HandshakeFailed=ignore,
        PromptAsked=turns.refuse_failed,
        CancelAsked=ignore,
        TurnEnded=ignore,
        Exited=ignore,
        TimeUp=ignore,
        Hung=ignore,
        Outgrown=ignore,
        OverBudget=ignore,
        RanAway=ignore,
        PermissionAsked=ignore,
        PermissionAnswered=ignore,
    ),
}
