"""One agent's processes, as the loop drives them: prompts, permissions, usage, and ends."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tars.accounting.usage import Source
from tars.conversation.model import RequestUsage, Retrying
from tars.core import events as e
from tars.core.agent import Outcome, State
from tars.core.permission import PermissionPolicy, Rule
from tars.errors import FaultKind
from tars.runtime import counting
from tars.runtime.channel import DRAIN_SECONDS, LINGER_SECONDS
from tests.support.scripted_kind import ScriptedKind, ScriptedLog
from tests.support.stage import Scene, Stage, alive, play, play_live


def request(id: str, input: int, output: int) -> RequestUsage:
    return RequestUsage(id, "scripted-1", input, output)


BOTH = pytest.mark.parametrize("run", [play, play_live], ids=["virtual", "live"])
Run = Callable[[Scene, Path], None]


# --- prompts ----------------------------------------------------------------


@BOTH
def test_a_prompt_is_answered_and_counted(tmp_path: Path, run: Run) -> None:
    """From the process that is made, over the handshake, to the report."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        assert (driver.session_id, driver.model) == ("s1", "scripted-1")
        report = await stage.asked("text hello; tool c1 completed; text there; end done 30 4")
        assert (report.outcome, report.fault, report.text) == (Outcome.OK, None, "hellothere")
        assert (report.usage.input, report.usage.output) == (30, 4)
        assert report.usage.tool_calls == 1
        assert report.session_id == "s1"
        assert report.model == "scripted-1"

    run(scene, tmp_path)


@BOTH
def test_prompts_run_one_at_a_time_first_in_first_out(tmp_path: Path, run: Run) -> None:
    """In one process, without a pause."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        ids = [stage.prompt(f"text number-{n}") for n in range(20)]
        for id in ids:
            await stage.report(id)
        assert stage.witness.began_turns == ids
        assert list(stage.witness.reports) == ids
        assert stage.witness.texts() == [f"number-{n}" for n in range(20)]
        assert len(stage.pids()) == 1

    run(scene, tmp_path)


def test_prompts_that_come_before_the_agent_is_ready_wait(tmp_path: Path) -> None:
    """They are no reason to wait for it by hand."""

    async def scene(stage: Stage) -> None:
        stage.add()
        stage.loop.send("one", e.StartAsked())
        first, second = stage.prompt("text a"), stage.prompt("text b")
        assert stage.agent().state is State.STARTING
        assert (await stage.report(second)).text == "b"
        assert stage.witness.began_turns == [first, second]

    play(scene, tmp_path)


def test_a_large_prompt_and_a_large_answer_are_whole(tmp_path: Path) -> None:
    """Larger than any pipe, in both directions at once."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        words = "x" * 1_000_000
        report = await stage.asked(f"lines 20000; text {words}")
        assert len(report.text) == 20_000 * 63 + len(words)

    play_live(scene, tmp_path)


def test_garbage_is_told_and_the_turn_goes_on(tmp_path: Path) -> None:
    """Bytes that make no sense are an event, not the end."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        report = await stage.asked("garble; text fine; flood 2; text still")
        assert report.text == "finestill"
        assert [said.size for said in stage.witness.garbled()][1:] == [2 * 2**20]

    play(scene, tmp_path)


# --- cancel -----------------------------------------------------------------


@BOTH
def test_a_cancel_is_obeyed(tmp_path: Path, run: Run) -> None:
    """The process lives on, and takes the next prompt."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("text working; wait")
        await stage.text("working")
        stage.loop.send("one", e.CancelAsked(prompt))
        assert (await stage.report(prompt)).outcome is Outcome.CANCELLED
        assert (await stage.asked("text next")).text == "next"
        assert len(stage.pids()) == 1

    run(scene, tmp_path)


