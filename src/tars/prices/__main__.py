"""`python -m tars.prices HOME`: names as JSON on stdin → their rates on stdout. For `apart`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from tars.home import Home
from tars.prices.table import resolve, written


def main() -> None:
    names = [(str(provider), str(model)) for provider, model in json.load(sys.stdin)]
    found = resolve(Home(Path(sys.argv[1])), names, datetime.now(UTC))
    sys.stdout.buffer.write(written(found))


if __name__ == "__main__":
    main()
