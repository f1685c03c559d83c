"""Sessions are named, tagged, noted, put away and deleted from the command line."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import split

import pytest
from sqlalchemy import select

from tars.cli.app import run
from tars.cli.sessions_view import UNKNOWN
from tars.home import Home
from tars.sessions import tasks
from tars.sessions.library import Library
from tars.store.rows import AgentRow
from tars.store.schema import agents, sessions, turns
from tests.store.samples import record
from tests.support.command_line import OnTerminal

START = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def library(home: Path) -> Iterator[Library]:
    with Library.open(Home(home)) as opened:
        yield opened


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three sessions: a current one, an old one of a turn, and one without."""
    home = tmp_path_factory.mktemp("built") / "tars"
    Home(home).prepare()
    with library(home) as opened:
        store = opened.store
        for day, (id, agent) in enumerate(
            [("empty-0001", "gemini"), ("worked-0002", "gemini"), ("worked-0003", "claude")]
        ):
            store.save_agent(AgentRow(agent, agent, "acp", session=None))
            store.save_session(agent, id, START + timedelta(days=day))
        store.finish_turn(record("t1", session="worked-0002"))
        with opened.writing() as connection:
            current = sessions.c.id == "worked-0003"
            connection.execute(sessions.update().values(status="completed", writer=None))
            connection.execute(sessions.update().where(current).values(status="active"))
            connection.execute(agents.update().values(session=None))
    return home


@pytest.fixture
def kept(built: Path, home: Path) -> Path:
    """A copy of it, where the commands look."""
    shutil.copytree(built, home, dirs_exist_ok=True)
    return home


Said = pytest.CaptureFixture[str]


def told(said: Said, *words: str) -> str:
    """What a command prints that has to work."""
    status = run(["sessions", *words])
    printed = said.readouterr()
    assert status == 0, printed.err
    return printed.out


def refused(said: Said, *words: str) -> tuple[int, str]:
    """The exit status and the one line of a command that must not work."""
    status = run(["sessions", *words])
    printed = said.readouterr()
    assert status != 0
    assert printed.err.count("\n") == 1
    return status, printed.err.strip()


def ids(home: Path) -> list[str]:
    with library(home) as opened, opened.reading() as connection:
        return sorted(connection.scalars(select(sessions.c.id)))


def test_a_session_gets_a_name_and_a_title(kept: Path, said: Said) -> None:
    """It is found by its name from then on, until that is taken away."""
    assert told(said, "rename", "worked-0002", "fix 🚀", "--title", " The \n login ") == (
        'Session worked-0002 is "fix 🚀" now.\nSession worked-0002 has the title "The login" now.\n'
    )
    assert told(said, "rename", "fix 🚀", "--no-name") == (
        'Session "fix 🚀" (worked-0002) has no name now.\n'
    )
    assert refused(said, "note", "fix 🚀")[0] == 1


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("rename worked-0002 ../x", 2, "a slash"),
        ("rename worked-0002 last", 2, "the newest session"),
        ("rename worked-0002 worked-0003", 2, "is the id of another session"),
        ("rename worked-0002", 2, "say a NAME, --title or --no-name"),
        ("rename worked-0002 x --no-name", 2, "exclude each other"),
        ("rename", 2, "missing argument"),
        ("rename work x", 1, "means several sessions: worked-0003 of claude"),
        ("rename nothing x", 1, "No session has the id or name 'nothing'"),
        ("tag worked-0002 a,b", 2, "a blank or a comma"),
        ("tag worked-0002 --remove", 2, "requires an argument"),
        ("note worked-0002 --format xml", 2, "is not one of"),
        ("task start", 2, "missing argument"),
        ("task start T1 --estimate-cost x", 2, "no amount of dollars"),
        ("task start T1 --estimate-cost 0.0000001", 2, "to the millionth"),
        ("task start T1 --estimate-tokens -1", 2, "not in the range"),
        ("task start T1 --session work", 1, "means several sessions"),
        ("task end T1", 1, 'There is no task "T1"'),
        ("task report T1", 1, 'There is no task "T1"'),
        ("task finish", 2, "no such command: finish"),
        ("delete", 2, "missing argument"),
        ("delete worked-0002", 2, "nobody can be asked here: say --yes"),
        ("delete worked-0003 --yes", 5, "next prompt goes to it. `tars reset --agent claude`"),
        ("delete worked-0002 worked-0003 --yes", 5, "next prompt goes to it"),
        ("delete work --yes", 1, "means several sessions"),
        ("clean", 2, "say --older-than, --keep or --empty"),
        ("clean --older-than soon", 2, "no age, such as 12h, 30d"),
        ("clean --keep -1", 2, "not in the range"),
        ("clean --empty", 2, "nobody can be asked here: say --yes"),
        ("archive worked-0003", 5, "cannot be archived: its agent's next prompt goes to it"),
        ("restore worked-0002", 5, "is not archived: it is completed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    kept: Path, said: Said, words: str, status: int, why: str
) -> None:
    """With the exit status of its kind; nothing is deleted."""
    got, line = refused(said, *words.split())
    assert why in line
    assert got == status
    assert ids(kept) == ["empty-0001", "worked-0002", "worked-0003"]


