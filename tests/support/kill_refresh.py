"""`python -m tests.support.kill_refresh LOGS INDEX`: a refresh that tells of every step.

A byte on stdout for each statement and each file that is read, the second process's included:
who reads them can kill it between any two.
"""

import os
import sys
from pathlib import Path

from tars.config_costs import HistoryConfig
from tars.history.index import Index
from tars.history.scan import refresh
from tars.history.splitting import Portions
from tests.support.plain_logs import PlainSource

#: So that few small files are many chunks, two processes and several transactions.
SMALL = Portions(chunk=1, transaction=400, split=1)


def main(logs: str, path: str) -> None:
    def step(_: str) -> None:
        os.write(1, b".")

    with Index.open(Path(path)) as index:
        index.connection.set_trace_callback(step)
        refresh(
            index,
            env={},
            home=Path("/nonexistent"),
            config=HistoryConfig(),
            sources=[PlainSource(Path(logs), before=step)],
            portions=SMALL,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
