"""A backup: a tar.gz whose first member, the manifest, says what the others have to be.

Nothing of an archive is believed: members have to be those of the manifest, in its order, regular
files of exactly their sizes and checksums, with names that are known here. No more is unpacked
than the manifest says, and it is written under numbers, not names.
"""

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec

from tars.errors import FileUnreadable, StoreError
from tars.home import FILE_MODE
from tars.sessions.soundness import Unsound, moment
from tars.sessions.strict_json import Doubtful, dumps, loads

FORMAT = "tars.backup"
VERSION = 1
MANIFEST = "manifest.json"

#: The names of members, and nothing else.
STORE, SESSIONS, MACHINE = "tars.db", "sessions.jsonl", "machine-id"
CONFIG, PERMISSIONS = "config.toml", "permissions.json"
_NAMES = frozenset({STORE, SESSIONS, MACHINE, CONFIG, PERMISSIONS, "session.json"})
_AGENT_FILE = re.compile(r"agents/[a-z0-9][a-z0-9_-]{0,31}/session\.json", re.ASCII)
_ENV_FILE = re.compile(r"env/[A-Za-z0-9._-]{1,100}", re.ASCII)

_MANIFEST_LIMIT = 4 * 1024 * 1024
_CHUNK = 1 << 20
#: tar's own blocks: two for a member, and the end of the archive.
_BLOCKS = 4 * 512


class Member(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A file in the archive. `modified_at` is when it was changed last on its machine."""

    name: str
    size: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    modified_at: str


class StorePart(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What the store was: `newest` is the time of the newest that it remembered."""

    kind: Literal["sqlite", "postgresql", "none"]
    version: str = ""
    newest: str = ""


class Manifest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The first member. `secrets`: they are in it."""

    format: str
    version: int
    tars: str
    machine: str
    created_at: str
    secrets: bool
    store: StorePart
    members: list[Member]


def is_known(name: str) -> bool:
    """Say whether a member may have this name."""
    if _ENV_FILE.fullmatch(name):
        return name.rpartition("/")[2] not in (".", "..")
    return name in _NAMES or _AGENT_FILE.fullmatch(name) is not None


def member(name: str, path: Path, modified_at: str) -> Member:
    """Describe a file that is to become a member."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        return Member(name, file.tell(), digest.hexdigest(), modified_at)


def pack(file: IO[bytes], manifest: Manifest, paths: Iterable[Path]) -> None:
    """Write an archive: the manifest, then the members from these files, in its order."""
    at = int(datetime.fromisoformat(manifest.created_at).timestamp())
    head = (dumps(msgspec.to_builtins(manifest)) + "\n").encode()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        archive.addfile(_info(MANIFEST, len(head), at), io.BytesIO(head))
        for each, path in zip(manifest.members, paths, strict=True):
            with path.open("rb") as member:
                archive.addfile(_info(each.name, each.size, at), member)


def unpack(path: Path, into: Path) -> Manifest:
    """Check a whole archive and write its members into a folder, each under its place in the
    manifest. Raises FileUnreadable, and StoreError when the disk does not take it."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                raise _refused(path, "it is no backup of tars: a tar.gz was expected")
            file.seek(0)
            with gzip.GzipFile(fileobj=file, mode="rb") as packed:
                return _unpack(path, _Bounded(packed, _MANIFEST_LIMIT + 4 * _BLOCKS), into)
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        cut = isinstance(error, EOFError) or "unexpected end" in str(error)
        why = "it was cut off" if cut else "it is damaged"
        raise _refused(path, f"{why}: the archive cannot be read") from None
    except _TooMuch:
        raise _refused(path, "it holds more than its manifest says") from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read, or not be unpacked: {error.strerror or error}.",
            advice="Check its name and the free space; nothing was changed.",
        ) from error


def _unpack(path: Path, stream: "_Bounded", into: Path) -> Manifest:
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
        first = archive.next()
        if first is None or first.name != MANIFEST or not _is_plain(first):
            raise _refused(path, "it is no backup of tars: it does not begin with a manifest")
        manifest = _manifest(path, _content(archive, first, _MANIFEST_LIMIT))
        total = sum(each.size for each in manifest.members)
        if total > shutil.disk_usage(into).free:
            raise StoreError(
                f"{path} holds {total} bytes, and there is no room for them.",
                advice="Free some space; nothing was changed.",
            )
        stream.allow(total + _BLOCKS * (len(manifest.members) + 20))
        for place, each in enumerate(manifest.members):
            found = archive.next()
            if found is None:
                raise _refused(path, f"{each.name} is missing")
            if found.name != each.name or not _is_plain(found) or found.size != each.size:
                raise _refused(path, f"{each.name} is not what the manifest says")
            _extract(path, archive, found, each, into / str(place))
        if archive.next() is not None:
            raise _refused(path, "it holds more than its manifest says")
    while stream.read(_CHUNK):
        pass  # to the checksum at its end
    return manifest


def _manifest(path: Path, data: bytes) -> Manifest:
    try:
        value = loads(data.decode())
    except (Doubtful, UnicodeDecodeError):
        raise _refused(path, "its manifest is not JSON") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _refused(path, f"it is no backup of tars: the format should be {FORMAT}")
    version = value.get("version")
    if isinstance(version, int) and version > VERSION:
        raise _refused(path, f"a newer tars wrote it (version {version} of the format)")
    try:
        manifest = msgspec.convert(value, Manifest)
        for at in (manifest.created_at, *(each.modified_at for each in manifest.members)):
            moment(at, "a time")
    except (msgspec.ValidationError, Unsound) as error:
        raise _refused(path, f"its manifest makes no sense: {error}") from None
    names = [each.name for each in manifest.members]
    strange = [name for name in names if not is_known(name)]
    if strange or len(set(names)) != len(names):
        raise _refused(path, "its manifest names files that are none of a backup")
    return manifest


def _extract(
    path: Path, archive: tarfile.TarFile, found: tarfile.TarInfo, each: Member, target: Path
) -> None:
    digest = hashlib.sha256()
    source = archive.extractfile(found)
    assert source is not None
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
    with open(descriptor, "wb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    if size != each.size or digest.hexdigest() != each.sha256:
        raise _refused(path, f"{each.name} is damaged: its checksum is another one")


def _content(archive: tarfile.TarFile, found: tarfile.TarInfo, limit: int) -> bytes:
    if found.size > limit:
        raise _TooMuch
    source = archive.extractfile(found)
    assert source is not None
    return source.read()


def _is_plain(found: tarfile.TarInfo) -> bool:
    """No link, device, folder, or file with holes."""
    return found.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not found.issparse()


def _info(name: str, size: int, at: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, FILE_MODE, at
    return info


def _refused(path: Path, why: str) -> FileUnreadable:
    return FileUnreadable(f"{path}: {why}. Nothing was changed.")


class _TooMuch(Exception):
    """More came out of an archive than may."""


class _Bounded:
    """A stream that gives no more than it may: what is packed may unpack to anything."""

    def __init__(self, source: gzip.GzipFile, limit: int) -> None:
        self._source = source
        self._left = limit

    def allow(self, more: int) -> None:
        """Let so many bytes more come."""
        self._left += more

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuch
        return data
