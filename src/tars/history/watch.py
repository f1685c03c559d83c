"""Seeing within a second that an agent wrote into its log: as the system can, or by looking."""

from collections.abc import Iterable
from typing import Protocol

from tars.history.seen import CannotWatch, Seen

__all__ = ["CannotWatch", "Seen", "Watch", "open_watch"]


class Watch(Protocol):
    """Sees what changes below some roots. `fd`, where there is one, is readable once there is
    something to `read`; otherwise a look is due after `pause` seconds."""

    @property
    def fd(self) -> int | None: ...

    @property
    def pause(self) -> float: ...

    def read(self) -> Seen:
        """Give what changed since the last time; it does not wait. Raises CannotWatch when this
        watch sees no more, and another one has to be opened."""

    def close(self) -> None:
        """Stop seeing. Twice is once."""


def open_watch(roots: Iterable[str]) -> tuple[Watch, str]:
    """Watch these roots in the best way that there is here; the sentence says why it is not a
    better one, or is empty. What happens from now on is seen: read everything after this."""
    wanted = tuple(roots)
    reasons: list[str] = []
    for way in (_inotify, _notified):
        try:
            return way(wanted), " ".join(reasons)
        except CannotWatch as error:
            reasons.append(str(error))
    from tars.history.polling import Poll

    return Poll(wanted), " ".join(reasons)


def _inotify(roots: tuple[str, ...]) -> Watch:
    from tars.history.inotify import Inotify

    return Inotify(roots)


def _notified(roots: tuple[str, ...]) -> Watch:
    from tars.history.notified import Notified

    return Notified(roots)
