"""Every view, over a home with fixed sessions at a fixed time, as it looks in two sizes."""

from functools import partial
from pathlib import Path

import pytest

from tars.tui.app import TarsApp
from tests.support.scripted_home import ScriptedHome, furnish
from tests.tui.scenes import at_work
from tests.tui.support import check_golden, screen, until

pytestmark = pytest.mark.anyio

SIZES = [(80, 24), (120, 40)]
#: View → its key, and what is there once it is whole.
VIEWS = {
    "overview": ("1", "login form"),
    "agents": ("2", "process"),
    "costs": ("4", "unheard-of"),
    "logs": ("5", "turn_finished"),
    "queue": ("6", "changelog"),
}
LOG = (
    '{"pid":7,"event":"daemon_started","level":"info","timestamp":"2026-03-05T11:58:00Z"}',
    '{"agent":"claude","event_name":"Spawned","event":"decided","level":"info",'
    '"timestamp":"2026-03-05T11:58:01Z"}',
    '{"agent":"gemini","reason":"The key is wrong.","event":"agent_failed","level":"error",'
    '"timestamp":"2026-03-05T11:58:02Z"}',
    '{"agent":"claude","turn":"t-4","outcome":"ok","event":"turn_finished","level":"info",'
    '"timestamp":"2026-03-05T11:59:00Z"}',
)


def _is_there(app: TarsApp, text: str) -> bool:
    return text in screen(app)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_view_looks_as_it_should(short_path: Path, size: tuple[int, int]) -> None:
    """The pictures are in golden/; a change of one is looked at before it is kept."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        at_work(home)
        (home.home.root / "tars.log").write_text("\n".join(LOG) + "\n")
        app = home.app()
        async with app.run_test(size=size) as pilot:
            for name, (key, there) in VIEWS.items():
                await pilot.press(key)
                await until(pilot, partial(_is_there, app, there))
                check_golden(app, name)
            await pilot.press("question_mark")
            await until(pilot, lambda: "Everywhere" in screen(app))
            check_golden(app, "help")
