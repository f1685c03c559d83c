"""What was seen to change, and the error of what cannot see it."""

from dataclasses import dataclass

#: New files that are named after one look at most; of more, it is said that there are more.
MOST_PATHS = 1000


class CannotWatch(Exception):
    """This machine does not say which files change: the reason is a sentence."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Files that are new or have changed. `more`: others may have, and nobody can name them."""

    paths: frozenset[str] = frozenset()
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.paths) or self.more
