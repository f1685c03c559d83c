"""One agent to talk to, from a Python program: ``tars.Agent("claude").chat("Hello")``."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

import anyio.to_thread

from tars.api.async_client import AsyncClient, EventStream
from tars.api.client import Client, Event, PromptOptions
from tars.control.contract import TurnResult
from tars.errors import NotRunning, TarsError, TurnFailed
from tars.home import Home


class Agent:
    """An agent by its name; None is the default one. `home` is as for `Client`.

    The daemon is started when it is not running, unless `start` is false.
    """

    def __init__(
        self, name: str | None = None, *, home: str | Path | None = None, start: bool = True
    ) -> None:
        self.name = name
        self.client = Client(home)
        self._start = start

    def chat(
        self, text: str, session_id: str | None = None, **options: Unpack[PromptOptions]
    ) -> TurnResult:
        """Say something and wait for the answer: its `text`, `session`, `usage` and `cost_usd`.

        `session_id` is an id, the beginning of one, a name or ``last``; without it the
        conversation goes on. Raises TurnFailed when the turn does not end well, and what
        `Client` raises.
        """
        if self._start:
            ensure_started(self.client)
        return _well(self.client.prompt(text, **_meant(self.name, session_id, options)))

    def stream(
        self, text: str, session_id: str | None = None, **options: Unpack[PromptOptions]
    ) -> Iterator[Event]:
        """Say something and give what happens as it happens; see `Client.stream`."""
        if self._start:
            ensure_started(self.client)
        return self.client.stream(text, **_meant(self.name, session_id, options))


class AsyncAgent:
    """`Agent` for a program of asyncio, trio or anyio."""

    def __init__(
        self, name: str | None = None, *, home: str | Path | None = None, start: bool = True
    ) -> None:
        self.name = name
        self.client = AsyncClient(home)
        self._start = start

    async def chat(
        self, text: str, session_id: str | None = None, **options: Unpack[PromptOptions]
    ) -> TurnResult:
        """Say something and wait for the answer; see `Agent.chat`."""
        await self._ensure_started()
        return _well(await self.client.prompt(text, **_meant(self.name, session_id, options)))

    async def stream(
        self, text: str, session_id: str | None = None, **options: Unpack[PromptOptions]
    ) -> EventStream:
        """Say something and give what happens; see `AsyncClient.stream`."""
        await self._ensure_started()
        return self.client.stream(text, **_meant(self.name, session_id, options))

    async def _ensure_started(self) -> None:
        if self._start:
            await anyio.to_thread.run_sync(ensure_started, Client(self.client.home.root))


def ensure_started(client: Client) -> None:
    """Start the daemon of this home where none runs. Raises TarsError when it does not come up."""
    try:
        client.status()
    except NotRunning:
        _start(client.home)


def _start(home: Home) -> None:
    started = subprocess.run(
        # -P: a folder named tars in this program's cwd is not this package.
        [sys.executable, "-P", "-m", "tars", "start"],
        env={**os.environ, "TARS_HOME": str(home.root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        # Its last line says what went wrong and what to do.
        said = started.stderr.strip().splitlines() or ["it does not say why"]
        raise TarsError(f"The daemon could not be started: {said[-1].removeprefix('tars: ')}")


def _meant(agent: str | None, session: str | None, options: PromptOptions) -> PromptOptions:
    meant = options.copy()
    if agent is not None:
        meant.setdefault("agent", agent)
    if session is not None:
        meant["session"] = session
    return meant


def _well(result: TurnResult) -> TurnResult:
    if result.outcome == "ok":
        return result
    fault = result.error
    raise TurnFailed(
        fault.message if fault else f"The turn was {result.outcome}.",
        advice=fault.advice if fault else "",
        result=result,
    )
