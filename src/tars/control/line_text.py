"""What `tars status line` prints: a status in one short line, for prompts and status bars. Pure."""

from tars.control.contract import AgentStatus, Status
from tars.control.shown_text import in_ascii, printable
from tars.control.tokens_text import spent_today

#: The ways to colour: none, as a terminal takes it, as tmux takes it.
STYLES = ("plain", "ansi", "tmux")
#: A name that is longer is cut.
LONGEST_NAME = 24

_COLORS = {"green": "32", "cyan": "36", "yellow": "33", "red": "31"}
#: What a person has to do something about comes first.
_URGENT = ("failed", "waiting", "limited")
_WORDS = {
    "limited": "rate-limited",
    "waiting": "restarting",
}
_STATE_COLORS = {
    "ready": "green",
    "busy": "cyan",
    "starting": "cyan",
    "limited": "yellow",
    "waiting": "yellow",
    "stopping": "yellow",
    "failed": "red",
}


def line(status: Status, *, style: str = "plain", ascii: bool = False) -> str:
    """Give the line; `ascii` leaves out signs of Unicode."""
    shown = _shown(status)
    parts = []
    color = "green"
    if shown is not None:
        word = "asks" if shown.permissions else _WORDS.get(shown.state, shown.state)
        color = "yellow" if shown.permissions else _STATE_COLORS.get(shown.state, "")
        others = sum(a.state == "busy" for a in status.agents if a is not shown)
        name = printable(shown.name)[:LONGEST_NAME]
        parts.append(f"{name} {word}" + (f" +{others} busy" if others else ""))
    if today := spent_today(status.today):
        parts.append(today)
    text = f"tars {_painted('●', color, style)} {' · '.join(parts)}".rstrip()
    return in_ascii(text) if ascii else text


def _shown(status: Status) -> AgentStatus | None:
    """The agent that is told of: whoever waits for a person, else the default one."""
    asking = next((a for a in status.agents if a.permissions), None)
    if asking is not None:
        return asking
    usual = next((a for a in status.agents if a.name == status.default_agent), None)
    urgent = next((a for a in status.agents if a.state in _URGENT), None)
    return urgent or usual


def _painted(text: str, color: str, style: str) -> str:
    if not color or style == "plain":
        return text
    if style == "tmux":
        return f"#[fg={color}]{text}#[default]"
    return f"\x1b[{_COLORS[color]}m{text}\x1b[0m"
