"""How it stands with the logs of an agent, by wire names: for the command line and the daemon."""

from typing import TYPE_CHECKING

from tars.control.costs_contract import LogSource

if TYPE_CHECKING:
    from tars.history.health import Health


def log_source(health: "Health", last_activity: str | None) -> LogSource:
    """Say it by wire names; `last_activity` is the text for its `last_at`."""
    return LogSource(
        agent=health.agent,
        places=[str(place) for place in health.places],
        health=health.state,
        files=health.files,
        sessions=health.sessions,
        requests=health.requests,
        garbled=health.garbled,
        last_activity=last_activity,
        problem=health.problem,
        note=health.note,
    )
