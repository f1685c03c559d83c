"""A backup holds a home as it was at one moment, and comes back as that, or not at all."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tars.errors import UserError
from tars.home import Home
from tars.sessions.backup import back_up
from tars.sessions.library import Library
from tars.sessions.restoring import JOURNAL, Fate, finish, restoring
from tests.support.backups import CONFIG, FIELDS, contents, furnished, restore, save, session
from tests.support.exports import NOW, library, lines, take, written


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return furnished(tmp_path / "home")


def test_a_backup_has_everything_but_secrets(home: Home, tmp_path: Path) -> None:
    """0600, the manifest first, its checksums right, and no secret anywhere in it."""
    path = tmp_path / "b.tar.gz"
    made = save(home, path)
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        names = archive.getnames()
        manifest = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        for member in manifest["members"]:
            data = (archive.extractfile(member["name"]) or io.BytesIO()).read()
            assert hashlib.sha256(data).hexdigest() == member["sha256"]
            assert b"hunter2" not in data
            assert b"sk-1234" not in data
    assert names == [
        *("manifest.json", "tars.db", "machine-id", "permissions.json", "session.json"),
        *("agents/other/session.json", "config.toml"),
    ]
    assert (manifest["format"], manifest["version"], manifest["secrets"]) == (
        "tars.backup",
        1,
        False,
    )
    assert len(made.left_out) == 2
    with pytest.raises(UserError, match="exists already"):
        save(home, path)
    assert [p.name for p in home.data.iterdir() if p.name.startswith(".")] == []


def test_secrets_are_taken_along_where_they_are_asked_for(home: Home, tmp_path: Path) -> None:
    """config.toml byte by byte, and the env file of the home."""
    path, other = tmp_path / "b.tar.gz", Home(tmp_path / "other")
    assert save(home, path, secrets=True).left_out == ()
    restore(other, path)
    assert other.config.read_bytes() == home.config.read_bytes()
    assert (other.root / "my.env").read_text() == "KEY=secret\n"
    assert (other.root / "my.env").stat().st_mode & 0o777 == 0o600


def test_the_store_is_copied_while_somebody_writes(home: Home, tmp_path: Path) -> None:
    """What was kept is in it, what is in an open transaction is not, and nobody waits."""
    with Library.open(home) as writer:
        take(writer, written(session("s2")))
        other = sqlite3.connect(home.store, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE sessions SET title = 'half'")
        back_up(writer, tmp_path / "b.tar.gz", NOW)
        other.execute("ROLLBACK")
        other.close()
        there = Home(tmp_path / "other")
        restore(there, tmp_path / "b.tar.gz")
        with Library.open(there) as copy:
            assert lines(copy) == lines(writer)


def test_a_restored_home_is_the_one_that_was(home: Home, tmp_path: Path) -> None:
    """Everything is there again; what was there meanwhile is set aside, nothing is lost."""
    path = tmp_path / "b.tar.gz"
    save(home, path)
    with Library.open(home) as opened:
        before = lines(opened)
        with opened.writing() as connection:
            connection.exec_driver_sql("UPDATE sessions SET title = 'broken'")
    (home.data / "session.json").write_text("{")
    home.choices.write_text("changed")
    os.utime(home.choices, (2, 2))
    fates = restore(home, path)
    assert fates == {
        "tars.db": Fate.RESTORED,
        "machine-id": Fate.SAME,
        "permissions.json": Fate.RESTORED,
        "session.json": Fate.RESTORED,
        "agents/other/session.json": Fate.SAME,
        "config.toml": Fate.SAME,
    }
    with Library.open(home) as opened:
        assert lines(opened) == before
    assert home.choices.read_text() == "{}"
    aside = [p.name for p in home.data.iterdir() if ".before-restore-" in p.name]
    assert {name.split(".before")[0] for name in aside if not name.endswith(("-wal", "-shm"))} == {
        *("tars.db", "permissions.json", "session.json")
    }
    assert not (home.data / JOURNAL).exists()


def test_what_is_newer_here_stays(home: Home, tmp_path: Path) -> None:
    """The store, the figures and the configuration; `force` sets them aside instead."""
    path = tmp_path / "b.tar.gz"
    save(home, path)
    with Library.open(home) as opened:
        take(opened, written(session("s2", "2027-01-01T00:00:00Z")))
        newer = lines(opened)
    fields = FIELDS | {"lastInteractionAt": "2027-01-01T00:00:00Z", "totalInputTokens": 9}
    (home.data / "session.json").write_text(json.dumps(fields))
    home.config.write_text('default_agent = "echo"\n[agents.echo]\nkind = "echo"\n')
    later = (NOW + timedelta(days=1)).timestamp()
    os.utime(home.config, (later, later))
    before = contents(home)
    fates = restore(home, path)
    kept = [name for name, fate in fates.items() if fate is Fate.KEPT]
    assert kept == ["tars.db", "session.json", "config.toml"]
    assert contents(home) == before
    assert restore(home, path, force=True)["tars.db"] is Fate.RESTORED
    (aside,) = home.data.glob("tars.db.before-restore-*Z")
    aside.rename(home.store)
    with Library.open(home) as opened:
        assert lines(opened) == newer


def test_a_dry_run_changes_nothing(home: Home, tmp_path: Path) -> None:
    """It checks everything and says what would be done."""
    path = tmp_path / "b.tar.gz"
    save(home, path)
    home.choices.write_text("changed")
    os.utime(home.choices, (2, 2))
    before = contents(home)
    assert restore(home, path, dry_run=True)["permissions.json"] is Fate.RESTORED
    assert contents(home) == before


def test_secrets_come_from_the_configuration_that_is_there(home: Home, tmp_path: Path) -> None:
    """Where there is none, the key is left out and named."""
    path, other = tmp_path / "b.tar.gz", Home(tmp_path / "other")
    save(home, path)
    with restoring(other, path, NOW) as plan:
        (config,) = [item for item in plan.items if item.name == "config.toml"]
    assert "agents.echo.env.TOKEN" in config.why
    assert "left out" not in other.config.read_text()
    changed = CONFIG.format(home=home.root).replace("hunter2", "hunter3") + 'model = "x"\n'
    home.config.write_text(changed)
    os.utime(home.config, (2, 2))
    restore(home, path)
    assert 'TOKEN = "hunter3"' in home.config.read_text()
    assert "model" not in home.config.read_text()


def test_sessions_of_a_postgresql_are_told_and_imported(
    tmp_path: Path, postgres_store_url: str
) -> None:
    """Its file is elsewhere: the backup has all its sessions, and they go into the store that is
    configured where it is restored."""
    path, home = tmp_path / "b.tar.gz", Home(tmp_path / "home")
    home.prepare()
    with Library.open(home, url=postgres_store_url) as opened:
        take(opened, written(session(), session("s2")))
        whole = lines(opened)
        made = back_up(opened, path, NOW)
    assert made.manifest.store.kind == "postgresql"
    there = Home(tmp_path / "there")
    with restoring(there, path, NOW) as plan:
        assert plan.sessions is not None
        assert {item.name: item.fate for item in plan.items} == {"sessions.jsonl": Fate.IMPORTED}
        assert plan.sessions.read_text() == whole


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tars.home import Home
from tars.sessions import restoring
from tars.store import snapshot

real = {name: getattr(os, name) for name in ("rename", "replace", "fsync")}
left = 0

def counted(name):
    def call(*args, **more):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real[name](*args, **more)
    return call

for name in real:
    setattr(os, name, counted(name))
for place, victim in enumerate(sys.argv[2:]):
    child = os.fork()
    if child == 0:
        left = place
        home, path = Home(Path(victim)), Path(sys.argv[1])
        with restoring.restoring(home, path, datetime.now(UTC)):
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(status, flush=True)
    if status == 0:
        break
"""


