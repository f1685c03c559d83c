"""Who is attached to an agent, served: its screen or its conversation as a stream, and keys."""

from typing import Protocol

import anyio
from starlette.responses import Response

from tars.control.attach_contract import (
    LEAST_COLUMNS,
    LEAST_ROWS,
    MOST_COLUMNS,
    MOST_ROWS,
    KeysRequest,
    View,
    ViewRequest,
)
from tars.control.event_stream import HEARTBEAT, EventStream, Source, Write, encode, relay_until
from tars.control.feed import Frame
from tars.errors import RequestInvalid


class Attachment(Source, Protocol):
    """One viewer's or listener's stream; `close` lets go of it."""

    @property
    def first(self) -> Frame:
        """What it is told before all else."""


class Attaching(Protocol):
    """What the control channel needs of the daemon to attach somebody."""

    def attach(self, agent: str, rows: int, columns: int, *, keyboard: bool) -> Attachment:
        """Raises AgentNotFound, and Refused when its program does not run."""

    def type_keys(self, agent: str, request: KeysRequest) -> View:
        """Raises AgentNotFound, ViewerNotFound."""

    def change_view(self, agent: str, request: ViewRequest) -> View:
        """Raises AgentNotFound, ViewerNotFound."""


def stream(attachment: Attachment) -> Response:
    """Answer with what the attachment brings, until it ends or nobody listens."""

    async def answer(write: Write, stopping: anyio.Event) -> None:
        try:
            await write(HEARTBEAT + encode([attachment.first]))
            await relay_until(attachment, write, stopping)
        finally:
            attachment.close()

    return EventStream(answer)


def checked(request: ViewRequest) -> ViewRequest:
    """Refuse a size that no terminal has."""
    for name, value, most in (
        ("rows", request.rows, MOST_ROWS),
        ("columns", request.columns, MOST_COLUMNS),
    ):
        if value is not None and not 1 <= value <= most:
            raise RequestInvalid(f"`{name}` is from 1 to {most}, not {value}.")
    return request


def bounded(rows: int, columns: int) -> tuple[int, int]:
    """Give the size that a terminal of this size is treated as."""
    return max(LEAST_ROWS, rows), max(LEAST_COLUMNS, columns)