def test_a_name_is_only_once(kept: Path, said: Said) -> None:
    """Another session cannot have it; the refusal says whose it is."""
    told(said, "rename", "worked-0002", "fix")
    assert refused(said, "rename", "worked-0003", "fix")[1] == (
        'tars: "fix" is the name of session worked-0002 already.'
    )


def test_tags_are_added_taken_away_and_shown(kept: Path, said: Said) -> None:
    """Without a tag those that it has are shown, for a person or a program."""
    assert told(said, "tag", "worked-0002", "b", "a") == "Session worked-0002: a, b\n"
    assert told(said, "tag", "worked-0002", "c", "--remove", "b") == "Session worked-0002: a, c\n"
    assert json.loads(told(said, "tag", "worked-0002", "--format", "json")) == {
        "session": "worked-0002",
        "tags": ["a", "c"],
    }
    assert told(said, "tag", "worked-0002", "--format", "csv") == "tag\na\nc\n"
    assert told(said, "tag", "empty-0001") == "Session empty-0001: no tags\n"
    assert "worked-0002" in told(said, "--tag", "c")


def test_notes_are_listed(kept: Path, said: Said) -> None:
    """With their times; what would command a terminal is taken out of them."""
    assert told(said, "note", "empty-0001") == "Session empty-0001 has no notes.\n"
    assert told(said, "note", "empty-0001", "one\x1b[31m\ntwo") == "Noted of Session empty-0001.\n"
    listed = told(said, "note", "empty-0001", "--tz", "UTC").splitlines()
    assert datetime.fromisoformat(f"{listed[0]}Z") > START
    assert listed[1:] == ["  one", "  two"]
    (found,) = json.loads(told(said, "note", "empty-0001", "--format", "json"))["notes"]
    assert found["text"] == "one\x1b[31m\ntwo"
    assert set(found) == {"at", "text"}


def test_a_task_is_accounted_for(kept: Path, said: Said) -> None:
    """What was estimated stands beside what was used; a cost that nobody told is a dash."""
    assert told(said, "task", "report") == "No tasks yet.\n"
    told(said, *split("task start T1 --session worked-0002 --estimate-tokens 1000"))
    started = told(said, *split("task start T2 --session empty-0001 --estimate-cost 2.50"))
    assert started == 'Task "T2" is under way: the turns of session empty-0001 are its.\n'
    assert refused(said, "task", "start", "T2")[0] == 5
    with library(kept) as opened, opened.writing() as connection:
        connection.execute(turns.update().values(task="T1"))
    report = told(said, "task", "report").replace(UNKNOWN, "?").splitlines()
    assert report[0].split() == (
        [
            "TASK",
            "STATE",
            "TURNS",
            "TOKENS",
            "ESTIMATED",
            "USED",
            "COST",
            "ESTIMATED",
            "COST",
            "SPENT",
        ]
    )
    assert report[1].split() == [
        "T1",
        *split("under way 1 3.3k 1.0k 337 % ? ? ?"),
    ]
    assert report[2].split() == ["T2", *split("under way 0 0 ? ? $0.00 $2.50 ?")]
    one = json.loads(told(said, *split("task report T1 --format json")))["tasks"][0]
    assert one["name"] == "T1"
    assert (one["estimatedTokens"], one["estimatedUsd"], one["endedAt"]) == (1000, None, None)
    assert (one["spent"]["turns"], one["spent"]["costUsd"]) == (1, None)
    ended = told(said, "task", "end", "T1")
    assert "cost not known" in ended
    assert "of 1,000 estimated" in ended
    assert refused(said, "task", "end", "T1")[0] == 5
    csv = told(said, *split("task report --format csv")).splitlines()
    assert csv[0].startswith("name,startedAt,endedAt,estimatedTokens,")
    assert len(csv) == 3


