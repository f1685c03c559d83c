"""The daemon under a service manager: what it tells it, and how it obeys signals."""

import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from tars.errors import NotRunning
from tests.support.tars_home import TarsHome, service_manager


def test_ready_means_the_handshake(tars: TarsHome) -> None:
    """READY comes when the default agent can take a prompt, and not before."""
    with (
        service_manager(tars.home.root.parent) as manager,
        tars.running("start", "--foreground", env=manager.env) as daemon,
    ):
        ready = manager.until("READY=1")
        assert ready["STATUS"] == "echo: ready"
        # Until then its start is told, and that it may take longer than the unit says.
        before = [message for message in manager.heard if message is not ready]
        assert all(message.get("STATUS") in (None, "echo: starting") for message in before)
        assert tars.agent().state == "ready"
        # What changes is told when it changes, not at the next heartbeat.
        stream = tars.under_way("ECHO:slow:9:60")
        manager.until("STATUS=echo: busy")
        tars.client.cancel()
        tars.result(stream)
        manager.until("STATUS=echo: ready")
        daemon.terminate()
        manager.until("STOPPING=1")
        assert daemon.wait(30) == 0


def test_ready_comes_for_an_agent_that_cannot_work(tars: TarsHome) -> None:
    """The daemon works: restarting it would mend nothing. Its status says what is wrong."""
    tars.configure_echo(more='[agents.echo.env]\nTARS_ECHO_FAIL = "no-key"\n')
    with tars.foreground():
        assert tars.agent().state == "failed"


def test_it_is_alive_for_the_watchdog(tars: TarsHome) -> None:
    """A ping at least twice in the time that systemd waits, each with a status."""
    with (
        service_manager(tars.home.root.parent) as manager,
        tars.running(
            "start", "--foreground", env={**manager.env, "WATCHDOG_USEC": "400000"}
        ) as daemon,
    ):
        for _ in range(4):
            manager.until("WATCHDOG=1")
        assert any(message.get("STATUS") == "echo: ready" for message in manager.heard)
        daemon.terminate()
        manager.until("STOPPING=1")
        assert daemon.wait(30) == 0


def test_sighup_reloads(tars: TarsHome) -> None:
    """RELOADING, then READY again, even for a broken file; the process goes on."""
    with (
        service_manager(tars.home.root.parent) as manager,
        tars.running("start", "--foreground", env=manager.env) as daemon,
    ):
        manager.until("READY=1")
        pid = tars.agent_pid()
        tars.configure_echo(permissions="deny")
        daemon.send_signal(signal.SIGHUP)
        reloading = manager.until("RELOADING=1")
        assert int(reloading["MONOTONIC_USEC"]) > 0
        manager.until("READY=1")
        assert tars.prompt("ECHO:ask").text == "echo: reject_once"
        assert tars.agent_pid() == pid
        tars.configure("nonsense")
        daemon.send_signal(signal.SIGHUP)
        manager.until("RELOADING=1")
        manager.until("READY=1")
        [warning] = tars.status().warnings
        assert "old one stays in force" in warning
        assert tars.prompt("ECHO:ask").text == "echo: reject_once"


def test_an_agent_does_not_speak_for_the_daemon(tars: TarsHome) -> None:
    """It has no NOTIFY_SOCKET; nor does it keep the daemon's signals or descriptors."""
    with tars.foreground(WATCHDOG_USEC="60000000"):
        with open(f"/proc/{tars.agent_pid()}/environ") as file:
            names = {line.partition("=")[0] for line in file.read().split("\0")}
        assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}


def test_the_first_question_finds_systemds_socket(tars: TarsHome) -> None:
    """systemd's own tool listens, and starts the daemon for who connects. The socket's file is
    the manager's: it stays. An agent is told nothing of it."""
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        pytest.skip("systemd-socket-activate is not installed")
    tars.home.prepare()
    words = [
        activate,
        f"--listen={tars.home.socket}",
        "-E",
        "PATH",
        "-E",
        "HOME",
        "-E",
        "TARS_HOME",
    ]
    command = [*words, sys.executable, "-m", "tars", "start", "--foreground"]
    with subprocess.Popen(command, env=tars.env, stderr=subprocess.PIPE) as daemon:
        try:
            assert daemon.stderr is not None
            assert b"Listening on" in daemon.stderr.readline()
            status = tars.tars("status", "--json")
            assert f'"pid":{daemon.pid}' in status.stdout, status
            names = psutil.Process(tars.agent_pid()).environ().keys()
            assert not names & {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}
            tars.client.shutdown()
            daemon.communicate(timeout=30)
        finally:
            daemon.kill()
    assert daemon.returncode == 0
    assert tars.home.socket.is_socket()
    tars.home.socket.unlink()


