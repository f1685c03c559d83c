"""The screen's shell: which view is on top, when it looks, and whether the daemon is there."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual import events, on, work
from textual.app import App, ComposeResult, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Static

from tars import __version__
from tars.control.contract import FeedEvent, Lagged, Status
from tars.errors import NotRunning, TarsError
from tars.home import Home
from tars.tui import children, choices, shell_text
from tars.tui.dialogs import Permission
from tars.tui.foreign_text import clean
from tars.tui.help import HelpScreen, key_of
from tars.tui.link import Link, sentence
from tars.tui.pacing import Pace
from tars.tui.pane import Pane
from tars.tui.panes import PANES, opened
from tars.tui.themes import DARK, THEMES

#: How soon after a lost daemon it is looked for again, in seconds; the last one stays.
RETRIES = (0.5, 1.0, 2.0, 5.0)
#: How often, in seconds, one that nobody looks at finds out whether there still is a terminal.
ASLEEP = 30.0


class TarsApp(App[int]):
    """All of `tars tui`. `clock` is the wall clock in seconds since 1970, for what is told as
    "ago"; tests give one of their own."""

    TITLE = "tars"
    CSS_PATH = ["tars.tcss", "panes/sessions.tcss"]
    ENABLE_COMMAND_PALETTE = True
    #: From so many columns on, what stands below each other stands side by side.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n), f"open('{name}')", PANES[name], show=False)
            for n, name in enumerate(PANES, 1)
        ),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("r", "look", "Refresh", show=False),
        Binding("S", "start_daemon", "Start tars", show=False),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+z", "suspend_process", "To the shell", show=False),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(self, home: Home, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.home = home
        self.link = Link(home.socket)
        self.clock = clock
        self.status: Status | None = None
        self._pace = Pace(every=Pane.every)
        self._woken = asyncio.Event()
        self._asked: set[str] = set()
        self._told_version = ""
        self._away = False

    def compose(self) -> ComposeResult:
        yield Static(id="top")
        yield Static(id="tabs")
        yield Static(id="banner")
        yield ContentSwitcher(id="views")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = choices.theme(self.home) or DARK.name
        # The others are not checked for whether everything can be read in them.
        for name in self.available_themes.keys() - {theme.name for theme in THEMES}:
            self.unregister_theme(name)
        self.theme_changed_signal.subscribe(self, lambda theme: choices.keep(self.home, theme.name))
        # Ended by a signal, it leaves the terminal as it was, too.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit, 128 + number)
        if not self.is_headless:
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGTSTP, self.action_suspend_process
            )
            # A terminal that is closed sends it too. Textual would read on in a second thread,
            # which nobody ends.
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
        await self.action_open(next(iter(PANES)))
        self._look_around()
        self._listen()

    # --- the views ----------------------------------------------------------

    @property
    def pane(self) -> Pane | None:
        """The view on top."""
        views = self.query_one("#views", ContentSwitcher)
        return views.query_one(f"#{views.current}", Pane) if views.current else None

    async def action_open(self, name: str) -> None:
        """Bring a view to the top; it is made when it is first opened."""
        views = self.query_one("#views", ContentSwitcher)
        before = self.pane
        if views.current == name:
            return
        if not views.query(f"#{name}"):
            await views.add_content(opened(name), id=name)
        if before is not None:
            before.leave()
        views.current = name
        self.query_one("#tabs", Static).update(shell_text.tabs(name))
        pane = self.pane
        if pane is not None:
            self._pace.every = pane.every
            pane.arrive()
        self.look_again()

    # --- looking ------------------------------------------------------------

    def look_again(self) -> None:
        """Look as soon as the pace allows."""
        self._pace.note()
        self._woken.set()

    @work(group="look")
    async def _look_around(self) -> None:
        while True:
            due = self._pace.due_in(time.monotonic())
            if due is None or due > 0:
                self._woken.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(due or ASLEEP, ASLEEP))
                if not self.is_headless and not _has_terminal():
                    self.exit(128 + signal.SIGHUP)
                continue
            self._pace.did(time.monotonic())
            await self._look()

    async def _look(self) -> None:
        try:
            await self._ask()
        except NoMatches:
            if self.query("#top") and self.query("#views"):
                raise
            # The screen was taken apart while the daemon was asked: it is being left.

    async def _ask(self) -> None:
        status = None
        try:
            status = await self.link.ask(lambda client: client.status())
            self._show_status(status)
            pane = self.pane
            if pane is not None:
                await pane.look(self.link, status)
            self._banner("")
        except NotRunning:
            self._lost("tars is not running.  S  starts it.", "not running")
        except TarsError as error:
            if status is None:
                self._lost(sentence(error), "cannot be asked")
            else:
                self._banner(sentence(error))

    def _show_status(self, status: Status) -> None:
        self.status = status
        shell_text.put(self.query_one("#top", Static), shell_text.top(status))
        version = status.daemon.version
        if version not in (__version__, self._told_version):
            self._told_version = version
            self.notify(
                f"The daemon is tars {version}, this screen {__version__}: `tars restart` and a "
                "new `tars tui` bring both to one.",
                severity="warning",
            )
        asked = {p.id: p for agent in status.agents for p in agent.permissions}
        for permission in asked.values():
            if permission.id not in self._asked:
                title = clean(f"{permission.agent} asks: {permission.title}")
                self.notify(f"{title}  (6 answers it)", severity="warning", markup=False)
        self._asked = set(asked)
        if isinstance(self.screen, Permission):
            self.screen.know(asked)

    def _lost(self, why: str, word: str) -> None:
        """Say what is wrong, in a word too; what was shown last stays."""
        self.status = None
        shell_text.put(self.query_one("#top", Static), shell_text.top(None, word))
        self._banner(why)

    def _banner(self, text: str) -> None:
        banner = self.query_one("#banner", Static)
        banner.display = bool(text)
        shell_text.put(banner, shell_text.plain(text))

    @work(group="listen")
    async def _listen(self) -> None:
        """Hear of events for as long as the screen is there, across the daemon's restarts."""
        failures = 0
        while True:
            with suppress(TarsError):
                await self.link.follow(
                    lambda client: client.events(begun=self._connected), self._heard
                )
            self.look_again()
            await asyncio.sleep(RETRIES[min(failures, len(RETRIES) - 1)])
            failures = failures + 1 if self.status is None else 0

    def _connected(self) -> None:
        """Called in the listening thread, when nothing is missed from there on."""
        self.call_from_thread(self.look_again)

    def _heard(self, event: FeedEvent | Lagged) -> None:
        pane = self.pane
        if isinstance(event, Lagged) or pane is None or pane.concerns(event):
            self.look_again()

    @on(events.AppBlur)
    def _sleep(self) -> None:
        self._pace.sleep()

    @on(events.AppFocus)
    def _wake(self) -> None:
        self._pace.wake()
        self._woken.set()

    # --- what keys do everywhere --------------------------------------------

    def action_look(self) -> None:
        """Look at once."""
        self.look_again()

    def action_help(self) -> None:
        """Show the keys of the view on top."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.pane))

    @work(group="start", exclusive=True)
    async def action_start_daemon(self) -> None:
        """Start the daemon where none runs."""
        if self.status is not None:
            return
        self._banner("Starting tars …")
        status, said = await children.quietly(["start"])
        severity = "information" if status == 0 else "error"
        self.notify(clean(said), severity=severity, markup=False)  # type: ignore[arg-type]
        self.look_again()

    def action_suspend_process(self) -> None:
        """Leave the terminal to the shell until it says go on."""
        if self._away:
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            with suppress(SuspendNotSupported), self.suspend():
                os.kill(0, signal.SIGSTOP)
            self._wake()

    async def in_terminal(self, words: list[str]) -> int:
        """Run another command of tars in the terminal, and come back; give its exit status."""
        self._pace.sleep()
        self._away = True
        try:
            with self.suspend():
                return await children.in_terminal(words)
        finally:
            self._away = False
            self._wake()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: what is done in the view, the views, and the rest."""
        pane = self.pane
        if pane is not None:
            for binding in pane.deeds():
                told = f"{pane.heading}, key {key_of(binding)}"
                act = partial(self.run_action, binding.action, pane)
                yield SystemCommand(binding.description, told, act)
        for number, (name, heading) in enumerate(PANES.items(), 1):
            act = partial(self.run_action, f"open('{name}')")
            yield SystemCommand(heading, f"Open view {number}", act)
        if self.status is None:
            yield SystemCommand("Start tars", "Start the daemon", self.action_start_daemon)
        yield SystemCommand("Help", "Show the keys of the view", self.action_help)
        for command in super().get_system_commands(screen):
            if command.title in _OF_TEXTUAL:
                yield command


#: Of Textual's own commands those that stay; its list of keys knows less than ours.
_OF_TEXTUAL = ("Theme", "Screenshot", "Quit")


def _has_terminal() -> bool:
    """Whether the terminal is there: one that was closed does not always send SIGHUP."""
    stdin = sys.__stdin__
    return stdin is not None and stdin.isatty()
