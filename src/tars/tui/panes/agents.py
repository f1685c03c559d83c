"""Agents: all of them, one of them in full with its live turn, and everything done to them."""

from typing import ClassVar, Literal

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, OptionList, Static
from textual.worker import Worker

from tars.control.contract import AgentStatus, PromptRequest, Status
from tars.errors import NotRunning, TarsError
from tars.tui import agents_view, lists, permitting
from tars.tui.agents_view import Samples
from tars.tui.dialogs import Question
from tars.tui.foreign_text import clean
from tars.tui.link import Link, sentence
from tars.tui.lists import MovingList
from tars.tui.live import Live
from tars.tui.pane import Pane
from tars.tui.panes import PANES
from tars.tui.shell_text import plain, put

Action = Literal["start", "stop", "restart"]
#: What has a screen of its own is not joined just to be looked at: that would resize it.
_SCREEN = "pty"


class Prompt(Input):
    """One line to write a prompt on."""

    def _on_paste(self, event: events.Paste) -> None:
        """Take all lines of what is pasted: the usual field would drop all but the first."""
        event.prevent_default().stop()
        self.replace(" ".join(event.text.split("\n")).strip(), *self.selection)


class AgentsPane(Pane):
    """A list, and beside or below it the agent that is chosen there."""

    heading: ClassVar[str] = PANES["agents"]
    every: ClassVar[float] = 2.0  # so that memory and processor time are seen to move
    moves = MovingList.BINDINGS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "prompt", "Prompt"),
        Binding("c", "cancel", "Cancel"),
        Binding("y", "answer", "Answer"),
        Binding("t", "attach", "Attach"),
        Binding("s", "start", "Start"),
        Binding("x", "stop", "Stop"),
        Binding("R", "restart", "Restart", show=False),
        Binding("escape", "unprompt", "Close the prompt"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._agents: list[AgentStatus] = []
        self._samples: dict[str, Samples] = {}
        self._live = Live()
        self._heard: tuple[str, Worker[None]] | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="agents"):
            yield MovingList(id="agents-list")
            with Vertical(id="agent"):
                yield Static(id="agent-facts")
                yield Static(id="agent-live")
        yield Prompt(id="agent-prompt", placeholder="Prompt; Enter sends it, Escape closes")

    def arrive(self) -> None:
        """The list has the keys."""
        self._list.focus()

    def leave(self) -> None:
        """Nobody looks: the agent's conversation need not be sent."""
        self._deafen()

    @property
    def _list(self) -> OptionList:
        return self.query_one("#agents-list", OptionList)

    @property
    def _chosen(self) -> AgentStatus | None:
        name = lists.chosen(self._list)
        return next((agent for agent in self._agents if agent.name == name), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Close the prompt only where it is open."""
        return action != "unprompt" or self.query_one("#agent-prompt").display

    # --- what is shown ------------------------------------------------------

    async def look(self, link: Link, status: Status) -> None:
        """Show how they are now."""
        self._agents = status.agents
        width, now = agents_view.name_width(status.agents), self.tars.clock()
        self._samples = {a.name: self._samples.get(a.name, Samples()) for a in status.agents}
        for agent in status.agents:
            self._samples[agent.name].take(agent, now)
        lists.fill(self._list, [(a.name, agents_view.row(a, width)) for a in status.agents])
        self._show()

    @on(OptionList.OptionHighlighted, "#agents-list")
    def _show(self) -> None:
        agent = self._chosen
        if agent is None:
            return
        self._listen(agent)
        width = max(20, self.query_one("#agent").content_size.width)
        samples = self._samples.get(agent.name, Samples())
        put(self.query_one("#agent-facts", Static), agents_view.facts(agent, samples, width))
        live = self.query_one("#agent-live", Static)
        if agent.protocol == _SCREEN:
            put(live, plain("It has a screen of its own: t joins it."))
        else:
            height = max(3, live.size.height)
            put(live, self._live.text(width, height))

    def _listen(self, agent: AgentStatus) -> None:
        """Follow the conversation of the agent that is chosen."""
        heard = self._heard
        if heard is not None and heard[0] == agent.name and not heard[1].is_finished:
            return
        self._deafen()
        self._live = Live()
        if agent.protocol != _SCREEN:
            self._heard = agent.name, self.run_worker(self._hear(agent.name), group="live")

    def _deafen(self) -> None:
        if self._heard is not None:
            self._heard[1].cancel()
            self._heard = None

    async def _hear(self, name: str) -> None:
        live = self._live

        def hear(event: tuple[str, object]) -> None:
            live.hear(*event)
            self.again()

        try:
            await self.tars.link.follow(
                lambda client: client.attach(name, rows=24, columns=80), hear
            )
        except NotRunning:
            pass  # the next look says so
        except TarsError as error:
            live.hear("", sentence(error))

    # --- what is done -------------------------------------------------------

    def action_start(self) -> None:
        """Start the agent that is chosen."""
        self._change("start")

    def action_stop(self) -> None:
        """Stop it, if a person says so."""
        self._change("stop", "Its turn is cancelled first.")

    def action_restart(self) -> None:
        """Give it a new process; the session goes on."""
        self._change("restart", "It goes on in the same session.")

    @work(group="change")
    async def _change(self, action: Action, details: str = "") -> None:
        agent = self._chosen
        if agent is None:
            return
        if details:
            asking = Question(
                f"{action.capitalize()} {agent.name}?", action.capitalize(), details=details
            )
            if not await self.app.push_screen_wait(asking):
                return
        await self.attempt(lambda client: client.change_agent(agent.name, action))

    @work(group="change")
    async def action_cancel(self) -> None:
        """Cancel the turn under way."""
        agent = self._chosen
        if agent is not None and agent.turn is not None:
            await self.attempt(lambda client: client.cancel(agent=agent.name))
        elif agent is not None:
            self.notify(f"{clean(agent.name)} has no turn to cancel.", markup=False)

    def action_answer(self) -> None:
        """Answer what the agent asks."""
        agent = self._chosen
        if agent is not None and agent.permissions:
            permitting.answer(self, agent.permissions[0])
        elif agent is not None:
            self.notify(f"{clean(agent.name)} asks for nothing.", markup=False)

    @work(group="attach")
    async def action_attach(self) -> None:
        """Join the agent in the whole terminal; Ctrl-] comes back."""
        agent = self._chosen
        if agent is not None:
            self._deafen()
            await self.tars.in_terminal(["attach", agent.name])

    def action_prompt(self) -> None:
        """Write a prompt to the agent that is chosen."""
        if self._chosen is not None:
            field = self.query_one("#agent-prompt", Input)
            field.display = True
            field.focus()

    def action_unprompt(self) -> None:
        """Close the prompt; what was written stays for the next time."""
        self.query_one("#agent-prompt", Input).display = False
        self._list.focus()

    @on(Input.Submitted, "#agent-prompt")
    @work(group="prompt")
    async def _send(self, submitted: Input.Submitted) -> None:
        agent, text = self._chosen, submitted.value
        if agent is None or not text.strip():
            return
        request = PromptRequest(text=text, agent=agent.name, wait=False)
        if await self.attempt(lambda client: client.submit(request)):
            submitted.input.value = ""
            self.action_unprompt()
