"""The screen's shell: the daemon that goes and comes, permissions, themes, and its pace."""

from collections.abc import Awaitable
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace
from textual import events
from textual.widgets import Input, OptionList

from tars.control.contract import FeedEvent, OptionStatus
from tars.control.queue_contract import QueuedPrompt
from tars.errors import StoreError
from tars.home import Home
from tars.tui import choices
from tars.tui.app import TarsApp
from tars.tui.dialogs import Permission
from tars.tui.themes import THEMES
from tests.support.scripted_home import NOW, ScriptedHome, furnish
from tests.tui.scenes import ASKED, at_work
from tests.tui.support import screen, until

pytestmark = pytest.mark.anyio


async def test_without_a_daemon_it_says_so_and_how_to_start_one(short_path: Path) -> None:
    """Views open all the same."""
    app = TarsApp(Home(short_path / "t"), clock=NOW.timestamp)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "tars is not running.  S  starts it." in screen(app))
        assert "Worth knowing" not in screen(app)
        for key in "26":
            await pilot.press(key)
        assert "○ not running" in screen(app)
        assert not (short_path / "t").exists(), "looking makes no home"


async def test_a_look_that_ends_after_the_screen_is_no_failure(short_path: Path) -> None:
    """It is left while the daemon is asked: nobody is there to be told how that went."""
    app = TarsApp(Home(short_path / "t"), clock=NOW.timestamp)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "starts it" in screen(app))
        await app.screen.remove_children()
        await app._look()
        assert not app.query("#top")


async def test_a_daemon_that_goes_and_comes_back_is_followed(short_path: Path) -> None:
    """What was shown last stays meanwhile, and what is new is shown by itself afterwards."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "● running" in screen(app) and "login form" in screen(app))
            await home.shut()
            await until(pilot, lambda: "○ not running" in screen(app))
            assert "login form" in screen(app)
            home.agent("newcomer", "echo")
            await home.open()
            await until(pilot, lambda: "newcomer" in screen(app))
            assert "starts it" not in screen(app)


async def test_what_happens_is_shown_by_itself(short_path: Path) -> None:
    """An event is enough: nobody presses a key, nobody waits for the next look."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: home.backend.feed.listeners and "claude" in screen(app))
            app.pane.every = app._pace.every = 3600.0  # type: ignore[misc, union-attr]
            at_work(home)
            home.backend.feed.publish_event(FeedEvent(event="state_changed", agent="codex", at=""))
            await until(pilot, lambda: "asks you" in screen(app))


async def test_a_permission_is_answered_with_the_keyboard(short_path: Path) -> None:
    """The dialog has all that is known of it, with nothing in it that commands the terminal."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        at_work(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("6")
            await until(pilot, lambda: app.screen.query("#asked OptionList, OptionList#asked"))
            await until(pilot, lambda: app.query_one("#asked", OptionList).option_count == 1)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, Permission))
            await until(pilot, lambda: "in /home/me/app [bold]" in screen(app))
            assert ASKED.title in screen(app)
            assert "\x1b" not in screen(app)
            await pilot.press("down", "enter")
            await until(pilot, lambda: home.backend.permitted == [("p-1", "no", False)])
            await until(pilot, lambda: "No request for permission" in screen(app))


async def test_a_request_that_is_settled_elsewhere_closes_its_dialog(short_path: Path) -> None:
    """It begins at what holds just once, and nobody answers what nobody asks any more."""
    always = OptionStatus(id="ever", name="Always", kind="allow_always")
    asked = replace(ASKED, options=[always, *ASKED.options])
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        home.backend.told = [replace(home.backend.told[0], permissions=[asked])]
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "asks you" in screen(app))
            await pilot.press("6")
            await until(pilot, lambda: app.query("#asked") and "4m 40s left" in screen(app))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, Permission))
            options = app.screen.query_one(OptionList)
            assert options.highlighted_option == options.get_option("once")
            later = replace(asked, expires_in_seconds=9.0)
            home.backend.told = [replace(home.backend.told[0], permissions=[later])]
            app.look_again()
            await until(pilot, lambda: "open for 9s more" in screen(app))
            home.backend.told = [replace(home.backend.told[0], permissions=[])]
            app.look_again()
            await until(pilot, lambda: not isinstance(app.screen, Permission))
            assert home.backend.permitted == []


async def test_a_daemon_that_cannot_answer_is_not_said_to_be_gone(short_path: Path) -> None:
    """What one view cannot be told does not hide that the daemon runs; nor is it started again."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "● running" in screen(app))
            app._pace.every = 3600.0
            home.backend.broken = StoreError("The disk is full.")
            app.look_again()
            await until(pilot, lambda: "○ cannot be asked" in screen(app))
            assert "The daemon failed" in screen(app)
            home.backend.waiting = [cast("QueuedPrompt", "of another version")]
            await pilot.press("6")
            await until(pilot, lambda: "makes no sense" in screen(app))
            assert "● running" in screen(app)


