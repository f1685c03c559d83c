"""The log of decisions explains a whole life: fed to the core, it decides the same."""

from tars.store import replay
from tests.support.tars_home import TarsHome


def test_a_lively_life_is_replayed(tars: TarsHome) -> None:
    """Crashes, cancels, restarts, permissions, reloads, two agents, two daemons: no difference."""
    tars.configure_echo(cancel_seconds=0.2, grace_seconds=0.2, more='[agents.two]\nkind = "echo"\n')
    with tars.foreground() as daemon:
        for text in ("Hello", "ECHO:kill", "ECHO:tools", "ECHO:error:-32603", "ECHO:crash:3"):
            tars.prompt(text)
            tars.prompt(text, agent="two")
        _cancelled(tars, "ECHO:slow:9:60")
        _cancelled(tars, "ECHO:deaf")
        tars.prompt("ECHO:hang", timeout_seconds=0.1)
        stream = tars.under_way("ECHO:ask", sign="permission")
        tars.client.permit(tars.agent().permissions[0].id)
        assert tars.result(stream).outcome == "ok"
        tars.kill(tars.agent_pid())
        tars.client.change_agent("echo", "restart")
        tars.client.change_agent("two", "stop")
        tars.client.change_agent("two", "start")
        tars.configure_echo(queue_limit=3, more='[agents.echo.env]\nX = "y"\n')
        tars.client.reload()
        tars.prompt("Hello")
        daemon.terminate()
        assert daemon.wait(30) == 0
    tars.start()
    tars.prompt("Hello")
    tars.stop()
    with tars.store() as store:
        runs = store.runs()
        assert len(runs) == 2
        for run in runs:
            decisions = list(store.decisions(run))
            assert replay.verify(decisions) == []
        assert len(list(store.decisions(runs[0]))) > 60


def test_the_end_of_a_killed_daemons_log_may_be_missing(tars: TarsHome) -> None:
    """What is there is replayed without a difference all the same."""
    tars.start()
    for _ in range(60):
        tars.prompt("Hello")
    tars.kill(tars.daemon_pid())
    tars.start()
    tars.prompt("Hello")
    tars.stop()
    with tars.store() as store:
        runs = store.runs()
        assert len(runs) == 2
        for run in runs:
            assert replay.verify(store.decisions(run)) == []


def _cancelled(tars: TarsHome, text: str) -> None:
    stream = tars.under_way(text)
    tars.client.cancel()
    assert tars.result(stream).outcome == "cancelled"
