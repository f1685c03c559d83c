"""`make docs`: write the generated parts of the documentation; a test compares them.

What a page says of the code is printed from the code, so that it cannot grow old. A part
of a page stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`; the rest of the
page is written by hand. The modules of `generating/` print them.
"""

import sys
from pathlib import Path


def main() -> None:
    # As a script only this folder would be looked in.
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from docs.generating.pages import MAKERS

    # One after the other: the index looks at the titles of the others.
    for path, made in MAKERS.items():
        path.write_text(made())


if __name__ == "__main__":
    main()
