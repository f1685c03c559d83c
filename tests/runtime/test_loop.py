"""The loop: it keeps time, acts on what the core decides, and survives the bugs of others."""

from pathlib import Path
from typing import cast

import anyio
import pytest
import structlog
import trio

from tars.conversation.model import RequestUsage
from tars.core import events as e
from tars.core.agent import Outcome, Spec, State
from tars.errors import AgentNotFound, FaultKind
from tars.runtime.driver import Driver
from tars.runtime.loop import MEASURE_SECONDS
from tests.support.scripted_kind import ScriptedKind, ScriptedLog
from tests.support.stage import Stage, alive, play, play_live


class Wakes(trio.abc.Instrument):
    """Counts how often any task of the loop runs on."""

    def __init__(self) -> None:
        self.steps = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if "Loop." in task.name or "Driver." in task.name:
            self.steps += 1


def watched() -> Wakes:
    wakes = Wakes()
    trio.lowlevel.add_instrument(wakes)
    return wakes


# --- time -------------------------------------------------------------------


def test_an_idle_loop_does_not_wake(tmp_path: Path) -> None:
    """A ready agent that says nothing costs nothing, but for a look at its memory."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        await stage.jump(MEASURE_SECONDS)
        wakes = watched()
        await stage.jump(MEASURE_SECONDS - 1)
        assert wakes.steps == 0
        for _ in range(180):
            await stage.jump(MEASURE_SECONDS)
        assert wakes.steps <= 200, "an hour is three looks a minute"

    play(scene, tmp_path)


def test_a_busy_turn_wakes_nobody_until_something_is_due(tmp_path: Path) -> None:
    """Neither the silence nor the turn's end is looked for by polling."""

    async def scene(stage: Stage) -> None:
        stage.add(silence_seconds=10_000)
        await stage.start()
        prompt = stage.prompt("text working; wait", timeout=5000)
        await stage.text("working")
        await stage.jump(MEASURE_SECONDS)
        wakes = watched()
        for _ in range(18):
            await stage.jump(1)
        assert wakes.steps == 0
        stage.loop.send("one", e.CancelAsked(prompt))
        await stage.report(prompt)

    play(scene, tmp_path)


def test_every_chunk_moves_the_silence_and_no_stale_deadline_spins(tmp_path: Path) -> None:
    """A deadline that was put off is looked at once, when it would have been."""

    async def scene(stage: Stage) -> None:
        stage.add(silence_seconds=15)
        await stage.start()
        driver = stage.loop.drivers["one"]
        prompt = stage.prompt("text a; hear; text b; wait")
        await stage.text("a")
        await stage.jump(10)
        driver.cancel()
        await stage.text("b")
        await stage.jump(4)
        wakes = watched()
        await stage.jump(1)
        assert wakes.steps <= 3
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(2.5)
        await stage.jump(7.5)
        assert (await stage.report(prompt)).outcome is Outcome.TIMEOUT

    play(scene, tmp_path)


def test_a_grace_of_nothing_does_not_spin(tmp_path: Path) -> None:
    """Every rung is due at once, and SIGKILL is not sent as fast as the machine can."""

    async def scene(stage: Stage) -> None:
        stage.add(cancel_seconds=0, grace_seconds=0)
        await stage.start()
        prompt = stage.prompt("deaf; text deaf; stay")
        await stage.text("deaf")
        stage.loop.send("one", e.CancelAsked(prompt))
        assert (await stage.report(prompt)).outcome is Outcome.CANCELLED
        assert stage.witness.count(e.TimeUp) == 3

    play(scene, tmp_path)


