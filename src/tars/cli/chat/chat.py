"""What a chat's next prompt carries: whom it is for, and to which conversation it goes."""

from dataclasses import dataclass, field

from tars.control.contract import AgentStatus, PromptRequest
from tars.control.session_contract import Session
from tars.errors import UserError


@dataclass(slots=True)
class Chat:
    """`session` is the conversation, once it is known; without one the next prompt goes to that
    of the project, or `new`, to one that it begins. `record` false: nothing is kept. `name` is
    for the conversation that is to begin. `listed` are sessions that were shown by number.
    `on_screen`: the agent is a terminal program, whose only conversation is on its screen.
    `over_budget` says yes to budgets that ask."""

    agent: str
    project: str = ""
    branch: str = ""
    session: str | None = None
    new: bool = False
    record: bool = True
    name: str | None = None
    title: str = ""
    on_screen: bool = False
    over_budget: bool = False
    listed: list[str] = field(default_factory=list)

    def request(self, text: str) -> PromptRequest:
        """Make the request that sends this text."""
        if not self.record:
            # The daemon forgets such a conversation: nothing can be sent to it again.
            return PromptRequest(
                text=text,
                agent=self.agent,
                new=True,
                record=False,
                despite_budget=self.over_budget,
            )
        return PromptRequest(
            text=text,
            agent=self.agent,
            # It may have another one by now, and cannot go back to this.
            session=None if self.on_screen else self.session,
            new=self.new and self.session is None,
            project=self.project,
            branch=self.branch,
            name=self.name if self.session is None else None,
            despite_budget=self.over_budget,
        )

    def goes_on_in(self, session: str, title: str = "") -> None:
        """Send what follows to this session."""
        self.session, self.title = session, title
        self.new, self.name = False, None

    def begins_anew(self) -> None:
        """Let the next prompt begin a conversation."""
        self.session, self.title, self.new, self.name = None, "", True, None


def is_resumable(session: Session, agent: AgentStatus) -> bool:
    """Whether the agent can go on in it: a terminal program has only what is on its screen."""
    return agent.protocol != "pty" or agent.session.id == session.id


def check_resumable(session: Session, agent: AgentStatus) -> None:
    """Refuse to go back to what the agent cannot go on in. Raises UserError."""
    if not is_resumable(session, agent):
        raise UserError(
            f"The terminal program {agent.name} has one conversation only, the one on its screen.",
            advice="`tars sessions show` has what was said in this one.",
        )
