"""What the reports are made of: figures of a quarter of an hour, with all that they can be
grouped by.

Every request that was ever counted is in exactly one of them: those that tars asked for come from
the ledger of its store, all others from the index of the agents' logs. Quarters of an hour,
since the clocks of every zone differ from UTC by whole ones: any zone's day is made of whole slots.
"""

from enum import StrEnum
from typing import NamedTuple

from tars.accounting.rates import Tokens

NOTHING = Tokens()


class Origin(StrEnum):
    """Where figures come from: tars' own ledger, or an agent's log."""

    TARS = "tars"
    LOG = "log"


class Dimension(StrEnum):
    """What figures can be grouped by. `AGENT` is an agent's kind (`claude`), not its name."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    MODEL = "model"
    AGENT = "agent"
    PROJECT = "project"
    BRANCH = "branch"
    SESSION = "session"
    TASK = "task"
    MACHINE = "machine"
    ORIGIN = "origin"


class Figures(NamedTuple):
    """What one group comes to. Money is in picodollars. `cost` is that of everything whose price is
    known; `official` is the part of it that agents told themselves. `unpriced` are the tokens that
    have no known price: they are not free."""

    tokens: Tokens = NOTHING
    cost: int = 0
    official: int = 0
    unpriced: int = 0

    @property
    def known(self) -> bool:
        """Whether `cost` is the whole of it."""
        return self.unpriced == 0


class Line(NamedTuple):
    """A group's key, one word per dimension of the report in its order, and its figures.
    Days are `2026-11-21`, weeks the date of their Monday, months `2026-11`."""

    key: tuple[str, ...]
    figures: Figures


class Report(NamedTuple):
    """Lines by key, and all of them together. `unpriced` are the models without a price, sorted.
    `problems` are sentences about what could not be read; the rest was counted. `titles` are what
    sessions are called, one for each line, where somebody asked for them."""

    by: tuple[Dimension, ...]
    lines: tuple[Line, ...]
    total: Figures
    unpriced: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


class Only(NamedTuple):
    """What a report is restricted to; what is empty restricts nothing. `project` takes the folders
    below it too; `sessions` are several, by their whole ids."""

    agent: str = ""
    model: str = ""
    project: str = ""
    branch: str = ""
    session: str = ""
    task: str = ""
    machine: str = ""
    origin: Origin | None = None
    sessions: frozenset[str] = frozenset()
