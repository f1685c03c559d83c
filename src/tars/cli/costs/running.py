"""`tars costs`, once its words are read: one call of the engine, and what it answers, printed."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tars.cli.costs.progress import Reading
from tars.cli.costs.terminal import face
from tars.control.costs.asking import give
from tars.control.costs.understanding import understand
from tars.control.costs.words import Given
from tars.costs.engine import Costs
from tars.costs.facts import Only
from tars.home import FOLDER_MODE, find_home

if TYPE_CHECKING:
    from tars.history.early import Early


def run(given: Given, early: "Early | None" = None) -> int:
    """Print a report. `early`: a process that looks for logs already. Raises RequestInvalid for
    what makes no sense, before anything is read."""
    if given.get("project"):
        given = {**given, "project": _folder(str(given["project"]))}
    # HOME may be unset, and the user nobody whom the system knows.
    person = os.path.expanduser("~")
    home = find_home()
    with Costs.open(home, env={**os.environ, "HOME": person}) as costs:
        config, zone = costs.costs_config, costs.zone
        now = datetime.now(UTC)
        asked = understand(given, config=config, zone=zone, now=now, face=face(), home=person)
        problems: tuple[str, ...] = ()
        if not given.get("no_refresh"):
            with suppress(OSError):  # what is wrong with it is told by who cannot use it
                home.root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with Reading(home.history):
                problems = costs.refresh(instead=True, early=early)
        answer = give(costs, asked)
        if asked.kind.name == "today" and asked.only == Only():
            # Who asks what today cost wants to see it in the status line, too.
            from tars.control.costs.today import leave, look

            leave(home, look(costs, now))
    told = list(dict.fromkeys((*problems, *answer.problems)))
    for problem in told:
        # What keeps the logs from being read may be a part of what is said of the report.
        if not any(problem in other and problem != other for other in told):
            print(f"tars: {_one_line(problem)}", file=sys.stderr)
    sys.stdout.write(answer.text)
    return 0


def _folder(project: str) -> str:
    """Give a folder as logs have it: whole, whether it is there or not."""
    return os.path.realpath(os.path.expanduser(project))


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
