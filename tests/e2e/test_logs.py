"""What is written about a run, what is not, and who may read it."""

import json

import pytest

from tests.support.tars_home import TarsHome

KEY = "sk-very-secret-0123456789"


def test_the_log_tells_the_story(tars: TarsHome) -> None:
    """One JSON object a line, one fact each, in order."""
    tars.start()
    tars.prompt("Hello")
    tars.prompt("ECHO:kill")
    tars.prompt("Hello")
    tars.stop()
    lines = [json.loads(line) for line in tars.home.log.read_text().splitlines()]
    events = [line["event"] for line in lines]
    assert events[0] == "daemon_started"
    assert events[-1] == "daemon_stopped"
    finished = [line for line in lines if line["event"] == "turn_finished"]
    assert [line["outcome"] for line in finished] == ["ok", "interrupted", "ok"]
    assert finished[0]["input_tokens"] == 101
    exited = next(line for line in lines if line.get("event_name") == "Exited")
    assert exited["agent"] == "echo"
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert not [line for line in lines if line["level"] in ("error", "critical")]


def test_tars_logs(tars: TarsHome) -> None:
    """The daemon's log, or one agent's stderr; --follow goes on."""
    tars.start()
    assert tars.tars("logs", "--agent", "echo").stdout == ""
    tars.prompt("ECHO:stall:3")
    own = tars.tars("logs", "--agent", "echo")
    assert own.stdout.count("Retrying after") == 3
    assert '"daemon_started"' in tars.tars("logs").stdout
    assert tars.tars("logs", "--agent", "nobody").returncode == 1
    with tars.running("logs", "-f", "--agent", "echo") as following:
        assert following.stdout is not None
        for _ in range(3):
            assert "Attempt" in following.stdout.readline()
        tars.prompt("ECHO:stall:1")
        assert "Attempt 1" in following.stdout.readline()
        tars.stop()
        assert following.wait(60) is not None
        assert following.stderr is not None
        assert "Traceback" not in following.stderr.read()


@pytest.mark.parametrize("where", ["table", "file", "daemon"])
def test_secrets_are_not_told(tars: TarsHome, where: str) -> None:
    """A key that an agent writes to stderr is struck out, wherever tars has it from."""
    script = 'import os, sys; print("my key is", os.environ["ECHO_API_KEY"], file=sys.stderr)'
    noisy = f"{script}; import runpy; runpy.run_module('tars.agents.echo', run_name='__main__')"
    match where:
        case "table":
            tars.configure_echo(
                command=_python(noisy), more=f'[agents.echo.env]\nECHO_API_KEY = "{KEY}"\n'
            )
        case "file":
            secrets = tars.home.root / "secrets.env"
            tars.configure_echo(command=_python(noisy), env_file=str(secrets))
            secrets.write_text(f"ECHO_API_KEY={KEY}\n")
            secrets.chmod(0o600)
        case _:
            tars.configure_echo(command=_python(noisy))
            tars.env = {**tars.env, "ECHO_API_KEY": KEY}
    tars.start()
    tars.prompt("ECHO:crash")
    said = tars.tars("logs", "--agent", "echo").stdout
    assert "my key is [redacted]" in said
    told = "".join(
        tars.tars(*words).stdout
        for words in (["status"], ["status", "--json"], ["logs"], ["config", "show"])
    )
    assert KEY not in told
    tars.stop()
    for path in tars.home.root.rglob("*"):
        if path.is_file() and path.name not in ("config.toml", "secrets.env"):
            assert KEY.encode() not in path.read_bytes(), path


def _python(script: str) -> list[str]:
    import sys

    return [sys.executable, "-c", script]


@pytest.mark.parametrize("kept", ["full", "none"])
def test_prompts_and_answers_are_nowhere_but_in_the_store(tars: TarsHome, kept: str) -> None:
    """Not in an argument vector or a log; in the database, its owner's alone, where the
    configuration lets it have them: with "none" the agent alone has them."""
    tars.configure_echo(more=f'[store]\nmessages = "{kept}"')
    tars.start()
    stream = tars.under_way("open sesame ECHO:slow:2:0.2")
    for process in tars.processes():
        assert "sesame" not in " ".join(process.cmdline())
    assert tars.result(stream).outcome == "ok"
    for text in ("sesame ECHO:error:-32603", "sesame ECHO:kill", "sesame ECHO:nonsense"):
        tars.prompt(text)
    tars.prompt("sesame")
    tars.tars("prompt", "--timeout", "0.1", "sesame ECHO:hang")
    tars.stop()
    looked = 0
    for path in tars.home.root.rglob("*"):
        if path.is_file() and path.parent != tars.home.agent_data("echo") / "echo":
            if kept == "full" and path.parent == tars.home.data and path.name == "tars.db":
                assert b"open sesame" in path.read_bytes()
                assert path.stat().st_mode & 0o077 == 0
            else:
                assert b"sesame" not in path.read_bytes(), path
            looked += 1
    assert looked > 5


def test_everything_is_its_owners_alone(tars: TarsHome) -> None:
    """Folders 0700, files 0600, the socket too, whatever the umask says."""
    tars.start()
    tars.prompt("ECHO:stall:1")
    tars.prompt("ECHO:kill")
    tars.prompt("Hello")
    seen = 0
    for path in [tars.home.root, *tars.home.root.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
        seen += 1
    assert seen > 15


def test_a_log_is_rotated(tars: TarsHome) -> None:
    tars.configure('log_max_bytes = "20 KiB"\nlog_backups = 2\n[agents.echo]\nkind = "echo"\n')
    tars.start()
    for _ in range(60):
        tars.prompt("Hello")
    names = sorted(path.name for path in tars.home.logs.glob("tars.log*"))
    assert names == ["tars.log", "tars.log.1", "tars.log.2"]
    assert all(path.stat().st_size <= 20 * 1024 for path in tars.home.logs.glob("tars.log*"))
