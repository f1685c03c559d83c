"""`tars agents`: which CLIs this machine has, and how they get into config.toml."""

import os
import stat
import tomllib
from pathlib import Path

import msgspec
import pytest

from tars.agents.registry import KINDS
from tars.cli.app import run
from tars.cli.detection import Candidate, candidates, detect, places, version_of
from tests.support.command_line import OnTerminal

pytestmark = pytest.mark.usefixtures("machine")


def program(folder: Path, name: str, script: str = "echo 1.2.3") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gemini CLI is on the PATH, Claude Code beside it, where its installer puts it."""
    program(home / "bin-on-path", "gemini", 'echo "0.61.0"; echo "more"')
    program(home / ".local/bin", "claude", 'echo "2.1.316 (Claude Code)"')
    program(home / "bin-on-path", "codex", "exit 1")
    monkeypatch.setenv("PATH", f"{home / 'bin-on-path'}:/usr/bin:/bin")
    for name in list(os.environ):
        if name.startswith(("GEMINI", "GOOGLE", "ANTHROPIC", "CLAUDE", "OPENAI", "CODEX", "AWS")):
            monkeypatch.delenv(name)
    return home


def test_what_is_found_is_told_without_a_daemon(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is, its version in its own words, who is signed in, and where its logs are."""
    (home / ".gemini/tmp").mkdir(parents=True)
    (home / ".gemini/oauth_creds.json").touch()
    assert run(["agents", "detect", "--json", "gemini,claude", "codex"]) == 0
    shown = msgspec.json.decode(capsys.readouterr().out)
    assert shown["missing"] == []
    found = {each["name"]: each for each in shown["found"]}
    assert found["gemini"] == {
        "name": "gemini",
        "kind": "gemini",
        "protocol": "acp",
        "program": str(home / "bin-on-path/gemini"),
        "onPath": True,
        "version": "0.61.0",
        "signedIn": True,
        "logs": [str(home / ".gemini/tmp")],
    }
    claude = found["claude"]
    assert (claude["onPath"], claude["version"]) == (False, "2.1.316 (Claude Code)")
    assert (found["codex"]["version"], found["codex"]["signedIn"]) == ("", False)
    assert run(["agents", "detect", "gemini", "codex"]) == 0
    header, gemini, codex = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "KIND", "VERSION", "SIGNED", "IN", "PROGRAM", "LOGS"]
    assert gemini.split()[:4] == ["gemini", "gemini", "0.61.0", "yes"]
    assert codex.split()[:5] == ["codex", "codex", "not", "told", "no"]


def test_a_name_that_nobody_knows_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that are known."""
    assert run(["agents", "detect", "gemni"]) == 2
    assert "known are gemini, claude" in capsys.readouterr().err


def test_every_cli_with_a_name_of_its_own_is_looked_for() -> None:
    """Each once; not the built-in agent, and not the kinds that run any program."""
    names = [candidate.name for candidate in candidates(KINDS)]
    assert len(names) == len(set(names))
    assert {"gemini", "claude", "codex", "opencode", "copilot", "aider"} <= set(names)
    assert not {"echo", "acp", "pty"} & set(names)


def test_what_is_not_here_is_left_out(home: Path) -> None:
    """The newest Node.js of nvm is looked at before the older ones."""
    for version in ("v9.9.9", "v22.1.0"):
        program(home / f".nvm/versions/node/{version}/bin", "agent-of-nvm", f"echo {version}")
    wanted = [Candidate(n, KINDS["gemini"], (n,)) for n in ("no-such-agent", "agent-of-nvm")]
    [found] = detect(wanted, {"PATH": "/nowhere", "HOME": str(home)})
    assert (found.candidate.name, found.version) == ("agent-of-nvm", "v22.1.0")
    assert home / ".local/bin" in list(places({"HOME": str(home)}))


def test_a_version_that_does_not_come_is_not_waited_for(home: Path) -> None:
    """Nor for a child that holds the pipe, nor for the end of an endless answer."""
    env = {"PATH": "/usr/bin:/bin"}
    silent = program(home, "silent", "sleep 60 & sleep 60")
    assert version_of(silent, env, 0.2) == ""
    endless = program(home, "endless", "while :; do echo 7.7; done")
    assert version_of(endless, env) == "7.7"
    script = home / "no-program"
    script.touch(mode=0o755)
    assert version_of(script, env) == ""


def config(home: Path) -> Path:
    return home / "config.toml"


def test_a_new_config_is_written_private(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds what was chosen, by a path where the name alone would not do."""
    assert run(["agents", "detect", "--write", "claude,gemini"]) == 0
    assert tomllib.loads(config(home).read_text()) == {
        "agents": {
            "gemini": {"kind": "gemini"},
            "claude": {"kind": "claude", "command": [str(home / ".local/bin/claude")]},
        }
    }
    assert stat.S_IMODE(config(home).stat().st_mode) == 0o600
    assert run(["config", "validate"]) == 0
    capsys.readouterr()
    before = config(home).read_text()
    assert run(["agents", "detect", "--write", "gemini"]) == 0
    said = capsys.readouterr().err
    assert "gemini is in" in said
    assert "Nothing was written." in said
    assert config(home).read_text() == before


