"""A chat on a terminal: what the daemon tells and what a person types, put together.

One event loop owns all of it. What asks the daemon or the store runs in threads beside it.
"""

import asyncio
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from prompt_toolkit.history import History, InMemoryHistory

from tars.cli import exit_codes
from tars.cli.chat import records, slash
from tars.cli.chat.asking import long_details, question
from tars.cli.chat.chat import Chat
from tars.cli.chat.completion import Choices
from tars.cli.chat.editor import Editor, Wants
from tars.cli.chat.handed_back import handed_back
from tars.cli.chat.history import Kept
from tars.cli.chat.inline import clipped, width_of, wrapped
from tars.cli.chat.links import Failed, Following, Joined, Lost, News, Post, Told, ask
from tars.cli.chat.paint import DIM, MARK, RED, styled
from tars.cli.chat.talk import Talk
from tars.cli.connection import connect
from tars.cli.questions import understood
from tars.cli.render import one_line, seconds
from tars.control.contract import AgentStatus
from tars.errors import PermissionNotFound, TarsError
from tars.home import Home

#: Two of them within this time leave.
TWICE_SECONDS = 1.0
_TICK_SECONDS = 0.5
_SGR = re.compile(r"\x1b\[[\d;]*m")

T = TypeVar("T")


@dataclass(slots=True)
class _Seen:
    """The agent as the daemon last told of it."""

    agent: AgentStatus | None = None
    since: float = field(default_factory=time.monotonic)
    hint: str = ""
    hint_until: float = 0.0
    command: str = ""