def test_a_task_that_prompts_alone_named_can_be_ended(kept: Path, said: Said) -> None:
    """It began with its first turn, and no further turn is its."""
    with library(kept) as opened, opened.writing() as connection:
        connection.execute(turns.update().values(task="T9"))
        connection.execute(sessions.update().values(task="T9"))
        began = connection.scalar(select(turns.c.began_at))
    assert 'Task "T9" ended: 1 turn' in told(said, "task", "end", "T9")
    with library(kept) as opened:
        (task,) = tasks.report(opened, "T9")
        with opened.reading() as connection:
            assert set(connection.scalars(select(sessions.c.task))) == {None}
    assert task.started_at == began
    assert refused(said, "task", "end", "T9")[0] == 5
    assert "no task" in refused(said, "task", "end", "T8")[1]


def test_a_deleted_session_is_gone_and_its_cost_is_not(kept: Path, said: Said) -> None:
    """What it used is still in the ledger, of no session; unless that is to go too."""
    assert told(said, "delete", "--yes", "worked-0002", "worked-0002") == (
        "Deleted Session worked-0002.\n"
    )
    assert ids(kept) == ["empty-0001", "worked-0003"]
    with library(kept) as opened, opened.reading() as connection:
        (row,) = connection.execute(select(turns.c.session, turns.c.output)).all()
    assert row.session is None
    assert row.output > 0


def test_clean_shows_what_it_would_delete(kept: Path, said: Said) -> None:
    """A dry run changes nothing, and tells programs the same."""
    assert run(["sessions", *split("clean --older-than 1d --dry-run --tz UTC")]) == 0
    shown = said.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == [
        "SESSION",
        "empty-0001",
        "worked-0002",
    ]
    assert shown.err == "2 sessions would be deleted.\n"
    found = json.loads(told(said, *split("clean --empty --dry-run --format json")))
    assert found["dryRun"] is True
    assert [each["session"] for each in found["sessions"]] == ["empty-0001"]
    assert found["sessions"][0]["file"] is None
    assert told(said, *split("clean --older-than 1d --keep 3 --dry-run --format csv")) == (
        "session,name,agent,status,lastActivityAt,file\n"
    )
    assert len(ids(kept)) == 3


def test_clean_writes_a_session_down_before_it_deletes_it(kept: Path, said: Said) -> None:
    """All of it is in a file of its owner's alone; the active session stays, however old."""
    found = json.loads(told(said, *split("clean --keep 0 --yes --format json")))
    assert ids(kept) == ["worked-0003"]
    files = [Path(each["file"]) for each in found["sessions"]]
    assert [file.name for file in files] == ["gemini-empty-0001.json", "gemini-worked-0002.json"]
    assert {file.parent for file in files} == {kept / "archive"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    whole = json.loads(files[1].read_text())
    assert whole["sessions"][0]["id"] == "worked-0002"
    assert len(whole["sessions"][0]["turns"]) == 1


def test_nothing_is_deleted_that_cannot_be_written_down(kept: Path, said: Said) -> None:
    """Where the folder cannot be written, the sessions stay."""
    (kept / "blocked").write_text("a file")
    status, line = refused(said, *f"clean --keep 0 --yes --to {kept}/blocked".split())
    assert status == 1
    assert "It was not removed." in line
    assert len(ids(kept)) == 3


def test_what_went_before_a_fault_is_told(kept: Path, said: Said) -> None:
    """The second session cannot be deleted: of the first it is said that it is gone, and where
    its file is."""
    with library(kept) as opened, opened.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stays BEFORE DELETE ON sessions WHEN old.id = 'worked-0002'"
            " BEGIN SELECT RAISE(ABORT, 'stays'); END"
        )
    assert run(["sessions", *split("clean --keep 0 --yes --format json")]) == 1
    assert ids(kept) == ["worked-0002", "worked-0003"]
    (gone,) = json.loads(said.readouterr().out)["sessions"]
    assert gone["session"] == "empty-0001"
    assert Path(gone["file"]).exists()