async def test_the_palette_has_what_is_done_in_the_view(short_path: Path) -> None:
    """And no colours but those in which everything can be read."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "ready  claude" in screen(app))
            found = {command.title: command for command in app.get_system_commands(app.screen)}
            assert {"Restart", "Costs", "Help", "Theme", "Quit"} <= found.keys()
            assert not {"Down", "Keys", "Maximize", "Start tars"} & found.keys()
            assert app.available_themes.keys() == {theme.name for theme in THEMES}
            await cast("Awaitable[object]", found["Prompt"].callback())
            await until(pilot, lambda: app.focused is app.query_one("#agent-prompt"))


async def test_every_list_has_the_same_keys(short_path: Path) -> None:
    """The first and the last are a key away."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            agents = app.query_one("#agents-list", OptionList)
            await until(pilot, lambda: agents.option_count == len(home.backend.told))
            await pilot.press("G")
            assert agents.highlighted == agents.option_count - 1
            await pilot.press("k", "g", "j")
            assert agents.highlighted == 1


async def test_all_that_is_pasted_is_in_the_prompt(short_path: Path) -> None:
    """A prompt is one line here, and loses nothing of several."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("2")
            await until(pilot, lambda: "ready  claude" in screen(app))
            await pilot.press("p")
            field = app.query_one("#agent-prompt", Input)
            await until(pilot, lambda: app.focused is field)
            await until(pilot, lambda: "Close the prompt" in screen(app))
            field.post_message(events.Paste("Mend it,\nand test it.\n"))
            await until(pilot, lambda: field.value == "Mend it, and test it.")
            await pilot.press("escape")
            await until(pilot, lambda: "Close the prompt" not in screen(app))


async def test_the_end_of_a_long_line_of_a_log_can_be_read(short_path: Path) -> None:
    """Lines are not wrapped: one scrolls to the right."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        line = '{"event":"turn_failed","level":"error","reason":"%s the-end"}' % ("word " * 20)
        (home.home.root / "tars.log").write_text(line + "\n")
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("5")
            await until(pilot, lambda: "turn_failed" in screen(app))
            assert "the-end" not in screen(app)
            await pilot.press("right", "right", "right")
            await until(pilot, lambda: "the-end" in screen(app))
            await pilot.press("left", "left", "left")
            await until(pilot, lambda: "turn_failed" in screen(app))


async def test_the_help_has_the_keys_of_what_is_open(short_path: Path) -> None:
    """Of the list of sessions, or of the one that is open, not of both."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 40)) as pilot:
            await pilot.press("3")
            await until(pilot, lambda: "login form" in screen(app))
            await pilot.press("question_mark")
            await until(pilot, lambda: "Everywhere" in screen(app))
            assert "Filter" in screen(app)
            assert "G end" in screen(app)
            await pilot.press("escape", "enter", "question_mark")
            await until(pilot, lambda: "Tool calls" in screen(app) and "Everywhere" in screen(app))
            assert "f       " not in screen(app)


async def test_a_prompt_that_waits_is_withdrawn_after_a_question(short_path: Path) -> None:
    """Escape leaves it where it is; only a yes takes it back."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        at_work(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("6")
            await until(pilot, lambda: "Then write the tests." in screen(app))
            await pilot.press("tab", "x")
            await until(pilot, lambda: "Withdraw the prompt of claude?" in screen(app))
            await pilot.press("escape")
            await until(pilot, lambda: "Withdraw the prompt of" not in screen(app))
            assert len(home.backend.waiting) == 2
            await pilot.press("x", "y")
            await until(pilot, lambda: "1 prompt that waits" in screen(app))
            assert [prompt.turn for prompt in home.backend.waiting] == ["t-7"]


async def test_a_daemon_of_another_version_is_told_of_once(short_path: Path) -> None:
    """It was upgraded under the screen: both go on, and the person knows."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        home.backend.version = "9.9.9"
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app._notifications)
            app.look_again()
            await until(pilot, lambda: "● running" in screen(app))
            assert ["tars 9.9.9" in told.message for told in app._notifications] == [True]


async def test_a_theme_is_remembered(short_path: Path) -> None:
    """The next screen has it; one that is no longer there is the usual one."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        assert choices.theme(home.home) is None
        app = home.app()
        async with app.run_test() as pilot:
            assert app.theme == THEMES[0].name
            app.theme = THEMES[2].name
            await until(pilot, lambda: choices.theme(home.home) == THEMES[2].name)
        again = home.app()
        async with again.run_test():
            assert again.theme == THEMES[2].name
        (home.home.data / "tui.json").write_text('{"theme": "gone"}')
        assert choices.theme(home.home) is None


async def test_while_nobody_looks_nothing_is_asked(short_path: Path) -> None:
    """A terminal that lost the focus costs nothing; when it is back, everything is new at once."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "claude" in screen(app))
            app.post_message(events.AppBlur())
            await until(pilot, lambda: not app._pace.awake)
            home.agent("newcomer", "echo")
            home.backend.feed.publish_event(FeedEvent(event="state_changed", agent="echo", at=""))
            for _ in range(20):
                await pilot.pause()
            assert "newcomer" not in screen(app)
            app.post_message(events.AppFocus())
            await until(pilot, lambda: "newcomer" in screen(app))


async def test_any_size_is_survived(short_path: Path) -> None:
    """Every view, in sizes that nobody would choose, and back."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        at_work(home)
        app = home.app()
        async with app.run_test(size=(60, 15)) as pilot:
            for key in "23456":
                await pilot.press(key)
            for size in ((20, 5), (250, 60), (80, 24)):
                await pilot.resize_terminal(*size)
            await pilot.press("1")
            await until(pilot, lambda: "login form" in screen(app))
