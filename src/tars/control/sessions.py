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
    Stats,
)
from tars.control.session_queries import MOST_MESSAGES, USUAL_MESSAGES

if TYPE_CHECKING:
    from tars.control.backend import Backend


class Remembering(Protocol):
    """What the control channel needs of the daemon to answer for its sessions. All of it raises
    RequestInvalid for a query that makes no sense, and StoreError."""

    async def sessions(self, query: Mapping[str, str]) -> SessionList:
        """List those that the query means."""

    async def session(self, reference: str, query: Mapping[str, str]) -> Session:
        """Find one. Raises SessionNotFound, SessionAmbiguous."""

    async def messages(self, reference: str, *, after: int, limit: int) -> MessageList:
        """Read what was said in one. Raises as `session` does."""

    async def search(self, query: Mapping[str, str]) -> SearchHits:
        """Find words, tools and files in what was said."""

    async def stats(self, query: Mapping[str, str]) -> Stats:
        """Add up those that the query means."""

    async def rename(self, reference: str, name: str | None) -> Session:
        """Name one, or take its name away. Raises as `session` does, and NameInvalid."""


async def listed(backend: "Backend", call: Call) -> SessionList:
    return await backend.remembering.sessions(call.query)


async def one(backend: "Backend", call: Call) -> Session:
    return await backend.remembering.session(call.path["ref"], call.query)


async def messages(backend: "Backend", call: Call) -> MessageList:
    after = call.count("after", 0, least=0, most=10**9 - 1)
    limit = call.count("limit", USUAL_MESSAGES, least=1, most=MOST_MESSAGES)
    return await backend.remembering.messages(call.path["ref"], after=after, limit=limit)


async def renamed(backend: "Backend", call: Call) -> Session:
    return await backend.remembering.rename(call.path["ref"], call.read(RenameRequest).name)


async def searched(backend: "Backend", call: Call) -> SearchHits:
    return await backend.remembering.search(call.query)


async def counted(backend: "Backend", call: Call) -> Stats:
    return await backend.remembering.stats(call.query)
