"""`tars start`, `stop`, `restart`, `status` and `reset`, as a person uses them."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
import psutil
import pytest

from tars.control.contract import Status
from tests.support.tars_home import TarsHome


def test_a_persons_first_session(tars: TarsHome) -> None:
    """Start, prompt, status, reset, stop: each says what it did, and exits 0."""
    start = tars.tars("start")
    assert start.returncode == 0
    # After a second of waiting they say what they do.
    assert start.stderr in ("", "Starting tars …\n")
    assert f"is running (pid {tars.daemon_pid()})" in start.stdout
    assert "echo" in start.stdout

    prompt = tars.tars("prompt", "Hello, tars")
    assert (prompt.returncode, prompt.stdout) == (0, "echo: Hello, tars")
    assert prompt.stderr in ("", "Waiting for the answer …\n")

    text = tars.tars("status").stdout
    for words in ("running", "echo", "ready", "102 tokens", "3 out"):
        assert words in text
    assert "warning" not in text

    reset = tars.tars("reset")
    assert reset.returncode == 0
    assert "102" in reset.stdout
    assert not (tars.home.data / "session.json").exists()

    stop = tars.tars("stop")
    assert stop.returncode == 0
    assert stop.stderr in ("", "Stopping tars …\n")
    assert "is stopped" in stop.stdout
    assert tars.processes() == []


def test_a_prompt_is_counted_once(tars: TarsHome) -> None:
    """However early it comes after the start: it is no left-over of an earlier daemon."""
    tars.start()
    assert tars.prompt("one").text == "echo: one"
    assert tars.prompt("ECHO:history").text == "turns=2"
    assert tars.session()["interactionCount"] == 2
    assert [turn.outcome for turn in tars.ledger()] == ["ok", "ok"]


def test_status_is_the_contract(tars: TarsHome) -> None:
    """`--json` gives what the contract says, all of it and nothing else, with sane values."""
    tars.start()
    answer = tars.prompt("Hello")
    done = tars.tars("status", "--json")
    assert done.returncode == 0
    status = msgspec.json.decode(done.stdout, type=Status)
    assert json.loads(done.stdout) == json.loads(msgspec.json.encode(status))
    assert status.daemon.running
    assert status.daemon.started_at is not None
    assert datetime.fromisoformat(status.daemon.started_at).utcoffset() is not None
    assert status.daemon.rss_bytes > 2**20
    assert status.daemon.uptime_seconds > 0
    [agent] = status.agents
    assert (agent.name, agent.kind, agent.protocol, agent.state) == ("echo", "echo", "acp", "ready")
    assert psutil.pid_exists(agent.pid or 0)
    assert (agent.restarts, agent.queued, agent.turn, agent.last_error) == (0, 0, None, None)
    assert agent.session.id == answer.session
    assert json.loads(done.stdout)["session"] == tars.session()


def test_status_of_nothing(tars: TarsHome) -> None:
    """Not running is exit 3; the session is still read from its file."""
    tars.start()
    tars.prompt("Hello")
    tars.stop()
    done = tars.tars("status", "--json")
    assert done.returncode == 3
    status = json.loads(done.stdout)
    assert status["daemon"]["running"] is False
    assert status["session"] == tars.session()
    text = tars.tars("status")
    assert text.returncode == 3
    assert "not running" in text.stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["prompt", "x"], 3),
        (["cancel"], 3),
        (["reset"], 3),
        (["permit", "p1"], 3),
        (["stop"], 0),
        (["stop", "echo"], 3),
        (["--nonsense"], 2),
        (["prompt"], 2),
        (["prompt", "--timeout", "-1", "x"], 2),
        (["prompt", ""], 2),
    ],
)
def test_without_a_daemon(tars: TarsHome, words: list[str], status: int) -> None:
    """Every command says in one line what it cannot do, by its exit status too."""
    done = tars.tars(*words)
    assert done.returncode == status, done
    if status:
        assert done.stdout == ""
        assert done.stderr.count("\n") <= 2
        assert "Traceback" not in done.stderr
    assert tars.processes() == []


def test_start_and_stop_twice(tars: TarsHome) -> None:
    """The second changes nothing, says so, and is no failure."""
    tars.start()
    pids = tars.daemon_pid(), tars.agent_pid()
    again = tars.tars("start")
    assert again.returncode == 0
    assert f"already running (pid {pids[0]})" in again.stdout
    assert (tars.daemon_pid(), tars.agent_pid()) == pids
    tars.stop()
    done = tars.tars("stop")
    assert (done.returncode, done.stdout) == (0, "tars is not running.\n")


def test_eight_starts_at_once(tars: TarsHome) -> None:
    """All of them work, and there is one daemon and one agent."""
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: tars.tars("start"), range(8)))
    assert [d.returncode for d in done] == [0] * 8, done
    winners = {tars.daemon_pid(), tars.agent_pid()}
    psutil.wait_procs([p for p in tars.processes() if p.pid not in winners], timeout=30)
    assert {p.pid for p in tars.processes()} == winners
    assert all(f"(pid {tars.daemon_pid()})" in d.stdout for d in done)


def test_a_second_daemon_in_the_foreground_is_refused(tars: TarsHome) -> None:
    tars.start()
    done = tars.tars("start", "--foreground")
    assert done.returncode == 5
    assert "running already" in done.stderr
    assert tars.prompt("still there").outcome == "ok"


def test_stale_files_do_not_block(tars: TarsHome) -> None:
    """A socket and a lock that a killed daemon left are in nobody's way."""
    tars.start()
    tars.kill(tars.daemon_pid())
    assert tars.home.socket.exists()
    assert tars.tars("status").returncode == 3
    tars.start()
    assert tars.prompt("Hello").outcome == "ok"


