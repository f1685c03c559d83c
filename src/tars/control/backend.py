"""What the control channel needs of the daemon. The daemon implements it."""

from pathlib import Path
from typing import Literal, Protocol

from tars.control.attach import Attaching
from tars.control.contract import (
    Accepted,
    AgentChanged,
    AgentList,
    AgentsChanged,
    BudgetList,
    Cancelled,
    CancelRequest,
    ChangeRequest,
    PromptRequest,
    Reloaded,
    ResetDone,
    ResetRequest,
    SettingsChanged,
    SettingsRequest,
    ShuttingDown,
    Status,
)
from tars.control.feed import Feed, Subscription
from tars.control.page import PageKeeping
from tars.control.permission_contract import (
    ForgetRequest,
    Forgotten,
    PermitRequest,
    Permitted,
    RuleList,
)
from tars.control.queue_contract import Queue
from tars.control.sessions import Remembering
from tars.control.spending import Spending

AgentAction = Literal["start", "stop", "restart"]


class Backend(Protocol):
    """One running daemon, as the control channel sees it.

    What cannot be done is raised as a `tars.errors.TarsError`; anything else that is
    raised counts as a bug of the daemon and reaches the client as `internal`.
    """

    @property
    def feed(self) -> Feed:
        """Where everything that happens is published."""

    @property
    def attaching(self) -> Attaching:
        """Where people are attached to agents."""

    @property
    def remembering(self) -> Remembering:
        """What is asked of the remembered sessions."""

    @property
    def spending(self) -> Spending:
        """What is asked of what was spent."""

    @property
    def page(self) -> PageKeeping:
        """Where the page in the browser is opened and closed."""

    def status(self) -> Status:
        """Tell how everything is. It is asked thousands of times a second: no I/O."""

    def agents(self) -> AgentList:
        """Tell which agents are configured."""

    async def submit(self, request: PromptRequest) -> tuple[Accepted, Subscription]:
        """Save a prompt durably, then queue it.

        The subscription was made before anything of the turn was published, and ends
        after its `turn` event. `accepted` itself is not published: the caller sends it.
        """

    async def cancel(self, request: CancelRequest) -> Cancelled:
        """Cancel the turn under way, or withdraw a prompt that waits."""

    def queue(self, agent: str | None) -> Queue:
        """List the prompts of one agent that wait, or of all. Raises AgentNotFound."""

    async def reset(self, request: ResetRequest) -> ResetDone:
        """Clear an agent's session; the next prompt begins a new one."""

    async def permit(self, request_id: str, answer: PermitRequest, who: str = "") -> Permitted:
        """Answer a permission request; `who` names the person's face and process. Raises
        PermissionNotFound, RequestInvalid, and StoreError when it cannot be remembered."""

    async def budgets(self) -> BudgetList:
        """Say how every budget stands now."""

    def permissions(self, agent: str | None) -> RuleList:
        """List the rules of one agent, or of all. Raises AgentNotFound."""

    async def forget(self, request: ForgetRequest) -> Forgotten:
        """Forget remembered choices; to forget none is no error."""

    async def change_agent(self, name: str, action: AgentAction) -> AgentChanged:
        """Do it, and wait for the state that the action aims at, or for failed."""

    async def change_agents(self, request: ChangeRequest) -> AgentsChanged:
        """Do it for every agent that is named, itself or by its group, each after those that
        it starts after, or before them where it is stopped. Raises AgentNotFound."""

    def settings(self, name: str) -> SettingsChanged:
        """Say which model and mode are chosen, and what can be. Raises AgentNotFound."""

    async def change_settings(self, name: str, request: SettingsRequest) -> SettingsChanged:
        """Choose another model or mode. Raises AgentNotFound, and RequestInvalid for what the
        agent does not take."""

    async def reload(self) -> Reloaded:
        """Read config.toml again; one with faults changes nothing."""

    async def shutdown(self) -> ShuttingDown:
        """Begin to stop everything, and return at once so that it can be answered."""

    def log_path(self, agent: str | None) -> Path:
        """Name the daemon's log, or an agent's stderr. Raises AgentNotFound."""
