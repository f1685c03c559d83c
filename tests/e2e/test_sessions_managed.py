"""What people do with sessions while a real daemon uses them, and when it is stopped."""

import json
from collections.abc import Callable

import pytest

from tars.cli.app import run
from tests.support.tars_home import TarsHome

SITE = "/home/me/site"
#: Runs a command of `tars sessions` in this process: its exit status, stdout and stderr.
Sessions = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sessions(
    tars: TarsHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sessions:
    monkeypatch.setenv("TARS_HOME", str(tars.home.root))

    def command(*words: str) -> tuple[int, str, str]:
        status = run(["sessions", *words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


def told(sessions: Sessions, *words: str) -> str:
    """What a command prints that has to work."""
    status, out, err = sessions(*words)
    assert status == 0, err
    return out


def test_sessions_are_managed_beside_the_daemon(tars: TarsHome, sessions: Sessions) -> None:
    """The current one is never deleted or put away; another is, and its agent goes on. A task's
    turns are the daemon's; a template begins a conversation of its own."""
    tars.start()
    first = tars.prompt("Count me", project=SITE, name="site").session
    assert sessions("delete", "site", "--yes")[0] == 5
    assert sessions("archive", "site")[0] == 5
    told(sessions, "task", "start", "T1", "--session", "site", "--estimate-tokens", "10")
    told(sessions, "tag", "site", "urgent")
    tars.prompt("And me", project=SITE)
    (task,) = json.loads(told(sessions, "task", "report", "--format", "json"))["tasks"]
    assert (task["name"], task["spent"]["turns"]) == ("T1", 1)
    told(sessions, "template", "save", "again", "--from", "site", "--with-prompt")
    told(sessions, "template", "use", "again")
    (new,) = tars.client.sessions(status="active").sessions
    assert (new.name, new.tags, new.task) == ("site-1", ["urgent"], "T1")
    assert new.id != first
    told(sessions, "archive", "site", "--to", str(tars.home.root / "old"))
    assert told(sessions, "restore", "site").endswith("it is completed again.\n")
    told(sessions, "delete", "site", "--yes")
    assert [s.name for s in tars.client.sessions().sessions] == ["site-1"]
    assert tars.prompt("Still there?").outcome == "ok"


def test_a_store_that_was_damaged_is_repaired(tars: TarsHome, sessions: Sessions) -> None:
    """Not while the daemon uses it; then what was said is there again, and the daemon starts
    with it."""
    tars.start()
    for number in range(3):
        tars.prompt(f"pelican {number}", project=SITE, new=True)
    status, _, refused = sessions("repair")
    assert status == 5
    assert "tars stop" in refused
    tars.stop()
    before = json.loads(told(sessions, "--format", "json"))["sessions"]
    with tars.home.store.open("r+b") as file:
        file.write(b"\xa5" * 4096)
    status, dry, _ = sessions("repair", "--dry-run")
    assert status == 1, "something is wrong"
    assert dry.startswith("Damaged: the file is not a database.\n")
    repaired = told(sessions, "repair")
    assert "3 sessions, 3 turns, 6 messages" in repaired
    assert told(sessions, "repair") == "All is well with the store; nothing had to be done.\n"
    assert json.loads(told(sessions, "--format", "json"))["sessions"] == before
    tars.start()
    again = tars.prompt("ECHO:history", project=SITE)
    assert (again.session, again.text) == (before[0]["id"], "turns=2")
