"""`tars prompt` in all its forms, the queue, and cancelling."""

import json
import signal
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from tars.control.contract import Accepted, PromptRequest, TurnResult
from tars.errors import Busy, RequestInvalid, SessionNotFound
from tests.support.tars_home import TarsHome


@pytest.fixture
def tars(one_for_many: TarsHome) -> TarsHome:
    """The daemon of this file, with a short queue."""
    one_for_many.begin(queue_limit=2)
    return one_for_many


def test_the_answer_alone_is_stdout(tars: TarsHome) -> None:
    """Piece by piece as it comes, without a byte besides; stdin works as well."""
    with tars.running("prompt", "ECHO:slow:2:60") as command:
        assert command.stdout is not None
        assert command.stdout.read(2) == "1 "
    tars.client.cancel()
    assert tars.tars("prompt", "a b  c\nd ").stdout == "echo: a b  c\nd "
    assert tars.tars("prompt", "-", stdin="from\nstdin\n").stdout == "echo: from\nstdin\n"
    assert tars.tars("prompt", "-", stdin="").returncode == 2
    assert tars.tars("prompt", "--", "--json").stdout == "echo: --json"
    assert tars.tars("prompt", "Grüße, 世界 🚀").stdout == "echo: Grüße, 世界 🚀"


def test_a_turn_as_json(tars: TarsHome) -> None:
    """The worked example, to the token: the last request is the context, the rest are sums."""
    done = tars.tars("prompt", "--json", "ECHO:tools")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"[file-{n}.txt: {word}]" for n in (1, 2) for word in ("runs", "done")
    ]
    assert done.stdout.count("\n") == 1
    turn = msgspec.json.decode(done.stdout, type=TurnResult)
    assert json.loads(done.stdout) == json.loads(msgspec.json.encode(turn))
    assert (turn.outcome, turn.agent, turn.model, turn.error) == ("ok", "echo", "echo-1", None)
    assert turn.text == "echo: both files were read"
    assert json.loads(msgspec.json.encode(turn.usage)) == {
        "inputTokens": 3300,
        "outputTokens": 60,
        "cachedTokens": 1900,
        "cacheWriteTokens": 0,
        "thoughtTokens": 18,
        "netTokens": 1400,
        "contextTokens": 1200,
        "requests": 3,
        "toolCalls": 2,
        "source": "official",
        "subagentTokens": 0,
        "atLeast": False,
        "contextIsSum": False,
    }
    session = tars.session()
    assert {name: session[name] for name in session if name.startswith(("total", "lastInp"))} == {
        "totalInputTokens": 1200,
        "totalOutputTokens": 60,
        "totalCachedTokens": 1000,
        "totalNetTokens": 1400,
        "lastInputTokens": 3300,
    }
    [row] = tars.ledger()
    assert (row.id, row.outcome, row.usage.input) == (turn.turn, "ok", 3300)


def test_no_wait(tars: TarsHome) -> None:
    """The id comes at once, on stdout alone; the turn runs and is recorded."""
    running = tars.under_way("ECHO:slow:1:60")
    first = tars.tars("prompt", "--no-wait", "later")
    assert first.returncode == 0
    second = json.loads(tars.tars("prompt", "--no-wait", "--json", "ECHO:history").stdout)
    assert second["position"] == 2
    assert tars.agent().queued == 2
    assert "2 prompts waiting" in tars.tars("status").stdout
    tars.client.cancel()
    assert tars.result(running).outcome == "cancelled"
    assert tars.prompt("last").outcome == "ok"
    turns = {turn.id: turn.outcome for turn in tars.ledger()}
    assert turns[first.stdout.strip()] == turns[second["turn"]] == "ok"
    assert tars.session()["interactionCount"] == 4


def test_a_time_out_ends_the_turn_alone(tars: TarsHome) -> None:
    """The outcome is timeout, the exit status 1, and the agent lives on."""
    pid = tars.agent_pid()
    done = tars.tars("prompt", "--json", "--timeout", "0.1", "ECHO:hang")
    assert done.returncode == 1
    turn = json.loads(done.stdout)
    assert (turn["outcome"], turn["error"]["kind"]) == ("timeout", "timeout")
    assert tars.prompt("alive").outcome == "ok"
    assert tars.agent_pid() == pid
    assert tars.agent().restarts == 0
    assert [row.outcome for row in tars.ledger()] == ["timeout", "ok"]


