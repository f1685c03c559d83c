"""The runtime with the built-in agent: a real protocol at full size."""

import subprocess
import sys
import textwrap
from pathlib import Path

from tars.accounting.usage import Source
from tars.agents.echo.kind import Echo
from tars.core import events as e
from tars.core.agent import Outcome, State
from tests.support.stage import Stage, alive, play, play_live


def test_a_turn_with_tools_is_counted_from_report_and_log(tmp_path: Path) -> None:
    """Three model requests: the sums from the report, the context from the last of them."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        report = await stage.asked("ECHO:tools")
        usage = report.usage
        assert (usage.input, usage.output, usage.cached, usage.thoughts) == (3300, 60, 1900, 18)
        assert (usage.context, usage.context_cached, usage.net) == (1200, 1000, 1400)
        assert (usage.requests, usage.tool_calls) == (3, 2)
        assert (usage.source, usage.context_is_sum) == (Source.OFFICIAL, False)

    play_live(scene, tmp_path)


def test_a_killed_agent_comes_back_with_its_conversation(tmp_path: Path) -> None:
    """kill -9 in mid-turn; the next process knows of the turns before, and nobody is left."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        session = driver.session_id
        await stage.asked("one")
        leaked = (await stage.asked("ECHO:leak")).text
        report = await stage.asked("ECHO:kill")
        assert report.outcome is Outcome.INTERRUPTED
        await stage.polled(lambda: not alive(int(leaked.removeprefix("pid="))))
        await stage.jump_to_deadline()
        await stage.state(State.READY)
        assert driver.session_id == session
        assert (await stage.asked("ECHO:history")).text == "turns=4"

    play(scene, tmp_path)


def test_a_deaf_agent_is_killed_after_its_grace(tmp_path: Path) -> None:
    """It ignores everything that can be ignored, for hours that take no time."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=Echo(), protocol="acp", cancel_seconds=3600, grace_seconds=3600)
        await stage.start()
        prompt = stage.prompt("ECHO:deaf")
        driver = stage.loop.drivers["one"]
        # Python has set its signals when /proc says that SIGTERM is ignored.
        await stage.polled(lambda: _ignores_sigterm(stage.pids()[0]))
        stage.loop.send("one", e.CancelAsked(prompt))
        while driver.turn is not None:
            await stage.jump_to_deadline()
        assert stage.witness.reports[prompt].outcome is Outcome.CANCELLED
        status = next(x.status for _, x in stage.witness.events if isinstance(x, e.Exited))
        assert status == -9

    play(scene, tmp_path)


def _ignores_sigterm(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))
    return bool(mask & 1 << 14)


#: Where `tests` is found by a Python of its own.
ROOT = Path(__file__).parents[2]
FLOOD = """
    import resource, sys
    from pathlib import Path
    from tars.agents.echo.kind import Echo
    from tests.support.stage import Stage, play_live

    async def scene(stage: Stage) -> None:
        stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        await stage.asked("warm")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = await stage.asked("ECHO:line:200000000")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        garbled = stage.witness.garbled()
        print(report.outcome, [x.size for x in garbled], grown < 100 * 1024, file=sys.stderr)

    play_live(scene, Path(sys.argv[1]))
"""


def test_a_line_beyond_the_protocols_bound_is_garbled_in_bounded_memory(tmp_path: Path) -> None:
    """The line is 200 MB, the bound 64 MiB; the agent answers on."""
    argv = [sys.executable, "-W", "error", "-c", textwrap.dedent(FLOOD), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False, cwd=ROOT)
    assert done.stderr == "ok [200000000] True\n"