def test_a_kill_leaves_the_old_or_the_new(home: Home, tmp_path: Path) -> None:
    """kill -9 before any write, sync or rename of a restore: all of the files are the old ones,
    or all are the new ones once the journal is finished; the old ones are aside."""
    path, first = tmp_path / "b.tar.gz", Home(tmp_path / "v")
    save(home, path)
    with library(first.root) as opened:
        take(opened, written(session("old", "2026-03-01T12:00:01Z")))
    first.choices.write_text("old")
    os.utime(first.choices, (2, 2))
    victims = [Home(tmp_path / f"v{point}") for point in range(36)]
    for victim in victims:
        shutil.copytree(first.root, victim.root)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), *(str(victim.root) for victim in victims)],
        capture_output=True,
        text=True,
        check=True,
    )
    ends = done.stdout.split()
    assert {"9", "0"} == set(ends), done.stderr
    found = set()
    for victim in victims[: ends.index("0") + 1]:
        finish(victim)
        with closing(sqlite3.connect(victim.store)) as connection:
            (id,) = connection.execute("SELECT id FROM sessions").fetchone()
        found.add((id, victim.choices.read_text()))
        if id == "s1":
            assert list(victim.data.glob("tars.db.before-restore-*"))
            assert next(victim.data.glob("permissions.json.before-*")).read_text() == "old"
    assert found == {("s1", "{}"), ("old", "old")}
