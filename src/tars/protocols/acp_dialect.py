"""How one agent's ACP differs from another's: its usage, its errors, its asides.

The differences themselves are measured, and stand in the agents' own packages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tars.conversation.counters import Answer, Counters
from tars.conversation.model import ReportedUsage, RequestUsage
from tars.errors import Fault
from tars.protocols import faults


class Meter(Protocol):
    """Who makes a turn's usage of what the agent tells of it (`tars.accounting.meter`)."""

    def opened(self, session_id: str, *, resumed: bool) -> None: ...

    def began(self, session_id: str) -> None: ...

    def tool(self) -> None: ...

    def message(self, message_id: str) -> None: ...

    def filled(self, session_id: str, used: int, cost_microusd: int | None) -> None: ...

    def called(self, counters: Counters, raw: str) -> RequestUsage | None: ...

    def ended(
        self, answer: Answer | None, *, whole: bool
    ) -> tuple[RequestUsage | None, ReportedUsage | None]: ...


#: What a turn's end really means, by the last piece of its answer: an agent may tell an error
#: as if it were the answer. It is asked only about turns that counted no tokens.
Unveil = Callable[[str], Fault | None]


def _as_told(_last_piece: str) -> None:
    """The agent tells its errors as errors."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One agent's. Without a `meter` the answer's usage is taken as it stands. `asides` are
    pieces that are no part of the answer: they say why the agent waits."""

    meter: Meter | None = None
    classify: faults.Classify = faults.classify
    unveil: Unveil = _as_told
    asides: Mapping[str, str] = field(default_factory=dict)


#: Gives the dialect of an agent that calls itself so.
Recognise = Callable[[str], Dialect]
