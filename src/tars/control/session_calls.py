"""What is asked of the remembered sessions, and done to them, as plain calls."""

from tars.control.calls import Calls, quoted, with_query
from tars.control.session_contract import (
    MessageList,
    RenameRequest,
    SearchHits,
    Session,
    SessionList,
    SessionSummary,
    Stats,
)


class SessionCalls(Calls):
    """The part of the client that is about sessions."""

    def sessions(self, **query: str | int | None) -> SessionList:
        """List the remembered sessions that a query means; see `session_queries.FILTERS`."""
        return self._call("GET", with_query("/v1/sessions", **query), SessionList)

    def session(
        self, reference: str, *, agent: str | None = None, project: str | None = None
    ) -> Session:
        """Find a session by its id, the beginning of it, its name, or `last`."""
        path = with_query(_session_path(reference), agent=agent, project=project or None)
        return self._call("GET", path, Session)

    def summary(
        self,
        reference: str,
        *,
        agent: str | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> SessionSummary:
        """Look at a session as a whole: its turns, the newest first, its tools and its files."""
        path = f"{_session_path(reference)}/summary"
        return self._call(
            "GET", with_query(path, agent=agent, after=after, limit=limit), SessionSummary
        )

    def messages(
        self,
        reference: str,
        *,
        after: int = 0,
        limit: int | None = None,
        characters: int | None = None,
    ) -> MessageList:
        """Read a part of what was said in a session, at most so many `characters` of each text."""
        path = with_query(
            f"{_session_path(reference)}/messages", after=after, limit=limit, characters=characters
        )
        return self._call("GET", path, MessageList, seconds=self._accept_seconds)

    def search(self, text: str, **query: str | int | None) -> SearchHits:
        """Find where words were said."""
        path = with_query("/v1/search", text=text, **query)
        return self._call("GET", path, SearchHits, seconds=self._accept_seconds)

    def stats(self, **query: str | int | None) -> Stats:
        """Add up the remembered sessions that a query means."""
        path = with_query("/v1/stats", **query)
        return self._call("GET", path, Stats, seconds=self._accept_seconds)

    def rename_session(self, reference: str, name: str | None) -> Session:
        """Name a session, or take its name away."""
        request = RenameRequest(name=name)
        return self._call("POST", f"{_session_path(reference)}/rename", Session, request)

    def archive_session(self, reference: str) -> Session:
        """Put a session away, as `tars sessions archive` does."""
        path = f"{_session_path(reference)}/archive"
        return self._call("POST", path, Session, seconds=self._accept_seconds)

    def unarchive_session(self, reference: str) -> Session:
        """Take a session back that was put away."""
        path = f"{_session_path(reference)}/unarchive"
        return self._call("POST", path, Session, seconds=self._accept_seconds)


def _session_path(reference: str) -> str:
    return f"/v1/sessions/{quoted(reference)}"
