"""What the output of this process can show: its width, its signs, its colours."""

import os
import sys

from tars.control.costs.layout import Face


def face() -> Face:
    """Look at stdout and the environment. What is no terminal has no width and no colours, unless
    COLUMNS says how wide."""
    on_terminal = sys.stdout.isatty()
    wide = on_terminal or _columns() > 0
    return Face(
        width=_width() if wide else 0,
        unicode=unicode(os.environ),
        color=on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )


def unicode(env: "os._Environ[str] | dict[str, str]") -> bool:
    """Whether the locale has more signs than ASCII. Python makes C.UTF-8 of an LC_CTYPE that is
    not there, so that alone says nothing."""
    named = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    if named == "C.UTF-8" and not env.get("LC_ALL") and env.get("LC_CTYPE") == named:
        named = env.get("LANG") or "C"
    return "utf-8" in named.lower() or "utf8" in named.lower()


def _columns() -> int:
    """How wide the environment says that it is; 0 where it says nothing that can be."""
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 6 else 0


def _width() -> int:
    if _columns():
        return max(20, _columns())
    try:
        # A terminal may not know how wide it is: it says 0 then.
        return max(20, os.get_terminal_size(1).columns or 80)
    except OSError:
        return 80
