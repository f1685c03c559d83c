"""What a message of Gemini CLI's logs tells, and the request that it makes."""

import msgspec

from tars.history.source import Request, request_of
from tars.protocols.counts import Count

_UNKNOWN = "unknown"


class Tokens(msgspec.Struct):
    """What the server reported of one request. Without `input` and `output` it is another format:
    a zero would be a guess."""

    input: Count
    output: Count
    cached: Count | None = None
    thoughts: Count | None = None
    tool: Count | None = None


class Message(msgspec.Struct):
    """A message; those of the type `gemini` with tokens are requests."""

    id: str | None = None
    timestamp: str | None = None
    type: str | None = None
    model: str | None = None
    tokens: Tokens | None = None


class Conversation(msgspec.Struct):
    """What is known of the one that messages are of. A subagent's session is its parent's.
    `model` is that of the message before: some messages do not say theirs."""

    session: str = ""
    project: str = ""
    model: str = ""
    sidechain: bool = False
    spaced: bool = False

    def request(self, id: str, at: int, tokens: Tokens, *, rank: int) -> Request:
        """Make the request that a message is of."""
        cached, thoughts = tokens.cached or 0, tokens.thoughts or 0
        return request_of(
            (
                id,
                self.session,
                at,
                self.model or _UNKNOWN,
                max(tokens.input - cached, 0) + (tokens.tool or 0),
                cached,
                0,
                0,
                tokens.output + thoughts,
                thoughts,
                "google",
                self.project,
                "",
                rank,
                None,
                self.sidechain,
                1,
            )
        )
