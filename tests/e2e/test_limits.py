"""A limit of the account, met by the built-in agent under a real daemon."""

from datetime import datetime

import pytest

from tars.control.contract import ConditionStatus, PromptRequest, Waiting
from tars.store.replay import verify
from tests.support.tars_home import TarsHome


def condition(tars: TarsHome) -> ConditionStatus:
    found = tars.agent().condition
    assert found is not None
    return found


def test_a_turn_waits_for_the_end_of_a_limit(tars: TarsHome) -> None:
    """Whoever waits is told until when; the status counts down; there is one row in the
    ledger, and the log of decisions is what the core decides."""
    tars.start()
    with tars.happenings() as happened:
        stream = tars.client.prompt(PromptRequest(text="ECHO:limit:0.6"))
        waiting = next(message for name, message in stream if name == "waiting")
        assert isinstance(waiting, Waiting)
        assert "daily quota" in waiting.reason
        assert waiting.until is not None
        limited = tars.agent()
        assert (limited.state, limited.pid is not None) == ("limited", True)
        assert limited.turn is not None
        shown = tars.tars("status").stdout
        assert "rate-limited for 0s, " in shown
        assert "left: You have exhausted your daily quota" in shown
        first, second = condition(tars), condition(tars)
        assert (first.word, first.until is not None) == ("rate_limited", True)
        assert first.remaining_seconds is not None
        assert second.remaining_seconds is not None
        assert second.remaining_seconds <= first.remaining_seconds <= 1.6
        result = tars.result(stream)
        assert (result.outcome, result.text) == ("ok", "echo: renewed")
        assert condition(tars).word == "idle"
        told = b""
        while b'"was":"rate_limited"' not in told:
            told += happened.recv(65536)
        assert b'"word":"rate_limited"' in told
        assert b'"event":"condition_changed"' in told
    (row,) = tars.ledger()
    assert (row.outcome, row.id) == ("ok", result.turn)
    tars.stop()
    with tars.store() as store:
        for run in store.runs():
            assert verify(store.decisions(run)) == []


@pytest.mark.parametrize("killed", [False, True])
def test_a_held_turn_outlives_the_daemon(tars: TarsHome, killed: bool) -> None:
    """Stopped or killed: the next one tries it at once, ahead of what waits behind it, and
    holds it again where the limit is met again. It is one turn, in one row."""
    tars.start()
    stream = tars.under_way("ECHO:limit:60", sign="waiting")
    turn = tars.agent().turn
    assert turn is not None
    behind = tars.client.submit(PromptRequest(text="behind", wait=False))
    (waiting,) = tars.client.queue().prompts
    assert (waiting.turn, waiting.position, waiting.preview) == (behind.turn, 1, "behind")
    assert "daily quota" in waiting.waits_for
    assert waiting.until is not None
    if killed:
        tars.kill(tars.daemon_pid())
    else:
        tars.stop()
        result = tars.result(stream)
        assert result.error is not None
        assert "It is kept" in result.error.advice
    assert [row.outcome for row in tars.ledger()] == [None]
    tars.start()
    tars.until(lambda status: status.agents[0].state == "limited")
    again = tars.agent()
    assert again.turn is not None
    assert (again.turn.id, again.queued) == (turn.id, 1)
    tars.client.cancel(turn=turn.id)
    tars.until(lambda _: len(tars.ledger()) == 2 and None not in [r.outcome for r in tars.ledger()])
    found = [(row.id, row.outcome) for row in tars.ledger()]
    assert sorted(found) == sorted([(turn.id, "cancelled"), (behind.turn, "ok")])


def test_a_restart_does_not_fail_the_held_turn(tars: TarsHome) -> None:
    """A person had it tried early; the limit still holds, so it is held on."""
    tars.start()
    tars.under_way("ECHO:limit:60", sign="waiting")
    pid = tars.agent_pid()
    assert tars.tars("restart", "echo").returncode == 0
    tars.until(lambda s: s.agents[0].state == "limited" and s.agents[0].pid not in (pid, None))
    assert [row.outcome for row in tars.ledger()] == [None]


def test_nothing_is_waited_for_where_that_is_turned_off(tars: TarsHome) -> None:
    """The turn fails at once, with the time at which the limit ends."""
    tars.configure_echo(limit_wait_seconds=0)
    tars.start()
    result = tars.prompt("ECHO:limit:60")
    assert (result.outcome, result.error and result.error.kind) == ("error", "quota")
    assert result.error is not None
    assert result.error.until is not None
    assert datetime.fromisoformat(result.error.until).tzinfo is not None
    assert (tars.agent().state, condition(tars).word) == ("ready", "rate_limited")
    assert condition(tars).until is not None
    assert tars.prompt("Hello").outcome == "ok"
    assert condition(tars).word == "idle"
