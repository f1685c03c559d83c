"""Several agents as `tars status` shows them: a line each. Pure."""

from collections.abc import Sequence

from tars.control.costs.layout import Column, Face, cut, table
from tars.control.shown_text import duration, in_ascii, printable
from tars.control.status_agent import state
from tars.control.status_contract import AgentStatus
from tars.control.tokens_text import context_bar, short

#: A longer name is cut, and so is what a newer daemon calls a state.
LONGEST_NAME, LONGEST_STATE = 24, 20
#: How many cells the bar has.
CELLS = 6

_SHORT = {"waiting": "restarting", "limited": "limited"}


def agents_table(agents: Sequence[AgentStatus], default: str, face: Face) -> str:
    """Give the table; columns leave it where it is too wide. The default agent has a star."""
    many = len(agents) > 1
    names = [_cut(a.name, LONGEST_NAME, face) for a in agents]
    columns = (
        Column("", ["*" if a.name == default and many else "" for a in agents], right=False),
        Column("AGENT", names, right=False, least=6),
        Column("STATE", [_state(a, face) for a in agents], right=False),
        Column("FOR", [_since(a) for a in agents], leaves=4),
        Column("UP", [_up(a) for a in agents], leaves=5),
        Column("CONTEXT", [_context(a) for a in agents], right=False, leaves=1),
        Column("CACHED", [_cached(a) for a in agents], leaves=7),
        Column("IN", [_in(a) for a in agents], leaves=3),
        Column("OUT", [_out(a) for a in agents], leaves=2),
        Column("QUEUE", [f"{a.queued:,}" if a.queued else "" for a in agents], leaves=6),
    )
    kept = [c for c in columns if not c.leaves or any(c.cells)]
    if not face.unicode:
        kept = [c._replace(cells=[*map(in_ascii, c.cells)]) for c in kept]
    return _painted(table(kept, face), agents, face)


def _painted(text: str, agents: Sequence[AgentStatus], face: Face) -> str:
    """Colour the states, which the table has laid out without."""
    if not face.color:
        return text
    from tars.control.status_page import COLORS, RESET

    head, *lines = text.splitlines()
    at = head.index("STATE") - len(_DIM)
    for number, agent in enumerate(agents):
        word, color = _state(agent, face), state(agent)[1]
        line = lines[number]
        # Wide characters of a name take fewer places in the text than on the screen.
        place = line.find(word, max(0, at - LONGEST_NAME))
        if color and place >= 0:
            lines[number] = f"{line[:place]}{COLORS[color]}{word}{RESET}{line[place + len(word) :]}"
    return "".join(f"{line}\n" for line in (head, *lines))


_DIM = "\x1b[2m"


def _cut(text: str, width: int, face: Face) -> str:
    return cut(printable(text), width, unicode=face.unicode)


def _state(agent: AgentStatus, face: Face) -> str:
    if agent.permissions:
        return "asks"
    return _cut(_SHORT.get(agent.state, agent.state), LONGEST_STATE, face)


def _since(agent: AgentStatus) -> str:
    if agent.turn is not None:
        return duration(agent.turn.elapsed_seconds)
    return "" if agent.condition is None else duration(agent.condition.since_seconds)


def _up(agent: AgentStatus) -> str:
    return "" if agent.pid is None else duration(agent.uptime_seconds)


def _context(agent: AgentStatus) -> str:
    if agent.context is not None:
        return context_bar(agent.context, CELLS)
    return short(agent.tokens.context) if agent.tokens and agent.tokens.counted else ""


def _cached(agent: AgentStatus) -> str:
    return short(agent.tokens.cached) if agent.tokens and agent.tokens.cached else ""


def _in(agent: AgentStatus) -> str:
    tokens = agent.tokens
    if tokens is None:
        return ""
    return _least(tokens.at_least) + short(tokens.net_input) if tokens.counted else "?"


def _out(agent: AgentStatus) -> str:
    tokens = agent.tokens
    if tokens is None:
        return ""
    return _least(tokens.at_least) + short(tokens.output) if tokens.counted else "?"


def _least(at_least: bool) -> str:
    return "≥" if at_least else ""
