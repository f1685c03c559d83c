"""A configuration that changes while the daemon runs."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tars.errors import AgentNotFound
from tests.support.tars_home import TarsHome

TWO = '[agents.two]\nkind = "echo"\n'


@pytest.fixture(autouse=True)
def _started(tars: TarsHome) -> None:
    tars.start()


def test_an_agent_is_added_and_removed(tars: TarsHome) -> None:
    """The others do not notice; what it had is on disk when it comes back."""
    pid = tars.agent_pid("echo")
    tars.configure_echo(more=TWO)
    assert tars.client.reload().changed == ["two"]
    tars.until(lambda s: [a.state for a in s.agents] == ["ready", "ready"])
    session = tars.prompt("one", agent="two").session
    tars.configure_echo()
    assert tars.client.reload().changed == ["two"]
    assert [a.name for a in tars.status().agents] == ["echo"]
    with pytest.raises(AgentNotFound):
        tars.prompt("x", agent="two")
    assert {p.pid for p in tars.processes()} == {tars.daemon_pid(), pid}
    tars.configure_echo(more=TWO)
    tars.client.reload()
    tars.until(lambda s: [a.state for a in s.agents] == ["ready", "ready"])
    answer = tars.prompt("ECHO:history", agent="two")
    assert (answer.text, answer.session) == ("turns=2", session)


def test_a_removed_agent_ends_its_turn(tars: TarsHome) -> None:
    """The turn under way is interrupted, the prompts that wait are refused, all are told."""
    tars.configure_echo(more=TWO)
    tars.client.reload()
    tars.until(lambda s: [a.state for a in s.agents] == ["ready", "ready"])
    running = tars.under_way("ECHO:slow:9:60", agent="two")
    waiting = tars.under_way("x", sign="accepted", agent="two")
    tars.configure_echo()
    assert tars.client.reload().changed == ["two"]
    assert tars.result(running).outcome == "interrupted"
    assert tars.result(waiting).outcome == "refused"
    assert [row.outcome for row in tars.ledger("two")] == ["interrupted"]


def test_nothing_changed(tars: TarsHome) -> None:
    pid = tars.agent_pid()
    reloaded = tars.client.reload()
    assert (reloaded.changed, reloaded.faults) == ([], [])
    assert tars.agent_pid() == pid


def test_a_policy_holds_at_once(tars: TarsHome) -> None:
    """Without a new process: limits and permissions are the daemon's own affair."""
    pid = tars.agent_pid()
    tars.configure_echo(permissions="deny", queue_limit=1)
    assert tars.client.reload().changed == ["echo"]
    assert tars.prompt("ECHO:ask").text == "echo: reject_once"
    tars.configure_echo(permissions="allow", queue_limit=1)
    tars.client.reload()
    assert tars.prompt("ECHO:ask").text == "echo: allow_once"
    assert tars.agent_pid() == pid


def test_another_environment_needs_another_process(tars: TarsHome) -> None:
    """It comes between two turns; the session is brought back."""
    session, pid = tars.prompt("one").session, tars.agent_pid()
    stream = tars.under_way("ECHO:slow:2:0.2")
    tars.configure_echo(more='[agents.echo.env]\nSOME = "thing"\n')
    assert tars.client.reload().changed == ["echo"]
    assert tars.result(stream).outcome == "ok"
    tars.until(lambda s: s.agents[0].state == "ready" and s.agents[0].pid not in (None, pid))
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=3", session)
    assert tars.agent().restarts == 0
    with open(f"/proc/{tars.agent_pid()}/environ") as file:
        assert "SOME=thing" in file.read().split("\0")


def test_another_default_agent(tars: TarsHome) -> None:
    """session.json at the top of data/ is the new default agent's own."""
    first = tars.prompt("one").session
    tars.configure('default_agent = "two"\n[agents.echo]\nkind = "echo"\n' + TWO)
    tars.client.reload()
    tars.until(lambda s: all(a.state == "ready" for a in s.agents))
    second = tars.prompt("one")
    assert second.agent == "two"
    assert second.session != first
    assert tars.client.agents().default == "two"
    assert tars.session()["sessionId"] == second.session
    assert tars.session()["interactionCount"] == 1
    tars.configure_echo(more=TWO)
    tars.client.reload()
    tars.until(lambda s: all(a.state == "ready" for a in s.agents))
    tars.prompt("two")
    assert [row.outcome for row in tars.ledger()] == ["ok"] * 3