def test_restart_of_the_daemon(tars: TarsHome) -> None:
    """Another process for both, and the same conversation."""
    tars.start()
    session = tars.prompt("one").session
    pids = tars.daemon_pid(), tars.agent_pid()
    done = tars.tars("restart")
    assert done.returncode == 0, done
    assert not set(pids) & {tars.daemon_pid(), tars.agent_pid()}
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=2", session)
    assert tars.session()["interactionCount"] == 2


def test_an_agent_alone(tars: TarsHome) -> None:
    """`tars restart NAME`, `stop NAME` and `start NAME` leave the daemon alone."""
    tars.start()
    daemon, agent = tars.daemon_pid(), tars.agent_pid()
    session = tars.prompt("one").session
    assert tars.tars("restart", "echo").stdout == "echo is ready.\n"
    assert tars.agent_pid() != agent
    assert tars.tars("stop", "echo").stdout == "echo is stopped.\n"
    assert tars.agent().pid is None
    refused = tars.tars("prompt", "x")
    assert refused.returncode == 4
    assert "tars start echo" in refused.stderr
    assert tars.tars("start", "echo").stdout == "echo is ready.\n"
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=2", session)
    assert tars.daemon_pid() == daemon
    for action in ("start", "stop", "restart"):
        assert tars.tars(action, "nobody").returncode == 1


def test_a_deleted_workspace_is_made_again(tars: TarsHome) -> None:
    """It is tars' own: a restart, and a start after a crash, need nobody to make it."""
    tars.start()
    tars.home.workspace.rmdir()
    assert tars.tars("restart", "echo").stdout == "echo is ready.\n"
    tars.home.workspace.rmdir()
    pid = tars.agent_pid()
    tars.kill(pid)
    tars.until(lambda s: s.agents[0].state == "ready" and s.agents[0].pid not in (None, pid))
    assert tars.home.workspace.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_foreground_ends_in_order(tars: TarsHome, number: signal.Signals) -> None:
    """A signal stops the agent, then the daemon, which exits 0 and leaves nothing."""
    with tars.foreground() as daemon:
        assert tars.prompt("Hello").outcome == "ok"
        daemon.send_signal(number)
        assert daemon.wait(30) == 0
    assert tars.processes() == []
    assert not tars.home.socket.exists()
    assert not tars.home.children.exists()


