"""An agent that dies, hangs, lies and floods: told clearly, survived, and counted."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tars.control.contract import PermissionStatus, PromptRequest, TurnResult, Waiting
from tars.core.commands import Signal
from tests.support.tars_home import TarsHome

#: Short enough for a test; a machine under load may take a while for an honest answer.
SHORT: dict[str, Any] = {"cancel_seconds": 0.2, "grace_seconds": 0.2}
FAIL = '[agents.echo.env]\nTARS_ECHO_FAIL = "{}"\n'


# --- it dies ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("ECHO:kill", "signal 9"),
        ("ECHO:crash", "status 1"),
        ("ECHO:crash:77", "status 77"),
        ("ECHO:crash:0", "status 0"),
    ],
)
def test_it_dies_in_mid_turn(tars: TarsHome, text: str, how: str) -> None:
    """Never a success, whatever the exit status; the next prompt has its conversation."""
    tars.start()
    session = tars.prompt("one").session
    pid = tars.agent_pid()
    done = tars.tars("prompt", "--json", text)
    turn = json.loads(done.stdout)
    assert (done.returncode, turn["outcome"]) == (1, "interrupted")
    assert turn["error"]["kind"] == "crashed"
    assert how in turn["error"]["message"]
    assert "tars logs --agent echo" in turn["error"]["advice"]
    assert turn["text"].startswith("echo: ")
    agent = tars.agent()
    assert agent.restarts == 1
    assert agent.last_error is not None
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=3", session)
    assert tars.agent_pid() != pid
    assert tars.agent().last_error is None
    assert [row.outcome for row in tars.ledger()] == ["ok", "interrupted", "ok"]


def test_its_last_words_are_told(tars: TarsHome) -> None:
    """The end of stderr is in the error, and all of it in the agent's log."""
    tars.start()
    done = tars.tars("prompt", "ECHO:crash")
    assert "Told to crash." in done.stderr
    assert "Told to crash." in " ".join(tars.tars("status").stdout.split())
    assert "Told to crash.\n" in tars.tars("logs", "--agent", "echo").stdout


def test_it_dies_idle(tars: TarsHome) -> None:
    """It comes back by itself, without anybody asking."""
    tars.start()
    session, pid = tars.prompt("one").session, tars.agent_pid()
    tars.kill(pid)
    status = tars.until(lambda s: s.agents[0].state == "ready" and s.agents[0].pid != pid)
    assert status.agents[0].restarts == 1
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=2", session)


def test_a_crash_at_every_start_is_given_up(tars: TarsHome) -> None:
    """After `max_restarts` it is failed, with the reason; mended, `tars restart` brings it back."""
    tars.configure_echo(max_restarts=2, more=FAIL.format("crash-at-start"))
    start = tars.tars("start")
    assert start.returncode == 4
    assert "Gave up after 2 restarts" in start.stderr
    agent = tars.agent()
    assert (agent.state, agent.restarts, agent.pid) == ("failed", 2, None)
    assert agent.last_error is not None
    assert agent.last_error.kind == "gave_up"
    assert agent.last_error.advice
    text = tars.tars("status").stdout
    assert "failed" in text
    assert "Gave up" in text
    prompt = tars.tars("prompt", "x")
    assert (prompt.returncode, prompt.stdout) == (4, "")
    again = tars.tars("restart", "echo")
    assert again.returncode == 4
    assert "Told to crash at the start" in again.stderr
    tars.until(lambda s: s.agents[0].state == "failed")
    tars.configure_echo(max_restarts=2)
    assert tars.client.reload().changed == ["echo"]
    mended = tars.tars("restart", "echo")
    assert (mended.returncode, mended.stdout) == (0, "echo is ready.\n")
    assert tars.prompt("Hello").outcome == "ok"


def test_who_waits_for_an_agent_that_does_not_come_up_hears_why(tars: TarsHome) -> None:
    """Each time it died at its start, with what it said, long before it is given up."""
    more = "autostart = false\n" + FAIL.format("crash-at-start")
    tars.configure_echo(max_restarts=2, more=more)
    tars.start()
    *told, (_, last) = tars.client.prompt(PromptRequest(text="Is anybody there?"))
    reasons = [event.reason for _, event in told if isinstance(event, Waiting)]
    assert len(reasons) >= 2
    assert all("Told to crash at the start" in reason for reason in reasons)
    assert isinstance(last, TurnResult)
    assert last.error is not None
    assert last.error.kind == "gave_up"


