"""What every protocol offers: bytes in, conversation out, bytes to send. No I/O, no clock.

A codec never raises on what an agent sends: bytes that make no sense become `Garbled`.
After any call the caller writes what `outgoing` gives to the agent.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tars.conversation.model import Said


@dataclass(frozen=True, slots=True)
class Opening:
    """How a process is opened. `cwd` is absolute; `session_id` is the conversation to bring
    back, or None for a new one; `model` and `mode` are set again where the agent forgot
    them, and are empty for the agent's own choice. `new_id` is the id that the process was told
    to give a new conversation, or empty; one that was to be brought back is gone then."""

    cwd: str
    session_id: str | None = None
    model: str = ""
    mode: str = ""
    new_id: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """What an agent says that can be chosen."""

    models: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()


@runtime_checkable
class Choosing(Protocol):
    """A codec that knows what can be chosen, and may choose it in the process that it has."""

    @property
    def offered(self) -> Offered | None:
        """What the agent said; None while it has not said what there is."""

    def choose(self, model: str, mode: str) -> bool:
        """Let the prompts that follow be answered by this model, in this mode; empty is the
        agent's own choice. False where that takes another process: nothing is changed then."""


class Codec(Protocol):
    """One agent process's side of the conversation."""

    @property
    def session_id(self) -> str | None:
        """The session that the next prompt goes to; None when it gets a new one."""

    @property
    def quiet_seconds(self) -> float | None:
        """How long the agent's silence has to last to say something: call `settle` then.

        None while silence says nothing. It is asked again after every call.
        """

    def open(self, opening: Opening) -> None:
        """Begin the handshake. `Opened` or `OpenFailed` follows from `receive`."""

    def prompt(self, text: str, session_id: str | None = None) -> None:
        """Begin a turn in this session, or in the current one, or in a new one.

        A session that this process has not opened yet is opened first. `TurnEnded`
        follows exactly once, from `receive` or `eof`.
        """

    def cancel(self) -> None:
        """Ask for the end of the turn under way; without one, do nothing."""

    def answer(self, request_id: str, option_id: str | None) -> None:
        """Answer a permission request; None says that the turn was cancelled. An id that is
        not open, or no longer, is left alone."""

    def forget_session(self) -> None:
        """Let the next prompt have a new session, in this process."""

    def receive(self, data: bytes) -> list[Said]:
        """Take bytes from the agent's stdout, cut anywhere."""

    def settle(self) -> list[Said]:
        """The agent was silent for `quiet_seconds`: take what that says."""

    def eof(self) -> list[Said]:
        """The agent will say no more; a turn under way ends with an error."""

    def outgoing(self) -> bytes:
        """Give the bytes for the agent's stdin, once."""
