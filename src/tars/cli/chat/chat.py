"""What a chat's next prompt carries: whom it is for, and to which conversation it goes."""

from dataclasses import dataclass, field

from tars.control.contract import PromptRequest


@dataclass(slots=True)
class Chat:
    """`session` is the conversation, once it is known; without one the next prompt goes to that
    of the project, or `new`, to one that it begins. `record` false: nothing is kept. `name` is
    for the conversation that is to begin. `listed` are sessions that were shown by number."""

    agent: str
    project: str = ""
    branch: str = ""
    session: str | None = None
    new: bool = False
    record: bool = True
    name: str | None = None
    title: str = ""
    listed: list[str] = field(default_factory=list)

    def request(self, text: str) -> PromptRequest:
        """Make the request that sends this text."""
        if not self.record:
            # The daemon forgets such a conversation: nothing can be sent to it again.
            return PromptRequest(text=text, agent=self.agent, new=True, record=False)
        return PromptRequest(
            text=text,
            agent=self.agent,
            session=self.session,
            new=self.new and self.session is None,
            project=self.project,
            branch=self.branch,
            name=self.name if self.session is None else None,
        )

    def goes_on_in(self, session: str, title: str = "") -> None:
        """Send what follows to this session."""
        self.session, self.title = session, title
        self.new, self.name = False, None

    def begins_anew(self, agent: str | None = None) -> None:
        """Let the next prompt begin a conversation."""
        self.agent = agent or self.agent
        self.session, self.title, self.new, self.name = None, "", True, None
