"""Is the agent well? Pure verdicts on what was observed; the loop feeds them back as events.

A turn is never judged by its silence alone. What is weighed, from strong to weak:

- A tool that runs, a permission that is asked: the agent waits with good reason.
- Progress of the conversation, or CPU time that the process's tree has used since the look
  before, or a process that is new in it: it works, and its patience begins anew.
- Bytes that lead nowhere (a spinner, a keep-alive), or an idle process that the turn began:
  somebody may be at work, which gives `PATIENCE` times as long.
- Nothing: `silence_seconds`.

Whatever it shows, the turn's own deadline bounds it; that is one of the agent's state.
"""

from dataclasses import dataclass

from tars.core.agent import Agent, State
from tars.core.events import Hung, Outgrown

#: By how much weak signs lengthen the patience.
PATIENCE = 3.0
#: Before a verdict the tree is watched for so long, or for half of `silence_seconds`.
WATCH_SECONDS = 10.0
#: The share of one core, and the least CPU time, that counts as work: an idle Node.js or
#: Python keeps its timers going with less, and the kernel counts in steps of 10 ms.
WORKING_SHARE = 0.02
WORKING_SECONDS = 0.015


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the process tree at `at` showed, against the one at `before`.

    `cpu_seconds` were used in between, within `over_seconds` of real time. `processes` live;
    `born` of them are new, and `children` were begun in this turn. `worked_at` is the last
    look that showed work.
    """

    at: float
    before: float | None = None
    cpu_seconds: float = 0.0
    over_seconds: float = 0.0
    processes: int = 1
    born: int = 0
    children: int = 0
    worked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """What the agent says that it waits for, since when, and until when it means to."""

    reason: str
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """What was observed of a process. All times are monotonic, in seconds.

    `heard_at` is when it last wrote a byte anywhere, and `progressed_at` when that last
    moved the conversation on; None where nobody can tell. `tool_running`: a tool works for
    the agent, which is then silent with good reason.
    """

    heard_at: float
    tool_running: bool = False
    rss_bytes: int = 0
    progressed_at: float | None = None
    look: Look | None = None
    delay: Delay | None = None


def verdict(agent: Agent, signs: Signs, now: float) -> Hung | Outgrown | None:
    """Judge one agent, or give None when all is well.

    Waiting for a permission is no silence, and the silence is counted anew after it.
    A process that lives for one prompt is never too large: it goes anyway.
    """
    due = _due(agent, signs)
    if due is not None and now >= due and _watched(agent, signs, due):
        return Hung(_why(agent, signs, now), "`silence_seconds` allows longer silences.")
    limit = agent.spec.max_rss_bytes
    if (
        limit is not None
        and not agent.spec.one_shot
        and signs.rss_bytes > limit
        and agent.state in (State.READY, State.BUSY, State.LIMITED)
        and not agent.outgrown
    ):
        return Outgrown(f"resident memory grew past {limit // 2**20} MiB")
    return None


def next_look(agent: Agent, signs: Signs) -> float | None:
    """When the tree has to be looked at, so that a verdict can be given; None when never.

    Two looks belong to a verdict: one shortly before it is due, and one when it is.
    """
    due = _due(agent, signs)
    if due is None:
        return None
    watch = _watch_seconds(agent)
    if signs.look is None or signs.look.at < due - 2 * watch:
        return due - watch
    return max(due, signs.look.at + watch)


def shows_work(look: Look) -> bool:
    """Whether the tree did something since the look before."""
    if look.before is None:
        return False
    least = max(WORKING_SECONDS, WORKING_SHARE * look.over_seconds)
    return look.born > 0 or look.cpu_seconds >= least


def life_at(agent: Agent, signs: Signs) -> float:
    """When the turn under way last showed that it gets on."""
    turn = agent.turn
    assert turn is not None, "only a turn is judged"
    progressed = signs.heard_at if signs.progressed_at is None else signs.progressed_at
    worked = None if signs.look is None else signs.look.worked_at
    return max(t for t in (turn.began, turn.answered, progressed, worked) if t is not None)


def _due(agent: Agent, signs: Signs) -> float | None:
    """When a turn that shows no more than this counts as hung."""
    turn = agent.turn
    if agent.state is not State.BUSY or turn is None or turn.ending is not None:
        return None
    if signs.tool_running or agent.permissions:
        return None
    silence = agent.spec.silence_seconds
    alive = life_at(agent, signs)
    children = signs.look is not None and signs.look.children > 0
    quiet = max(alive, signs.heard_at) + silence * (PATIENCE if children else 1.0)
    return min(quiet, alive + silence * PATIENCE)


def _watch_seconds(agent: Agent) -> float:
    return min(WATCH_SECONDS, agent.spec.silence_seconds / 2)


def _watched(agent: Agent, signs: Signs, due: float) -> bool:
    """Whether the tree was watched right before this, for long enough to tell."""
    look = signs.look
    if look is None or look.before is None or look.at < due:
        return False
    # What was used long ago says nothing of now.
    return 0.5 <= (look.at - look.before) / _watch_seconds(agent) <= 3.0


def _why(agent: Agent, signs: Signs, now: float) -> str:
    """Name the evidence. A look is there: nothing is judged without."""
    look, alive = signs.look, life_at(agent, signs)
    assert look is not None
    silent = f"silent for {_seconds(now - max(alive, signs.heard_at))}"
    if signs.heard_at > alive and now - alive >= PATIENCE * agent.spec.silence_seconds:
        silent = f"no progress for {_seconds(now - alive)}, whatever it wrote"
    count = "its process" if look.processes == 1 else f"its {look.processes} processes"
    return f"{silent}, and {count} used no CPU time to speak of"


def _seconds(count: float) -> str:
    return f"{count:.1f} s" if count < 10 else f"{count:.0f} s"