def test_an_archived_session_is_taken_back(kept: Path, said: Said) -> None:
    """It is not listed meanwhile; with a folder all of it is written there, once."""
    done = told(said, "archive", "worked-0002", "--to", str(kept / "old"))
    assert done == (
        f"Archived Session worked-0002. All of it is in {kept}/old/gemini-worked-0002.json.\n"
    )
    assert refused(said, "archive", "worked-0002")[0] == 5
    assert "worked-0002" not in told(said)
    assert "worked-0002" in told(said, "--archived")
    back = told(said, "restore", "worked-0002")
    assert back == "Restored Session worked-0002: it is completed again.\n"
    assert "worked-0002" in told(said)


def test_a_cleaned_session_comes_back_from_its_file(kept: Path, said: Said) -> None:
    """With its tags, its name and its turns, which are counted once; a second time it is here
    already."""
    told(said, *split("rename worked-0002 fix"))
    told(said, *split("tag worked-0002 a"))
    assert run(["sessions", *split("clean --keep 0 --yes")]) == 0
    assert f"deleted. Their files are in {kept / 'archive'}.\n" in said.readouterr().err
    file = str(kept / "archive" / "fix-gemini-worked-0002.json")
    assert told(said, "restore", file) == 'Restored session "fix" (worked-0002).\n'
    assert told(said, "tag", "fix") == 'Session "fix" (worked-0002): a\n'
    with library(kept) as opened, opened.reading() as connection:
        (row,) = connection.execute(select(turns.c.session)).all()
    assert row.session == "worked-0002"
    status, line = refused(said, "restore", file)
    assert status == 5
    assert "was not restored: it is here already" in line
    told(said, "archive", "fix")
    assert told(said, "restore", file) == 'Restored session "fix" (worked-0002).\n'
    assert "fix" in told(said)


def test_only_an_export_is_restored(kept: Path, said: Said) -> None:
    """Another file is refused and changes nothing; one that is not there is said."""
    (kept / "other.json").write_text('{"format": 1')
    assert refused(said, "restore", str(kept / "other.json"))[0] == 1
    assert "cannot be read: No such file" in refused(said, "restore", f"{kept}/none.json")[1]
    assert len(ids(kept)) == 3


def test_a_second_archive_overwrites_nothing(kept: Path, said: Said) -> None:
    """A file of the same session from before stays beside the new one."""
    old = str(kept / "old")
    told(said, "archive", "worked-0002", "--to", old)
    first = (kept / "old" / "gemini-worked-0002.json").read_bytes()
    told(said, "restore", "worked-0002")
    told(said, "tag", "worked-0002", "new")
    told(said, "archive", "worked-0002", "--to", old)
    assert (kept / "old" / "gemini-worked-0002.json").read_bytes() == first
    assert b'"new"' in (kept / "old" / "gemini-worked-0002.2.json").read_bytes()


def test_deleting_asks_on_a_terminal(kept: Path) -> None:
    """It names what would go, and only yes is yes."""
    for answer, status, left in (("n", 130, 3), ("y", 0, 2)):
        asked = OnTerminal(kept, "sessions", "delete", "worked-0002")
        asked.expect("Delete 1 session? y, N: ")
        assert "Session worked-0002: 1 turn, 0 messages" in asked.seen
        asked.type(f"{answer}\r")
        assert asked.end() == status
        assert len(ids(kept)) == left


def test_without_sessions_nothing_is_made(home: Path, said: Said) -> None:
    """A command that finds nothing leaves no store behind."""
    assert refused(said, "tag", "last")[1].startswith("tars: No sessions yet.")
    assert run(["sessions", "task", "report"]) == 0
    assert run(["sessions", *split("clean --empty --yes")]) == 0
    assert not Home(home).store.exists()
