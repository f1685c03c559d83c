"""Who may see the page: tickets that work once, and the visitors that were let in with one.

Nothing here can be turned back into a ticket or a cookie: only their SHA-256 is kept. Time is
an argument, in seconds since the epoch, because visitors outlive the daemon.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

#: How long a ticket waits for its browser.
TICKET_SECONDS = 600.0
#: How long a browser that was let in may come back.
VISITOR_SECONDS = 14 * 86_400.0
#: Beyond these the oldest makes room: nobody has so many browsers.
MOST_TICKETS = 8
MOST_VISITORS = 32
#: 256 bits, which nobody guesses.
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that was let in: the digest of its cookie, and until when it holds."""

    digest: str
    until: float


class Admission:
    """Gives tickets, takes each once for a cookie, and knows the cookies that hold."""

    def __init__(self, visitors: Iterable[Visitor] = ()) -> None:
        self._visitors = list(visitors)[-MOST_VISITORS:]
        self._tickets: list[Visitor] = []

    def visitors(self, now: float) -> tuple[Visitor, ...]:
        """Give those whose cookies hold, the oldest first."""
        return tuple(visitor for visitor in self._visitors if visitor.until > now)

    def ticket(self, now: float) -> str:
        """Make a new ticket; the others stay good."""
        ticket = secrets.token_urlsafe(SECRET_BYTES)
        self._tickets = [held for held in self._tickets if held.until > now]
        self._tickets.append(Visitor(_digest(ticket), now + TICKET_SECONDS))
        del self._tickets[:-MOST_TICKETS]
        return ticket

    def redeem(self, ticket: str, now: float) -> str | None:
        """Take a ticket and give a cookie for it; None for one that is used, old or made up."""
        held = _find(self._tickets, ticket, now)
        if held is None:
            return None
        self._tickets.remove(held)
        cookie = secrets.token_urlsafe(SECRET_BYTES)
        self._visitors = [*self.visitors(now), Visitor(_digest(cookie), now + VISITOR_SECONDS)]
        del self._visitors[:-MOST_VISITORS]
        return cookie

    def knows(self, cookie: str, now: float) -> bool:
        """Say whether this is the cookie of a browser that was let in."""
        return _find(self._visitors, cookie, now) is not None

    def forget(self) -> None:
        """Let nobody in any more, with whatever they were given."""
        self._visitors.clear()
        self._tickets.clear()


def _find(held: Iterable[Visitor], secret: str, now: float) -> Visitor | None:
    """Compare with every one of them, so that the time it takes tells nothing."""
    digest = _digest(secret)
    found = [each for each in held if hmac.compare_digest(each.digest, digest)]
    return next((each for each in found if each.until > now), None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
