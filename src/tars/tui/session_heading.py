"""The line above the list: how many, in which order, of which, and where one is. Pure."""

from typing import Protocol

from rich.text import Text

from tars.tui.foreign_text import clean
from tars.tui.session_found import Found
from tars.tui.session_wants import Filter, Sort


class Listed(Protocol):
    """What the line tells of."""

    filter: Filter
    sort: Sort
    found: Found | None

    def __len__(self) -> int: ...

    @property
    def is_known(self) -> bool: ...


def heading(listed: Listed, cursor: int, problem: str, width: int) -> Text:
    """Give the line, its place at the right where there is room."""
    count = len(listed)
    text = Text(no_wrap=True, overflow="ellipsis")
    if not listed.is_known:
        text.append("Sessions …", style="bold")
    elif listed.found is not None:
        more = "+" if listed.found.more else ""
        text.append(f"{count:,}{more} found", style="bold")
        text.append(f" · {clean(listed.found.text)!r} · newest first")
    else:
        text.append(f"{count:,} session{'' if count == 1 else 's'}", style="bold")
        text.append(f" · {listed.sort.value[1]}")
    words = listed.filter.words()
    if words:
        text.append(" · only ")
        text.append(clean(words), style="bold")
    if problem:
        text.append(f" · {clean(problem)}", style="bold red")
    elif listed.is_known and not count:
        text.append("  Nothing here." + (" Escape ends the search." if listed.found else ""))
    place = f"{min(cursor + 1, count):,}/{count:,}" if count else ""
    room = width - text.cell_len - len(place)
    if place and room > 1:
        text.append(" " * room + place, style="dim")
    return text