@pytest.mark.parametrize(
    ("fail", "kind", "words", "restarts"),
    [
        ("no-key", "not_signed_in", "key", 0),
        ("handshake", "protocol", "refuse the handshake", 1),
        ("session", "protocol", "no session", 1),
        ("slow-handshake", "timeout", "handshake", 1),
    ],
)
def test_it_does_not_come_up(
    tars: TarsHome, fail: str, kind: str, words: str, restarts: int
) -> None:
    """`tars start` exits 4 with the reason; what a person has to mend is not tried again."""
    tars.configure_echo(handshake_seconds=1.5, max_restarts=1, more=FAIL.format(fail))
    start = tars.tars("start")
    assert start.returncode == 4, start
    assert words in start.stderr.lower()
    agent = tars.agent()
    assert (agent.state, agent.restarts) == ("failed", restarts)
    assert agent.last_error is not None
    assert agent.last_error.kind in (kind, "gave_up")
    assert tars.tars("prompt", "x").returncode == 4
    assert {p.pid for p in tars.processes()} == {tars.daemon_pid()}


def test_prompts_that_wait_for_an_agent_that_fails_are_told(tars: TarsHome) -> None:
    """Nobody waits for ever, and no prompt is left in the queue."""
    tars.configure_echo(max_restarts=0)
    tars.start()
    running = tars.under_way("ECHO:slow:9:60")
    waiting = tars.under_way("x", sign="accepted")
    tars.kill(tars.agent_pid())
    assert tars.result(running).outcome == "interrupted"
    told = tars.result(waiting)
    assert told.outcome == "error"
    assert told.error is not None
    assert told.error.kind == "gave_up"
    with tars.store() as store:
        assert store.waiting_prompts() == []


# --- it hangs ---------------------------------------------------------------


def test_a_hung_turn_ends_after_the_silence(tars: TarsHome) -> None:
    """Silent for too long: cancelled, reported as a time-out, and the process stays."""
    tars.configure_echo(silence_seconds=0.5)
    tars.start()
    pid = tars.agent_pid()
    hung = tars.prompt("ECHO:hang")
    assert hung.outcome == "timeout"
    assert hung.error is not None
    assert "silent for 0." in hung.error.message
    assert "silence_seconds" in hung.error.advice
    assert tars.prompt("Hello").outcome == "ok"
    assert tars.agent_pid() == pid


def test_a_turn_that_retries_is_not_hung(tars: TarsHome) -> None:
    """stderr is life; the status says what the turn waits for, and then no more."""
    tars.configure_echo(silence_seconds=1.0)
    tars.start()
    stream = tars.under_way("ECHO:stall", sign="waiting")
    text = tars.tars("status").stdout
    assert "the model; trying again in 100 ms" in text
    turn = tars.agent().turn
    assert turn is not None
    assert turn.waiting_for == "the model; trying again in 100 ms"
    tars.client.cancel()
    assert tars.result(stream).outcome == "cancelled"
    assert tars.prompt("ECHO:stall:15").text == "echo: at last"


def test_a_turn_has_a_deadline(tars: TarsHome) -> None:
    """However lively it is."""
    tars.configure_echo(turn_seconds=0.5)
    tars.start()
    late = tars.prompt("ECHO:slow:100:0.05")
    assert late.outcome == "timeout"
    assert late.error is not None
    assert "turn_seconds" in late.error.advice
    assert late.text.startswith("1 2 ")
    assert tars.prompt("Hello").outcome == "ok"


def test_a_deaf_agent_is_ended_rung_by_rung(tars: TarsHome) -> None:
    """Cancel, SIGINT, SIGTERM, SIGKILL; its turn is cancelled, the next prompt works."""
    tars.configure_echo(**SHORT)
    tars.start()
    session, pid = tars.prompt("one").session, tars.agent_pid()
    stream = tars.under_way("ECHO:deaf")
    tars.client.cancel()
    ended = tars.result(stream)
    assert (ended.outcome, ended.text) == ("cancelled", "echo: deaf")
    assert not psutil.pid_exists(pid)
    assert tars.agent().restarts == 1
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=3", session)
    assert tars.prompt("ECHO:deaf", timeout_seconds=0.2).outcome == "timeout"
    assert tars.prompt("Hello").outcome == "ok"
    tars.stop()
    with tars.store() as store:
        sent = [
            command.signal.value
            for run in store.runs()
            for decision in store.decisions(run)
            for command in decision.commands
            if isinstance(command, Signal)
        ]
    assert sent[:3] == ["SIGINT", "SIGTERM", "SIGKILL"]


