"""The messages between an agent and who is attached to it, by their wire names."""

from tars.control.contract import Wire

#: Terminals outside of these are shown as if they were at the edge.
LEAST_ROWS, MOST_ROWS = 10, 500
LEAST_COLUMNS, MOST_COLUMNS = 40, 1000


class Attached(Wire):
    """The first event. `viewer` is who one is from now on, for an agent with a `screen`; for
    any other it is null, and its conversation follows: `text` is what the turn under way has
    brought so far, in its `session`."""

    agent: str
    protocol: str
    state: str
    screen: bool
    viewer: str | None = None
    turn: str | None = None
    text: str = ""
    session: str | None = None


class View(Wire):
    """How the screen is shared: its size is that of the smallest viewer, and one of them has
    the `keyboard`."""

    keyboard: bool
    rows: int
    columns: int
    viewers: int


class Shown(Wire):
    """What the agent's program printed, for a terminal to show as it is. After a viewer was
    slow it begins with the whole screen."""

    text: str


class Ended(Wire):
    """There is nothing more to see."""

    reason: str


class Prompted(Wire):
    """The agent was given a prompt, by whomever."""

    turn: str
    text: str


class KeysRequest(Wire, forbid_unknown_fields=True):
    """What a viewer typed. Only who has the keyboard is heeded."""

    viewer: str
    text: str


class ViewRequest(Wire, forbid_unknown_fields=True):
    """A viewer's terminal has another size, or `keyboard`: takes the keyboard over."""

    viewer: str
    rows: int | None = None
    columns: int | None = None
    keyboard: bool = False