def test_a_deadline_that_comes_sooner_is_noticed(tmp_path: Path) -> None:
    """While the keeper sleeps until a later one, of another agent."""

    async def scene(stage: Stage) -> None:
        stage.add("slow", ScriptedKind("stay"), handshake_seconds=1000)
        stage.add("quick", ScriptedKind("stderr up; stay"), handshake_seconds=10)
        stage.loop.send("slow", e.StartAsked())
        await stage.jump(0)
        stage.loop.send("quick", e.StartAsked())
        await stage.until(lambda: stage.witness.stderr == ["up"])
        await stage.jump(10)
        await stage.state(State.WAITING, "quick")
        assert stage.agent("slow").state is State.STARTING

    play(scene, tmp_path)


# --- many agents ------------------------------------------------------------


def test_agents_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Twenty of them, one of which floods and one of which hangs."""

    async def scene(stage: Stage) -> None:
        names = [f"agent-{n}" for n in range(20)]
        for name in names:
            stage.add(name)
            stage.loop.send(name, e.StartAsked())
        stage.prompt("deaf; stay", names[0])
        flood = stage.prompt("flood 50", names[1])
        ids = [stage.prompt(f"text {name}", name) for name in names[2:]]
        for id, name in zip(ids, names[2:], strict=True):
            assert (await stage.report(id)).text == name
        await stage.report(flood)
        assert stage.agent(names[0]).state is State.BUSY

    play(scene, tmp_path)


# --- stopping ---------------------------------------------------------------


def test_a_stop_of_everything_keeps_the_prompts_that_wait(tmp_path: Path) -> None:
    """The turn under way is interrupted, with what it said; the rest is the successor's."""

    async def scene(stage: Stage) -> None:
        stage.add("busy")
        stage.add("deaf", cancel_seconds=3600)
        stage.add("idle")
        for name in ("busy", "deaf", "idle"):
            await stage.start(name)
        turn = stage.prompt("text half; wait", "busy")
        hang = stage.prompt("deaf; text deaf; stay", "deaf")
        waiting = stage.prompt("text later", "busy")
        await stage.text("half")
        await stage.text("deaf")
        await stage.drain()
        assert stage.witness.reports[turn].outcome is Outcome.INTERRUPTED
        assert stage.witness.reports[turn].text == "half"
        assert stage.witness.reports[hang].outcome is Outcome.INTERRUPTED
        assert waiting not in stage.witness.reports | stage.witness.drops
        assert stage.loop.prompt(waiting) is not None

    play(scene, tmp_path)


def test_a_stop_by_a_person_tells_those_who_wait(tmp_path: Path) -> None:
    """Nobody will run their prompts."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        turn, waiting = stage.prompt("text half; wait"), stage.prompt("text never")
        await stage.text("half")
        stage.loop.send("one", e.StopAsked())
        assert (await stage.report(turn)).outcome is Outcome.INTERRUPTED
        assert stage.witness.drops[waiting][0] is Outcome.REFUSED
        await stage.state(State.STOPPED)

    play(scene, tmp_path)


def test_a_stop_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    """The process is there already, the handshake not yet."""

    async def scene(stage: Stage) -> None:
        stage.add()
        stage.loop.send("one", e.StartAsked())
        stage.loop.send("one", e.StopAsked())
        await stage.state(State.STOPPED)
        assert not alive(stage.pids()[0])

    play(scene, tmp_path)


def test_a_restart_while_a_turn_runs_brings_the_session_back(tmp_path: Path) -> None:
    """The prompts that wait are run by the new process."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        turn, waiting = stage.prompt("text half; wait"), stage.prompt("text next")
        await stage.text("half")
        stage.loop.send("one", e.RestartAsked())
        assert (await stage.report(turn)).outcome is Outcome.INTERRUPTED
        assert (await stage.report(waiting)).text == "next"
        assert driver.session_id == "s1"
        assert len(stage.pids()) == 2

    play_live(scene, tmp_path)


