"""The remembered sessions, served: thin handlers over what the daemon asks its store."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from tars.control.call import Call
from tars.control.session_contract import (
    MessageList,
    RenameRequest,
    SearchHits,
    Session,
    SessionList,
    SessionSummary,
    Stats,
)
from tars.control.session_queries import (
    MOST_CHARACTERS,
    MOST_MESSAGES,
    MOST_TURNS,
    USUAL_CHARACTERS,
    USUAL_MESSAGES,
    USUAL_TURNS,
)

if TYPE_CHECKING:
    from tars.control.backend import Backend


#: How much may be left out before a page begins.
MOST_AFTER = 10**9 - 1


class Remembering(Protocol):
    """What the control channel needs of the daemon to answer for its sessions. All of it raises
    RequestInvalid for a query that makes no sense, and StoreError."""

    async def sessions(self, query: Mapping[str, str]) -> SessionList:
        """List those that the query means."""

    async def session(self, reference: str, query: Mapping[str, str]) -> Session:
        """Find one. Raises SessionNotFound, SessionAmbiguous."""

    async def summary(
        self, reference: str, *, agent: str | None, after: int, limit: int
    ) -> SessionSummary:
        """Look at one as a whole, with so many of its turns. Raises as `session` does."""

    async def messages(
        self, reference: str, *, after: int, limit: int, characters: int
    ) -> MessageList:
        """Read what was said in one, each text cut. Raises as `session` does."""

    async def search(self, query: Mapping[str, str]) -> SearchHits:
        """Find words, tools and files in what was said."""

    async def stats(self, query: Mapping[str, str]) -> Stats:
        """Add up those that the query means."""

    async def rename(self, reference: str, name: str | None) -> Session:
        """Name one, or take its name away. Raises as `session` does, and NameInvalid."""

    async def archive(self, reference: str) -> Session:
        """Put one away. Raises as `session` does, and Refused."""

    async def unarchive(self, reference: str) -> Session:
        """Take one back. Raises as `session` does, and Refused."""


async def listed(backend: "Backend", call: Call) -> SessionList:
    return await backend.remembering.sessions(call.query)


async def one(backend: "Backend", call: Call) -> Session:
    return await backend.remembering.session(call.path["ref"], call.query)


async def summary(backend: "Backend", call: Call) -> SessionSummary:
    after = call.count("after", 0, least=0, most=MOST_AFTER)
    limit = call.count("limit", USUAL_TURNS, least=1, most=MOST_TURNS)
    agent = call.query.get("agent")
    return await backend.remembering.summary(
        call.path["ref"], agent=agent, after=after, limit=limit
    )


async def messages(backend: "Backend", call: Call) -> MessageList:
    after = call.count("after", 0, least=0, most=MOST_AFTER)
    limit = call.count("limit", USUAL_MESSAGES, least=1, most=MOST_MESSAGES)
    characters = call.count("characters", USUAL_CHARACTERS, least=0, most=MOST_CHARACTERS)
    return await backend.remembering.messages(
        call.path["ref"], after=after, limit=limit, characters=characters
    )


async def renamed(backend: "Backend", call: Call) -> Session:
    return await backend.remembering.rename(call.path["ref"], call.read(RenameRequest).name)


async def archived(backend: "Backend", call: Call) -> Session:
    return await backend.remembering.archive(call.path["ref"])


async def unarchived(backend: "Backend", call: Call) -> Session:
    return await backend.remembering.unarchive(call.path["ref"])


async def searched(backend: "Backend", call: Call) -> SearchHits:
    return await backend.remembering.search(call.query)


async def counted(backend: "Backend", call: Call) -> Stats:
    return await backend.remembering.stats(call.query)
