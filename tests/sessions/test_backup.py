"""A backup holds a home as it was at one moment, and comes back as that, or not at all."""

import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tars.errors import FileUnreadable, StoreError, TarsError, UserError
from tars.home import Home
from tars.sessions import backup_format
from tars.sessions.backup import Made, back_up
from tars.sessions.library import Library
from tars.sessions.restoring import JOURNAL, Fate, finish, restoring
from tests.support.exports import AT, LATER, NOW, library, lines, take, written

CONFIG = """\
# an old key: sk-1234567890abcdefgh
env_file = "{home}/my.env"
[agents.echo]
kind = "echo"
env = {{ TOKEN = "hunter2" }}
"""
FIELDS = {
    "sessionId": "s1",
    "createdAt": AT,
    "totalInputTokens": 1,
    "totalOutputTokens": 1,
    "totalCachedTokens": 0,
    "totalNetTokens": 1,
    "interactionCount": 1,
    "lastInteractionAt": "2026-01-01T00:00:00Z",
    "lastInputTokens": 1,
}


def session(id: str = "s1", last: str = LATER) -> dict[str, Any]:
    return {"type": "session", "id": id, "agent": "a", "createdAt": AT, "lastActivityAt": last}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with something of everything in it."""
    root = tmp_path / "home"
    with library(root) as opened:
        take(opened, written(session()))
    made = Home(root)
    made.config.write_text(CONFIG.format(home=root))
    (root / "my.env").write_text("KEY=secret\n")
    made.choices.write_text("{}")
    (made.data / "session.json").write_text(json.dumps(FIELDS))
    made.agent_data("other").mkdir()
    (made.agent_data("other") / "session.json").write_text(json.dumps(FIELDS))
    for path in (made.config, made.choices):
        os.utime(path, (1, 1))
    return made


def save(home: Home, path: Path, **how: Any) -> Made:
    with Library.open(home) as opened:
        return back_up(opened, path, NOW, **how)


def restore(home: Home, path: Path, **how: Any) -> dict[str, Fate]:
    with restoring(home, path, NOW, **how) as plan:
        return {item.name: item.fate for item in plan.items}


def contents(home: Home) -> dict[str, bytes]:
    """Every file of a home but what SQLite keeps beside the store."""
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


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


# --- archives that nobody should believe -------------------------------------------

Members = list[tuple[tarfile.TarInfo, bytes]]


def unpacked(path: Path) -> Members:
    with tarfile.open(path) as archive:
        return [(info, (archive.extractfile(info) or io.BytesIO()).read()) for info in archive]


def packed(path: Path, members: Members) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))


def manifested(members: Members, change: Callable[[dict[str, Any]], None]) -> Members:
    """Change the manifest."""
    info, data = members[0]
    manifest = json.loads(data)
    change(manifest)
    data = json.dumps(manifest).encode()
    info.size = len(data)
    return [(info, data), *members[1:]]


def _renamed(members: Members, name: str) -> Members:
    def change(manifest: dict[str, Any]) -> None:
        manifest["members"][0]["name"] = name

    members[1][0].name = name
    return manifested(members, change)


def _typed(members: Members, kind: bytes) -> Members:
    members[1][0].type, members[1][0].linkname, members[1][0].size = kind, "/etc/passwd", 0
    return [*members[:1], (members[1][0], b""), *members[2:]]


def _bytes_changed(members: Members) -> Members:
    return [*members[:1], (members[1][0], members[1][1][:-1] + b"!"), *members[2:]]


def _cut_short(members: Members) -> Members:
    members[1][0].size -= 1
    return [*members[:1], (members[1][0], members[1][1][:-1]), *members[2:]]


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest.update(values)


def _sized(size: int) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["members"][0].update(size=size)


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda m: _renamed(m, "../../evil"), "names files that are none of a backup"),
        (lambda m: _renamed(m, "/etc/passwd"), "names files that are none of a backup"),
        (lambda m: _renamed(m, "agents/../session.json"), "none of a backup"),
        (lambda m: _renamed(m, "env/.."), "none of a backup"),
        (lambda m: _renamed(m, "permissions.json"), "none of a backup"),
        (lambda m: _typed(m, tarfile.SYMTYPE), "tars.db is not what the manifest says"),
        (lambda m: _typed(m, tarfile.LNKTYPE), "tars.db is not what the manifest says"),
        (lambda m: _typed(m, tarfile.CHRTYPE), "tars.db is not what the manifest says"),
        (lambda m: _typed(m, tarfile.DIRTYPE), "tars.db is not what the manifest says"),
        (_bytes_changed, "tars.db is damaged: its checksum"),
        (_cut_short, "tars.db is not what the manifest says"),
        (lambda m: m[1:], "does not begin with a manifest"),
        (lambda m: m[:-1], "config.toml is missing"),
        (lambda m: [*m[:1], *m[:0:-1]], "is not what the manifest says"),
        (lambda m: [*m, m[-1]], "it holds more than its manifest says"),
        (lambda m: manifested(m, _set(version=2)), "a newer tars wrote it"),
        (lambda m: manifested(m, _set(format="x")), "the format should be tars.backup"),
        (lambda m: manifested(m, _set(members=7)), "its manifest makes no sense"),
        (lambda m: manifested(m, _set(createdAt="soon")), "its manifest makes no sense"),
        (lambda m: manifested(m, _set(more=1)), "its manifest makes no sense"),
        (lambda m: manifested(m, _sized(2**52)), "there is no room"),
        (lambda m: manifested(m, _sized(-1)), "its manifest makes no sense"),
    ],
)
def test_a_forged_backup_is_refused(
    home: Home, tmp_path: Path, forge: Callable[[Members], Members], why: str
) -> None:
    """With a clear word, before anything is changed, and with nothing written elsewhere."""
    path = tmp_path / "b.tar.gz"
    save(home, path)
    packed(path, forge(unpacked(path)))
    before = contents(home)
    with pytest.raises(TarsError, match=why) as refused:
        restore(home, path, force=True)
    assert isinstance(refused.value, FileUnreadable | StoreError)
    assert contents(home) == before
    assert not (tmp_path / "evil").exists()


def test_a_damaged_archive_is_refused(home: Home, tmp_path: Path) -> None:
    """Cut off or changed anywhere: never a traceback, and nothing changes."""
    path, bad = tmp_path / "b.tar.gz", tmp_path / "bad"
    save(home, path)
    whole, before = path.read_bytes(), contents(home)
    step = max(1, len(whole) // 12)
    damaged = [b"", b"hello", *(whole[:at] for at in range(0, len(whole), step)), whole[:-1]]
    damaged += [whole[:at] + b"\xff\0" + whole[at + 2 :] for at in range(20, len(whole), step)]
    for data in damaged:
        bad.write_bytes(data)
        with pytest.raises(FileUnreadable):
            restore(home, bad, force=True)
    with pytest.raises(StoreError, match="No such file"):
        restore(home, tmp_path / "nowhere")
    assert contents(home) == before


def test_a_bomb_is_not_unpacked(home: Home, tmp_path: Path) -> None:
    """What unpacks to more than it says is given up early, wherever the bomb is."""
    path = tmp_path / "b.tar.gz"
    zeros = io.BytesIO()
    with gzip.GzipFile(fileobj=zeros, mode="wb") as packed_zeros:
        for _ in range(64):
            packed_zeros.write(bytes(1 << 20))
    save(home, path)
    path.write_bytes(path.read_bytes() + zeros.getvalue())
    with pytest.raises(FileUnreadable, match="more than its manifest"):
        restore(home, path)
    header = tarfile.TarInfo("x")
    header.size, header.type = 60 << 20, tarfile.XHDTYPE
    with gzip.open(path, "wb") as file:
        file.write(header.tobuf() + bytes(60 << 20))
    with pytest.raises(FileUnreadable, match="more than its manifest"):
        restore(home, path)


def test_a_store_of_a_newer_tars_is_refused(home: Home, tmp_path: Path) -> None:
    """The backup is sound, and its store is not for this tars."""
    path = tmp_path / "b.tar.gz"
    with sqlite3.connect(home.store) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    made = tmp_path / "members"
    made.write_bytes(home.store.read_bytes())
    member = backup_format.member("tars.db", made, AT)
    manifest = backup_format.Manifest(
        format="tars.backup",
        version=1,
        tars="9",
        machine="m",
        created_at=AT,
        secrets=False,
        store=backup_format.StorePart("sqlite"),
        members=[member],
    )
    with path.open("wb") as file:
        backup_format.pack(file, manifest, [made])
    with pytest.raises(StoreError, match="A newer tars"):
        restore(Home(tmp_path / "other"), path)


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
    print(os.waitpid(child, 0)[1], flush=True)
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
