"""What tests of the screen share: waiting for a condition, and what is on the screen."""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
from textual.app import App
from textual.pilot import Pilot

from tars.tui.app import TarsApp

#: How long a condition may take, in seconds, on however slow a machine.
PATIENCE = float(os.environ.get("TARS_PATIENCE", "30"))
GOLDEN = Path(__file__).parent / "golden"


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    """Let the screen go on until something is so. A failure shows the screen."""
    with anyio.move_on_after(PATIENCE):
        while not condition():
            await pilot.pause()
        return
    raise AssertionError(f"It never came to be so:\n{screen(pilot.app)}")


def screen(app: App[int]) -> str:
    """Give what is on the screen, without colours."""
    strips = app.screen._compositor.render_strips()
    lines = ("".join(segment.text for segment in strip).rstrip() for strip in strips)
    return "\n".join(lines) + "\n"


def check_golden(app: TarsApp, name: str) -> None:
    """Compare the screen with `golden/NAME-80x24.txt`, by its size; `TARS_GOLDEN=1` in the
    environment writes it anew."""
    size = app.size
    path = GOLDEN / f"{name}-{size.width}x{size.height}.txt"
    shown = screen(app)
    if os.environ.get("TARS_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown)
    assert shown == path.read_text()
