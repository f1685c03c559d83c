"""Sessions go into files and come out of them from the command line."""

import json
from pathlib import Path

import pytest

from tars.cli.app import run
from tars.daemon.hold import hold
from tars.home import Home
from tests.support.command_line import tars

Said = pytest.CaptureFixture[str]
TALK = '[{"role":"user","content":"Mend the login"},{"role":"assistant","content":"Done"}]'


@pytest.fixture
def talk(home: Path) -> Path:
    path = home / "talk.json"
    path.write_text(TALK)
    return path


def told(said: Said, *words: str | Path) -> str:
    """What a command prints that has to work."""
    status = run(["sessions", *map(str, words)])
    printed = said.readouterr()
    assert status == 0, printed.err
    return printed.out


def refused(said: Said, *words: str | Path) -> tuple[int, str]:
    status = run(["sessions", *map(str, words)])
    printed = said.readouterr()
    assert status != 0
    assert printed.err.count("\n") == 1, printed.err
    return status, printed.err


def test_a_conversation_is_imported_and_exported(home: Path, talk: Path, capsys: Said) -> None:
    """Into each format, by its name; and skipped when it comes again."""
    assert told(capsys, "import", talk, "--as", "login").startswith("imported login (import-")
    assert "skipped" in told(capsys, "import", talk)
    assert json.loads(told(capsys, "export", "login"))["sessions"][0]["name"] == "login"
    assert told(capsys, "export", "--all", "--format", "jsonl").count("\n") == 5
    assert "# Mend the login" in told(capsys, "export", "last", "--format", "markdown")
    table = told(capsys, "export", "last", "--format", "csv", "--csv", "messages")
    assert table.count("\r\n") == 3
    out = home / "out"
    told(capsys, "export", "--all", "--output", f"{out}/", "--format", "markdown")
    assert [path.name for path in out.iterdir()] == ["login.md"]
    found = json.loads(told(capsys, "import", talk, "--format", "json"))["sessions"]
    assert [(each["done"], each["why"]) for each in found] == [("skipped", "it is here already")]


def test_stdin_is_a_file_too(home: Path) -> None:
    """`-` is read to its end, once."""
    done = tars(home, "sessions", "import", "-", "--agent", "someone", given=TALK.encode())
    assert (done.returncode, done.stdout[:9]) == (0, "imported ")
    assert done.stderr == "stdin: 1 imported.\n"


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("export", 2, "say which sessions, or --all"),
        ("export last --all", 2, "say which sessions, or --all"),
        ("export nothing", 1, "No session has the id or name 'nothing'"),
        ("export --all --tag none", 1, "No session is like that"),
        ("export --all --format xml", 2, "is not one of"),
        ("export --all -o {home}/talk.json", 1, "exists already. `--force`"),
        ("import {home}/nothing", 1, "cannot be read: No such file"),
        ("import {home}", 1, "is a folder"),
        ("import {home}/config.toml", 1, "neither JSON nor TOON"),
        ("import {home}/talk.json --as ../x", 2, "a slash"),
        ("backup {home}/talk.json", 1, "exists already"),
        ("backup {home}/no/b.tgz", 1, "cannot be written"),
        ("restore-backup {home}/talk.json", 1, "it is no backup of tars"),
        ("restore-backup {home}/nothing", 1, "No such file"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    home: Path, talk: Path, capsys: Said, words: str, status: int, why: str
) -> None:
    """With the exit status of its kind."""
    (home / "config.toml").write_text('default_agent = "echo"\n[agents.echo]\nkind = "echo"\n')
    told(capsys, "import", talk)
    got, line = refused(capsys, *words.replace("{home}", str(home)).split())
    assert why in line
    assert got == status


def test_a_home_is_backed_up_and_restored(home: Path, talk: Path, capsys: Said) -> None:
    """What the backup has is told, and what it leaves out; a daemon's home is left alone."""
    told(capsys, "import", talk)
    file = home / "b.tgz"
    assert "tars.db" in told(capsys, "backup", file)
    Home(home).prepare()
    with hold(Home(home)):
        status, line = refused(capsys, "restore-backup", file)
        assert (status, "is running already" in line) == (5, True)
        assert "restored tars.db" in told(capsys, "restore-backup", file, "--dry-run")
    assert "what was here is now tars.db.before-" in told(capsys, "restore-backup", file)
    assert told(capsys, "export", "--all", "--format", "jsonl").count("\n") == 5


def test_a_bad_file_after_a_good_one_is_named(home: Path, talk: Path, capsys: Said) -> None:
    """Each file is taken whole or not at all; the good one before it stays."""
    (home / "bad").write_text("[{}]")
    status = run(["sessions", "import", str(talk), str(home / "bad")])
    printed = capsys.readouterr()
    assert (status, printed.out[:9]) == (1, "imported ")
    assert "bad, messages[0]: " in printed.err
    assert "Nothing was imported" in printed.err
