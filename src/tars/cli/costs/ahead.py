"""The first report of a home: its logs are looked for while what makes the report is imported."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tars.errors import TarsError
from tars.home import find_home

if TYPE_CHECKING:
    from tars.control.costs.words import Given
    from tars.history.early import Early


def looking(given: "Given") -> "AbstractContextManager[Early | None]":
    """Let a second process look for the logs, where there is no index of them. None elsewhere, and
    wherever anything is wrong, of which the report itself tells."""
    home = find_home()
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    if not given.get("no_refresh") and alone and not os.path.lexists(home.history):
        from tars.config_costs import read
        from tars.history.early import Early
        from tars.history.looking import Logs

        with suppress(TarsError, OSError):
            config = read(home).history
            if config.enabled:
                person = os.path.expanduser("~")
                env = {**os.environ, "HOME": person}
                return Early(Logs(env, config.home or Path(person), config))
    return nullcontext()
