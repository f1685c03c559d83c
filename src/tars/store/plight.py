"""What is wrong with a database that is away, in words for `tars status`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tars.errors import StoreError
from tars.store.engine import Unreachable
from tars.store.spool import Spool, SpoolFull


@dataclass(slots=True)
class Plight:
    """`trouble` is why nothing can be written there, since `since`; `full` why nothing can wait
    here either. `refused` writes were put aside, and `left_out` decisions not kept at all."""

    trouble: StoreError | None = None
    since: datetime | None = None
    full: StoreError | None = None
    refused: int = 0
    left_out: int = 0

    def fall(self, error: StoreError) -> None:
        """Note why nothing can be written for now."""
        self.trouble = error
        self.since = self.since or datetime.now(UTC)

    def recover(self) -> None:
        """Everything is as it should be. What was refused stays so."""
        self.trouble = self.since = self.full = None
        self.left_out = 0

    def told(self, spool: Spool) -> str | None:
        """Say how things are; None while all is well."""
        return " ".join(filter(None, self._sentences(spool))) or None

    def _sentences(self, spool: Spool) -> Iterator[str]:
        if self.trouble is not None and self.since is not None:
            why = re.sub("^The store cannot [^:]*: ", "", str(self.trouble))
            yield f"The database is away since {_moment(self.since)}: {why}"
            yield self.trouble.advice
            if isinstance(self.trouble, Unreachable):
                yield "It is tried again by itself."
        if spool.count and spool.since is not None:
            writes = "1 write waits" if spool.count == 1 else f"{spool.count} writes wait"
            yield f"{writes} for it since {_moment(spool.since)}, in data/spool.db;"
            yield "it gets them when it is back."
        if isinstance(self.full, SpoolFull):
            yield "No more fit there: what follows is kept in memory."
        elif self.full is not None:
            yield f"{self.full} {self.full.advice}".strip()
        if self.refused:
            yield f"The database took {self.refused} of the writes that waited not at all."
        if self.left_out:
            yield f"{self.left_out} entries of the log of decisions were left out."
        if spool.problem:
            yield spool.problem


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