def test_running_children_are_noted_when_they_come_and_when_they_are_gone(tmp_path: Path) -> None:
    """So that a successor could end them."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        assert driver.child is not None
        assert stage.witness.notes == [[driver.child.identity]]
        stage.loop.send("one", e.StopAsked())
        await stage.state(State.STOPPED)
        await stage.until(lambda: stage.witness.notes[-1] == [])

    play(scene, tmp_path)


# --- waiting for a state ----------------------------------------------------


def test_a_claim_that_holds_is_reached_at_once(tmp_path: Path) -> None:
    """Without an event."""

    async def scene(stage: Stage) -> None:
        await stage.loop.reached(lambda: True)

    play(scene, tmp_path)


def test_what_a_claim_raises_is_its_owners(tmp_path: Path) -> None:
    """He waits for an agent that is dismissed meanwhile; the events of others go on."""

    async def scene(stage: Stage) -> None:
        stage.add("gone")
        stage.add("one")

        async def wait() -> None:
            with pytest.raises(AgentNotFound):
                await stage.loop.reached(lambda: stage.agent("gone").state is State.READY)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            stage.loop.dismiss("gone")
            await stage.start("one")

    play(scene, tmp_path)


def test_who_no_longer_waits_is_not_asked(tmp_path: Path) -> None:
    """A client that hung up leaves nothing behind."""

    async def scene(stage: Stage) -> None:
        stage.add()
        asked = 0

        def claim() -> bool:
            nonlocal asked
            asked += 1
            return False

        with anyio.move_on_after(1):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stage.loop.reached, claim)
                await stage.jump(1)
        before = asked
        await stage.start()
        assert asked == before

    play(scene, tmp_path)


# --- bugs -------------------------------------------------------------------


class Bystander:
    """Stands in for a driver, and notes what it is asked."""

    def __init__(self, driver: Driver) -> None:
        self.asked: list[str] = []
        self._driver = driver

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        return getattr(self._driver, name)


def test_what_happens_to_one_agent_asks_no_other(tmp_path: Path) -> None:
    """So that an event costs the same beside a thousand agents as beside none."""

    async def scene(stage: Stage) -> None:
        stage.add()
        two = stage.add("two")
        await stage.start("two")
        bystander = Bystander(two)
        stage.loop.drivers["two"] = cast(Driver, bystander)
        await stage.start("one")
        assert (await stage.asked("stderr words; text hello", "one")).text == "hello"
        stage.loop.send("one", e.StopAsked())
        await stage.state(State.STOPPED, "one")
        asked, bystander.asked = bystander.asked, []
        stage.loop.drivers["two"] = two
        assert asked == []

    play(scene, tmp_path)


@pytest.mark.parametrize(
    "method",
    [
        "decided",
        "said",
        "began",
        "finished",
        "wrote",
        "children_began",
        "children_ended",
        "spent",
        "asked",
    ],
)
def test_a_bug_in_the_audience_is_told_and_no_agent_suffers(tmp_path: Path, method: str) -> None:
    """Whatever it fails to hear, turns go on and are finished, and so are those of others."""

    async def scene(stage: Stage) -> None:
        log = ScriptedLog()
        driver = stage.add(kind=ScriptedKind(logs={"s1": log}))
        stage.add("two")
        stage.witness.broken = method
        for name in ("one", "two"):
            await stage.start(name)
            assert (await stage.asked("stderr words; text hello", name)).text == "hello"
        prompt = stage.prompt("ask edit")
        await stage.until(lambda: bool(stage.witness.questions))
        stage.loop.send("one", e.PermissionAnswered(stage.witness.questions[0], "yes"))
        assert (await stage.report(prompt)).text == "chose:yes"
        log.requests.append(RequestUsage("late", "scripted-1", 1, 1))
        driver.forget_session()
        stage.loop.send("two", e.StopAsked())
        await stage.state(State.STOPPED, "two")

    with structlog.testing.capture_logs() as logs:
        play(scene, tmp_path)
    failed = {line["told"] for line in logs if line["event"] == "audience_failed"}
    assert failed == {method}


def test_a_bug_in_a_dropped_prompts_telling_is_told(tmp_path: Path) -> None:
    """The stop goes on."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        stage.witness.broken = "dropped"
        turn = stage.prompt("text half; wait")
        stage.prompt("text never")
        await stage.text("half")
        stage.loop.send("one", e.StopAsked())
        await stage.report(turn)
        await stage.state(State.STOPPED)

    with structlog.testing.capture_logs() as logs:
        play(scene, tmp_path)
    assert [line["told"] for line in logs if line["event"] == "audience_failed"] == ["dropped"]


