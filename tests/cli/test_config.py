"""`tars config`: written once, shown without secrets, judged whole."""

import stat
import tomllib
from pathlib import Path

import pytest

from tars.cli.app import run


def test_init_writes_a_private_file_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second init changes nothing and fails."""
    assert run(["config", "init"]) == 0
    path = home / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capsys.readouterr().out == f"Wrote {path}.\n"
    path.write_text('default_agent = "mine"\n')
    assert run(["config", "init"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == 'default_agent = "mine"\n'


def test_what_init_writes_is_valid(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The template documents keys that exist."""
    assert run(["config", "init"]) == 0
    assert run(["config", "validate"]) == 0
    assert f"{home / 'config.toml'} is valid" in capsys.readouterr().out


def test_path_is_printed_whether_it_exists_or_not(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For `$EDITOR $(tars config path)`."""
    assert run(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{home / 'config.toml'}\n"


def test_show_hides_the_values_of_variables(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints is TOML, with every key in force."""
    (home / "config.toml").write_text(
        'default_agent = "echo"\n[agents.echo]\nkind = "echo"\n[agents.echo.env]\nKEY = "s3cret"\n'
    )
    (home / "config.toml").chmod(0o600)
    assert run(["config", "show"]) == 0
    shown = capsys.readouterr().out
    assert "s3cret" not in shown
    assert tomllib.loads(shown)["agents"]["echo"]["env"] == {"KEY": "***"}


def test_every_fault_is_a_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run tells them all, on stderr, and fails."""
    (home / "config.toml").write_text('log_levle = "info"\n[agents.echo]\nkind = "eco"\n')
    assert run(["config", "validate"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"tars: {home / 'config.toml'}: ") for line in lines)
    assert "log_levle" in said.err
    assert "eco" in said.err


def test_init_says_when_the_default_agent_is_not_installed(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What worked without a config.toml would not start with this one."""
    monkeypatch.setenv("PATH", str(home))
    assert run(["config", "init"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("tars: the command `gemini` of the default agent gemini is not on PATH.")
    assert "[agents.echo]" in said
    assert said.count("\n") == 1


def test_init_is_silent_when_all_is_there(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint is for those who need it."""
    program = home / "gemini"
    program.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(home))
    assert run(["config", "init"]) == 0
    assert capsys.readouterr().err == ""