def test_a_prompt_that_waits_is_withdrawn(tmp_path: Path) -> None:
    """The agent never hears of it, and the turn under way is not disturbed."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        first, second = stage.prompt("hear; text done"), stage.prompt("text never")
        stage.loop.send("one", e.CancelAsked(second))
        assert stage.witness.drops == {second: (Outcome.CANCELLED, None)}
        stage.loop.drivers["one"].cancel()
        assert (await stage.report(first)).text == "done"

    play(scene, tmp_path)


def test_an_agent_that_is_deaf_is_ended_rung_by_rung(tmp_path: Path) -> None:
    """Cancel, SIGINT, SIGTERM, SIGKILL: an hour between any two, and no test waits for it."""
    hour = 3600.0

    async def scene(stage: Stage) -> None:
        stage.add(cancel_seconds=hour, grace_seconds=hour, turn_seconds=100 * hour)
        await stage.start()
        prompt = stage.prompt("deaf; text deaf; stay")
        waiting = stage.prompt("text next-life")
        await stage.text("deaf")
        pid = stage.pids()[0]
        stage.loop.send("one", e.CancelAsked(prompt))
        for _ in range(3):
            await stage.jump(hour - 1)
            assert alive(pid)
            await stage.jump(1)
        report = await stage.report(prompt)
        assert report.outcome is Outcome.CANCELLED
        assert report.duration_ms == 3 * hour * 1000
        status = next(x.status for _, x in stage.witness.events if isinstance(x, e.Exited))
        assert status == -signal.SIGKILL
        # It was well for hours: its successor comes at once.
        assert (await stage.report(waiting)).text == "next-life"

    play(scene, tmp_path)


def test_a_polite_agent_goes_at_the_first_rung(tmp_path: Path) -> None:
    """One that ignores the cancel but not SIGINT is not killed."""

    async def scene(stage: Stage) -> None:
        stage.add(cancel_seconds=10)
        await stage.start()
        prompt = stage.prompt("text busy; stay")
        await stage.text("busy")
        stage.loop.send("one", e.CancelAsked(prompt))
        await stage.jump(10)
        await stage.report(prompt)
        status = next(x.status for _, x in stage.witness.events if isinstance(x, e.Exited))
        assert status == -signal.SIGINT

    play(scene, tmp_path)


# --- deadlines of a turn ----------------------------------------------------


def test_a_prompts_own_time_out_ends_its_turn(tmp_path: Path) -> None:
    """It counts from the turn's beginning, not from when the prompt was asked."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        first = stage.prompt("hear; text done")
        second = stage.prompt("text waiting; wait", timeout=30)
        await stage.jump(100)
        stage.loop.drivers["one"].cancel()
        await stage.report(first)
        await stage.text("waiting")
        await stage.jump(29)
        assert stage.agent().turn is not None
        await stage.jump(1)
        report = await stage.report(second)
        assert report.outcome is Outcome.TIMEOUT
        assert report.fault is not None
        assert report.duration_ms == 30_000

    play(scene, tmp_path)


def test_a_silent_turn_is_given_up(tmp_path: Path) -> None:
    """The agent gets its chance to obey the cancel; the outcome is a time-out all the same."""

    async def scene(stage: Stage) -> None:
        stage.add(silence_seconds=600)
        await stage.start()
        prompt = stage.prompt("text working; wait")
        await stage.text("working")
        await stage.jump(590)
        await stage.jump(10)
        report = await stage.report(prompt)
        assert report.outcome is Outcome.TIMEOUT
        assert report.fault is not None
        assert "silent for 600 s, and its process used no CPU time" in report.fault.message
        assert stage.agent().state is State.READY

    play(scene, tmp_path)


def test_a_word_on_stderr_is_life(tmp_path: Path) -> None:
    """An agent may retry for minutes and say so there alone."""

    async def scene(stage: Stage) -> None:
        stage.add(silence_seconds=600)
        await stage.start()
        prompt = stage.prompt("text working; hear; stderr retrying; wait")
        await stage.text("working")
        await stage.jump(500)
        # `hear` takes a line from the pipe, so that the child speaks at this very moment.
        stage.loop.drivers["one"].cancel()
        await stage.until(lambda: "retrying" in stage.witness.stderr)
        await stage.jump(590)
        await stage.jump(9)
        assert stage.agent().turn is not None
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(1)
        assert stage.witness.count(e.Hung) == 1
        assert (await stage.report(prompt)).duration_ms == 1_100_000

    play(scene, tmp_path)