@pytest.mark.parametrize("protocol", ["warm", "one-shot"])
@pytest.mark.parametrize("method", ["launch", "codec"])
def test_a_bug_before_there_is_a_process_is_a_failed_start(
    tmp_path: Path, method: str, protocol: str
) -> None:
    """The agent does not wait for ever for a process that was never made."""

    async def scene(stage: Stage) -> None:
        kind = ScriptedKind(broken=method)
        stage.add(kind=kind, protocol=protocol)
        stage.add("two")
        stage.loop.send("one", e.StartAsked())
        if protocol == "one-shot":
            report = await stage.asked("text never")
            assert report.outcome is Outcome.ERROR
            assert report.fault is not None
            assert report.fault.kind is FaultKind.INTERNAL
        else:
            await stage.state(State.WAITING)
            assert stage.fault().kind is FaultKind.INTERNAL
        await stage.start("two")
        kind.broken = ""
        if protocol == "warm":
            await stage.jump_to_deadline()
        assert (await stage.asked("text well")).text == "well"

    with structlog.testing.capture_logs() as logs:
        play(scene, tmp_path)
    assert any(line["event"] == "command_failed" for line in logs)


def test_a_bug_while_the_agent_is_heard_costs_its_process_alone(tmp_path: Path) -> None:
    """The turn is interrupted; the agent comes back, and the others never noticed."""

    async def scene(stage: Stage) -> None:
        kind = ScriptedKind(broken="retrying")
        stage.add(kind=kind)
        stage.add("two")
        await stage.start()
        await stage.start("two")
        other = stage.prompt("hear; text fine", "two")
        report = await stage.asked("stderr words; wait")
        assert report.outcome is Outcome.INTERRUPTED
        kind.broken = ""
        await stage.jump_to_deadline()
        assert (await stage.asked("text back")).text == "back"
        stage.loop.drivers["two"].cancel()
        assert (await stage.report(other)).text == "fine"

    with structlog.testing.capture_logs() as logs:
        play(scene, tmp_path)
    assert any(line["event"] == "conversation_failed" for line in logs)


def test_a_bug_in_the_last_words_does_not_hide_the_exit(tmp_path: Path) -> None:
    """The exit is told exactly once, whatever was to be said about it."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(broken="last_words"))
        await stage.start()
        report = await stage.asked("crash 1")
        assert report.outcome is Outcome.INTERRUPTED
        assert stage.witness.count(e.Exited) == 1
        await stage.jump_to_deadline()
        await stage.state(State.READY)

    with structlog.testing.capture_logs() as logs:
        play(scene, tmp_path)
    # Once for the crash, once for the drain.
    assert sum(line["event"] == "farewell_failed" for line in logs) == 2


def test_an_event_for_nobody_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """The caller's error; the loop goes on."""

    async def scene(stage: Stage) -> None:
        stage.add()
        with pytest.raises(AgentNotFound):
            stage.loop.send("nobody", e.StartAsked())
        await stage.start()

    play(scene, tmp_path)


def test_a_new_policy_holds_at_once(tmp_path: Path) -> None:
    """For the agent that is known already."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(silence_seconds=1000)
        await stage.start()
        prompt = stage.prompt("text working; wait")
        await stage.text("working")
        stage.loop.adopt(driver, Spec("one", silence_seconds=5))
        await stage.jump(2.5)
        await stage.jump(2.5)
        assert (await stage.report(prompt)).outcome is Outcome.TIMEOUT

    play(scene, tmp_path)