def test_a_deaf_agent_holds_up_neither_stop_nor_restart(tars: TarsHome) -> None:
    tars.configure_echo(**SHORT)
    tars.start()
    stream = tars.under_way("ECHO:deaf")
    assert tars.client.change_agent("echo", "restart").state == "ready"
    assert tars.result(stream).outcome == "interrupted"
    stream = tars.under_way("ECHO:deaf")
    tars.stop()
    assert tars.result(stream).outcome == "interrupted"
    assert tars.processes() == []


def test_a_stopped_process_is_ended_too(tars: TarsHome) -> None:
    """SIGSTOP: it hears nothing at all, and SIGKILL works."""
    tars.configure_echo(**SHORT)
    tars.start()
    pid = tars.agent_pid()
    psutil.Process(pid).send_signal(signal.SIGSTOP)
    assert tars.prompt("x", timeout_seconds=0.2).outcome == "timeout"
    assert not psutil.pid_exists(pid)
    assert tars.prompt("Hello").outcome == "ok"


def test_what_it_started_goes_with_it(tars: TarsHome) -> None:
    """A process that the agent left in its group is ended with the agent."""
    tars.start()
    pid = int(tars.prompt("ECHO:leak").text.removeprefix("pid="))
    assert psutil.pid_exists(pid)
    killed = tars.agent_pid()
    tars.kill(killed)
    # A prompt that comes before the daemon has noticed goes to the dead one.
    tars.until(lambda s: s.agents[0].pid not in (None, killed) and s.agents[0].state == "ready")
    assert _is_gone(pid)
    assert tars.prompt("Hello").outcome == "ok"
    pid = int(tars.prompt("ECHO:leak").text.removeprefix("pid="))
    tars.stop()
    assert _is_gone(pid)


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- it talks nonsense ------------------------------------------------------


def test_garbage_is_passed_over(shared: TarsHome) -> None:
    """Binary, half a character, null, numbers, nothing: the answer after them is heard."""
    pid = shared.agent_pid()
    assert shared.prompt("ECHO:garbage").text == "echo: that was garbage"
    assert shared.agent_pid() == pid
    assert "agent_garbled" in shared.tars("logs").stdout


def test_an_endless_line_costs_no_memory(tars: TarsHome) -> None:
    """150 MiB without a newline: passed over, the answer heard, memory bounded."""
    tars.start()
    tars.prompt("warm")
    pid, before = tars.agent_pid(), tars.status().daemon.rss_bytes
    assert tars.prompt(f"ECHO:line:{150 * 2**20}").text == "echo: that was a long line"
    assert tars.agent_pid() == pid
    # A line of 64 MiB would be one; what the daemon needs besides is not so much.
    assert _peak(tars.daemon_pid()) < before + 110 * 2**20
    log = tars.tars("logs").stdout
    assert "agent_garbled" in log
    assert "xxxx" not in log


def _peak(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_a_big_answer_arrives_whole(shared: TarsHome) -> None:
    assert shared.prompt("ECHO:big:5000000").text == "x" * 5_000_000
    assert shared.tars("prompt", "ECHO:big:3000000").stdout == "x" * 3_000_000


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        ("ECHO:error:-32603", "model_error", 1),
        ("ECHO:error:-32000", "not_signed_in", 4),
        ("ECHO:error:429", "rate_limit", 1),
        ("ECHO:error:500", "overloaded", 1),
        ("ECHO:quota", "quota", 4),
        ("ECHO:nonsense", "model_error", 1),
    ],
)
def test_an_error_of_the_agent_ends_the_turn_alone(
    shared: TarsHome, text: str, kind: str, status: int
) -> None:
    """It has its kind and exit status; the process stays, the next prompt works."""
    pid = shared.agent_pid()
    done = shared.tars("prompt", "--json", text)
    turn = json.loads(done.stdout)
    assert (turn["outcome"], turn["error"]["kind"]) == ("error", kind), turn
    assert done.returncode == status
    assert turn["error"]["message"]
    assert shared.prompt("Hello").outcome == "ok"
    assert (shared.agent_pid(), shared.agent().restarts) == (pid, 0)
    assert [row.outcome for row in shared.ledger()] == ["error", "ok"]


