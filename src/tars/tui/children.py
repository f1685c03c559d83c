"""Other commands of tars, run from the screen: in the terminal itself, or unseen."""

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: Of what an unseen command said, so much is shown.
MOST_SAID = 2_000


async def in_terminal(words: Sequence[str]) -> int:
    """Run a command that has the terminal to itself; give its exit status."""
    with _deaf():
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tars", *words)
        return await process.wait()


async def quietly(words: Sequence[str]) -> tuple[int, str]:
    """Run a command without a terminal; give its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tars",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace").strip()[-MOST_SAID:]


@contextmanager
def _deaf() -> Iterator[None]:
    """Leave Ctrl-C to the child. A handler, since one that is ignored would be inherited."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
