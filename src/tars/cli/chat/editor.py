"""The part of the screen that changes: what is under way, the line that is typed, its state.

All of it is at the end of what was said, which is the terminal's own to scroll. It is drawn over
where it is; lines that are whole are put above it.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_completions, has_focus, is_searching
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from tars.cli.chat.completion import Choices, Slash
from tars.cli.chat.paint import BOLD, CYAN, MARK, YELLOW, styled

#: Of lines that are typed, and of what is under way.
_TYPED_LINES, _MENU_LINES = 10, 8
#: Nothing is drawn oftener.
_DRAW_SECONDS = 0.04
#: What is drawn between these is shown at once, by terminals that know them.
_HOLD, _RELEASE = "\x1b[?2026h", "\x1b[?2026l"
_STYLE = Style.from_dict(
    {
        "completion-menu": "noinherit",
        "completion-menu.completion": "noinherit",
        "completion-menu.completion.current": "noinherit reverse",
        "completion-menu.meta.completion": "noinherit ansibrightblack",
        "completion-menu.meta.completion.current": "noinherit reverse",
        "scrollbar.background": "noinherit",
        "scrollbar.button": "noinherit reverse",
    }
)


@dataclass(frozen=True, slots=True)
class Wants:
    """What the keys do. `live` gives the lines that still change, `status` the last line; `asks`
    whether an answer is typed instead of a prompt."""

    enter: Callable[[str], None]
    interrupt: Callable[[], None]
    leave: Callable[[], None]
    live: Callable[[], list[str]]
    status: Callable[[], str]
    asks: Callable[[], bool]


class Editor:
    """The application of prompt_toolkit, for as long as the chat is on the terminal."""

    def __init__(self, wants: Wants, history: History, choices: Choices, *, rich: bool) -> None:
        self._wants = wants
        self._draft = ""
        self._answering = False
        self.buffer = Buffer(
            completer=Slash(choices),
            complete_while_typing=Condition(self._completes),
            history=history,
            multiline=True,
        )
        self.output = Vt100_Output.from_pty(sys.stdout, term=os.environ.get("TERM"))
        # The terminal is never asked where the cursor is: nobody would read its late answer.
        self.output.enable_cpr = False
        self.app: Application[int] = Application(
            layout=self._layout(),
            key_bindings=self._keys(),
            output=self.output,
            style=_STYLE,
            color_depth=None if rich else ColorDepth.DEPTH_1_BIT,
            erase_when_done=True,
            min_redraw_interval=_DRAW_SECONDS,
            enable_page_navigation_bindings=False,
        )
        self.app.ttimeoutlen = 0.1

    def put(self, lines: list[str]) -> None:
        """Put lines above the part that changes."""
        if not self.app.is_running:
            self.output.write_raw("".join(f"{line}\r\n" for line in lines))
            self.output.flush()
            return
        self.output.write_raw(_HOLD)
        self.app.renderer.erase()
        self.output.write_raw("".join(f"{line}\r\n" for line in lines))
        self.app._redraw()
        self.output.write_raw(_RELEASE)
        self.output.flush()

    def clear(self) -> None:
        """Clear the screen, and draw what changes at its top."""
        self.app.renderer.clear()
        self.app.invalidate()

    def restore(self, text: str) -> None:
        """Give what was typed back, before what is typed now."""
        if self._answering:
            self._draft = f"{text}\n{self._draft}".rstrip("\n")
            return
        rest = self.buffer.text
        self.buffer.text = f"{text}\n{rest}" if rest else text
        self.buffer.cursor_position = len(self.buffer.text)

    def look(self) -> None:
        """Draw again. What was typed is put by while a question is asked."""
        asks = self._wants.asks()
        if asks is not self._answering:
            self._answering = asks
            now, self._draft = self._draft, self.buffer.text if asks else ""
            self.buffer.text = "" if asks else now
            self.buffer.cursor_position = len(self.buffer.text)
        self.app.invalidate()

    def exit(self, status: int) -> None:
        """Leave with this status. Twice is once."""
        if self.app.is_running and self.app.future is not None and not self.app.future.done():
            self.app.exit(result=status)

    def fail(self, _loop: object, context: dict[str, Any]) -> None:
        """Leave because of a bug: it raises where the chat was begun, on a terminal in order."""
        fault = context.get("exception") or RuntimeError(context.get("message"))
        if self.app.is_running and self.app.future is not None and not self.app.future.done():
            self.app.exit(exception=fault)

    # --- how it looks ------------------------------------------------------------

    def _layout(self) -> Layout:
        search = SearchToolbar(ignore_case=True)
        control = BufferControl(self.buffer, search_buffer_control=search.control)
        typed = Window(
            control,
            height=lambda: Dimension(min=1, max=max(1, min(_TYPED_LINES, self._rows() // 3))),
            dont_extend_height=True,
            wrap_lines=True,
            get_line_prefix=self._prefix,
        )
        live = Window(FormattedTextControl(self._live), dont_extend_height=True)
        status = Window(FormattedTextControl(lambda: ANSI(self._wants.status())), height=1)
        body = HSplit(
            [
                ConditionalContainer(live, Condition(lambda: bool(self._wants.live()))),
                Window(height=1),
                typed,
                search,
                ConditionalContainer(status, ~has_completions),
                ConditionalContainer(Window(height=self._menu_lines), has_completions),
            ]
        )
        menu = Float(
            CompletionsMenu(max_height=_MENU_LINES), xcursor=True, ycursor=True, transparent=True
        )
        return Layout(FloatContainer(body, [menu]), focused_element=typed)

    def _live(self) -> ANSI:
        most = max(2, self._rows() - 5 - min(self.buffer.document.line_count, _TYPED_LINES))
        return ANSI("\n".join(self._wants.live()[-most:]))

    def _prefix(self, line: int, wrap: int) -> ANSI:
        if line or wrap:
            return ANSI("  ")
        mark, color = ("?", YELLOW) if self._answering else (MARK, CYAN)
        return ANSI(styled(f"{mark} ", color, BOLD))

    def _menu_lines(self) -> int:
        return min(_MENU_LINES, max(1, self._rows() // 3))

    def _rows(self) -> int:
        return self.output.get_size().rows

    def _completes(self) -> bool:
        return self.buffer.text.startswith("/") and not self._answering

    # --- what keys do ------------------------------------------------------------

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        typing = has_focus(self.buffer) & ~is_searching

        @keys.add("enter", filter=typing, eager=True)
        def _(_event: KeyPressEvent) -> None:
            self._enter()

        @keys.add("escape", "enter", filter=typing)
        @keys.add("c-j", filter=typing)
        def _(_event: KeyPressEvent) -> None:
            self.buffer.newline(copy_margin=False)

        @keys.add("c-c", filter=~is_searching)
        @keys.add("<sigint>")
        def _(_event: KeyPressEvent) -> None:
            self._wants.interrupt()

        @keys.add("c-d", filter=typing & Condition(lambda: not self.buffer.text))
        def _(_event: KeyPressEvent) -> None:
            self._wants.leave()

        @keys.add(Keys.Vt100MouseEvent)
        def _(_event: KeyPressEvent) -> None:
            """No mouse is asked for: what looks like one was pasted, and may be anything."""

        @keys.add("c-l")
        def _(_event: KeyPressEvent) -> None:
            self.clear()

        @keys.add("c-z", filter=typing)
        def _(event: KeyPressEvent) -> None:
            event.app.suspend_to_background()

        return keys

    def _enter(self) -> None:
        state = self.buffer.complete_state
        if state is not None and state.current_completion is not None:
            self.buffer.apply_completion(state.current_completion)
            return
        text = self.buffer.text
        at_end = self.buffer.cursor_position == len(text)
        if at_end and text.endswith("\\") and not text.endswith("\\\\"):
            self.buffer.delete_before_cursor()
            self.buffer.newline(copy_margin=False)
            return
        if not text.strip():
            return
        if not self._answering:
            self.buffer.append_to_history()
        self.buffer.reset()
        self._wants.enter(text)
