"""What tests of the screen share: waiting for a condition, and what is on the screen."""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
from textual.pilot import Pilot

from tars.tui.app import TarsApp

GOLDEN = Path(__file__).parent / "golden"


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    """Let the screen go on until something is so."""
    with anyio.fail_after(30):
        while not condition():
            await pilot.pause()


def screen(app: TarsApp) -> str:
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
