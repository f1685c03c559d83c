"""The durable queue: a prompt that was accepted is run or reported, whatever ends the daemon."""

import signal
from pathlib import Path

import pytest

from tars.control.contract import PromptRequest, TurnResult
from tars.errors import TarsError
from tests.support.tars_home import TarsHome


def submit(tars: TarsHome, *texts: str) -> list[str]:
    """Send prompts without waiting for them."""
    return [tars.client.submit(PromptRequest(text=text)).turn for text in texts]


def idle(tars: TarsHome) -> None:
    """Run one prompt more: it goes last through the queue, and through the one to the disk."""
    assert tars.prompt("the last").outcome == "ok"


def test_kill_9_of_the_daemon_in_mid_turn(tars: TarsHome) -> None:
    """The turn under way is recorded as interrupted, those that wait are run in order."""
    tars.start()
    session = tars.prompt("ECHO:usage:500:5:0:0").session
    stream = tars.under_way("ECHO:slow:9:60")
    waiting = submit(tars, "first", "second", "ECHO:history")
    tars.kill(tars.daemon_pid())
    with pytest.raises(TarsError):
        tars.result(stream)
    tars.start()
    idle(tars)
    rows = tars.ledger()
    assert [row.outcome for row in rows] == ["ok", "interrupted", "ok", "ok", "ok", "ok"]
    assert [row.id for row in rows[2:5]] == waiting
    assert {row.session for row in rows} == {session}
    fault = rows[1].fault
    assert fault is not None
    assert "daemon" in fault.message
    assert tars.session()["interactionCount"] == 6
    assert tars.prompt("ECHO:history").text == "turns=7"


def test_what_an_interrupted_turn_used_is_counted(tars: TarsHome) -> None:
    """The agent's own log has the requests of a turn that the daemon did not survive."""
    tars.start()
    tars.under_way("ECHO:tools:hang", sign="tool")
    tars.kill(tars.daemon_pid())
    tars.start()
    idle(tars)
    interrupted, _ = tars.ledger()
    assert interrupted.outcome == "interrupted"
    assert (interrupted.usage.input, interrupted.usage.output) == (1000, 10)
    assert interrupted.usage.source == "log"
    assert interrupted.usage.at_least, "what was under way is billed too"
    assert tars.session()["totalOutputTokens"] == 10 + 3


def test_an_interrupted_turn_of_a_new_session(tars: TarsHome) -> None:
    """The session that a turn itself began is known to the ledger before the turn ends."""
    tars.start()
    tars.client.reset()
    tars.under_way("ECHO:tools:hang", sign="tool")
    submit(tars, "waits")  # when it is on disk, so is what came before
    session = tars.session()["sessionId"]
    tars.kill(tars.daemon_pid())
    tars.start()
    idle(tars)
    interrupted, *others = tars.ledger()
    assert {row.session for row in (interrupted, *others)} == {session}
    assert interrupted.usage.input == 1000
    assert tars.session()["interactionCount"] == 3


def test_sigterm_in_mid_turn(tars: TarsHome) -> None:
    """The turn is interrupted and told to who waits; the waiting prompts are kept and run."""
    with tars.foreground() as daemon:
        stream = tars.under_way("ECHO:slow:9:60")
        queued = tars.client.prompt(PromptRequest(text="kept"))
        next(queued)
        waiting = submit(tars, "ECHO:history")
        daemon.send_signal(signal.SIGTERM)
        result = tars.result(stream)
        assert (result.outcome, result.text) == ("interrupted", "1 ")
        kept = tars.result(queued)
        assert (kept.outcome, kept.text) == ("interrupted", "")
        assert kept.error is not None
        assert "tars start" in kept.error.advice
        assert daemon.wait(30) == 0
    assert tars.processes() == []
    assert [row.outcome for row in tars.ledger()] == ["interrupted"]
    assert tars.session()["interactionCount"] == 1
    tars.start()
    idle(tars)
    rows = tars.ledger()
    assert [row.outcome for row in rows] == ["interrupted", "ok", "ok", "ok"]
    assert rows[2].id == waiting[0]


def test_tars_stop_tells_who_waits(tars: TarsHome) -> None:
    """`tars prompt` ends with a sentence, not with a traceback or never."""
    tars.start()
    with tars.running("prompt", "ECHO:slow:9:60") as running:
        assert running.stdout is not None
        assert running.stdout.read(2) == "1 "
        with tars.running("prompt", "waits") as waiting:
            tars.until(lambda s: s.agents[0].queued == 1)
            tars.stop()
            assert waiting.wait(60) == 1
            assert waiting.stderr is not None
            said = waiting.stderr.read()
        assert running.wait(60) == 1
        assert running.stderr is not None
        assert "interrupted" in running.stderr.read()
    assert "Traceback" not in said
    assert "the next `tars start` runs it" in said


def test_a_prompt_for_an_agent_that_is_gone(tars: TarsHome) -> None:
    """It is reported as refused in the store, and holds up nobody."""
    two = '[agents.two]\nkind = "echo"\n'
    tars.configure_echo(more=two)
    tars.start()
    tars.under_way("ECHO:slow:9:60", agent="two")
    lost = tars.client.submit(PromptRequest(text="x", agent="two")).turn
    tars.kill(tars.daemon_pid())
    tars.configure_echo()
    tars.start()
    assert tars.prompt("mine").outcome == "ok"
    outcomes = [row.outcome for row in tars.ledger()]
    assert sorted(str(o) for o in outcomes) == ["interrupted", "ok"]
    with tars.store() as store:
        assert store.waiting_prompts() == []
        assert store.unfinished_turns() == []
    assert lost not in {row.id for row in tars.ledger()}


def test_a_prompt_in_another_session_waits_for_it_too(tars: TarsHome) -> None:
    """The session and the time-out of a prompt survive the daemon with it."""
    tars.start()
    old = tars.prompt("one").session
    tars.client.reset()
    tars.under_way("ECHO:slow:9:60")
    waiting = tars.client.submit(
        PromptRequest(text="ECHO:hang", session=old, timeout_seconds=0.1)
    ).turn
    tars.kill(tars.daemon_pid())
    tars.start()
    idle(tars)
    row = next(row for row in tars.ledger() if row.id == waiting)
    assert (row.session, row.outcome) == (old, "timeout")


def test_texts_are_erased_with_their_turn(tars: TarsHome, tmp_path: Path) -> None:
    """Where no messages are kept, a prompt's text is kept as long as it waits, and in no file of
    tars after that."""
    tars.configure_echo(more='[store]\nmessages = "none"')
    tars.start()
    tars.under_way("ECHO:slow:9:60")
    submit(tars, "open sesame")
    tars.kill(tars.daemon_pid())
    assert any(b"open sesame" in path.read_bytes() for path in tars.home.data.glob("tars.db*"))
    tars.start()
    idle(tars)
    # Whoever asks waits for what was to be written before.
    assert tars.client.sessions().sessions != []
    for path in tars.home.root.rglob("*"):
        if path.is_file() and "echo" not in path.relative_to(tars.home.data.parent).parts:
            assert b"sesame" not in path.read_bytes(), path


def test_a_late_answer_is_in_the_ledger(tars: TarsHome) -> None:
    """Who does not wait finds the outcome of each prompt there, exactly once."""
    tars.start()
    turns = submit(tars, *[f"number {n}" for n in range(10)], "ECHO:error:-32603")
    result: TurnResult = tars.prompt("the last")
    rows = tars.ledger()
    assert [row.id for row in rows] == [*turns, result.turn]
    assert [str(row.outcome) for row in rows] == ["ok"] * 10 + ["error", "ok"]
