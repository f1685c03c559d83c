"""An agent whose process has one conversation: for another one the driver replaces it."""

from pathlib import Path

from tars.core import events as e
from tars.core.agent import Outcome
from tars.errors import FaultKind
from tests.support.scripted_kind import ScriptedKind
from tests.support.stage import Stage, alive, play


def knowing(*sessions: str) -> ScriptedKind:
    return ScriptedKind(knows=frozenset(sessions))


def test_a_prompt_for_another_session_gets_a_process_of_its_own(tmp_path: Path) -> None:
    """The earlier process goes by itself, and nobody takes that for a crash."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=knowing("s2"))
        await stage.start()
        first = stage.agent().pid
        assert first is not None
        assert (await stage.asked("text here")).session_id == "s1"
        report = await stage.asked("text there", session="s2")
        assert (report.outcome, report.text, report.session_id) == (Outcome.OK, "there", "s2")
        assert driver.session_id == "s2"
        assert stage.agent().pid not in (None, first)
        await stage.until(lambda: stage.witness.count(e.Exited) == 1)
        assert not alive(first)
        assert stage.agent().restarts.total == 0
        assert (await stage.asked("text still")).session_id == "s2"

    play(scene, tmp_path)


def test_the_session_that_it_has_needs_no_other_process(tmp_path: Path) -> None:
    """Naming the current session changes nothing."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=knowing("s1"))
        await stage.start()
        assert (await stage.asked("text here", session="s1")).text == "here"
        assert len(stage.pids()) == 1

    play(scene, tmp_path)


def test_a_session_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The process and its conversation are as they were."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=knowing())
        await stage.start()
        report = await stage.asked("text there", session="s9")
        assert report.outcome is Outcome.ERROR
        assert report.fault is not None
        assert report.fault.kind is FaultKind.SESSION_UNKNOWN
        assert report.session_id is None
        assert driver.session_id == "s1"
        assert (await stage.asked("text here")).session_id == "s1"
        assert len(stage.pids()) == 1

    play(scene, tmp_path)


def test_a_process_that_cannot_be_made_costs_the_prompt_alone(tmp_path: Path) -> None:
    """The agent goes on with the process that it has."""

    async def scene(stage: Stage) -> None:
        kind = knowing("s2")
        driver = stage.add(kind=kind)
        await stage.start()
        kind.argv = (str(tmp_path / "nothing"),)
        report = await stage.asked("text there", session="s2")
        assert (report.outcome, driver.session_id) == (Outcome.ERROR, "s1")
        assert (await stage.asked("text here")).text == "here"

    play(scene, tmp_path)


def test_a_process_that_will_not_go_is_ended(tmp_path: Path) -> None:
    """It was given its time; its end of input did not move it."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=knowing("s2"))
        await stage.start()
        first = stage.agent().pid
        assert first is not None
        await stage.asked("deaf; end done; stay")
        await stage.asked("text there", session="s2")
        assert alive(first)
        await stage.jump(5)
        await stage.until(lambda: stage.witness.count(e.Exited) == 1)
        assert not alive(first)

    play(scene, tmp_path)
