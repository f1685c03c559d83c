"""What is said in turns, handed to the store as it comes: in batches, half a second apart.

What comes within the last half second of a turn is written in the transaction that ends it.
"""

from dataclasses import replace

import anyio

from tars.config import Config
from tars.conversation.model import Said, TextSaid, ThoughtSaid, ToolCallChanged
from tars.daemon import records
from tars.daemon.page import Page, clean, kept
from tars.runtime.recorder import Recorder
from tars.runtime.turn import LiveTurn, Prompt
from tars.sessions.titles import title_of
from tars.store.rows import Arrival, Keep, MessagePart, Role, TurnBegun

#: How long what was said waits for more of it.
FLUSH_SECONDS = 0.5


class Scribe:
    """`keep` is how much of the text is kept; not `enabled`, no session is.

    Tell it when each turn begins, what is heard, and when it is over; and let `run` run.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.keep = Keep.FULL
        self.enabled = True
        self._recorder = recorder
        self._pages: dict[str, Page | None] = {}
        self._asked: dict[str, MessagePart] = {}
        self._filled = anyio.Event()

    def configure(self, config: Config) -> None:
        """Heed what is configured now; a turn under way goes on as it began."""
        self.keep, self.enabled = Keep(config.store.messages), config.sessions.enabled

    def records(self, prompt: Prompt) -> bool:
        """Whether what is said in this prompt's turn is kept, and its session listed."""
        return self.enabled and not prompt.wishes.unrecorded

    def keeps(self, prompt: Prompt) -> bool:
        """Whether anything of its text is kept."""
        return self.records(prompt) and self.keep is not Keep.NONE

    def begun(self, agent: str, turn: LiveTurn) -> TurnBegun:
        """Give a turn as the store has it, with its prompt as far as that is kept."""
        begun, prompt = records.begun(agent, turn), turn.prompt
        if not self.records(prompt):
            return replace(begun, wishes=replace(prompt.wishes, unrecorded=True))
        text = clean(prompt.text)
        asked = MessagePart(0, Role.USER, 0, kept(text, self.keep), len(text), turn.began_at)
        title = "" if self.keep is Keep.NONE else title_of(text)
        return replace(begun, asked=asked, title=title, wishes=prompt.wishes)

    def begins(self, turn: LiveTurn, asked: MessagePart | None) -> None:
        """A turn begins with what is kept of its prompt; again, it goes on as it was."""
        prompt = turn.prompt
        if prompt.id in self._pages:
            return
        said_before = 0 if prompt.before is None else prompt.before.said
        self._pages[prompt.id] = Page(self.keep, max(1, said_before)) if asked else None
        if asked is not None and not said_before:
            self._asked[prompt.id] = asked

    def heard(self, turn: LiveTurn, said: Said) -> None:
        """Note what was said in a turn."""
        page = self._pages.get(turn.prompt.id)
        if page is None:
            return
        match said:
            case TextSaid(text):
                page.text(Role.ASSISTANT, text)
            case ThoughtSaid(text):
                page.text(Role.THOUGHT, text)
            case ToolCallChanged():
                page.call(said)
            case _:
                return
        self._filled.set()

    def pause(self, prompt: str) -> tuple[Arrival, ...]:
        """Give what is still to be written down of a turn that is held."""
        page = self._pages.get(prompt)
        if page is None:
            return ()
        page.end_message()
        return page.take()

    def over(self, prompt: str) -> tuple[Arrival, ...]:
        """Give what is still to be written down of a turn that ended, and forget it."""
        rest = self.pause(prompt)
        self._pages.pop(prompt, None)
        self._asked.pop(prompt, None)
        return rest

    async def run(self) -> None:
        """Write down what was said until cancelled; nothing happens while nothing is said."""
        while True:
            await self._filled.wait()
            await anyio.sleep(FLUSH_SECONDS)
            self._filled = anyio.Event()
            self.flush()

    def flush(self) -> None:
        """Write down what was said so far."""
        for turn, page in self._pages.items():
            said = () if page is None else page.take()
            if said:
                self._put(turn, (*self._prompt_is_whole(turn), *said))

    def prolong(self) -> None:
        """Say of the turns under way that they go on, silent or not."""
        turns = tuple(self._pages)
        if turns:
            self._recorder.look(lambda store: store.hold_sessions(turns), then=_nothing)

    def _put(self, turn: str, said: tuple[Arrival, ...]) -> None:
        self._recorder.put(lambda store: store.keep_said(turn, said))

    def _prompt_is_whole(self, turn: str) -> tuple[MessagePart, ...]:
        """A prompt is put into the index with the first of the answer, or at the end: it had
        to be quick when it was saved."""
        asked = self._asked.pop(turn, None)
        if asked is None:
            return ()
        return (replace(asked, offset=len(asked.text), text="", ended_at=asked.began_at),)


def _nothing(_answer: object) -> None:
    pass
