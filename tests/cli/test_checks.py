"""`tars doctor`: what it finds, what it advises, and what it never prints."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tars.agents.registry import KINDS
from tars.cli.app import run
from tars.cli.checks import (
    Finding,
    Verdict,
    check_agent,
    check_config,
    check_daemon,
    check_gemini_sign_in,
    check_home,
    check_node,
    check_space,
)
from tars.cli.detection import Candidate, detect
from tars.config import Config, load
from tars.config_agents import AgentConfig
from tars.control import contract as c
from tars.control.client import Client
from tars.home import Home
from tests.support.fake_daemon import AGENT, STATUS, FakeDaemon

SECRET = "AIza-not-to-be-printed"


def program(folder: Path, name: str, script: str) -> Path:
    """Put an executable on a PATH of our own."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def gemini(home: Path, env: Mapping[str, str]) -> list[Finding]:
    agent = AgentConfig(name="gemini", kind="gemini", cwd=home)
    config = Config(default_agent="gemini", agents={"gemini": agent})
    return list(check_agent(agent, KINDS["gemini"], config, env))


def verdicts(findings: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


def test_a_home_of_ones_own_is_well(home: Path) -> None:
    """0700 and writable; one that does not exist yet will be made."""
    assert verdicts(list(check_home(Home(home)))) == [Verdict.WELL]
    assert verdicts(list(check_home(Home(home / "new" / "er")))) == [Verdict.WELL]


def test_an_open_home_is_a_note(home: Path) -> None:
    """`tars start` mends it."""
    home.chmod(0o755)
    assert verdicts(list(check_home(Home(home)))) == [Verdict.NOTE]


def test_a_file_for_a_home_is_a_fault(home: Path) -> None:
    """Nothing can be made in it."""
    (home / "file").touch()
    assert verdicts(list(check_home(Home(home / "file")))) == [Verdict.FAULT]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_a_fault(home: Path) -> None:
    """Neither an existing one nor one to be made."""
    home.chmod(0o500)
    assert Verdict.FAULT in verdicts(list(check_home(Home(home))))
    assert Verdict.FAULT in verdicts(list(check_home(Home(home / "new"))))
    home.chmod(0o700)


def test_a_path_too_long_for_a_socket_is_a_fault(home: Path) -> None:
    """bind(2) would only say that it does not work."""
    found = list(check_home(Home(home / ("x" * 100))))
    assert [f.what for f in found if f.verdict is Verdict.FAULT] == ["socket"]


def test_space_is_told(home: Path) -> None:
    """In MiB, of the disk that the home is on or will be on."""
    (found,) = check_space(Home(home / "new"))
    assert "MiB free" in found.message


def test_faults_of_the_configuration_are_findings(home: Path) -> None:
    """Every one of them; and then there is no configuration to check agents by."""
    (home / "config.toml").write_text('log_levle = "x"\n[agents.echo]\nkind = "eco"\n')
    config, found = check_config(lambda: load(Home(home), KINDS))
    assert config is None
    assert verdicts(found) == [Verdict.FAULT] * 2


def test_the_embedded_configuration_is_well(home: Path) -> None:
    """Without a file; that the built-in agent answers is a note."""
    config, found = check_config(lambda: load(Home(home), KINDS, which=lambda _: None))
    assert config is not None
    assert verdicts(found) == [Verdict.WELL, Verdict.NOTE]


def test_no_daemon_is_no_fault(home: Path) -> None:
    """It can be started; that is not what doctor mends."""
    assert verdicts(list(check_daemon(Client(home / "none")))) == [Verdict.NOTE]


def test_a_daemon_is_well_unless_an_agent_is_not(daemon: FakeDaemon) -> None:
    """A failed agent is a fault with the daemon's own words."""
    client = Client(daemon.socket)
    assert verdicts(list(check_daemon(client))) == [Verdict.WELL]
    fault = c.FaultStatus(kind="bad_key", message="The key is refused.", advice="Get another.")
    failed = msgspec.structs.replace(AGENT, state="failed", last_error=fault)
    daemon.answers["GET /v1/status"] = msgspec.structs.replace(STATUS, agents=[failed])
    found = list(check_daemon(client))
    assert verdicts(found) == [Verdict.WELL, Verdict.FAULT]
    assert "The key is refused. Get another." in found[1].message


def test_a_daemon_that_answers_nonsense_is_a_fault(daemon: FakeDaemon) -> None:
    """It is there, and it does not do its part."""
    daemon.answers["GET /v1/status"] = b"nonsense"
    assert verdicts(list(check_daemon(Client(daemon.socket)))) == [Verdict.FAULT]


def test_a_missing_command_comes_with_how_to_install_it(home: Path) -> None:
    """The advice is the kind's own."""
    (found,) = gemini(home, {"PATH": str(home / "bin")})
    assert found.verdict is Verdict.FAULT
    assert found.advice == KINDS["gemini"].install_advice


def test_an_installed_gemini_shows_its_version(home: Path) -> None:
    """Node.js, the CLI's own version, and the key by its name alone."""
    program(home / "bin", "node", "echo v22.1.0")
    program(home / "bin", "gemini", "echo 0.61.0")
    found = gemini(home, {"PATH": str(home / "bin"), "GEMINI_API_KEY": SECRET})
    assert verdicts(found) == [Verdict.WELL] * 3
    said = " ".join(finding.message for finding in found)
    assert "v22.1.0" in said
    assert "0.61.0" in said
    assert "GEMINI_API_KEY is set" in said
    assert SECRET not in said


def test_a_program_beside_npms_stub_shows_its_version(home: Path) -> None:
    """The one that would be launched is asked, not the stub; by `agents detect` too."""
    (home / "lib" / "claude-code").mkdir(parents=True)
    stub = program(home / "lib" / "claude-code" / "bin", "claude.exe", "exit 1")
    program(home / "lib" / "claude-code-linux-x64", "claude", "echo 2.1.316")
    (home / "bin").mkdir()
    (home / "bin" / "claude").symlink_to(stub)
    agent = AgentConfig(name="claude", kind="claude", cwd=home)
    config = Config(default_agent="claude", agents={"claude": agent})
    env = {"PATH": str(home / "bin"), "HOME": str(home)}
    [found] = check_agent(agent, KINDS["claude"], config, env)
    assert found.verdict is Verdict.WELL
    assert found.message.startswith("2.1.316 (")
    [detected] = detect([Candidate("claude", KINDS["claude"], ("claude",))], env)
    assert detected.version == "2.1.316"


def test_a_command_that_fails_is_a_fault(home: Path) -> None:
    """It is on PATH and does not run."""
    program(home / "bin", "node", "echo v22.1.0")
    program(home / "bin", "gemini", "exit 1")
    found = gemini(home, {"PATH": str(home / "bin"), "GEMINI_API_KEY": SECRET})
    assert verdicts(found) == [Verdict.WELL, Verdict.FAULT, Verdict.WELL]


@pytest.mark.parametrize("script", ["echo v18.20.0", "exit 1", "echo nonsense"])
def test_an_old_or_broken_node_is_a_fault(home: Path, script: str) -> None:
    """Gemini CLI would fail with a stack trace of its own."""
    program(home / "bin", "node", script)
    assert verdicts(list(check_node({"PATH": str(home / "bin")}))) == [Verdict.FAULT]


def test_no_node_is_a_fault(home: Path) -> None:
    """With where to get it."""
    (found,) = check_node({"PATH": str(home)})
    assert found.verdict is Verdict.FAULT
    assert "nodejs.org" in found.advice


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        (None, Verdict.FAULT),
        ("{", Verdict.FAULT),
        ("[]", Verdict.FAULT),
        ('{"security": {"auth": {"selectedType": 7}}}', Verdict.FAULT),
        ('{"security": {"auth": {"selectedType": "oauth-personal"}}}', Verdict.WELL),
        ('{"security": {"auth": {"selectedType": "gemini-api-key"}}}', Verdict.FAULT),
    ],
)
def test_a_sign_in_is_a_key_or_a_choice(home: Path, settings: str | None, verdict: Verdict) -> None:
    """A choice of an API key needs the key too."""
    if settings is not None:
        (home / ".gemini").mkdir()
        (home / ".gemini" / "settings.json").write_text(settings)
    assert check_gemini_sign_in("gemini", {"HOME": str(home)}).verdict is verdict