def test_a_config_without_comments_grows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was there stays as it was, and is kept beside it."""
    was = '[agents.mine]\nkind = "echo"'
    config(home).write_text(was)
    for number, name in enumerate(["gemini", "claude"]):
        before = config(home).read_text()
        assert run(["agents", "detect", "--write", name]) == 0
        backup = home / ("config.toml.bak2" if number else "config.toml.bak")
        assert backup.read_text() == before
        assert f"is in {backup}" in capsys.readouterr().err
    text = config(home).read_text()
    assert text.startswith(f"{was}\n\n[agents.gemini]\n")
    assert list(tomllib.loads(text)["agents"]) == ["mine", "gemini", "claude"]
    assert stat.S_IMODE(config(home).stat().st_mode) == 0o600
    assert sorted(p.name for p in home.glob("config.toml*")) == [
        "config.toml",
        "config.toml.bak",
        "config.toml.bak2",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '# mine\n[agents.mine]\nkind = "echo"\n',
        'agents.mine.kind = "echo"\n[agents.two]\nkind = "echo" # two',
        'agents = { mine = { kind = "echo" } }\n',
    ],
)
def test_a_persons_file_is_not_changed(
    home: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """One with comments, or one that could not be added to: the lines are printed."""
    config(home).write_text(text)
    config(home).chmod(0o600)
    assert run(["agents", "detect", "--write", "gemini"]) == 0
    said = capsys.readouterr()
    assert said.out.endswith('[agents.gemini]\nkind = "gemini"\n')
    assert "Add this to it:" in said.err
    assert config(home).read_text() == text
    assert [p.name for p in home.glob("config.toml*")] == ["config.toml"]


def test_a_link_is_not_replaced(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file may be under somebody's version control."""
    elsewhere = home / "dotfiles.toml"
    elsewhere.write_text('[agents.mine]\nkind = "echo"\n')
    elsewhere.chmod(0o600)
    config(home).symlink_to(elsewhere)
    assert run(["agents", "detect", "--write", "gemini"]) == 0
    assert "is a link" in capsys.readouterr().err
    assert config(home).is_symlink()
    assert "gemini" not in elsewhere.read_text()


def test_a_config_with_faults_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is mended first."""
    config(home).write_text("[agents.mine]\nkind = 1\n")
    assert run(["agents", "detect", "--write", "gemini"]) == 1
    assert "agents.mine.kind" in capsys.readouterr().err


def test_a_person_is_asked_which(home: Path) -> None:
    """By number or by name; what makes no sense is asked again. A pipe is asked nothing."""
    env = {"PATH": os.environ["PATH"]}
    terminal = OnTerminal(home, "agents", "detect", "--write", env=env)
    terminal.expect("Which ones?")
    terminal.type("99\n")
    terminal.seen = ""
    terminal.expect("Which ones?")
    terminal.type("gemini\n")
    assert terminal.end() == 0
    assert list(tomllib.loads(config(home).read_text())["agents"]) == ["gemini"]
    assert run(["agents", "detect", "--write"]) == 2


def test_knowledge_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """A column for each kind and protocol, and what the words beside it say."""
    assert run(["agents", "knowledge"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["gemini/acp", "gemini/stream-json"]
    assert any(row.startswith("cache reads  ") for row in rows)
    words = "every request, from its log. It has no model; its tokens are made up."
    assert f"echo/acp: tokens: {words}" in rows
