"""Is a silent turn hung? Real children that sleep, work, or have others work; virtual time."""

import time
from pathlib import Path

import psutil

from tars.core import events as e
from tars.core.agent import Outcome, State
from tars.core.condition import Word
from tars.runtime.process_table import with_descendants
from tars.runtime.pulse import Pulse
from tests.support.stage import Stage, play

#: What the tree has to use between two looks to be seen at work: two steps of the kernel's.
BUSY_SECONDS = 0.03


def cpu_seconds(pid: int) -> float:
    used = 0.0
    for one in with_descendants([pid]):
        times = psutil.Process(one).cpu_times()
        used += times.user + times.system
    return used


async def silent(stage: Stage, script: str, turn_seconds: float = 3600.0) -> tuple[str, int]:
    """Begin a turn that says one word and no more; give it and the agent's process."""
    driver = stage.add(silence_seconds=600, turn_seconds=turn_seconds)
    await stage.start()
    prompt = stage.prompt(f"text working; {script}")
    await stage.text("working")
    assert driver.child is not None
    return prompt, driver.child.pid


async def worked(stage: Stage, pid: int) -> None:
    """Let the tree work in real time."""
    before = cpu_seconds(pid)
    await stage.polled(lambda: cpu_seconds(pid) >= before + BUSY_SECONDS)


async def given_up(stage: Stage, prompt: str) -> None:
    """Let every deadline pass until the turn is over."""
    while prompt not in stage.witness.reports:
        await stage.jump_to_deadline()


def test_a_silent_tree_that_sleeps_is_wedged(tmp_path: Path) -> None:
    """At the silence's end, and the evidence is named. What does not hear is ended."""

    async def scene(stage: Stage) -> None:
        prompt, _ = await silent(stage, "stay")
        await stage.jump(590)
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(10)
        assert stage.witness.count(e.Hung) == 1
        assert stage.loop.condition("one").word is Word.WEDGED
        await given_up(stage, prompt)
        report = stage.witness.reports[prompt]
        assert report.outcome is Outcome.TIMEOUT
        assert report.fault is not None
        assert "silent for 600 s, and its process used no CPU time" in report.fault.message
        assert Word.WEDGED in stage.witness.words()

    play(scene, tmp_path)


def test_a_silent_process_that_works_is_bounded_by_the_turns_time_alone(tmp_path: Path) -> None:
    """It may be busy with what it cannot talk about; or spin for ever, which has an end too."""

    async def scene(stage: Stage) -> None:
        prompt, pid = await silent(stage, "burn", turn_seconds=1500)
        await stage.jump(590)
        await worked(stage, pid)
        await stage.jump(10)
        await stage.jump(590)
        await worked(stage, pid)
        await stage.jump(10)
        assert stage.witness.count(e.Hung) == 0
        assert stage.agent().turn is not None
        assert stage.loop.condition("one").word is Word.WORKING
        await stage.jump(300)
        await given_up(stage, prompt)
        report = stage.witness.reports[prompt]
        assert report.fault is not None
        assert "longer than 1500 s" in report.fault.message

    play(scene, tmp_path)


def test_a_busy_grandchild_is_work_and_an_idle_one_is_patience(tmp_path: Path) -> None:
    """Whose CPU time it is does not matter. When it has ended, the sleeper is found out."""

    async def scene(stage: Stage) -> None:
        prompt, pid = await silent(stage, "bearbusy; stay", turn_seconds=10_000)
        await stage.jump(590)
        await worked(stage, pid)
        await stage.jump(10)
        assert stage.witness.count(e.Hung) == 0
        (_, grandchild) = with_descendants([pid])
        psutil.Process(grandchild).kill()
        await stage.polled(lambda: psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE)
        # The grandchild counted as begun in the turn: it is found gone at the next look.
        await stage.jump(1790)
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(10)
        assert stage.witness.count(e.Hung) == 1
        await given_up(stage, prompt)

    play(scene, tmp_path)


def test_an_idle_grandchild_of_the_turn_gives_three_times_as_long(tmp_path: Path) -> None:
    """Perhaps a tool that waits for something; but it is no work."""

    async def scene(stage: Stage) -> None:
        prompt, pid = await silent(stage, "bear; stay", turn_seconds=10_000)
        await stage.until(lambda: len(stage.witness.texts()) == 2)
        assert len(with_descendants([pid])) == 2
        await stage.jump(590)
        await stage.jump(10)
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(1190)
        await stage.jump(9)
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(1)
        assert stage.witness.count(e.Hung) == 1
        await given_up(stage, prompt)

    play(scene, tmp_path)


def test_noise_without_progress_gives_three_times_as_long(tmp_path: Path) -> None:
    """A spinner that turns for ever is not life for ever."""

    async def scene(stage: Stage) -> None:
        spins = "; hear; stderr spin" * 4
        prompt, _ = await silent(stage, f"{spins[2:]}; stay", turn_seconds=10_000)
        for count in range(1, 5):
            await stage.jump(430)
            stage.loop.drivers["one"].cancel()
            await stage.until(lambda count=count: stage.witness.stderr == ["spin"] * count)  # type: ignore[misc]
        await stage.jump(70)
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(10)
        assert stage.witness.count(e.Hung) == 1
        await given_up(stage, prompt)
        fault = stage.witness.reports[prompt].fault
        assert fault is not None
        assert "no progress for 1800 s, whatever it wrote" in fault.message

    play(scene, tmp_path)


def test_nobody_is_looked_at_before_a_verdict_is_near(tmp_path: Path) -> None:
    """A look costs something; a turn that talks is never looked at."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(silence_seconds=600)
        await stage.start()
        prompt = stage.prompt("text a; hear; text b; wait")
        await stage.text("a")
        await stage.jump(589)
        assert driver.signs.look is None
        driver.cancel()
        await stage.text("b")
        await stage.jump(589)
        assert driver.signs.look is None
        await stage.jump(1)
        assert driver.signs.look is not None
        driver.cancel()
        await stage.report(prompt)
        assert stage.agent().state is State.READY

    play(scene, tmp_path)


def test_a_process_that_is_gone_shows_nothing() -> None:
    """There is no tree to look at, and that is no work."""
    gone = psutil.Popen(["/bin/true"])
    gone.wait()
    pulse = Pulse(gone.pid)
    pulse.take(1.0, time.time())
    look = pulse.take(2.0, time.time())
    assert (look.processes, look.children, look.worked_at, look.before) == (0, 0, None, 1.0)