def test_a_prompt_that_waits_has_all_its_time(tars: TarsHome) -> None:
    """A time-out bounds the turn, not the wait for it."""
    running = tars.under_way("ECHO:slow:2:0.3")
    assert tars.prompt("quick", timeout_seconds=0.2).outcome == "ok"
    assert tars.result(running).outcome == "ok"


def test_an_earlier_session(tars: TarsHome) -> None:
    """--session goes back to a conversation and its figures, then stays there."""
    old = tars.prompt("ECHO:usage:500:5:0:0").session
    assert old is not None
    tars.client.reset()
    new = tars.prompt("ECHO:usage:70:1:0:0").session
    done = tars.tars("prompt", "--session", old, "ECHO:history")
    assert done.stdout == "turns=2"
    session = tars.session()
    assert (session["sessionId"], session["interactionCount"]) == (old, 2)
    assert session["totalOutputTokens"] == 6
    assert tars.prompt("ECHO:history", session=new).text == "turns=2"
    unknown = tars.tars("prompt", "--session", "nobody", "x")
    assert unknown.returncode == 1
    assert "nobody" in unknown.stderr
    assert tars.session()["sessionId"] == new


def test_prompts_that_wait_go_back_and_forth(tars: TarsHome) -> None:
    """Each counts for its own session, which has all its figures again."""
    tars.configure_echo(queue_limit=20)
    tars.client.reload()
    one = tars.prompt("ECHO:usage:500:5:0:0").session
    tars.client.reset()
    two = tars.prompt("ECHO:usage:70:1:0:0").session
    running = tars.under_way("ECHO:slow:1:60")
    wanted = [one, two, one, one, two]
    streams = [tars.under_way("ECHO:history", sign="accepted", session=s) for s in wanted]
    tars.client.cancel()
    assert tars.result(running).outcome == "cancelled"
    answers = [tars.result(stream) for stream in streams]
    assert [a.session for a in answers] == wanted
    assert [a.text for a in answers] == [f"turns={n}" for n in (2, 3, 3, 4, 4)]
    session = tars.session()
    assert (session["sessionId"], session["interactionCount"]) == (two, 4)
    assert tars.prompt("ECHO:history", session=one).text == "turns=5"
    session = tars.session()
    assert (session["interactionCount"], session["totalOutputTokens"]) == (5, 5 + 4)


def test_cancel_running(tars: TarsHome) -> None:
    """`tars cancel` ends the turn, exit 130 for who waits; nothing to cancel is told."""
    with tars.running("prompt", "ECHO:slow:9:60") as command:
        assert command.stdout is not None
        assert command.stdout.read(2) == "1 "
        assert tars.tars("cancel").returncode == 0
        assert command.wait(60) == 130
    assert tars.prompt("next").outcome == "ok"
    idle = tars.tars("cancel")
    assert idle.returncode == 0
    assert "nothing" in (idle.stdout + idle.stderr).lower()
    assert [row.outcome for row in tars.ledger()] == ["cancelled", "ok"]


def test_a_prompt_that_waits_for_an_agent_that_does_not_come_up(tars: TarsHome) -> None:
    """There is no turn: `tars cancel` drops the next one that waits, and names it."""
    more = '[agents.mute]\nkind = "echo"\nautostart = false\n'
    tars.configure_echo(more=more + '[agents.mute.env]\nTARS_ECHO_FAIL = "slow-handshake"\n')
    tars.stop()
    tars.start()
    prompts = [PromptRequest(text=text, agent="mute") for text in ("one", "two")]
    for turn in [tars.client.submit(prompt).turn for prompt in prompts]:
        cancelled = tars.tars("cancel", "--agent", "mute")
        assert cancelled.stdout == f"Cancelled turn {turn}.\n"
    assert "nothing" in tars.tars("cancel", "--agent", "mute").stdout.lower()


