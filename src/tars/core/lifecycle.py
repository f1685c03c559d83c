"""The life of an agent, as one total table: state x event -> decision.

The rules, which the table spells out cell by cell:

- Ready means that the handshake was answered, not that a process exists.
- One prompt at a time. A prompt that was accepted ends in exactly one `FinishTurn` (the
  agent saw it) or `DropPrompt` (it did not), or waits for the daemon's successor.
- What a person has to mend (not installed, not signed in …) fails at once; everything
  else is tried again as `restart.next_attempt` says.
- A process is ended rung by rung: the protocol's own cancel while a turn runs, then
  SIGINT, SIGTERM, SIGKILL to its whole group. An idle one starts at SIGTERM.
- A turn keeps its place until the process has answered or gone, so that what it used
  can still be counted.
- `ignore` is a decision too: it is written where nothing follows.

No cell looks at a clock or a process: `now` and the facts come with the event. The rules
themselves are in `decisions`; this module is the table.
"""

from collections.abc import Callable, Mapping

from tars.core import decisions as d
from tars.core import events as e
from tars.core.agent import Agent, State
from tars.core.decisions import Step

Cell = Callable[[Agent, object, float], Step]


def step(agent: Agent, event: e.Event, now: float) -> Step:
    """Decide what one event means for one agent. `now` is monotonic, in seconds."""
    return TABLE[agent.state][type(event)](agent, event, now)


def _row(**cells: object) -> Mapping[type, Cell]:
    """One state's cells, by the event's name. A missing or unknown name is a bug in the table."""
    return {getattr(e, name): cell for name, cell in cells.items()}  # type: ignore[misc]


TABLE: Mapping[State, Mapping[type, Cell]] = {
    State.STOPPED: _row(
        StartAsked=d.start_afresh,
        StopAsked=d.unwant,
        RestartAsked=d.start_afresh,
        Configured=d.reconfigure,
        Spawned=d.ignore,
        SpawnFailed=d.ignore,
        HandshakeAnswered=d.ignore,
        HandshakeFailed=d.ignore,
        PromptAsked=d.start_for_prompt,
        CancelAsked=d.withdraw,
        TurnEnded=d.ignore,
        Exited=d.ignore,
        TimeUp=d.ignore,
        Hung=d.ignore,
        Outgrown=d.ignore,
        PermissionAsked=d.ignore,
        PermissionAnswered=d.ignore,
    ),
    State.STARTING: _row(
        StartAsked=d.ignore,
        StopAsked=d.stop,
        RestartAsked=d.restart,
        Configured=d.reconfigure,
        Spawned=d.note_process,
        SpawnFailed=d.give_up_spawning,
        HandshakeAnswered=d.become_ready,
        HandshakeFailed=d.end_after_refusal,
        PromptAsked=d.enqueue,
        CancelAsked=d.withdraw,
        TurnEnded=d.ignore,
        Exited=d.lose_in_start,
        TimeUp=d.end_deaf,
        Hung=d.ignore,
        Outgrown=d.ignore,
        PermissionAsked=d.answer_nobody,
        PermissionAnswered=d.ignore,
    ),
    State.READY: _row(
        StartAsked=d.ignore,
        StopAsked=d.stop,
        RestartAsked=d.restart,
        Configured=d.reconfigure,
        Spawned=d.ignore,
        SpawnFailed=d.ignore,
        HandshakeAnswered=d.ignore,
        HandshakeFailed=d.ignore,
        PromptAsked=d.begin_prompt,
        CancelAsked=d.ignore,
        TurnEnded=d.ignore,
        Exited=d.lose_idle,
        TimeUp=d.ignore,
        Hung=d.ignore,
        Outgrown=d.make_room,
        PermissionAsked=d.answer_nobody,
        PermissionAnswered=d.ignore,
    ),
    State.BUSY: _row(
        StartAsked=d.ignore,
        StopAsked=d.stop_busy,
        RestartAsked=d.restart_busy,
        Configured=d.reconfigure,
        Spawned=d.note_process,
        SpawnFailed=d.fail_turn_without_process,
        HandshakeAnswered=d.ignore,
        HandshakeFailed=d.ignore,
        PromptAsked=d.enqueue,
        CancelAsked=d.cancel,
        TurnEnded=d.finish_turn,
        Exited=d.lose_busy,
        TimeUp=d.lose_patience,
        Hung=d.cancel_hung,
        Outgrown=d.make_room_later,
        PermissionAsked=d.weigh_permission,
        PermissionAnswered=d.answer_permission,
    ),
    State.STOPPING: _row(
        StartAsked=d.come_back,
        StopAsked=d.stay_down,
        RestartAsked=d.come_back,
        Configured=d.reconfigure,
        Spawned=d.end_newborn,
        SpawnFailed=d.conclude_unborn,
        HandshakeAnswered=d.ignore,
        HandshakeFailed=d.ignore,
        PromptAsked=d.enqueue_if_back,
        CancelAsked=d.withdraw,
        TurnEnded=d.finish_turn_then_end,
        Exited=d.conclude,
        TimeUp=d.climb,
        Hung=d.ignore,
        Outgrown=d.ignore,
        PermissionAsked=d.answer_nobody,
        PermissionAnswered=d.ignore,
    ),
    State.WAITING: _row(
        StartAsked=d.start_now,
        StopAsked=d.stop_without_process,
        RestartAsked=d.start_now,
        Configured=d.reconfigure,
        Spawned=d.ignore,
        SpawnFailed=d.ignore,
        HandshakeAnswered=d.ignore,
        HandshakeFailed=d.ignore,
        PromptAsked=d.enqueue,
        CancelAsked=d.withdraw,
        TurnEnded=d.ignore,
        Exited=d.ignore,
        TimeUp=d.start_now,
        Hung=d.ignore,
        Outgrown=d.ignore,
        PermissionAsked=d.ignore,
        PermissionAnswered=d.ignore,
    ),
    State.FAILED: _row(
        StartAsked=d.start_afresh,
        StopAsked=d.stop_without_process,
        RestartAsked=d.start_afresh,
        Configured=d.reconfigure,
        Spawned=d.ignore,
        SpawnFailed=d.ignore,
        HandshakeAnswered=d.ignore,
        HandshakeFailed=d.ignore,
        PromptAsked=d.refuse_failed,
        CancelAsked=d.ignore,
        TurnEnded=d.ignore,
        Exited=d.ignore,
        TimeUp=d.ignore,
        Hung=d.ignore,
        Outgrown=d.ignore,
        PermissionAsked=d.ignore,
        PermissionAnswered=d.ignore,
    ),
}