# --- it asks ----------------------------------------------------------------


def ask(tars: TarsHome, text: str = "ECHO:ask") -> tuple[PermissionStatus, Iterator[Any]]:
    """Send a prompt that asks, and give the question and the stream."""
    stream = tars.client.prompt(PromptRequest(text=text))
    for name, event in stream:
        if name == "permission":
            assert isinstance(event, PermissionStatus)
            return event, stream
    raise AssertionError("nothing was asked")


@pytest.mark.parametrize(
    ("words", "answer", "said"),
    [
        ([], "allow_once", "Allowed (proceed_once).\n"),
        (["--option", "proceed_always"], "allow_always", "Allowed (proceed_always).\n"),
        (["--option", "allow_always"], "allow_always", "Allowed (proceed_always).\n"),
        (["--deny"], "reject_once", "Refused (cancel).\n"),
    ],
)
def test_a_person_answers(shared: TarsHome, words: list[str], answer: str, said: str) -> None:
    """The question stands in the status, with what to type; the agent gets the answer."""
    asked, stream = ask(shared)
    assert (asked.agent, asked.tool_kind) == ("echo", "execute")
    assert 250 < asked.expires_in_seconds <= 300
    assert f"tars permit {asked.id} --option proceed_always" in shared.tars("status").stdout
    turn = shared.agent().turn
    assert turn is not None
    assert turn.waiting_for == "permission"
    wrong = shared.tars("permit", asked.id, "--option", "nonsense")
    assert wrong.returncode == 2
    assert "proceed_once" in wrong.stderr
    permit = shared.tars("permit", asked.id, *words)
    assert (permit.returncode, permit.stdout) == (0, said)
    assert shared.result(stream).text == f"echo: {answer}"
    assert shared.agent().permissions == []
    assert shared.tars("permit", asked.id).returncode == 1


def test_the_policy_answers(tars: TarsHome) -> None:
    """Each agent has its own."""
    policies: dict[str, tuple[str, str, str]] = {
        "all": ('"allow"', "ECHO:ask", "allow_once"),
        "none": ('"deny"', "ECHO:ask", "reject_once"),
        "reads": ('{ default = "deny", read = "allow" }', "ECHO:ask:read", "allow_once"),
        "no-runs": ('{ default = "allow", execute = "deny" }', "ECHO:ask:execute", "reject_once"),
    }
    tars.configure(
        "\n".join(
            f'[agents.{name}]\nkind = "echo"\npermissions = {policy}'
            for name, (policy, _, _) in policies.items()
        )
    )
    tars.start()
    for name, (_, text, answer) in policies.items():
        assert tars.prompt(text, agent=name).text == f"echo: {answer}", name


def test_nobody_answers(tars: TarsHome) -> None:
    """After its time the question is refused, and the turn goes on."""
    tars.configure_echo(permission_seconds=0.3)
    tars.start()
    assert tars.prompt("ECHO:ask").text == "echo: reject_once"


def test_a_cancel_answers_first(tars: TarsHome) -> None:
    """The agent does not hear a cancel while it asks."""
    tars.configure_echo(cancel_seconds=60)
    tars.start()
    pid = tars.agent_pid()
    _, stream = ask(tars)
    tars.client.cancel()
    assert tars.result(stream).text == "echo: cancelled"
    assert tars.agent().permissions == []
    assert tars.prompt("Hello").outcome == "ok"
    assert tars.agent_pid() == pid


# --- it grows ---------------------------------------------------------------


def test_an_agent_that_grew_is_replaced_between_turns(tars: TarsHome) -> None:
    """A new process, the same session; nothing is lost and it is no restart after a failure."""
    tars.configure_echo(max_rss="100 MiB")
    tars.start()
    pid, session = tars.agent_pid(), tars.prompt("ECHO:mem:150").session
    tars.until(lambda s: s.agents[0].state == "ready" and s.agents[0].pid != pid)
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=2", session)
    assert tars.session()["interactionCount"] == 2
    assert tars.agent().restarts == 0
