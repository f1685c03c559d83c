"""What is asked about costs, as plain calls."""

from tars.control.calls import Calls, with_query
from tars.control.costs.contract import AccountLimits, CostBlocks, CostSummary
from tars.control.costs_contract import CostReport, LogSources

_COSTS = "/v1/costs"


class SpendingCalls(Calls):
    """The part of the client that is about what was spent. A first look at many logs takes as
    long as it takes, within the daemon's own bounds."""

    def costs(self, report: str, **query: str | int | None) -> CostReport:
        """Ask for a report with rows, such as `daily` or `by-model`; see `costs_contract.COSTS`."""
        path = with_query(_COSTS, report=report, **query)
        return self._call("GET", path, CostReport, seconds=self._accept_seconds)

    def cost_summary(self, **query: str | int | None) -> CostSummary:
        """Ask for everything of a span by agent and by model, with the month's projection."""
        path = with_query(_COSTS, report="summary", **query)
        return self._call("GET", path, CostSummary, seconds=self._accept_seconds)

    def cost_blocks(self, **query: str | int | None) -> CostBlocks:
        """Ask for the windows of five hours, with the burn rate of the one under way."""
        path = with_query(_COSTS, report="blocks", **query)
        return self._call("GET", path, CostBlocks, seconds=self._accept_seconds)

    def account_limits(self) -> AccountLimits:
        """Ask what the agents' servers told of the accounts' limits."""
        path = with_query(_COSTS, report="limits")
        return self._call("GET", path, AccountLimits, seconds=self._accept_seconds)

    def log_sources(self) -> LogSources:
        """Ask which agents' logs are counted."""
        return self._call("GET", "/v1/history", LogSources, seconds=self._accept_seconds)
