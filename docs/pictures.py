"""Pictures of the real program, for the site: `tars` is run in a throw-away home, with the built-in
agent and the logs of made-up work. What it draws on a terminal becomes an SVG, and its page in a
Chromium a PNG.

Nothing of it is committed: `make site` makes them anew. What cannot be drawn (the page, where there
is no Chromium or no playwright) is told on stderr, and the site is built without it.
"""

import asyncio
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import pexpect

#: The size of the terminal that is drawn, in columns and rows.
COLUMNS, ROWS = 100, 30
#: How long one command may take, and how long a screen gets to show all that it asked for.
PATIENCE, SETTLING = 60, 3.0
#: The commands that are drawn, by the names of their pictures.
COMMANDS = {
    "status": ("status",),
    "sessions": ("sessions",),
    "costs": ("costs", "summary", "--range", "30d"),
}
#: The views of `tars tui`, by the names of their pictures, and the key that opens each.
SCREENS = {
    "tui-overview": "1",
    "tui-agents": "2",
    "tui-sessions": "3",
    "tui-costs": "4",
    "tui-logs": "5",
    "tui-queue": "6",
}
#: The page in the browser, and how large its window is.
PAGE, WIDTH, HEIGHT = "web", 1200, 800
CONFIG = """\
[agents.writer]
kind = "echo"

[agents.reviewer]
kind = "echo"

[prices.models."echo-1"]
input = 3
output = 15

[[budgets]]
name = "daily"
per = "day"
limit_usd = 10.0
action = "ask"

[costs]
timezone = "UTC"
"""
PROMPTS = (
    ("--agent", "writer", "--name", "login", "Why does the login fail after an hour?"),
    ("--agent", "writer", "--name", "login", "Then mend it, and test it."),
    ("--agent", "writer", "--name", "docs", "Describe the new option."),
    ("--agent", "reviewer", "--name", "review", "What could go wrong in this change?"),
    ("--agent", "reviewer", "--no-wait", "ECHO:ask:execute"),
)
#: What was asked in the logs.
ASKED = (
    "Write the checkout form",
    "Why is the search slow?",
    "Rename the orders table",
    "Review the last three commits",
    "Make the tests independent of each other",
)
#: Without it a browser would fetch a font from elsewhere.
_FONT = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)

#: Makes the picture of a name in a folder, and gives its file; None where it cannot.
Draw = Callable[[str, Path], Path | None]


@contextmanager
def studio() -> Iterator[Draw]:
    """Give what draws, beside a daemon that is stopped at the end."""
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        env = _environment(Path(folder))

        def draw(name: str, into: Path) -> Path | None:
            path = into / (f"{name}.png" if name == PAGE else f"{name}.svg")
            try:
                _furnish(env)
                path.write_bytes(_picture(name, env))
            except Exception as error:  # whatever it is, the pages do without their pictures
                print(f"no picture of {name}: {error!r}", file=sys.stderr)
                return None
            return path

        try:
            yield draw
        finally:
            with suppress(OSError, pexpect.ExceptionPexpect):
                _typed(env, "stop")


def without_fonts(svg: str) -> str:
    """Take out what a browser would fetch; it has a font of its own."""
    return _FONT.sub("", svg)


def terminal(title: str, shown: str) -> str:
    """Draw what a terminal shows, with its colours."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(shown.rstrip()))
    return console.export_svg(title=title)


def _environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"HOME": str(folder), "TARS_HOME": str(folder / ".tars"), "PATH": path}
    terminal = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LANG": "C.UTF-8", "TZ": "UTC"}
    return home | terminal


def _furnish(env: Mapping[str, str]) -> None:
    """Have something to show, once: agents that were asked something, and a month of logs."""
    home = Path(env["TARS_HOME"])
    if home.exists():
        return
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(CONFIG)
    (home / "config.toml").chmod(0o600)
    _write_logs(Path(env["HOME"]), datetime.now(UTC))
    _typed(env, "start")
    for words in PROMPTS:
        _typed(env, "prompt", *words)


def _write_logs(home: Path, now: datetime) -> None:
    """What somebody did with Claude Code in the last month, in its own form."""
    folder = home / ".claude" / "projects" / "-w-shop"
    folder.mkdir(parents=True)
    for day in range(30):
        session = str(uuid5(NAMESPACE_OID, str(day)))
        began = now - timedelta(days=day, minutes=10)
        asked = {"role": "user", "content": ASKED[day % len(ASKED)]}
        title = {"type": "ai-title", "sessionId": session, "aiTitle": asked["content"]}
        lines = [_line(session, began, "user", asked), _row(title)]
        for number in range(1 + day * 5 % 7):
            answer = _answer(f"msg_{day}_{number}", day)
            lines.append(_line(session, began + timedelta(minutes=number), "assistant", answer))
        (folder / f"{session}.jsonl").write_text("".join(lines))


def _answer(id: str, day: int) -> dict[str, object]:
    size = (day * 7 + 5) % 11 + 1
    usage = {"input_tokens": 40 * size, "cache_read_input_tokens": 9_000 * size}
    usage |= {"cache_creation_input_tokens": 600 * size, "output_tokens": 350 * size}
    model = "claude-opus-4-5" if day % 3 == 0 else "claude-sonnet-4-5"
    return {"id": id, "role": "assistant", "model": model, "usage": usage}


def _line(session: str, at: datetime, kind: str, message: Mapping[str, object]) -> str:
    line = {"type": kind, "sessionId": session, "cwd": "/w/shop", "timestamp": at.isoformat()}
    request = {"requestId": f"req_{message['id']}"} if "id" in message else {}
    return _row({**line, **request, "message": message})


def _row(values: Mapping[str, object]) -> str:
    # As Claude Code writes it.
    return json.dumps(values, separators=(",", ":")) + "\n"


def _picture(name: str, env: Mapping[str, str]) -> bytes:
    if name == PAGE:
        return _page(env)
    if name in COMMANDS:
        words = COMMANDS[name]
        return without_fonts(terminal(f"tars {' '.join(words)}", _typed(env, *words))).encode()
    return without_fonts(asyncio.run(_screen(SCREENS[name], env))).encode()


def _typed(env: Mapping[str, str], *words: str) -> str:
    """Type a command on a terminal of its own; give what that shows, colours and all.

    Raises OSError where the command fails.
    """
    child = pexpect.spawn(
        sys.executable,
        ["-m", "tars", *words],
        env=dict(env),
        timeout=PATIENCE,
        dimensions=(ROWS, COLUMNS),
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    shown = str(child.before or "").replace("\r", "")
    if child.exitstatus:
        raise OSError(f"tars {' '.join(words)} ended with {child.exitstatus}: {shown.strip()}")
    return shown


def _page(env: Mapping[str, str]) -> bytes:
    """Open the page as its reader does, by the address that `tars web` prints."""
    from playwright.sync_api import sync_playwright

    address = re.search(r"http://\S+", _typed(env, "web", "--no-open", "--port", "0"))
    if address is None:
        raise OSError("tars web printed no address")
    # Chromium has no sandbox for root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(address[0])
        page.wait_for_timeout(SETTLING * 1000)
        picture = page.screenshot()
        browser.close()
    return picture


async def _screen(key: str, env: Mapping[str, str]) -> str:
    """Open the screen without a terminal, go to a view, and wait until it has what it asked for."""
    os.environ["TZ"] = env["TZ"]
    from tars.home import Home
    from tars.tui.app import TarsApp

    app = TarsApp(Home(Path(env["TARS_HOME"])))
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        await pilot.press(key)
        await pilot.pause(SETTLING)
        return app.export_screenshot(title="tars tui")
