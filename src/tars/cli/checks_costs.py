"""What `tars doctor` says of the figures on costs: the logs that they are from, and the prices."""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tars.cli.checks import Finding, Verdict
from tars.cli.render import count, one_line
from tars.config_costs import HistoryConfig, PricesConfig
from tars.errors import TarsError
from tars.home import Home


def check_history(home: Home, config: HistoryConfig, env: Mapping[str, str]) -> Iterator[Finding]:
    """The agents' logs can be read, as far as that was tried. Nothing is read now."""
    if not config.enabled:
        yield Finding(Verdict.NOTE, "history", "agents' logs are not read: [history] says so")
        return
    from tars.history.health import healths
    from tars.history.index import Index
    from tars.history.looking import Logs
    from tars.history.sources.registry import SOURCES

    nothing = "no agents' logs have been read yet; `tars costs` reads them"
    if not home.history.exists():
        yield Finding(Verdict.NOTE, "history", nothing)
        return
    person = Path(env.get("HOME") or Path.home())
    try:
        with Index.open(home.history) as index:
            found = healths(index.connection, SOURCES, Logs(env, config.home or person, config))
    except (TarsError, OSError, sqlite3.Error) as error:
        advice = getattr(error, "advice", "") or "Delete it: it is made again from the logs."
        yield Finding(Verdict.FAULT, "history", one_line(str(error)), advice)
        return
    told = [f"{health.agent} ({count(health.files, 'file')})" for health in found if health.files]
    if told:
        yield Finding(Verdict.WELL, "history", f"logs of {', '.join(told)} are counted")
    else:
        yield Finding(Verdict.NOTE, "history", nothing)
    for health in found:
        if health.problem:
            advice = "Make it readable; `tars history sources` shows every source."
            message = one_line(health.problem)
            yield Finding(Verdict.NOTE, f"history of {health.agent}", message, advice)


def check_prices(home: Home, config: PricesConfig) -> Iterator[Finding]:
    """There are prices; it is said whose and of when."""
    from tars.prices.kept import current

    try:
        catalogue = current(home, datetime.now(UTC))
    except (ImportError, OSError, ValueError, TarsError) as error:
        message = one_line(f"there are none: {error}")
        yield Finding(Verdict.FAULT, "prices", message, "Install tars again.")
        return
    known = sum(1 for _ in catalogue.models())
    own = f", {count(len(config.models), 'price')} of your own" if config.models else ""
    message = f"{known:,} models, {catalogue.source} of {catalogue.taken}{own}"
    yield Finding(Verdict.WELL, "prices", message)
