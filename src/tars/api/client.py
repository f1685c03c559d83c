"""The daemon, from a blocking Python program."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from tars.control import client as control
from tars.control.contract import (
    AgentList,
    Cancelled,
    PromptRequest,
    ResetDone,
    Status,
    TurnResult,
    Wire,
)
from tars.control.session_contract import MessageList, SearchHits, Session, SessionList
from tars.errors import TarsError
from tars.home import Home, find_home


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a prompt's stream. `name` is accepted, started, text, thought, tool,
    permission, waiting, usage, fallback, lagged or turn; `data` is the value of that name in
    docs/control-api.md. The last one is `turn`, and its data the TurnResult."""

    name: str
    data: Wire


class PromptOptions(TypedDict, total=False):
    """What can be said of a prompt besides its text."""

    #: None is the default agent.
    agent: str | None
    #: An id, the beginning of one, a name or ``last``; without one it is the newest session
    #: of `project`, or the agent's current one.
    session: str | None
    #: Begin a conversation.
    new: bool
    #: False begins one that is not among the sessions, and is not kept.
    record: bool
    #: How long the turn may take once it runs.
    timeout_seconds: float | None
    #: Raise Busy instead of standing in line.
    refuse_if_busy: bool
    #: The folder that one works in.
    project: str
    #: These are noted of the session.
    branch: str
    name: str | None
    task: str | None
    tags: list[str]
    metadata: dict[str, str]


def _just_wait() -> None:
    """Go on waiting."""


class Client:
    """One daemon, by its home: that of `TARS_HOME`, else ``~/.tars``, unless one is given.

    Nothing is connected before a method is called, and each call has a connection of its own;
    a client may be used from several threads. Every method raises NotRunning when no daemon
    answers, and what the daemon refuses as the exception of `tars.errors` that says why.
    `on_wait` is called some ten times a second while an answer is awaited; what it raises
    ends the call.
    """

    def __init__(
        self, home: str | Path | None = None, *, on_wait: Callable[[], None] = _just_wait
    ) -> None:
        self.home = find_home() if home is None else Home(Path(home).expanduser().absolute())
        self._daemon = control.Client(self.home.socket, on_wait=on_wait)

    # --- conversations ------------------------------------------------------

    def prompt(self, text: str, **options: Unpack[PromptOptions]) -> TurnResult:
        """Send a prompt and wait for its answer: `result.text`, what it used, how it ended.

        What an agent failed at is told by `result.outcome` and `result.error`, and not raised.
        The options are those of `PromptOptions`.
        """
        return result_of(self.stream(text, **options))

    def stream(self, text: str, **options: Unpack[PromptOptions]) -> Iterator[Event]:
        """Send a prompt and give what happens as it happens; the last event is `turn`.

        Nothing is sent before the first event is asked for. To leave the loop early leaves
        the turn running; `cancel` ends it. The options are those of `PromptOptions`.
        """
        return self.stream_request(PromptRequest(text=text, **options))

    def stream_request(self, asked: PromptRequest) -> Iterator[Event]:
        """Send a request of one's own making and give what happens."""
        for name, data in self._daemon.prompt(asked):
            yield Event(name, data)

    def cancel(self, *, agent: str | None = None, turn: str | None = None) -> Cancelled:
        """Cancel the turn under way, or withdraw a prompt that waits."""
        return self._daemon.cancel(agent=agent, turn=turn)

    def reset(self, agent: str | None = None) -> ResetDone:
        """End the current session of an agent; its next prompt begins a new one."""
        return self._daemon.reset(agent)

    # --- looking ------------------------------------------------------------

    def status(self) -> Status:
        """Ask how everything is: the daemon, its agents, the tokens."""
        return self._daemon.status()

    def agents(self) -> AgentList:
        """Ask which agents are configured."""
        return self._daemon.agents()

    def sessions(
        self,
        *,
        agent: str | None = None,
        project: str | Path | None = None,
        status: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
    ) -> list[Session]:
        """Give the sessions that are remembered, the newest activity first."""
        found: SessionList = self._daemon.sessions(
            agent=agent,
            project=None if project is None else str(project),
            status=status,
            tag=tag,
            limit=limit,
        )
        return found.sessions

    def session(self, reference: str = "last") -> Session:
        """Give one session: by its id, the beginning of it, its name, or ``last``.

        Raises SessionNotFound and SessionAmbiguous.
        """
        return self._daemon.session(reference)

    def messages(
        self, reference: str = "last", *, after: int = 0, limit: int | None = None
    ) -> MessageList:
        """Give what was said in a session, in its order, a part at a time."""
        return self._daemon.messages(reference, after=after, limit=limit)

    def search(self, text: str, *, limit: int | None = None) -> SearchHits:
        """Find the messages that hold these words."""
        return self._daemon.search(text, limit=limit)

    def rename_session(self, reference: str, name: str | None) -> Session:
        """Give a session a name, or take it away. Raises NameInvalid."""
        return self._daemon.rename_session(reference, name)


def result_of(events: Iterator[Event]) -> TurnResult:
    """Wait for the end of a prompt's stream. Raises TarsError where it has none."""
    for event in events:
        if isinstance(event.data, TurnResult):
            return event.data
    raise TarsError("The daemon ended the stream before the turn had ended.")
