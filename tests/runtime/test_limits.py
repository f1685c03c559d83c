"""A turn that waits for the end of a limit, with real processes in virtual time."""

import time
from datetime import UTC, datetime
from pathlib import Path

from tars.conversation.model import ModelTokens, ReportedUsage, Retrying
from tars.core import events as e
from tars.core.agent import Outcome, State
from tars.core.condition import Word
from tars.errors import Fault, FaultKind
from tars.runtime.limits import retry_after
from tars.runtime.turn import LiveTurn, Prompt, added
from tests.support.stage import Stage, play

QUOTA = FaultKind.QUOTA


async def limited(stage: Stage, script: str = "limit 100 10 5; text done; end done 7 3") -> str:
    """Have a turn meet a limit that ends in 100 s, and give its prompt."""
    prompt = stage.prompt(script)
    await stage.state(State.LIMITED)
    return prompt


def test_one_turn_two_attempts(tmp_path: Path) -> None:
    """It is begun for each and reported once, with what both attempts used; whoever waits is
    told of the wait and of its end."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        pid = driver.child and driver.child.pid
        prompt = await limited(stage)
        assert (driver.turn, driver.held and driver.held.prompt.id) == (None, prompt)
        assert stage.agent().pid == pid
        await stage.jump(99)
        assert stage.agent().state is State.LIMITED
        await stage.jump(3)
        report = await stage.report(prompt)
        assert (report.outcome, report.fault, report.text) == (Outcome.OK, None, "done")
        assert report.reported == ReportedUsage(17, 8)
        assert (report.usage.input, report.usage.output) == (17, 8)
        assert report.duration_ms == 102_000
        assert (stage.witness.began_turns, len(stage.witness.holds)) == ([prompt, prompt], 1)
        assert stage.pids() == [pid]
        waits = [said for said in stage.witness.heard if isinstance(said, Retrying)]
        assert [said.reason for said in waits] == [
            "The limit is reached. tars tries the turn again by itself.",
            "",
        ]
        assert waits[0].until is not None
        words = [Word.STARTING, Word.IDLE, Word.WORKING, Word.LIMITED, Word.WORKING, Word.IDLE]
        assert stage.witness.words() == words

    play(scene, tmp_path)


def test_the_wait_outlives_the_process(tmp_path: Path) -> None:
    """The process dies meanwhile and comes back; the second attempt is its. A second limit
    ends the turn with its fault."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        prompt = await limited(stage)
        assert driver.child is not None
        driver.child.signal_group(9)
        await stage.until(lambda: stage.witness.count(e.Exited) == 1)
        await stage.jump(5)
        await stage.state(State.LIMITED)
        assert len(stage.pids()) == 2
        await stage.jump(97)
        # It is another process, for which the limit is new.
        report = await stage.report(prompt)
        assert (report.outcome, report.fault and report.fault.kind) == (Outcome.ERROR, QUOTA)
        assert report.reported == ReportedUsage(20, 10)
        assert stage.agent().state is State.READY

    play(scene, tmp_path)


def test_a_process_per_prompt_goes_and_the_second_attempt_has_its_own(tmp_path: Path) -> None:
    """Nothing waits but the prompt."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(protocol="one-shot")
        await stage.start()
        prompt = await limited(stage)
        assert driver.child is None
        await stage.jump(102)
        report = await stage.report(prompt)
        assert (report.outcome, report.fault and report.fault.kind) == (Outcome.ERROR, QUOTA)
        assert len(stage.pids()) == 2

    play(scene, tmp_path)


def test_a_stop_interrupts_the_turn_that_waits(tmp_path: Path) -> None:
    """It is reported, with what its one attempt used."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = await limited(stage)
        stage.loop.send("one", e.StopAsked())
        report = await stage.report(prompt)
        assert (report.outcome, report.reported) == (Outcome.INTERRUPTED, ReportedUsage(10, 5))

    play(scene, tmp_path)


def test_a_prompt_with_less_time_is_not_held(tmp_path: Path) -> None:
    """Its own time-out counts from its begin: what would come too late is not waited for."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        report = await stage.asked("limit 100", timeout=50)
        assert (report.outcome, report.fault and report.fault.kind) == (Outcome.ERROR, QUOTA)
        assert stage.agent().state is State.READY

    play(scene, tmp_path)


def test_the_prompts_time_goes_on_while_it_waits(tmp_path: Path) -> None:
    """The second attempt has what is left of it."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("limit 100; text again; wait", timeout=150)
        await stage.state(State.LIMITED)
        await stage.jump(102)
        await stage.text("again")
        await stage.jump(47)
        assert prompt not in stage.witness.reports
        await stage.jump(1)
        report = await stage.report(prompt)
        assert (report.outcome, report.duration_ms) == (Outcome.TIMEOUT, 150_000)
        assert Word.WEDGED not in stage.witness.words()

    play(scene, tmp_path)


def test_a_bug_while_it_is_resumed_costs_the_process_and_not_the_agent(tmp_path: Path) -> None:
    """The turn is reported, and the agent is back."""

    async def scene(stage: Stage) -> None:
        kind_breaks = stage.add(protocol="one-shot")
        await stage.start()
        prompt = await limited(stage)
        kind_breaks.kind.broken = "launch"  # type: ignore[attr-defined]
        await stage.jump(102)
        report = await stage.report(prompt)
        assert (report.outcome, report.fault and report.fault.kind) == (
            Outcome.ERROR,
            FaultKind.INTERNAL,
        )

    play(scene, tmp_path)


def test_only_a_limit_with_an_end_is_waited_for() -> None:
    """Its wall clock becomes seconds from now; one that is over leaves the margin."""
    soon = time.time() + 100
    turn = LiveTurn(Prompt("t1", "one", "Hello"), datetime.now(UTC), 0.0)
    for kind in (FaultKind.QUOTA, FaultKind.RATE_LIMIT):
        seconds = retry_after(Fault(kind, "", until=soon), turn, 0.0)
        assert seconds is not None
        assert 100 < seconds <= 101
    assert retry_after(Fault(FaultKind.QUOTA, "", until=5.0), turn, 0.0) == 1.0
    assert retry_after(Fault(FaultKind.QUOTA, ""), turn, 0.0) is None
    assert retry_after(Fault(FaultKind.OVERLOADED, "", until=soon), turn, 0.0) is None
    assert retry_after(Fault(FaultKind.QUOTA, "", until=soon), None, 0.0) is None
    assert retry_after(None, turn, 0.0) is None


def test_what_two_attempts_used_is_added_up() -> None:
    """Every counter, model by model; what neither told stays unknown."""
    one = ReportedUsage(
        10, 5, cached=4, models=(ModelTokens("a", 10, 5, cached=4),), cost_microusd=7, requests=1
    )
    two = ReportedUsage(
        3, 2, thoughts=1, models=(ModelTokens("a", 1, 1), ModelTokens("b", 2, 1)), at_least=True
    )
    assert added(one, two) == ReportedUsage(
        13,
        7,
        cached=4,
        thoughts=1,
        models=(ModelTokens("a", 11, 6, cached=4), ModelTokens("b", 2, 1)),
        cost_microusd=7,
        requests=1,
        at_least=True,
    )
    assert added(None, one) == one
    assert added(None, None) is None
    cut = added(one, None)
    assert cut is not None
    assert (cut.input, cut.at_least) == (10, True)
