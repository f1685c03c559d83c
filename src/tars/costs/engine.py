"""What it cost: one engine behind every report, over tars' ledger and the agents' logs.

Every report is the same sum over the same figures, grouped otherwise: they agree to the token
and to the picodollar. Prices are looked up when a report is made, by the day of the request;
what an agent itself said that it cost stands.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tars.config_costs import CostsConfig
from tars.costs.facts import NOTHING, Dimension, Figures, Only, Report
from tars.home import Home
from tars.sessions.ranges import Span, Zone, find_zone

_ALL = Only()


class Costs:
    """Everything that is known of costs in one home. `problems` are sentences about what could
    not be read; the rest counts. Use it from one thread at a time."""

    def __init__(self, home: Home, env: Mapping[str, str], costs_config: CostsConfig) -> None:
        self.home = home
        self.costs_config = costs_config
        self.zone: Zone = find_zone(costs_config.timezone)
        self._env = env

    @classmethod
    def open(cls, home: Home, *, env: Mapping[str, str]) -> Self:
        """Open what there is: the index of the logs, the store, the prices, each if it is there.

        `env` says where the agents' logs are. Raises ConfigInvalid.
        """
        return cls(home, env, CostsConfig())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened. Twice is once."""

    def refresh(self) -> tuple[str, ...]:
        """Read what is new in the agents' logs, and see which of it tars has counted already.
        Gives a sentence for each thing that could not be read."""
        return ()

    def report(
        self,
        by: Sequence[Dimension],
        *,
        span: Span,
        zone: Zone | None = None,
        only: Only = _ALL,
    ) -> Report:
        """Add up what was spent in a span, in groups. Days, weeks and months are those of `zone`,
        or of the configured one; no dimension gives the total alone. Lines come by key."""
        return Report(by=tuple(by), lines=(), total=Figures(NOTHING))