class Face:
    """The conversation of a terminal program cannot be overheard."""

    def __init__(self, chat: Chat, home: Home, *, rich: bool) -> None:
        self._chat = chat
        self._rich = rich
        self._seen = _Seen()
        self._choices = Choices()
        self._interrupted_at = float("-inf")
        self._ended = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="chat")
        kept: History = Kept(home.data / "chat_history") if chat.record else InMemoryHistory()
        wants = Wants(
            enter=self._enter,
            interrupt=self._interrupt,
            leave=self._leave,
            live=self._live,
            status=self._status_line,
            asks=lambda: bool(self._talk.questions),
        )
        self._talk = Talk(self._show, self._columns, rich=rich, restore=self._restore)
        self._editor = Editor(wants, kept, self._choices, rich=rich)
        self._talk.session = chat.session
        self._talk.adopts = not chat.new
        self._post: Post | None = None
        self._following: Following | None = None

    def run(self, banner: list[str]) -> int:
        """Be there until the person leaves. The terminal is given back as it was."""
        try:
            with handed_back():
                return asyncio.run(self._run(banner))
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, banner: list[str]) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._editor.exit, 128 + number)
        loop.set_exception_handler(self._editor.fail)
        self._post = Post(loop, self._take)
        self._show(banner)
        self._follow()
        ticking = asyncio.create_task(self._tick())
        try:
            status = await self._editor.app.run_async(set_exception_handler=False)
        except EOFError:  # the terminal is gone
            status = 128 + signal.SIGHUP
        finally:
            self._post.closed.set()
            ticking.cancel()
            for task in self._tasks:
                task.cancel()
        with suppress(OSError):
            self._say_goodbye()
        return status

    def _say_goodbye(self) -> None:
        turn = self._talk.under_way or next((own.turn for own in self._talk.waiting), "")
        self._talk.leave()
        goes_on = " and works on what you sent" if turn else ""
        session = self._chat.session if self._chat.record else None
        back = f" `tars chat -r {session}` comes back." if session else ""
        self._talk.say(f"{self._chat.agent} goes on{goes_on}.{back}")

    # --- what comes from the daemon ----------------------------------------------

    def _follow(self) -> None:
        if self._following is not None:
            self._following.close()
            self._following = None
        if self._chat.on_screen:
            self._start(self._refresh())
        elif self._post is not None:
            self._following = Following(self._chat.agent, self._post)

    def _take(self, news: News) -> None:
        under_way = self._talk.under_way
        known = {asked.id for asked in self._talk.questions}
        self._talk.take(news)
        for asked in self._talk.questions:
            if asked.id not in known:
                self._show(long_details(asked, self._columns()))
        if self._talk.session is not None and self._talk.session != self._chat.session:
            self._chat.goes_on_in(self._talk.session, self._chat.title)
        if self._talk.under_way != under_way:
            self._seen.since = time.monotonic()
        if isinstance(news, Joined | Lost | Failed) or self._talk.ended != self._ended:
            self._ended, self._seen.hint = self._talk.ended, ""
            self._start(self._refresh())
        if isinstance(news, Told) and self._talk.questions:
            self._start(self._refresh())
        self._editor.look()

    async def _tick(self) -> None:
        """Look now and then: at a question that others may answer, and for lost turns."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            with suppress(TarsError):
                if self._talk.questions or self._talk.under_way or self._talk.waiting:
                    await self._look_at_agent()
                if self._talk.lost and self._talk.connected:
                    await self._find_lost()
                if self._talk.stranger is not None:
                    await self._meet(self._talk.stranger)
            self._editor.look()

    async def _look_at_agent(self) -> None:
        asked = {asking.id for asking in self._talk.questions}
        status = await self._beside(lambda: connect().status())
        self._seen.agent = next((a for a in status.agents if a.name == self._chat.agent), None)
        waiting = {p.id for agent in status.agents for p in agent.permissions}
        for asking in self._talk.questions:
            if asking.id in asked - waiting:
                self._talk.say(f"Answered elsewhere: {asking.title}")
                self._talk.answered(asking.id)

    async def _find_lost(self) -> None:
        for turn in list(self._talk.lost):
            found = await self._beside(lambda turn=turn: records.outcome(turn))  # type: ignore[misc]
            if found is not None:
                self._talk.found(found)

    async def _meet(self, session: str) -> None:
        """See whether what others began here is this project's conversation."""
        here = await self._beside(lambda: records.of_project(self._chat.agent, self._chat.project))
        if here is not None and here.id == session:
            self._talk.adopt(session)
            self._chat.goes_on_in(session)
            self._start(self._refresh())

    async def _refresh(self) -> None:
        """Bring up to date what the last line says, and what can be completed."""
        with suppress(TarsError):
            await self._look_at_agent()
            found = await self._beside(lambda: records.recent(None, limit=100))
            agents = await self._beside(lambda: connect().agents().agents)
            self._choices.sessions = {s.name or s.id: one_line(s.title)[:60] for s in found}
            self._choices.agents = [agent.name for agent in agents]
            await self._refresh_offered()
            mine = next((s for s in found if s.id == self._chat.session), None)
            if mine is not None:
                self._chat.title = one_line(mine.name or mine.title)
        self._editor.look()

    async def _refresh_offered(self) -> None:
        offered = await self._beside(lambda: connect().settings(self._chat.agent))
        self._choices.models, self._choices.modes = offered.models, offered.modes

    # --- what the person wants ---------------------------------------------------

    def _enter(self, text: str) -> None:
        if self._talk.questions:
            self._answer(text)
        elif slash.is_command(text) and "\n" not in text.strip():
            self._start(self._command(text))
        else:
            self._send(slash.as_prompt(text))
        self._editor.look()

    def _send(self, text: str) -> None:
        if self._talk.connected is False:
            self._restore(text)
            self._hint("tars is not there. What you typed is kept.")
            return
        assert self._post is not None
        ask(self._talk.sends(text), self._chat.request(text), self._post)

    def _answer(self, text: str) -> None:
        asked = self._talk.questions[0]
        answer = understood(text.strip().lower(), asked)
        if answer is None:
            self._hint("That is no answer.")
            return
        self._seen.hint = ""
        word = "Refused" if answer.deny else "Answered"
        self._talk.answered(asked.id)
        self._start(self._pass_on(lambda: slash.pass_on(answer), f"{word}: {asked.title}"))

    async def _pass_on(self, act: Callable[[], None], said: str) -> None:
        try:
            await self._beside(act)
            if said:
                self._talk.say(said)
        except PermissionNotFound:
            self._talk.say("It was no longer asked.")
        except TarsError as error:
            self._complain(error)

    async def _command(self, text: str) -> None:
        self._seen.command = text
        try:
            done = await self._beside(lambda: slash.run(text, self._chat, self._columns()))
        except (TarsError, OSError) as error:
            self._show(_typed(text))
            self._complain(error)
        else:
            self._do(done, text)
        finally:
            self._seen.command = ""
            self._editor.look()

    def _do(self, done: slash.Done, text: str) -> None:
        if done.clears:
            self._editor.clear()
        else:
            self._show(_typed(text))
        if done.resumes is not None:
            self._talk.new_session(done.resumes.id)
            self._goes_to(done)
            self._chat.goes_on_in(done.resumes.id, one_line(done.resumes.name or ""))
            # Its turn may be under way.
            self._follow()
        elif done.begins:
            self._talk.new_session(None)
            self._goes_to(done)
            self._chat.begins_anew()
        if done.listed is not None:
            self._chat.listed = done.listed
        if done.named is not None:
            self._chat.title = one_line(done.named)
            self._chat.name = done.named
        if done.answered:
            self._talk.answered(done.answered)
        if done.lines:
            columns = self._columns()
            fitting = (_fitting(line, columns) for line in done.lines)
            self._show(["", *(line for lines in fitting for line in lines)])
        if done.leaves:
            self._leave()

    def _goes_to(self, done: slash.Done) -> None:
        if done.agent is not None and done.agent != self._chat.agent:
            self._chat.agent, self._chat.on_screen = done.agent, done.on_screen
            self._talk.connected = None
            self._follow()

    def _interrupt(self) -> None:
        now = time.monotonic()
        twice = now - self._interrupted_at < TWICE_SECONDS
        turn = self._talk.under_way or next((own.turn for own in self._talk.waiting[::-1]), "")
        if self._editor.buffer.text and not turn:
            self._interrupted_at = float("-inf")
            self._editor.buffer.reset()
        elif twice:
            self._leave()
        elif turn:
            self._interrupted_at = now
            for asked in self._talk.questions:
                self._talk.answered(asked.id)
            self._hint("Cancelling; Ctrl-C again leaves.")
            agent = self._chat.agent
            self._start(self._pass_on(lambda: _cancel(agent, turn), ""))
        else:
            self._interrupted_at = now
            self._hint("Nothing to cancel. Ctrl-C again, or Ctrl-D, leaves.")

    def _leave(self) -> None:
        self._editor.exit(exit_codes.DONE)

    # --- what is shown -----------------------------------------------------------

    def _show(self, lines: list[str]) -> None:
        if lines:
            self._editor.put(lines if self._rich else [_SGR.sub("", line) for line in lines])

    def _restore(self, text: str) -> None:
        self._editor.restore(text)

    def _complain(self, error: TarsError | OSError) -> None:
        advice = error.advice if isinstance(error, TarsError) else ""
        lines = wrapped([(one_line(f"{error} {advice}"), RED)], self._columns())
        self._show(["", *lines])

    def _hint(self, text: str) -> None:
        self._seen.hint, self._seen.hint_until = text, time.monotonic() + 3
        self._editor.look()

    def _live(self) -> list[str]:
        lines = self._talk.live()
        if self._talk.questions:
            asked, *others = self._talk.questions
            lines += question(asked, len(others), self._columns())
        return lines if self._rich else [_SGR.sub("", line) for line in lines]

    def _status_line(self) -> str:
        seen, chat = self._seen, self._chat
        if time.monotonic() < seen.hint_until and seen.hint:
            return self._dim(seen.hint)
        name = chat.title or chat.name or "new conversation"
        name = name if chat.record else "not kept"
        facts = [chat.agent, self._state(), clipped(name, 30)]
        queued = len(self._talk.waiting)
        facts += [f"{queued} waiting"] if queued else []
        return self._dim(" · ".join(facts))

    def _state(self) -> str:
        if self._seen.command:
            return clipped(one_line(self._seen.command), 20)
        if self._talk.connected is False:
            return "tars is not there"
        if self._talk.under_way is not None:
            return f"works, {seconds(time.monotonic() - self._seen.since)} · Ctrl-C cancels"
        if self._talk.elsewhere:
            return "works in another conversation"
        agent = self._seen.agent
        return "…" if agent is None else agent.state

    def _dim(self, text: str) -> str:
        shown = clipped(text, self._columns() - 2)
        return f"  {styled(shown, DIM)}" if self._rich else f"  {shown}"

    def _columns(self) -> int:
        # The last column stays free: terminals differ in what comes after it.
        return max(self._editor.output.get_size().columns - 1, 20)

    # --- beside the screen -------------------------------------------------------

    async def _beside(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _fitting(line: str, columns: int) -> list[str]:
    wide = width_of(_SGR.sub("", line)) > columns
    return wrapped([(line, "")], columns) if wide and "\x1b" not in line else [line]


def _typed(text: str) -> list[str]:
    return ["", styled(f"{MARK} {one_line(text)}", DIM)]


def _cancel(agent: str, turn: str) -> None:
    connect().cancel(agent=agent, turn=turn)
