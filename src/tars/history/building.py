"""`python -m tars.history.building HOME`: bring the index up to date, out of everybody's way.

The daemon has it do what would take long: the memory goes with the process. It ends when its
stdin does, which is when whoever began it is gone.
"""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from tars.config_costs import read
from tars.errors import TarsError
from tars.history.index import Index
from tars.history.scan import refresh
from tars.home import Home

#: How much less than others it gets of the processor.
NICENESS = 10


def main(words: list[str]) -> int:
    """Bring the index of this home up to date. Exit status 1 says why not, on stderr."""
    os.umask(0o077)
    with suppress(OSError):
        os.nice(NICENESS)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    home = Home(Path(words[0]))
    try:
        config = read(home).history
        with Index.open(home.history) as index:
            refresh(index, env=os.environ, home=Path.home(), config=config)
    except (TarsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _end_with_stdin() -> None:
    with suppress(OSError):
        while os.read(0, 1):
            pass
    # In the middle of a transaction, maybe: that is then as if it had never begun.
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
