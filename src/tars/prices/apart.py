"""Looking prices up in a child that ends: the daemon's own process never gets that large."""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime

from tars.home import Home
from tars.prices.table import Name, Table, parse

#: Half a second is usual; a machine that is asleep or swaps takes longer.
LONGEST_SECONDS = 30.0


def resolve(home: Home, names: Iterable[Name], now: datetime) -> Table:  # noqa: ARG001
    """Look names up as `table.resolve` does. Raises ImportError where the child could not: they
    are unknown then, and asked for again by the next book."""
    # -P: a file of the folder that we are in is no module of ours.
    argv = [sys.executable, "-P", "-m", "tars.prices", str(home.root)]
    try:
        done = subprocess.run(
            argv,
            input=json.dumps(list(names)).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ImportError(f"no child to look prices up: {error}") from None
    found = parse(done.stdout)
    if found is None:
        raise ImportError("the child that looks prices up gave none")
    return found
