"""The view of sessions, on a screen over a real store."""

from pathlib import Path

import pytest

from tests.support.scripted_home import ScriptedHome, furnish
from tests.tui.support import screen, until

pytestmark = pytest.mark.anyio


async def test_sessions_are_listed(short_path: Path) -> None:
    """Columns as people were promised them, the newest start first."""
    async with ScriptedHome.at(short_path) as home:
        furnish(home)
        app = home.app()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("3")
            await until(pilot, lambda: "0b1e4c3a…" in screen(app))
            await until(pilot, lambda: "$" in screen(app))
