"""An archive is believed to the byte, or refused before anything is changed."""

import gzip
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tars.errors import FileUnreadable, StoreError, TarsError
from tars.home import Home
from tars.sessions import backup_format
from tests.support.backups import contents, furnished, restore, save
from tests.support.exports import AT


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return furnished(tmp_path / "home")


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
