"""What a search found: the sessions, each once, in the order in which they were found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tars.control.session_contract import SearchHit, Session
from tars.tui.session_window import Key, key

#: How many places are asked for. Several may be in one session.
PLACES = 300
#: How much stands before what was found.
_BEFORE = 4
#: The least of an id that names a session.
LEAST_ID = 4


@dataclass(slots=True)
class Found:
    """`more`: there are other places than those that were asked for. A session that is not here
    yet is only known by where the words were found."""

    text: str
    keys: list[Key] = field(default_factory=list)
    hits: dict[Key, SearchHit] = field(default_factory=dict)
    sessions: dict[Key, Session] = field(default_factory=dict)
    more: bool = False

    @classmethod
    def of(cls, text: str, hits: Sequence[SearchHit], by_id: Session | None) -> "Found":
        """Put together what was found in texts and names, and by an id."""
        found = cls(text, more=len(hits) >= PLACES)
        if by_id is not None:
            found.keys.append(key(by_id))
            found.sessions[key(by_id)] = by_id
        for hit in hits:
            place = (hit.machine, hit.agent, hit.session)
            if place not in found.hits and place not in found.sessions:
                found.keys.append(place)
            found.hits.setdefault(place, hit)
        return found

    def take(self, sessions: Sequence[Session]) -> None:
        """Remember sessions that were asked for."""
        self.sessions.update((key(session), session) for session in sessions)

    def excerpt(self, wanted: Key) -> str:
        """Give the text around what was found; nothing where it is in the name or the title."""
        hit = self.hits.get(wanted)
        return _from_match(hit.excerpt, self.text) if hit is not None and hit.role else ""

    def wanted(self, first: int, last: int) -> list[SearchHit]:
        """Name what is to be asked for of these rows: what is not here yet."""
        rows = self.keys[max(0, first) : last + 1]
        return [self.hits[one] for one in rows if one in self.hits and one not in self.sessions]


def _from_match(excerpt: str, text: str) -> str:
    """Begin shortly before what was found: there is little room."""
    folded = excerpt.lower()
    words = (word.strip('"*').lower() for word in text.split())
    places = [folded.find(word) for word in words if word]
    first = min((place for place in places if place >= 0), default=0)
    return excerpt if first <= _BEFORE else f"…{excerpt[first - _BEFORE :]}"


def words_for(text: str) -> str:
    """Make of what somebody types what the daemon searches for: the last word may go on."""
    text = text.strip()
    last = text.rsplit(None, 1)[-1] if text else ""
    return f"{text}*" if last.isalnum() and text.count('"') % 2 == 0 else text


def may_be_id(text: str) -> bool:
    """Say whether a session may be called so by its id or its whole name."""
    return len(text) >= LEAST_ID and not any(char.isspace() for char in text) and text != "last"