def test_a_tool_that_works_excuses_silence(tmp_path: Path) -> None:
    """A test run of an hour is no hang; the turn's own time is the bound then."""

    async def scene(stage: Stage) -> None:
        stage.add(silence_seconds=60, turn_seconds=7200)
        await stage.start()
        prompt = stage.prompt("tool c1 in_progress; wait")
        await stage.until(lambda: bool(stage.loop.drivers["one"].signs.tool_running))
        for _ in range(7):
            await stage.jump(1000)
        assert stage.witness.count(e.Hung) == 0
        await stage.jump(200)
        assert (await stage.report(prompt)).outcome is Outcome.TIMEOUT

    play(scene, tmp_path)


def test_what_the_agent_waits_for_is_told_until_it_says_something_else(tmp_path: Path) -> None:
    """From its stderr; once, however often it repeats itself."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        prompt = stage.prompt("stderr retry model; stderr retry model; hear; text back; wait")
        await stage.until(lambda: stage.witness.stderr == ["retry model"] * 2)
        assert driver.turn is not None
        assert driver.turn.waiting_for == "retry model"
        driver.cancel()
        await stage.text("back")
        assert driver.turn.waiting_for is None
        reasons = [said.reason for said in stage.witness.heard if isinstance(said, Retrying)]
        assert reasons == ["retry model", ""]
        stage.loop.send("one", e.CancelAsked(prompt))
        await stage.report(prompt)

    play(scene, tmp_path)


# --- starts that fail -------------------------------------------------------


def test_a_handshake_that_is_not_answered_is_a_loss(tmp_path: Path) -> None:
    """After its time the process is ended, and another is tried after a while."""

    async def scene(stage: Stage) -> None:
        kind = ScriptedKind("stderr mute; stay")
        stage.add(kind=kind, handshake_seconds=60)
        stage.loop.send("one", e.StartAsked())
        await stage.until(lambda: stage.witness.stderr == ["mute"])
        await stage.jump(59)
        assert stage.agent().state is State.STARTING
        await stage.jump(1)
        await stage.state(State.WAITING)
        assert stage.fault().kind is FaultKind.TIMEOUT
        kind.handshake = "open SESSION"
        await stage.jump_to_deadline()
        await stage.state(State.READY)

    play(scene, tmp_path)


@pytest.mark.parametrize(
    ("handshake", "kind", "words"),
    [
        ("garble; garble; stderr mute; stay", FaultKind.PROTOCOL, "wrote 2 lines that make no"),
        ("garble; text hello; stderr mute; stay", FaultKind.TIMEOUT, "within 60 s"),
    ],
)
def test_nonsense_instead_of_an_answer_is_called_that(
    handshake: str, kind: FaultKind, words: str, tmp_path: Path
) -> None:
    """It is not slow, it speaks something else; unless something of it made sense."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(handshake), handshake_seconds=60)
        stage.loop.send("one", e.StartAsked())
        await stage.until(lambda: stage.witness.stderr == ["mute"])
        await stage.jump(60)
        await stage.state(State.WAITING)
        assert stage.fault().kind is kind
        assert words in stage.fault().message
        assert ("`command` in `[agents.one]`" in stage.fault().advice) is ("2" in words)

    play(scene, tmp_path)


def test_a_command_that_is_not_there_is_not_tried_again(tmp_path: Path) -> None:
    """It says what to do; prompts are refused with the same words."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(argv=("/nonexistent/agent",)))
        stage.loop.send("one", e.StartAsked())
        waiting = stage.prompt("text never")
        await stage.state(State.FAILED)
        fault = stage.fault()
        assert (fault.kind, fault.advice) == (FaultKind.NOT_INSTALLED, "Install it.")
        await stage.jump(24 * 3600)
        assert stage.witness.count(e.SpawnFailed) == 1
        late = stage.prompt("text never")
        assert stage.witness.drops == {
            waiting: (Outcome.REFUSED, fault),
            late: (Outcome.REFUSED, fault),
        }

    play(scene, tmp_path)


def test_faults_of_the_configuration_are_told_apart(tmp_path: Path) -> None:
    """A folder that is not there, and a file that is no program."""
    program = tmp_path / "agent"
    program.write_text("no program")

    async def scene(stage: Stage) -> None:
        stage.add("lost", cwd=tmp_path / "nowhere")
        stage.add("bad", ScriptedKind(argv=(str(program),)))
        for name in ("lost", "bad"):
            await stage.start(name, State.FAILED)
        lost, bad = stage.fault("lost"), stage.fault("bad")
        assert lost.kind is bad.kind is FaultKind.BAD_CONFIG
        assert "nowhere" in lost.message
        assert "may not be run" in bad.message

    play(scene, tmp_path)


def test_an_agent_that_says_no_is_ended_and_its_reason_kept(tmp_path: Path) -> None:
    """What a person has to mend is not tried again."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind("failed not_signed_in; stay"))
        await stage.start(state=State.FAILED)
        assert stage.fault().kind is FaultKind.NOT_SIGNED_IN
        assert len(stage.pids()) == 1

    play(scene, tmp_path)


