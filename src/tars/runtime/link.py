"""How a codec's bytes reach a process, and the process's bytes its codec."""

from collections.abc import AsyncGenerator
from typing import Protocol

import anyio

from tars.runtime import pipes
from tars.runtime.children import Child


class Link(Protocol):
    """One way to talk with a process. The channel runs `write` and `read` beside each other."""

    def send(self, data: bytes) -> None:
        """Take bytes for the process; what cannot go at once is written by `write`."""

    def finish(self) -> None:
        """Tell the process, once everything is written, that no more comes."""

    async def write(self) -> None:
        """Write what waits, until `finish` or the child's end."""

    def read(self, exited: anyio.Event) -> AsyncGenerator[bytes, None]:
        """Give what the process says, until it can say no more. `exited`: it is gone."""


class PipeLink:
    """A process on pipes; or with `to_file` one whose stdout is a file that is read as it grows."""

    def __init__(self, child: Child, *, to_file: bool = False) -> None:
        assert child.stdin is not None
        self._child = child
        self._to_file = to_file
        self._outbox = pipes.Outbox(child.stdin)

    def send(self, data: bytes) -> None:
        self._outbox.send(data)

    def finish(self) -> None:
        self._outbox.finish()

    async def write(self) -> None:
        await self._outbox.flush()
        self._child.close_stdin()

    def read(self, exited: anyio.Event) -> AsyncGenerator[bytes, None]:
        assert self._child.stdout is not None
        if self._to_file:
            return pipes.grown(self._child.stdout, exited)
        return pipes.chunks(self._child.stdout)