def test_an_abort_leaves_the_place_in_the_code(tars: TarsHome) -> None:
    """A watchdog sends SIGABRT to a daemon that hangs: stderr, a journal, has every stack."""
    with tars.running("start", "--foreground") as daemon:
        _await_socket(tars)
        daemon.send_signal(signal.SIGABRT)
        _, said = daemon.communicate(timeout=30)
    assert daemon.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in said
    assert "in run" in said
    for process in tars.processes():
        process.wait(30)


def test_a_second_sigterm_changes_nothing(tars: TarsHome) -> None:
    """An impatient manager gets the same orderly end."""
    with tars.foreground() as daemon:
        stream = tars.under_way("ECHO:slow:9:60")
        daemon.terminate()
        daemon.terminate()
        assert tars.result(stream).outcome == "interrupted"
        assert daemon.wait(30) == 0
    assert [row.outcome for row in tars.ledger()] == ["interrupted"]


def test_a_signal_while_it_starts(tars: TarsHome) -> None:
    """SIGTERM before the agent is ready ends both in order, too."""
    tars.configure_echo(more='[agents.echo.env]\nTARS_ECHO_FAIL = "slow-handshake"\n')
    with tars.running("start", "--foreground") as daemon:
        _await_socket(tars)
        daemon.terminate()
        assert daemon.wait(30) == 0
    assert tars.processes() == []


def _await_socket(tars: TarsHome) -> None:
    """The daemon says nothing before its agent's handshake: ask until it answers."""
    while True:
        try:
            tars.status()
        except NotRunning:
            continue
        return


def test_ready_comes_while_an_agent_is_started_again(tars: TarsHome) -> None:
    """It crashes again and again: the daemon is up, and its status has the error in words."""
    tars.configure_echo(more='[agents.echo.env]\nTARS_ECHO_FAIL = "crash-at-start"\n')
    with (
        service_manager(tars.home.root.parent) as manager,
        tars.running("start", "--foreground", env=manager.env) as daemon,
    ):
        ready = manager.until("READY=1")
        assert ready["STATUS"].startswith("echo: waits to be started again: ")
        daemon.terminate()
        assert daemon.wait(30) == 0


def test_a_daemon_that_stops_is_not_ready(tars: TarsHome) -> None:
    """After STOPPING there is no READY, although its agent has settled by then."""
    tars.configure_echo(more='[agents.echo.env]\nTARS_ECHO_FAIL = "slow-handshake"\n')
    with (
        service_manager(tars.home.root.parent) as manager,
        tars.running("start", "--foreground", env=manager.env) as daemon,
    ):
        _await_socket(tars)
        daemon.terminate()
        assert daemon.wait(30) == 0
        manager.socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                manager.next()
    assert [m for m in manager.heard if "STOPPING" in m]
    assert not [m for m in manager.heard if "READY" in m]


def test_what_is_deleted_under_run_is_put_back(tars: TarsHome) -> None:
    """A look at SIGHUP, as every 20 seconds: the daemon is found again, and is the only one."""
    with tars.foreground() as daemon:
        shutil.rmtree(tars.home.run)
        refused = tars.tars("start", "--foreground")
        assert refused.returncode == 5, refused
        assert "running already" in refused.stderr
        daemon.send_signal(signal.SIGHUP)
        _await_socket(tars)
        assert tars.daemon_pid() == daemon.pid
        assert tars.prompt("Hello").outcome == "ok"


def test_a_deleted_store_is_told(tars: TarsHome) -> None:
    """The status says what to do; the daemon lives on."""
    with tars.foreground() as daemon:
        tars.prompt("Hello")
        tars.home.store.unlink()
        daemon.send_signal(signal.SIGHUP)
        told = tars.until(lambda s: bool(s.warnings))
        assert told.warnings == ["The store's file was deleted; restart tars."]