def test_the_built_in_agent_needs_nothing(home: Path) -> None:
    """Its command is this Python."""
    agent = AgentConfig(name="echo", kind="echo", cwd=home)
    config = Config(default_agent="echo", agents={"echo": agent})
    found = list(check_agent(agent, KINDS["echo"], config, os.environ))
    assert verdicts(found) == [Verdict.WELL]


def test_doctor_is_0_when_all_is_well(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The built-in agent on a fresh home."""
    (home / "config.toml").write_text('[agents.echo]\nkind = "echo"\n')
    if shutil.disk_usage(home).free < 1024**3:
        pytest.skip("this disk is nearly full, which doctor tells")
    assert run(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("Everything is well.\n")


def test_a_store_that_cannot_be_read_is_a_fault(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what mends it, and nothing is changed; one that is not there yet is well."""
    (home / "config.toml").write_text('[agents.echo]\nkind = "echo"\n')
    run(["doctor"])
    assert "store: nothing is kept yet\n" in capsys.readouterr().out
    assert not Home(home).store.exists()
    Home(home).data.mkdir()
    Home(home).store.write_text("no database at all")
    assert run(["doctor"]) == 1
    assert "FAULT  store: The store cannot be opened" in (shown := capsys.readouterr().out)
    assert "`tars sessions repair`" in shown
    assert Home(home).store.read_text() == "no database at all"


def test_doctor_is_1_and_advises(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every fault is followed by what mends it; secrets of the configuration stay there."""
    monkeypatch.setenv("PATH", str(home / "bin"))
    (home / "config.toml").write_text(
        f'[agents.gemini]\nkind = "gemini"\n[agents.gemini.env]\nGEMINI_API_KEY = "{SECRET}"\n'
    )
    (home / "config.toml").chmod(0o600)
    assert run(["doctor"]) == 1
    shown = capsys.readouterr().out
    fault = "FAULT  gemini: the command `gemini` is not on PATH\n"
    assert f"{fault}       {KINDS['gemini'].install_advice}\n" in shown
    assert shown.endswith("1 to mend.\n")
    assert SECRET not in shown
