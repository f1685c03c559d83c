"""What a person chose on the screen, for the next time: the theme. Losing it costs nothing."""

from contextlib import suppress

import msgspec

from tars.home import Home, write_durably
from tars.tui.themes import THEMES

_FILE = "tui.json"


def theme(home: Home) -> str | None:
    """Give the name of the theme that was chosen last, if there is one."""
    with suppress(OSError, msgspec.DecodeError, KeyError, TypeError):
        name = msgspec.json.decode((home.data / _FILE).read_bytes())["theme"]
        return name if name in {theme.name for theme in THEMES} else None
    return None


def keep(home: Home, theme: str) -> None:
    """Remember the theme. A home that is not there yet, or full, is no reason to complain."""
    with suppress(OSError):
        if home.data.is_dir():
            write_durably(home.data / _FILE, msgspec.json.encode({"theme": theme}))
