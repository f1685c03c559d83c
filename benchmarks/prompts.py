"""A prompt to the real Gemini CLI with a model that answers at once: what tars adds to it.

The same prompt goes, in turns, through tars and through a bare client, each with a CLI
process of its own. Sessions are begun anew often: the CLI takes longer for each prompt of
a conversation, and that is not what is measured. The CLI is slow at first, too: the first
prompts are thrown away.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.acp_client import BareAcp
from benchmarks.figures import Line, Table, verdict
from benchmarks.peers import Tars, ended_together, environment
from benchmarks.sampling import Subject, command_ms, in_turns
from benchmarks.wire import Connection
from tars.home import write_durably
from tests.real_agents.conftest import GEMINI_SETTINGS, INSTALLED
from tests.support.fake_api import fake_gemini_api

GEMINI = str(INSTALLED / "gemini")
MODEL = "gemini-2.5-flash"
TEXT = "Say hello."
LIMIT_MS = 3.0
#: So many prompts until the CLI's own code is compiled.
WARM_UP = 40
PER_SESSION = 10


def table(folder: Path, *, times: int, processes: int) -> Table:
    """`times` warm prompts each way, and `processes` with a process for each."""
    with fake_gemini_api() as api, _through_tars(folder, api.url) as tars:
        env = _gemini_env(folder / "bare", api.url)
        bare = BareAcp(_command("--acp"), env, folder)
        try:
            direct, through, disk = _warm(tars, bare, folder, times)
        finally:
            bare.end()
        cold = _cold(tars, env, processes)
    added = [b - a for a, b in zip(direct, through, strict=True)]
    lines = [
        Line("a bare ACP client, warm", direct),
        Line("tars, warm", through),
        Line("added by tars, pair by pair", added, ratio=False),
        Line("for comparison: its writes to the disk, bare", disk, ratio=False),
        *(Line(name, values) for name, values in cold.items()),
    ]
    gap = lines[1].median - lines[0].median
    return Table(
        "A prompt to Gemini CLI with an instant model",
        "ms",
        lines,
        reach=f"≤ {LIMIT_MS:g} ms added to a warm prompt (difference of the medians)",
        got=verdict(gap, LIMIT_MS, f"{gap:.2f} ms"),
        note="from the request on the control socket to the turn's end; the prompt, its start and "
        "what it used are durable by then",
    )


def _warm(
    tars: Connection, bare: BareAcp, folder: Path, times: int
) -> tuple[list[float], list[float], list[float]]:
    """Give the milliseconds of each prompt, directly and through tars, and of the disk's share."""
    ways: tuple[Callable[[], None], ...] = (
        lambda: bare.prompt(TEXT),
        lambda: tars.prompt(TEXT, "warm"),
        lambda: _disk_share(folder),
    )
    figures: tuple[list[float], list[float], list[float]] = ([], [], [])
    order = random.Random(1)
    for number in range(WARM_UP + times):
        if number % PER_SESSION == 0:
            bare.new_session()
            tars.post("/v1/reset", {"agent": "warm"})
            for way in ways:
                way()
        for which in order.sample((0, 1, 2), 3):
            began = time.perf_counter()
            ways[which]()
            took = (time.perf_counter() - began) * 1000
            if number >= WARM_UP:
                figures[which].append(took)
    return figures


def _cold(tars: Connection, env: dict[str, str], times: int) -> dict[str, list[float]]:
    def through_tars() -> float:
        tars.post("/v1/reset", {"agent": "cold"})
        began = time.perf_counter()
        tars.prompt(TEXT, "cold")
        return (time.perf_counter() - began) * 1000

    headless = _command("--output-format", "json", "-p", TEXT)
    return in_turns(
        [
            Subject("tars, a process for each (stream-json)", through_tars, times),
            Subject("gemini -p, a process for each", lambda: command_ms(headless, env), times),
        ]
    )


def _disk_share(folder: Path) -> None:
    """Do what a prompt asks of the disk: two lines appended durably, a file replaced so."""
    for _ in range(2):
        with open(folder / "lines", "ab", buffering=0) as file:
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
    write_durably(folder / "replaced", bytes(300))


@contextmanager
def _through_tars(folder: Path, url: str) -> Iterator[Connection]:
    tars = Tars(folder / "t")
    tables = [
        _agent("warm", "acp", _gemini_env(folder / "warm", url)),
        _agent("cold", "stream-json", _gemini_env(folder / "cold", url)),
    ]
    with ended_together([tars]):
        tars.launch_configured("\n".join(tables))
        tars.wait_ready()
        yield tars.connect()


def _agent(name: str, protocol: str, env: dict[str, str]) -> str:
    variables = "".join(f"{key} = {json.dumps(value)}\n" for key, value in env.items())
    return (
        f'[agents.{name}]\nkind = "gemini"\ncommand = ["{GEMINI}"]\nmodel = "{MODEL}"\n'
        f'protocol = "{protocol}"\npermissions = "deny"\n[agents.{name}.env]\n{variables}'
    )


def _command(*words: str) -> list[str]:
    return [GEMINI, *words, "-m", MODEL]


def _gemini_env(home: Path, url: str) -> dict[str, str]:
    """A home of its own for a CLI that reaches nothing but the fake model."""
    (home / ".gemini").mkdir(parents=True)
    (home / ".gemini" / "settings.json").write_text(json.dumps(GEMINI_SETTINGS))
    return {
        **environment(home),
        "TMPDIR": str(home),
        "GEMINI_API_KEY": "a-key",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_CLI_NO_RELAUNCH": "1",
    }


def missing() -> str | None:
    """Say why the CLI cannot be measured here, or None."""
    return None if Path(GEMINI).exists() else "Gemini CLI is not installed: `make agents` does it"