def test_a_broken_file_keeps_the_old_configuration(tars: TarsHome) -> None:
    """It says so, with every fault, in the answer and in the status, until the file is mended."""
    pid = tars.agent_pid()
    tars.configure('[agents.echo]\nkind = "echoo"\ntime = 1\n')
    reloaded = tars.client.reload()
    assert reloaded.changed == []
    assert len(reloaded.faults) == 2
    assert all(str(tars.home.config) in fault for fault in reloaded.faults)
    [warning] = tars.status().warnings
    assert "old one stays in force" in warning
    assert "echoo" in warning
    assert tars.prompt("Hello").outcome == "ok"
    tars.configure_echo(queue_limit=7)
    assert tars.client.reload().changed == ["echo"]
    assert tars.status().warnings == []
    assert tars.agent_pid() == pid


def test_a_failed_agent_is_tried_again(tars: TarsHome) -> None:
    """What made it fail may be what was mended."""
    fail = '[agents.echo.env]\nTARS_ECHO_FAIL = "no-key"\n'
    tars.configure_echo(more=fail)
    tars.client.reload()
    tars.until(lambda s: s.agents[0].state == "failed")
    tars.configure_echo()
    tars.client.reload()
    tars.until(lambda s: s.agents[0].state == "ready")
    assert tars.prompt("Hello").outcome == "ok"


def test_an_agent_without_autostart(tars: TarsHome) -> None:
    """It is known, and started by its first prompt. One that was stopped stays so."""
    tars.configure_echo(more=TWO + "autostart = false\n")
    assert tars.client.reload().changed == ["two"]
    assert tars.agent("two").state == "stopped"
    assert tars.prompt("Hello", agent="two").outcome == "ok"
    assert tars.tars("stop", "two").returncode == 0
    assert tars.tars("prompt", "-a", "two", "x").returncode == 4
    assert tars.tars("start", "two").returncode == 0
    assert tars.prompt("Hello", agent="two").outcome == "ok"


def test_a_folder_that_cannot_be_used_keeps_the_old_configuration(tars: TarsHome) -> None:
    """A file stands where the new agent's folder should be: told, and the daemon lives on."""
    pids = tars.daemon_pid(), tars.agent_pid()
    (tars.home.data / "two").write_text("in the way")
    tars.configure_echo(more=TWO)
    for _ in range(2):
        [fault] = tars.client.reload().faults
        assert str(tars.home.data / "two") in fault
    [warning] = tars.status().warnings
    assert "old one stays in force" in warning
    os.kill(pids[0], signal.SIGHUP)
    assert [a.name for a in tars.status().agents] == ["echo"]
    assert (tars.daemon_pid(), tars.agent_pid()) == pids
    assert tars.prompt("Hello").outcome == "ok"
    (tars.home.data / "two").unlink()
    assert tars.client.reload().changed == ["two"]
    assert tars.status().warnings == []
    assert tars.prompt("Hello", agent="two").outcome == "ok"


def test_reloads_at_once_run_one_after_the_other(tars: TarsHome) -> None:
    """By request and by signal together: the agent is added once, and all is well."""
    tars.configure_echo(more=TWO)
    with ThreadPoolExecutor(4) as pool:
        os.kill(tars.daemon_pid(), signal.SIGHUP)
        done = list(pool.map(lambda _: tars.client.reload(), range(4)))
    assert [d.faults for d in done] == [[]] * 4
    assert sum(d.changed == ["two"] for d in done) <= 1
    tars.until(lambda s: [a.state for a in s.agents] == ["ready", "ready"])
    assert tars.prompt("Hello", agent="two").outcome == "ok"
