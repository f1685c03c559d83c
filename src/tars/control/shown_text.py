"""Figures, times and foreign texts as a person reads them on a terminal. Pure.

Whatever an agent supplied (titles, errors, names) is printed without control characters, so that
it cannot move the cursor, change colours or forge a line.
"""

#: The signs of ours that ASCII has not, and what stands for them there.
_SIGNS = (
    ("\u25cf", "*"),
    (" \u00b7 ", " | "),
    ("\u2265", ">="),
    ("\u2026", "..."),
    ("\u2595", "["),
    ("\u258f", "]"),
    ("\u2588", "#"),
    ("\u2591", "-"),
)


def duration(seconds: float) -> str:
    """Give a duration in its two largest units: `8s`, `3m 09s`, `2h 03m`, `4d 01h`."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02}h"
    if hours:
        return f"{hours}h {minute:02}m"
    if minutes:
        return f"{minutes}m {second:02}s"
    return f"{second}s"


def size(count: int) -> str:
    """Give a number of bytes in MiB or GiB; nothing for an unknown one."""
    if not count:
        return ""
    mebi = count / 1024**2
    return f"{mebi / 1024:.1f} GiB" if mebi >= 1000 else f"{mebi:.0f} MiB"


def moment(iso: str) -> str:
    """Give an ISO 8601 time in UTC as `2026-03-01 12:30 UTC`; anything else as it is."""
    if len(iso) >= 16 and iso[10:11] == "T":
        return printable(f"{iso[:10]} {iso[11:16]} UTC")
    return printable(iso)


def printable(text: str) -> str:
    """Replace what a terminal might obey, or might hide, by a visible sign.

    That is control characters, line ends, and invisible ones such as those that turn
    the direction of writing around.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char in "\n\t\r" else "\ufffd" for char in text
    )


def quoted(word: str) -> str:
    """Make a word safe to paste into a shell: an agent may have made it up."""
    word = printable(word)
    if word and all(char.isascii() and (char.isalnum() or char in "-_.:/@") for char in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def in_ascii(text: str) -> str:
    """Write a text in ASCII: our own signs by others, and a question mark for each that is left."""
    if text.isascii():
        return text
    for sign, instead in _SIGNS:
        text = text.replace(sign, instead)
    return text.encode("ascii", "replace").decode()