@BOTH
def test_the_last_words_on_stderr_are_heard_although_the_process_died_at_once(
    tmp_path: Path, run: Run
) -> None:
    """They say why, with or without a newline at the end: a missing sign-in is no crash."""

    async def scene(stage: Stage) -> None:
        stage.add("torn", ScriptedKind("torn please sign in; crash 41"))
        await stage.start("torn", State.FAILED)
        assert stage.fault("torn").kind is FaultKind.NOT_SIGNED_IN
        assert stage.witness.stderr == ["please sign in"]

    run(scene, tmp_path)


# --- losses -----------------------------------------------------------------


def test_a_crash_in_mid_turn_is_reported_and_the_next_prompt_is_run(tmp_path: Path) -> None:
    """By a new process, after the back-off, with the same session."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(env={"API_KEY": "s3cr3t-value"})
        await stage.start()
        lost = stage.prompt("text half; stderr died of s3cr3t-value; crash 3")
        waiting = stage.prompt("text whole")
        report = await stage.report(lost)
        assert (report.outcome, report.text) == (Outcome.INTERRUPTED, "half")
        assert report.usage.at_least, "what it was asking the model is billed all the same"
        assert report.fault is not None
        assert "status 3" in report.fault.message
        assert "died of [redacted]" in report.fault.message
        assert stage.witness.stderr == ["died of [redacted]"]
        assert stage.agent().state is State.WAITING
        assert driver.child is None
        await stage.jump_to_deadline()
        assert (await stage.report(waiting)).text == "whole"
        assert len(set(stage.pids())) == 2
        assert stage.agent().restarts.total == 1

    play(scene, tmp_path)


def test_restarts_back_off_and_end(tmp_path: Path) -> None:
    """An agent that cannot start does not keep the machine busy for ever."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind("crash 1"))
        stage.loop.send("one", e.StartAsked())
        delays = []
        while True:
            await stage.until(lambda: stage.agent().state in (State.WAITING, State.FAILED))
            agent = stage.agent()
            if agent.state is State.FAILED:
                break
            assert agent.deadline is not None
            delays.append(agent.deadline - agent.since)
            await stage.jump_to_deadline()
            await stage.until(lambda: stage.agent().state is not State.STARTING)
        assert delays == sorted(delays)
        assert len(delays) == 10
        assert stage.fault().kind is FaultKind.GAVE_UP

    play(scene, tmp_path)


