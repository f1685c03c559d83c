"""What the model says in a turn: text, thoughts, tool calls, and what each request used.

The text comes from the events of the stream, and from an `assistant` line only where its
message did not stream. Subagents' words are not the answer; their tool calls are told.
"""

from tars.agents.claude import messages as wire
from tars.agents.claude import tools
from tars.agents.claude.usage import Requests, plain
from tars.conversation.model import ContextTold, RequestCounted, Said, TextSaid, ThoughtSaid
from tars.protocols.jsonrpc import decoded

SYNTHETIC = "<synthetic>"


class Answers:
    """`heard` is false while nobody wants to know: between two turns. `spoke`: some of the
    turn's answer was told."""

    def __init__(self) -> None:
        self.heard = False
        self.spoke = False
        self._apart = False
        self._requests = Requests()
        self._context = 0
        self._window = 0

    def begin(self) -> None:
        """A turn begins."""
        self.heard, self.spoke, self._apart = True, False, False

    def end(self) -> None:
        """The turn is over, and what is said belongs to none."""
        self.heard = False

    def streamed(self, line: bytes) -> list[Said] | None:
        """Read one of the model API's own events; None where it makes no sense."""
        if (streamed := decoded(line, wire.STREAM_EVENT)) is None:
            return None
        event, parent = streamed.event, streamed.parent_tool_use_id or ""
        match event.type:
            case "message_start" if event.message is not None:
                return self._began(event.message, parent)
            case "content_block_start" if not parent:
                self._apart = True
            case "content_block_delta" if event.delta is not None and not parent:
                return self._delta(event.delta)
            case "message_delta":
                self._requests.moved(event.usage, parent)
            case "message_stop":
                return [RequestCounted(request) for request in self._requests.ended(parent)]
            case _:
                pass
        return []

    def told(self, told: wire.Assistant) -> list[Said]:
        """Read a finished block of a message, or a whole message that did not stream."""
        message, parent = told.message, told.parent_tool_use_id or ""
        streamed = self._requests.streams(message.id)
        said: list[Said] = []
        for block in message.blocks:
            if block.type == "tool_use" and self.heard:
                said.append(tools.called(block))
            elif block.type == "text" and not streamed and not parent:
                self._apart = True
                said += self.speak(block.text)
        counted = self._requests.whole(message, parent)
        return said + [RequestCounted(request) for request in counted]

    def returned(self, line: bytes) -> list[Said] | None:
        """Read what tools gave; None where it makes no sense."""
        if (told := decoded(line, wire.USER)) is None:
            return None
        results = [block for block in told.message.blocks if block.type == "tool_result"]
        return [tools.returned(block) for block in results] if self.heard else []

    def speak(self, text: str) -> list[Said]:
        """Tell a piece of the answer; between two blocks of it is an empty line."""
        if not self.heard or not text:
            return []
        apart = self.spoke and self._apart
        self.spoke, self._apart = True, False
        return [TextSaid(f"\n\n{text}" if apart else text)]

    def rest(self) -> list[Said]:
        """The turn is over: give the requests that were cut short, as far as they came."""
        return [RequestCounted(request) for request in self._requests.all_ended()]

    def window_is(self, totals: wire.ModelUsages, model: str) -> list[Said]:
        """The size of the context window comes with the totals."""
        used = next((u for name, u in totals.items() if plain(name) == plain(model)), None)
        size = used and used.context_window
        if not size or size == self._window:
            return []
        self._window = size
        return [ContextTold(self._context, size)] if self._context else []

    def _began(self, message: wire.Started, parent: str) -> list[Said]:
        said: list[Said] = [RequestCounted(r) for r in self._requests.began(message, parent)]
        if not parent:
            self._context = self._requests.input_of(parent)
            said.append(ContextTold(self._context, self._window))
        return said

    def _delta(self, delta: wire.Delta) -> list[Said]:
        if delta.type == "thinking_delta" and delta.thinking and self.heard:
            return [ThoughtSaid(delta.thinking)]
        return self.speak(delta.text) if delta.type == "text_delta" else []
