"""Everything of a home that somebody would miss, in one file that can be restored.

A daemon may be at work meanwhile: the store is copied as it is at one moment.
"""

import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tars import __version__
from tars.config_relations import AGENT_NAME
from tars.errors import StoreError
from tars.home import FILE_MODE, Home
from tars.sessions import backup_format as archive
from tars.sessions.backup_format import Manifest, Member, StorePart
from tars.sessions.backup_secrets import redact
from tars.sessions.export_files import Form, pieces, refuse_existing, writing
from tars.sessions.export_format import wire_time
from tars.sessions.library import Library

_WORKSHOP = ".backup-"
_STALE_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Made:
    """What is in a backup that was written; `left_out` says in sentences what is not."""

    manifest: Manifest
    left_out: tuple[str, ...] = ()


def back_up(
    library: Library, target: Path, now: datetime, *, secrets: bool = False, force: bool = False
) -> Made:
    """Write a backup (0600) of the library's home. Raises UserError where the file is there
    already, and StoreError; no file is left then."""
    refuse_existing(target, force=force)
    home = library.home
    try:
        with _workshop(home.data) as folder:
            made = _Making(library, home, folder, secrets=secrets)
            store = made.store()
            made.files()
            members = [archive.member(name, path, at) for name, path, at in made.found]
            manifest = Manifest(
                format=archive.FORMAT,
                version=archive.VERSION,
                tars=__version__,
                machine=os.uname().nodename,
                created_at=wire_time(now),
                secrets=secrets,
                store=store,
                members=members,
            )
            _write(target, manifest, [path for _, path, _ in made.found], force=force)
    except OSError as error:
        raise StoreError(
            f"The backup cannot be written: {error.strerror or error}.",
            advice="Check the folder's rights and the free space.",
        ) from error
    return Made(manifest, tuple(made.left_out))


class _Making:
    """The files of a backup, as they are found: name, where it is, when it was changed."""

    def __init__(self, library: Library, home: Home, folder: Path, *, secrets: bool) -> None:
        self.found: list[tuple[str, Path, str]] = []
        self.left_out: list[str] = []
        self._library = library
        self._home = home
        self._folder = folder
        self._secrets = secrets

    def store(self) -> StorePart:
        """Copy the store: its file, or the sessions of a database elsewhere."""
        from tars.store import snapshot

        with self._library.reading() as connection:
            here = connection.dialect.name
        if here != "sqlite":
            path = self._folder / "sessions"
            with self._library.reading() as connection:
                from tars.store import transfer

                seqs = transfer.every(connection)
            _spill(path, pieces(self._library, seqs, Form.JSONL))
            self._add(archive.SESSIONS, path)
            return StorePart("postgresql")
        path = self._folder / "store"
        standing = snapshot.take(self._home.store, path)
        self._add(archive.STORE, path)
        machine = self._home.data / "machine-id"
        if machine.is_file():
            self._copy(archive.MACHINE, machine)
        return StorePart("sqlite", standing.version, standing.newest)

    def files(self) -> None:
        """Copy the small files, in the order of their names."""
        home = self._home
        if home.choices.is_file():
            self._copy(archive.PERMISSIONS, home.choices)
        own = home.data / "session.json"
        if own.is_file():
            self._copy("session.json", own)
        for path in sorted(home.data.glob("*/session.json")):
            if AGENT_NAME.fullmatch(path.parent.name) and path.is_file():
                self._copy(f"agents/{path.parent.name}/session.json", path)
        if home.config.is_file():
            self._config(home.config)

    def _config(self, path: Path) -> None:
        text = path.read_bytes()
        try:
            whole = text.decode()
            known = tomllib.loads(whole)
            without, count = redact(whole)
        except (ValueError, RecursionError):
            if not self._secrets:
                self.left_out.append("config.toml is no TOML, and may hold secrets: left out.")
                return
            whole, known, without, count = "", {}, "", 0
        made = self._folder / "config"
        made.write_bytes(text if self._secrets else without.encode())
        made.chmod(FILE_MODE)
        self._add(archive.CONFIG, made, path)
        if not self._secrets and count:
            self.left_out.append(f"{count} secrets of config.toml: `--secrets` takes them along.")
        self._env_files(known)

    def _env_files(self, config: dict[str, Any]) -> None:
        agents = config.get("agents")
        tables = [config, *(agents.values() if isinstance(agents, dict) else ())]
        named = [t.get("env_file") for t in tables if isinstance(t, dict)]
        paths = {Path(name).expanduser() for name in named if isinstance(name, str)}
        for path in sorted(paths):
            name = f"env/{path.name}"
            inside = path.parent == self._home.root and archive.is_known(name)
            if not self._secrets:
                self.left_out.append(f"{path}: `--secrets` takes it along.")
            elif not inside:
                self.left_out.append(f"{path}: only those in {self._home.root} are taken along.")
            elif path.is_file():
                self._copy(name, path)

    def _copy(self, name: str, path: Path) -> None:
        """Copy a file: it may be replaced while the archive is written."""
        copy = self._folder / f"copy-{len(self.found)}"
        shutil.copyfile(path, copy)
        copy.chmod(FILE_MODE)
        self._add(name, copy, path)

    def _add(self, name: str, path: Path, original: Path | None = None) -> None:
        at = (original or path).stat().st_mtime
        self.found.append((name, path, wire_time(datetime.fromtimestamp(at, UTC))))


@contextmanager
def _workshop(data: Path) -> Iterator[Path]:
    """A folder for what is being copied, on the disk of the home. What a kill left of an old
    one goes."""
    for left in data.glob(f"{_WORKSHOP}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_WORKSHOP, dir=data) as folder:
        yield Path(folder)


def _spill(path: Path, pieces: Iterator[str]) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
    with open(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece.encode())


def _write(target: Path, manifest: Manifest, paths: list[Path], *, force: bool) -> None:
    with writing(target, force=force) as file:
        archive.pack(file, manifest, paths)


__all__ = ["Made", "Member", "back_up"]
