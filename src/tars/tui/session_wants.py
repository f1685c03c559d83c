"""Which sessions are wanted, and in which order: what the filter panel and `s` choose. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum


class Sort(Enum):
    """What comes first: the daemon's word for it, and ours."""

    START = ("started", "newest start first")
    DURATION = ("duration", "longest first")
    TOKENS = ("tokens", "most tokens first")
    COST = ("cost", "highest cost first")

    @property
    def next(self) -> "Sort":
        """The one after it, round and round."""
        every = list(Sort)
        return every[(every.index(self) + 1) % len(every)]


class Status(Enum):
    """How a session stands: the daemon's words for it, and ours."""

    ALL = ("", "All")
    ACTIVE = ("active", "Active")
    COMPLETED = ("completed", "Completed")
    FAILED = ("failed,interrupted", "Failed")
    ARCHIVED = ("archived", "Archived")


class Range(Enum):
    """Since when a session was in use."""

    ALL = "All"
    TODAY = "Today"
    WEEK = "This week"
    MONTH = "This month"

    def begins(self, today: date) -> date | None:
        """Give the day whose midnight it begins with; weeks from Monday."""
        match self:
            case Range.ALL:
                return None
            case Range.TODAY:
                return today
            case Range.WEEK:
                return today - timedelta(days=today.weekday())
            case Range.MONTH:
                return today.replace(day=1)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sessions are wanted; no kinds of agents are all of them."""

    status: Status = Status.ALL
    kinds: tuple[str, ...] = ()
    range: Range = Range.ALL

    def query(self, today: date) -> dict[str, str]:
        """Say it as the daemon understands it; its days are those of the same machine."""
        since = self.range.begins(today)
        asked = {
            "status": self.status.value[0],
            "agentType": ",".join(self.kinds),
            "since": "" if since is None else since.isoformat(),
        }
        return {name: word for name, word in asked.items() if word}

    def words(self) -> str:
        """Say it for a person; nothing where it leaves none out."""
        status = "" if self.status is Status.ALL else self.status.value[1]
        range = "" if self.range is Range.ALL else self.range.value
        return " · ".join(filter(None, (status, ", ".join(self.kinds), range)))