def test_an_agent_that_closes_its_stdout_and_lives_on_is_ended(tmp_path: Path) -> None:
    """Nobody can talk to it any more; it gets a moment to go by itself."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("text bye; closeout")
        await stage.text("bye")
        pid = stage.pids()[0]
        # Only /proc can tell when its end of the pipe is closed.
        await stage.polled(lambda: not os.path.exists(f"/proc/{pid}/fd/1"))
        await stage.jump(LINGER_SECONDS - 0.1)
        assert alive(pid)
        await stage.jump(0.1)
        report = await stage.report(prompt)
        assert report.outcome is Outcome.INTERRUPTED
        assert report.fault is not None
        assert report.fault.message == "The agent closed its output and went on; tars ended it."

    play(scene, tmp_path)


@pytest.mark.parametrize(("seconds", "quoted"), [(0, True), (3, True), (120, False)])
def test_a_crash_is_explained_by_what_was_written_shortly_before(
    seconds: float, quoted: bool, tmp_path: Path
) -> None:
    """An old complaint on stderr is not the reason, whatever it was; and a fresh one comes
    without what would colour a terminal."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("stderr \x1b[31mrejected\x1b[0m; hear; crash 3")
        await stage.until(lambda: "rejected" in stage.witness.stderr)
        await stage.jump(seconds)
        # Its script goes on with the next line that it hears.
        stage.loop.drivers["one"].cancel()
        fault = (await stage.report(prompt)).fault
        assert fault is not None
        assert ("rejected" in fault.message) is quoted
        assert ("written 3 s before" in fault.message) is (seconds == 3)
        assert "\x1b" not in fault.message

    play(scene, tmp_path)


def test_whom_sigkill_ends_did_not_say_why(tmp_path: Path) -> None:
    """What it wrote a moment ago has nothing to do with it."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("stderr innocent; die 9")
        fault = (await stage.report(prompt)).fault
        assert fault is not None
        assert fault.message == "The agent was killed by signal 9 in mid-turn."

    play(scene, tmp_path)


def test_a_grandchild_goes_with_its_agent(tmp_path: Path) -> None:
    """However the agent went."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("bear; crash 1")
        await stage.report(prompt)
        grandchild = int(stage.witness.texts()[0])
        await stage.polled(lambda: not alive(grandchild))

    play(scene, tmp_path)


def test_a_descendant_that_left_the_session_goes_with_its_agent(tmp_path: Path) -> None:
    """It keeps the pipes open, and holds up no exit: it is found by its mark and ended."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("bear away; crash 1")
        await stage.until(lambda: len(stage.witness.texts()) == 1)
        runaway = int(stage.witness.texts()[0])
        assert (await stage.report(prompt)).outcome is Outcome.INTERRUPTED
        await stage.polled(lambda: not alive(runaway))

    play(scene, tmp_path)


# --- permissions ------------------------------------------------------------


def test_a_question_waits_for_an_answer(tmp_path: Path) -> None:
    """Whoever watches is told, under an id that can be typed; the agent gets the option."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        prompt = stage.prompt("ask edit")
        await stage.until(lambda: stage.witness.questions == ["p1"])
        assert driver.turn is not None
        assert list(driver.turn.permissions) == ["p1"]
        stage.loop.send("one", e.PermissionAnswered("p1", "yes"))
        assert not driver.turn.permissions
        assert (await stage.report(prompt)).text == "chose:yes"
        second = stage.prompt("ask edit")
        await stage.until(lambda: stage.witness.questions == ["p1", "p2"])
        stage.loop.send("one", e.PermissionAnswered("p2", None))
        assert (await stage.report(second)).text == "chose:no"

    play(scene, tmp_path)


def test_a_question_that_nobody_answers_is_refused_in_time(tmp_path: Path) -> None:
    """And the silence until then was no hang."""

    async def scene(stage: Stage) -> None:
        stage.add(permission_seconds=300, silence_seconds=60)
        await stage.start()
        prompt = stage.prompt("ask edit")
        await stage.until(lambda: stage.witness.questions == ["p1"])
        await stage.jump(299)
        assert prompt not in stage.witness.reports
        await stage.jump(1)
        report = await stage.report(prompt)
        assert (report.outcome, report.text) == (Outcome.OK, "chose:no")

    play(scene, tmp_path)


def test_a_cancel_answers_the_open_question_first(tmp_path: Path) -> None:
    """The agent would not hear the cancel before."""

    async def scene(stage: Stage) -> None:
        stage.add()
        await stage.start()
        prompt = stage.prompt("ask edit; wait")
        await stage.until(lambda: stage.witness.questions == ["p1"])
        stage.loop.send("one", e.CancelAsked(prompt))
        report = await stage.report(prompt)
        assert (report.outcome, report.text) == (Outcome.CANCELLED, "refused")

    play(scene, tmp_path)


@pytest.mark.parametrize(("rule", "answer"), [(Rule.ALLOW, "yes"), (Rule.DENY, "no")])
def test_a_policy_answers_without_asking_anybody(tmp_path: Path, rule: Rule, answer: str) -> None:
    """Nobody is told of a question that is answered already."""

    async def scene(stage: Stage) -> None:
        stage.add(permissions=PermissionPolicy(rule))
        await stage.start()
        assert (await stage.asked("ask edit")).text == f"chose:{answer}"
        assert stage.witness.questions == []

    play(scene, tmp_path)


# --- one process per prompt -------------------------------------------------


@BOTH
def test_every_prompt_of_a_one_shot_agent_has_its_process(tmp_path: Path, run: Run) -> None:
    """It is ready without one, and has none between two prompts."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(protocol="one-shot")
        await stage.start()
        assert stage.pids() == []
        ids = [stage.prompt(f"text number-{n}; end done 3 {n}") for n in range(3)]
        for id in ids:
            assert (await stage.report(id)).outcome is Outcome.OK
        await stage.state(State.READY)
        assert driver.child is None
        assert len(set(stage.pids())) == 3
        assert [stage.witness.reports[id].usage.output for id in ids] == [0, 1, 2]

    run(scene, tmp_path)


@BOTH
def test_an_answer_of_megabytes_through_a_file_is_whole(tmp_path: Path, run: Run) -> None:
    """The process is long gone while the rest is still being read."""

    async def scene(stage: Stage) -> None:
        stage.add(protocol="one-shot")
        await stage.start()
        report = await stage.asked("lines 50000")
        assert report.outcome is Outcome.OK
        assert report.text == "".join(f"{n:063d}" for n in range(50_000))

    run(scene, tmp_path)


def test_a_file_is_read_to_its_end_however_long_that_takes(tmp_path: Path) -> None:
    """A slow machine must not lose the end of an answer that is there."""

    async def scene(stage: Stage) -> None:
        stage.add(protocol="one-shot", turn_seconds=10**6)
        await stage.start()
        stage.witness.while_hearing = lambda: stage.leap(DRAIN_SECONDS / 10)
        report = await stage.asked("lines 20000")
        assert len(report.text) == 20_000 * 63

    play(scene, tmp_path)


def test_a_one_shot_agent_is_cancelled_by_sigint(tmp_path: Path) -> None:
    """It has no protocol to cancel in. The next prompt gets a new process."""

    async def scene(stage: Stage) -> None:
        stage.add(protocol="one-shot")
        await stage.start()
        prompt = stage.prompt("text working; stay")
        waiting = stage.prompt("text next")
        await stage.until(lambda: bool(stage.pids()))
        await stage.polled(
            lambda: (tmp_path / "tmp/one/stdout").read_bytes().endswith(b"working\n")
        )
        stage.loop.send("one", e.CancelAsked(prompt))
        report = await stage.report(prompt)
        assert (report.outcome, report.text) == (Outcome.CANCELLED, "working")
        status = next(x.status for _, x in stage.witness.events if isinstance(x, e.Exited))
        assert status == -signal.SIGINT
        assert (await stage.report(waiting)).text == "next"

    play(scene, tmp_path)


def test_a_one_shot_process_that_fails_loses_its_prompt_alone(tmp_path: Path) -> None:
    """Its status or signal is the reason, and where that is 0 its codec knows better."""

    async def scene(stage: Stage) -> None:
        stage.add(protocol="one-shot")
        await stage.start()
        for script, words in (("crash 0", "It went without a word."), ("crash 1", "status 1")):
            report = await stage.asked(f"text half; {script}")
            assert report.outcome is Outcome.ERROR
            assert report.fault is not None
            assert words in report.fault.message
        assert (await stage.asked("text whole")).outcome is Outcome.OK

    play(scene, tmp_path)


def test_a_one_shot_answer_counts_although_its_log_lags_behind_its_exit(tmp_path: Path) -> None:
    """The result was printed: that the process went while its log was awaited is no crash."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(logs={"s1": log}), protocol="one-shot")
        await stage.start()
        report = await stage.asked("text whole; end done 10 5")
        assert (report.outcome, report.fault) == (Outcome.OK, None)
        assert (report.usage.input, report.usage.output) == (10, 5)

    play(scene, tmp_path)


# --- usage ------------------------------------------------------------------


def test_the_log_gives_the_detail_of_a_turn(tmp_path: Path) -> None:
    """What it shows from before the turn is not the turn's."""
    log = ScriptedLog([request("old", 7, 7)])

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(logs={"s0": log}), session="s0")
        await stage.start()
        prompt = stage.prompt("hear; end done 300 30")
        log.requests += [request("a", 100, 10), request("b", 200, 20)]
        stage.loop.drivers["one"].cancel()
        report = await stage.report(prompt)
        assert [x.id for x in report.requests] == ["a", "b"]
        assert (report.usage.input, report.usage.context) == (300, 200)
        assert report.usage.source is Source.OFFICIAL

    play(scene, tmp_path)


def test_a_log_that_comes_a_little_late_is_awaited(tmp_path: Path) -> None:
    """The turn ends as soon as all that was reported is there."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(logs={"s1": log}))
        await stage.start()
        prompt = stage.prompt("end done 300 30")
        await stage.until(lambda: driver.turn is not None and driver.turn.reported is not None)
        log.requests.append(request("a", 100, 10))
        await stage.jump(counting.LOG_LOOK_SECONDS)
        assert prompt not in stage.witness.reports
        log.requests.append(request("b", 200, 20))
        await stage.jump(counting.LOG_LOOK_SECONDS)
        report = await stage.report(prompt)
        assert [x.id for x in report.requests] == ["a", "b"]

    play(scene, tmp_path)


def test_a_log_that_never_comes_is_awaited_for_a_bounded_time(tmp_path: Path) -> None:
    """The agent's own report stands, and is marked as a sum."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(logs={"s1": log}))
        await stage.start()
        prompt = stage.prompt("end done 300 30")
        await stage.until(lambda: driver.turn is not None and driver.turn.reported is not None)
        log.reads = 0
        while prompt not in stage.witness.reports:
            await stage.jump(counting.LOG_LOOK_SECONDS)
        report = await stage.report(prompt)
        assert (report.usage.input, report.usage.context_is_sum) == (300, True)
        assert report.duration_ms == round(counting.LOG_PATIENCE_SECONDS * 1000)
        assert log.reads <= counting.LOG_PATIENCE_SECONDS / counting.LOG_LOOK_SECONDS + 3

    play(scene, tmp_path)


def test_a_log_that_breaks_its_reader_costs_the_detail_alone(tmp_path: Path) -> None:
    """The turn is finished with what the agent itself reported."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(logs={"s1": ScriptedLog(broken=True)}))
        await stage.start()
        for _ in range(2):
            report = await stage.asked("text well; end done 300 30")
            assert (report.outcome, report.text, report.usage.input) == (Outcome.OK, "well", 300)
        assert len(stage.pids()) == 1

    play(scene, tmp_path)


def test_requests_that_are_logged_after_their_turn_are_counted_as_spent(tmp_path: Path) -> None:
    """Once each: before the next turn, at a reset, and when the process has gone."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(logs={"s1": log}))
        await stage.start()
        await stage.asked("end cancelled")
        log.requests.append(request("late-1", 100, 10))
        report = await stage.asked("end done")
        assert report.requests == ()
        assert [(s, [x.id for x in r]) for _, s, r in stage.witness.late] == [("s1", ["late-1"])]
        log.requests.append(request("late-2", 1, 1))
        driver.forget_session()
        assert [x.id for _, _, r in stage.witness.late for x in r] == ["late-1", "late-2"]
        assert driver.session_id is None

    play(scene, tmp_path)


def test_requests_that_are_logged_while_the_process_goes_are_counted_as_spent(
    tmp_path: Path,
) -> None:
    """Nobody would read them any more: a successor begins at the log's end."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        stage.add(kind=ScriptedKind(logs={"s1": log}))
        await stage.start()
        await stage.asked("end cancelled")
        log.requests.append(request("late", 100, 10))
        stage.loop.send("one", e.StopAsked())
        await stage.state(State.STOPPED)
        assert [x.id for _, _, r in stage.witness.late for x in r] == ["late"]

    play(scene, tmp_path)


def test_what_a_lost_turn_used_is_its_own(tmp_path: Path) -> None:
    """A crash does not make its requests anybody else's, even while its log was awaited."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(logs={"s1": log}))
        await stage.start()
        # After a life as long as this, its successor comes at once.
        await stage.jump(1000)
        first = stage.prompt("end done 300 30; crash 1")
        await stage.until(lambda: driver.turn is not None and driver.turn.reported is not None)
        log.requests.append(request("a", 300, 30))
        report = await stage.report(first)
        # It answered before it went.
        assert report.outcome is Outcome.OK
        assert [x.id for x in report.requests] == ["a"]
        await stage.state(State.READY)
        second = stage.prompt("hear; end done 1 1")
        log.requests.append(request("b", 1, 1))
        # The first turn's patience is not over; what it would read now is the second's.
        await stage.jump(counting.LOG_LOOK_SECONDS)
        driver.cancel()
        assert [x.id for x in (await stage.report(second)).requests] == ["b"]
        assert stage.witness.late == []

    play(scene, tmp_path)


# --- sessions ---------------------------------------------------------------


def test_the_session_is_brought_back_in_the_next_process(tmp_path: Path) -> None:
    """Its log is guarded before the load, and tidied after."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(logs={"s9": log}), session="s9")
        await stage.start()
        assert (driver.session_id, log.guarded, log.tidied) == ("s9", 1, 1)
        stage.loop.send("one", e.RestartAsked())
        await stage.until(lambda: len(stage.pids()) == 2)
        await stage.state(State.READY)
        assert (driver.session_id, log.guarded, log.tidied) == ("s9", 2, 2)
        await stage.asked("text a")
        assert log.guarded == 2, "a session that is open is not loaded again"

    play(scene, tmp_path)


def test_a_prompt_may_go_to_another_session(tmp_path: Path) -> None:
    """Which is guarded before the process loads it, and whose past is not the turn's."""
    logs = {"s2": ScriptedLog([request("past", 9, 9)])}

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(logs=logs))
        await stage.start()
        report = await stage.asked("open s2; text there", session="s2")
        assert (report.session_id, driver.session_id) == ("s2", "s2")
        assert (report.requests, logs["s2"].guarded) == ((), 1)

    play(scene, tmp_path)