def test_withdrawn_prompts_are_reported(tars: TarsHome) -> None:
    """Who waits for a queued prompt hears of its cancel; the agent never saw it."""
    running = tars.under_way("ECHO:slow:1:60")
    stream = tars.client.prompt(PromptRequest(text="withdrawn"))
    _, accepted = next(stream)
    assert isinstance(accepted, Accepted)
    assert accepted.position == 1
    assert tars.tars("cancel", "--turn", accepted.turn).returncode == 0
    result = tars.result(stream)
    assert (result.outcome, result.text, result.turn) == ("cancelled", "", accepted.turn)
    assert tars.agent().queued == 0
    tars.client.cancel()
    assert tars.result(running).outcome == "cancelled"
    assert tars.prompt("ECHO:history").text == "turns=2"
    assert accepted.turn not in {row.id for row in tars.ledger()}


def test_ctrl_c(tars: TarsHome) -> None:
    """It cancels the turn, not the daemon, and exits 130."""
    pid = tars.agent_pid()
    with tars.running("prompt", "ECHO:slow:9:60") as command:
        assert command.stdout is not None
        assert command.stdout.read(2) == "1 "
        command.send_signal(signal.SIGINT)
        assert command.wait(60) == 130
    [row] = tars.ledger()
    assert row.outcome == "cancelled"
    assert tars.prompt("next").outcome == "ok"
    assert tars.agent_pid() == pid


def test_a_client_that_dies_cancels_nothing(tars: TarsHome) -> None:
    """Its prompt runs on, and the result is recorded."""
    with tars.running("prompt", "ECHO:slow:2:0.2") as command:
        assert command.stdout is not None
        assert command.stdout.read(2) == "1 "
        command.kill()
    assert tars.prompt("next").outcome == "ok"
    assert [row.outcome for row in tars.ledger()] == ["ok", "ok"]


def test_a_full_queue(tars: TarsHome) -> None:
    """The prompt beyond `queue_limit` is refused, exit 5; nothing else changes."""
    running = tars.under_way("ECHO:slow:1:60")
    waiting = [tars.under_way(f"number {n}", sign="accepted") for n in range(2)]
    refused = tars.tars("prompt", "too many")
    assert refused.returncode == 5
    assert refused.stdout == ""
    assert "queue_limit" in refused.stderr
    assert tars.agent().queued == 2
    tars.client.cancel()
    assert tars.result(running).outcome == "cancelled"
    assert [tars.result(w).text for w in waiting] == ["echo: number 0", "echo: number 1"]


def test_refuse_if_busy(tars: TarsHome) -> None:
    """A caller can ask to be refused instead of waiting."""
    running = tars.under_way("ECHO:slow:1:60")
    with pytest.raises(Busy):
        tars.prompt("now or never", refuse_if_busy=True)
    tars.client.cancel()
    tars.result(running)
    assert tars.prompt("now", refuse_if_busy=True).outcome == "ok"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"text": " \n"}, RequestInvalid),
        ({"text": "x", "timeout_seconds": 0.0}, RequestInvalid),
        ({"text": "x", "session": "nobody"}, SessionNotFound),
    ],
)
def test_what_is_no_prompt(tars: TarsHome, fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        tars.client.submit(PromptRequest(**fields))
    assert tars.ledger() == []


def test_prompts_of_many_clients_run_one_at_a_time(tars: TarsHome) -> None:
    """First in, first out, and each answer goes to who asked."""
    tars.configure_echo(queue_limit=50)
    assert tars.client.reload().changed == ["echo"]
    streams = [tars.under_way(f"number {n}", sign="accepted") for n in range(20)]
    answers = [tars.result(stream) for stream in streams]
    assert [a.text for a in answers] == [f"echo: number {n}" for n in range(20)]
    rows = tars.ledger()
    assert [row.id for row in rows] == [a.turn for a in answers]
    for earlier, later in pairwise(rows):
        assert earlier.ended_at is not None
        assert earlier.ended_at <= later.began_at


def test_output_to_a_closed_pipe(tars: TarsHome) -> None:
    """`tars prompt … | head -c1` is no drama."""
    with tars.running("prompt", "ECHO:big:3000000") as command:
        assert command.stdout is not None
        command.stdout.read(1)
        command.stdout.close()
        assert command.stderr is not None
        assert "Traceback" not in command.stderr.read()
        command.wait(60)
        command.stdout = None
    assert tars.prompt("next").outcome == "ok"
