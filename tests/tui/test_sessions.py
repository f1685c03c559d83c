"""The view of sessions, on a screen over a real store."""

from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from tars.control.contract import SessionRef, TurnStatus
from tars.store.rows import MessagePart, Role, ToolCallRow
from tars.tui.app import TarsApp
from tars.tui.panes.sessions import SessionsPane
from tars.tui.session_window import PAGE
from tests.support.remembered import call, message
from tests.support.scripted_home import NOW, ScriptedHome, furnish
from tests.tui.many_sessions import ManySessions, OnePrice
from tests.tui.support import check_golden, screen, until

pytestmark = pytest.mark.anyio

_LOGIN = "0b1e4c3a…"


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    """Folders are told from the person's own."""
    monkeypatch.setenv("HOME", str(short_path))


def pane(app: TarsApp) -> SessionsPane:
    """The view."""
    return app.query_one(SessionsPane)


async def opened(pilot: Pilot[int], app: TarsApp) -> None:
    """Open the view, and wait until all is there that a furnished home shows."""
    await pilot.press("3")
    await until(pilot, lambda: "$0.0234" in screen(app))


async def shows(pilot: Pilot[int], app: TarsApp, *texts: str) -> None:
    """Wait until the screen shows these."""

    def is_shown() -> bool:
        shown = screen(app)
        return all(text in shown for text in texts)

    await until(pilot, is_shown)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_it_looks_as_it_was_left(short_path: Path, size: tuple[int, int]) -> None:
    """The list, the filter panel, both sides of a session: as the golden files have them."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=size) as pilot:
            await opened(pilot, app)
            await until(pilot, lambda: "unpriced" in screen(app))
            check_golden(app, "sessions-list")
            await pilot.press("f")
            await shows(pilot, app, "( ) Active", "✻ claude", "This week")
            check_golden(app, "sessions-filter")
            await pilot.press("escape", "enter")
            await shows(pilot, app, "Cost by model", "src/login/form.py")
            check_golden(app, "session-summary")
            await pilot.press("tab")
            await shows(pilot, app, "form = Form(state)")
            check_golden(app, "session-transcript")
            await pilot.press("o")
            await shows(pilot, app, "▾ ✓ Edit")
            await pilot.press("escape")
            await shows(pilot, app, "5 sessions", _LOGIN)


async def test_it_is_sorted_filtered_and_searched(short_path: Path) -> None:
    """`s` names the order it takes, `f` narrows down as it is chosen, `/` finds words, names and
    ids, and Escape ends that."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(120, 24)) as pilot:
            await opened(pilot, app)
            for heading in ("longest first", "most tokens first", "highest cost first"):
                await pilot.press("s")
                await shows(pilot, app, heading, _LOGIN)
            first = screen(app).splitlines()[4]
            assert _LOGIN in first
            await pilot.press("s")
            await shows(pilot, app, "newest start first", _LOGIN)

            await pilot.press("f", "G", "g", "j", "j", "enter")
            await shows(pilot, app, "only Completed", "3 sessions")
            await pilot.press("right", "j", "space", "right", "j", "enter")
            await shows(pilot, app, "only Completed · codex · Today", "1 session ")
            await pilot.press("c", "escape")
            await shows(pilot, app, "5 sessions", _LOGIN)

            await pilot.press("/", *"keeps its", "enter")
            await shows(pilot, app, "1 found", "orm keeps its")
            await pilot.press("escape", "/", *"impor", "enter")
            await shows(pilot, app, "1 found", "Port the importer")
            await pilot.press("escape", "/", *"4f52")
            await shows(pilot, app, "1 found", "4f528a7e…")
            await pilot.press("escape")
            await shows(pilot, app, "5 sessions", _LOGIN)
            await pilot.double_click("#sessions-table", offset=(5, 0))
            await shows(pilot, app, "Cost by model")
            await pilot.click("#detail-sides")
            await shows(pilot, app, "form = Form(state)")
            await pilot.resize_terminal(60, 15)
            await pilot.press("g", "escape")
            await shows(pilot, app, "5 sessions", "0b1e4c3a")