def test_a_broken_configuration(tars: TarsHome) -> None:
    """`tars start` lists every fault, with the file and the key, and starts nothing."""
    tars.configure(
        'default_agent = "ecko"\nlog_level = "loud"\n'
        '[agents.echo]\nkind = "echo"\ntimeout = 3\nhandshake_seconds = "soon"\n'
    )
    for done in (tars.tars("start"), tars.tars("start", "--foreground")):
        assert done.returncode == 1, done
        said = done.stderr
        for words in ("ecko", "log_level", "agents.echo.timeout", "handshake_seconds"):
            assert words in said
        assert str(tars.home.config) in said
        assert "Traceback" not in said
    assert tars.processes() == []
    assert not tars.home.store.exists()


def test_without_a_configuration(tars: TarsHome) -> None:
    """No file, no CLI: the built-in agent answers, and says that it is only that."""
    tars.home.config.unlink()
    tars.env = {**tars.env, "PATH": "/nowhere"}
    start = tars.tars("start")
    assert start.returncode == 0
    assert "built-in agent" in start.stderr
    assert tars.tars("prompt", "Hello").stdout == "echo: Hello"
    assert any("built-in agent" in warning for warning in tars.status().warnings)


def test_a_home_that_cannot_be(tars: TarsHome) -> None:
    """A file where the home should be is told in one line."""
    (tars.home.root.parent / "file").write_text("")
    tars.env = {**tars.env, "TARS_HOME": str(tars.home.root.parent / "file" / "home")}
    done = tars.tars("start")
    assert done.returncode == 1
    assert "is not a folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_reset_keeps_the_warm_process(tars: TarsHome) -> None:
    """The next prompt begins a fresh session in the same process; the ledger keeps all."""
    tars.start()
    old, pid = tars.prompt("one").session, tars.agent_pid()
    reset = tars.client.reset()
    assert reset.session is not None
    assert reset.session.session_id == old
    assert tars.status().session is None
    fresh = tars.prompt("ECHO:history")
    assert fresh.text == "turns=1"
    assert fresh.session != old
    assert tars.agent_pid() == pid
    assert tars.session()["interactionCount"] == 1
    assert [turn.session for turn in tars.ledger()] == [old, fresh.session]


def test_reset_of_nothing_and_of_a_turn_under_way(tars: TarsHome) -> None:
    """Nothing to clear is told; a turn under way is in the way."""
    tars.start()
    tars.tars("reset")
    done = tars.tars("reset")
    assert done.returncode == 0
    assert "nothing" in done.stdout.lower() or "no session" in done.stdout.lower()
    stream = tars.under_way("ECHO:slow:1:60")
    refused = tars.tars("reset")
    assert refused.returncode == 5
    assert "cancel" in refused.stderr
    tars.client.cancel()
    assert tars.result(stream).outcome == "cancelled"


def test_two_agents(tars: TarsHome) -> None:
    """Each has its own process, session, file and figures."""
    tars.configure(
        'default_agent = "one"\n[agents.one]\nkind = "echo"\n[agents.two]\nkind = "echo"\n'
    )
    tars.start()
    first = tars.prompt("ECHO:usage:500:5:0:0")
    second = tars.prompt("ECHO:usage:700:7:0:0", agent="two")
    third = json.loads(tars.tars("prompt", "--json", "-a", "two", "ECHO:history").stdout)
    assert (first.agent, second.agent, third["agent"]) == ("one", "two", "two")
    assert third["text"] == "turns=2"
    other = json.loads((tars.home.data / "two" / "session.json").read_text())
    assert tars.session()["sessionId"] == first.session
    assert other["sessionId"] == second.session == third["session"]
    assert (tars.session()["interactionCount"], other["interactionCount"]) == (1, 2)
    assert tars.tars("reset", "--agent", "two").returncode == 0
    assert not (tars.home.data / "two" / "session.json").exists()
    assert tars.session()["interactionCount"] == 1
    unknown = tars.tars("prompt", "-a", "three", "x")
    assert unknown.returncode == 1
    assert "three" in unknown.stderr
    assert tars.client.agents().default == "one"