def test_a_one_shot_agents_session_is_guarded_before_every_process(tmp_path: Path) -> None:
    """Each of them loads it."""
    log = ScriptedLog()

    async def scene(stage: Stage) -> None:
        kind = ScriptedKind(logs={"s9": log})
        stage.add(kind=kind, protocol="one-shot", session="s9")
        await stage.start()
        await stage.asked("text a")
        await stage.asked("text b")
        assert log.guarded == 2

    play(scene, tmp_path)


def test_a_lost_session_is_forgotten(tmp_path: Path) -> None:
    """The next process is not asked for it again."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind("lost SESSION; open"), session="s9")
        await stage.start()
        assert driver.session_id == "s1"

    play(scene, tmp_path)


def test_a_replay_that_falls_silent_is_taken_as_over(tmp_path: Path) -> None:
    """Not while it still comes in: the silence is counted from the last byte."""

    async def scene(stage: Stage) -> None:
        kind = ScriptedKind("settling; stderr begun; hear; stderr more; stay")
        driver = stage.add(kind=kind, session="s9")
        stage.loop.send("one", e.StartAsked())
        await stage.until(lambda: stage.witness.stderr == ["begun"])
        await stage.jump(2.0 - 0.5)
        driver.cancel()
        await stage.until(lambda: stage.witness.stderr == ["begun", "more"])
        await stage.jump(2.0 - 0.5)
        assert stage.agent().state is State.STARTING
        await stage.jump(0.5)
        assert stage.agent().state is State.READY

    play(scene, tmp_path)


# --- vitals -----------------------------------------------------------------


def test_memory_is_measured_now_and_then_and_an_agent_that_grew_is_replaced(
    tmp_path: Path,
) -> None:
    """Between two turns, with its session."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(max_rss_bytes=60 * 2**20)
        await stage.start()
        assert driver.vitals.rss_bytes == 0
        await stage.jump(20)
        assert 0 < driver.vitals.rss_bytes < 60 * 2**20
        prompt = stage.prompt("stuff 80; text stuffed; hear")
        await stage.text("stuffed")
        await stage.jump(20)
        assert stage.agent().outgrown
        assert stage.agent().state is State.BUSY
        driver.cancel()
        await stage.report(prompt)
        await stage.until(lambda: len(stage.pids()) == 2)
        await stage.state(State.READY)
        assert (await stage.asked("text slim")).text == "slim"
        assert stage.witness.count(e.Outgrown) == 1

    play(scene, tmp_path)
