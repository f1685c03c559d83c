"""Whom a driver tells what happened."""

from collections.abc import Callable
from typing import Protocol

from tars.conversation.model import RequestUsage, Said
from tars.core.events import Event
from tars.runtime.children import Child
from tars.runtime.turn import LiveTurn


class Hub(Protocol):
    """Whom a driver tells. The loop is one."""

    def send(self, agent: str, event: Event) -> None:
        """Something happened that the core has to judge."""

    def said(self, agent: str, said: Said) -> None:
        """The agent said something, in a turn or not."""

    def began(self, agent: str, turn: LiveTurn, then: Callable[[], None]) -> None:
        """A turn begins. Call `then` once that is on record, or cannot be: the agent gets
        the prompt, and not before, so that no prompt is run twice. One that was held begins
        again."""

    def spent(self, agent: str, session_id: str, requests: tuple[RequestUsage, ...]) -> None:
        """The agent's log shows requests that belong to no turn."""

    def logged(
        self, agent: str, turn: str, session_id: str, requests: tuple[RequestUsage, ...]
    ) -> None:
        """The agent's log shows, late, what a turn that was counted over the protocol used."""

    def attend(self, agent: str, child: Child, conversation: Callable[[], object]) -> None:
        """Run this conversation with the child in the background, until the child has exited."""

    def background(self, agent: str, work: Callable[[], object]) -> None:
        """Run this coroutine function in the background."""

    def next_permission(self) -> str:
        """Give an id that a person can type."""

    def wrote(self, agent: str, lines: list[str]) -> None:
        """The agent wrote these lines to stderr; secrets are redacted."""