async def test_one_is_exported_and_put_away(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is written over after a yes alone, and so is a session put away."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        monkeypatch.setenv("TARS_HOME", str(home.home.root))
        monkeypatch.chdir(short_path)
        kept = short_path / "Port.md"
        kept.write_text("mine")
        app = home.app()
        async with app.run_test(size=(100, 30)) as pilot:
            await opened(pilot, app)
            await pilot.press("j", "e")
            await shows(pilot, app, "1c2f5d4b.md")
            await pilot.press("ctrl+u", *"Port.md", "enter")
            await shows(pilot, app, "Write over it?")
            await pilot.press("n")
            await shows(pilot, app, "5 sessions")
            assert kept.read_text() == "mine"
            await pilot.press("e")
            await shows(pilot, app, "1c2f5d4b.md")
            await pilot.press("enter")
            await until(pilot, lambda: len(app._notifications) == 1)
            await until(pilot, lambda: len(app._notifications) == 1)
            assert "1c2f5d4b.md" in next(iter(app._notifications)).message

            await pilot.click("#sessions-table", offset=(5, 1))
            assert pane(app).table.cursor == 1
            await pilot.press("a")
            await shows(pilot, app, "Archive 'Port the importer")
            await pilot.press("n")
            await shows(pilot, app, "5 sessions")
            await pilot.press("a")
            await shows(pilot, app, "Archive 'Port the importer")
            await pilot.press("y")
            await shows(pilot, app, "4 sessions")
            assert "1c2f5d4b…" not in screen(app)
            await pilot.press("f", "G", "end", "enter", "escape")
            await shows(pilot, app, "only Archived", "1c2f5d4b…")
            await pilot.press("a")
            await shows(pilot, app, "back from the archive?")
            await pilot.press("y")
            await shows(pilot, app, "0 sessions")


async def test_a_hundred_thousand_are_never_all_asked_for(short_path: Path) -> None:
    """The end is there at once, for a page or two, and keys wait for no page; what is chosen
    stays so when others come above it; what each costs is asked for what is in sight alone."""
    async with ScriptedHome.at(short_path) as home:
        home.agent("claude", "claude")
        many, price = ManySessions(100_000), OnePrice()
        home.backend.remembering = many
        home.backend.spending = price
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("3")
            await shows(pilot, app, "100,000 sessions", "0100000-…", "$1.25")
            many.free = anyio.Event()
            await pilot.press("G", "k")
            await shows(pilot, app, "99,999/100,000", "········…  99,999")
            many.free.set()
            await pilot.press("G")
            await shows(pilot, app, "100,000/100,000", "number 1\n", "$1.25")
            await pilot.press("g", "j", "j", "pagedown")
            await shows(pilot, app, "0099978-…")
            table = pane(app).table
            chosen = pane(app).chosen
            many.count += 250
            app.look_again()
            await shows(pilot, app, "100,250 sessions")
            await until(pilot, lambda: pane(app).chosen == chosen)
            assert chosen is not None
            assert table.cursor == 270
            assert len({after for after, limit in many.pages if limit == PAGE}) <= 6
            assert len(set(price.priced)) < 150

            await pilot.press("enter", "tab")
            await shows(pilot, app, "This session ran outside tars")
            await pilot.press("escape", "G")
            await shows(pilot, app, "100,250/100,250", "number 1\n")
            many.count = 30
            app.look_again()
            await shows(pilot, app, "30/30", "number 1\n", "number 19\n")


async def test_nothing_of_a_transcript_is_obeyed(short_path: Path) -> None:
    """Escapes, marks of direction and markup are text; ten million characters are bounded and
    said; and of a conversation that ran elsewhere it is said that nothing is kept."""
    hostile = "\x1b[2J\x1b]0;owned\x07red \u202edlrow\u2066 [bold red]x[/] مرحبا 👩\u200d🚀\x07 end"
    said: list[MessagePart | ToolCallRow] = [
        message(0, Role.USER, hostile, NOW),
        call(1, "execute", hostile, "\x1b[31mfile", at=NOW),
        message(2, Role.ASSISTANT, "wide " * 2_000_000, NOW),
        *(message(number, Role.ASSISTANT, f"part {number}", NOW) for number in range(3, 203)),
    ]
    async with ScriptedHome.at(short_path) as home:
        home.agent("claude", "claude")
        home.turn("hostile-0001", said=said, title=hostile, ended=NOW - timedelta(minutes=1))
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("3")
            await shows(pilot, app, "hostile-…")
            await pilot.press("enter", "t")
            await shows(pilot, app, "part 202", "203 of 203")
            await pilot.press("g")
            await shows(pilot, app, "red", "[bold red]x[/]", "▸ ✓", "wide wide")
            shown = screen(app)
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            assert "owned" not in shown
            while "… 9.9 MB more" not in screen(app):
                await pilot.press("pagedown")
            await pilot.press("G")
            await shows(pilot, app, "part 202")


async def test_what_was_shown_stays_without_the_daemon(short_path: Path) -> None:
    """The rows stay, the banner says why nothing moves, and all goes on when it is back."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(60, 15)) as pilot:
            await pilot.press("3")
            await shows(pilot, app, "0b1e4c3a", "5 sessions")
            await home.shut()
            app.look_again()
            await shows(pilot, app, "tars is not running", "0b1e4c3a")
            await pilot.press("G", "r")
            await shows(pilot, app, "5/5")
            home.turn("5a639b8f-new", agent="echo", ended=NOW, title="Anew")
            await home.open()
            app.look_again()
            await shows(pilot, app, "6 sessions", "6/6")
            assert "not running" not in screen(app).splitlines()[2]
            told = home.backend.told
            at = SessionRef(id="0b1e4c3a-7d65-4c19-9a52-0c7b1d2f3e4a")
            turn = TurnStatus(
                id="t", started_at="", elapsed_seconds=60.0, input_tokens=8_000, output_tokens=1_000
            )
            told[0] = replace(told[0], state="busy", session=at, turn=turn)
            app.look_again()
            await shows(pilot, app, "2m 32s", "21.5K")
