"""One remembered session, which is found by any name but `nobody`."""

from collections.abc import Mapping

import msgspec

from tars.control.session_contract import (
    MessageList,
    SearchHits,
    Session,
    SessionList,
    SessionSummary,
    Stats,
)
from tars.errors import Refused, SessionAmbiguous, SessionNotFound
from tests.control.session_samples import HIT, MESSAGES, SESSION, STATS, SUMMARY


class ScriptedRemembering:
    """`asked` are the queries that came, in their order."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, str]] = []

    async def sessions(self, query: Mapping[str, str]) -> SessionList:
        self.asked.append(query)
        return SessionList(sessions=[SESSION], total=1)

    async def session(self, reference: str, query: Mapping[str, str]) -> Session:
        self.asked.append(query)
        if reference == "nobody":
            raise SessionNotFound("No session has the id or name 'nobody'.")
        if reference == "twice":
            raise SessionAmbiguous("'twice' means several sessions: a, b.")
        return SESSION

    async def summary(
        self, reference: str, *, agent: str | None, after: int, limit: int
    ) -> SessionSummary:
        return msgspec.structs.replace(SUMMARY, after=after + limit)

    async def messages(
        self, reference: str, *, after: int, limit: int, characters: int
    ) -> MessageList:
        return msgspec.structs.replace(MESSAGES, after=after + limit)

    async def search(self, query: Mapping[str, str]) -> SearchHits:
        self.asked.append(query)
        return SearchHits(hits=[HIT])

    async def stats(self, query: Mapping[str, str]) -> Stats:
        return STATS

    async def rename(self, reference: str, name: str | None) -> Session:
        return msgspec.structs.replace(SESSION, name=name)

    async def archive(self, reference: str) -> Session:
        if reference == "busy":
            raise Refused("Session busy cannot be archived.")
        return msgspec.structs.replace(SESSION, status="archived")

    async def unarchive(self, reference: str) -> Session:
        return SESSION
