"""A backup brought back: what is newer here stays, and what is replaced is set aside.

Several files change together. Each is made ready beside its place; then a journal says what is to
be done, and is done, once or again: whoever finds a journal finishes it. A crash leaves all of the
old (there was no journal yet) or all of the new.
"""

import fcntl
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from tars.errors import StoreError
from tars.home import FOLDER_MODE, Home, sync_folder, write_durably
from tars.sessions import backup_format as archive
from tars.sessions.backup_format import Manifest, Member
from tars.sessions.backup_secrets import merge
from tars.sessions.session_file import SessionManager

JOURNAL = "restore.json"
_WORKSHOP = ".restore-"
#: What SQLite keeps beside the store's file and belongs to it.
_BESIDE = ("-wal", "-shm")


class Fate(StrEnum):
    """What becomes of a file of the backup."""

    RESTORED = "restored"
    IMPORTED = "imported"  # its sessions are added to those that are here
    SAME = "same"
    KEPT = "kept"  # what is here is newer, or damaged in the backup's place


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the backup, where it belongs, and what becomes of it, with a sentence why. `aside`
    is where the one that is here goes to."""

    name: str
    target: Path
    fate: Fate
    why: str = ""
    aside: Path | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore does, or did. `sessions` is the file of those that are still to be imported,
    which is only there while `restoring` lasts."""

    manifest: Manifest
    items: tuple[Item, ...]
    sessions: Path | None = None


@contextmanager
def restoring(
    home: Home, path: Path, now: datetime, *, force: bool = False, dry_run: bool = False
) -> Iterator[Plan]:
    """Check a backup to its last byte, bring its files back, and give what was done.

    Whoever calls holds the home, unless it is a dry run: then nothing is changed. Raises
    FileUnreadable and StoreError; nothing was changed then.
    """
    home.data.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if not dry_run:
        finish(home)
        for left in home.data.glob(f"{_WORKSHOP}*"):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_WORKSHOP, dir=home.data))
    try:
        manifest = archive.unpack(path, folder)
        planning = _Planning(home, folder, manifest, now, force=force)
        items = tuple(planning.items())
        if not dry_run:
            _commit(home, folder, manifest, items, planning.suffix)
        yield Plan(manifest, items, planning.sessions)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def finish(home: Home) -> bool:
    """Do what the journal of a restore says that is not done yet; False when there is none.

    Twice is once. Raises StoreError.
    """
    path = home.data / JOURNAL
    try:
        with path.open("rb+") as journal:
            fcntl.flock(journal, fcntl.LOCK_EX)
            if not path.exists():
                return False  # somebody else was faster
            _carry_out(home, journal)
            path.unlink()
            sync_folder(home.data)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "its journal makes no sense"
        raise StoreError(
            f"A restore that was interrupted cannot be finished: {why}.",
            advice=f"Look into {path}: the files are beside it.",
        ) from error
    return True


def _commit(
    home: Home, folder: Path, manifest: Manifest, items: tuple[Item, ...], suffix: str
) -> None:
    places = {each.name: place for place, each in enumerate(manifest.members)}
    steps = [
        {
            "staged": f"{folder.name}/{places[item.name]}",
            "target": str(item.target.relative_to(home.root)),
            "aside": (item.aside or item.target.with_name(item.target.name + suffix)).name,
        }
        for item in items
        if item.fate is Fate.RESTORED
    ]
    if not steps:
        return
    sync_folder(folder)
    sync_folder(home.data)
    # From here on it will be done, whatever happens.
    write_durably(home.data / JOURNAL, json.dumps({"version": 1, "steps": steps}).encode())
    finish(home)


def _carry_out(home: Home, journal: IO[bytes]) -> None:
    for step in json.load(journal)["steps"]:
        staged, target = home.data / step["staged"], home.root / step["target"]
        if not staged.exists():
            continue  # it is in its place
        target.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        for ending in (*_BESIDE, ""):
            old = target.with_name(target.name + ending)
            if old.exists():
                # Also where nothing was when the journal was written: it is never lost.
                os.rename(old, _free(target.with_name(step["aside"] + ending)))
        os.replace(staged, target)
        sync_folder(target.parent)


class _Planning:
    """What is to become of each file of a backup that is unpacked. `sessions` is the file of
    those that have to be imported."""

    def __init__(
        self, home: Home, folder: Path, manifest: Manifest, now: datetime, *, force: bool
    ) -> None:
        self.sessions: Path | None = None
        self._home = home
        self._folder = folder
        self._manifest = manifest
        self._force = force
        self.suffix = f".before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        self._store_restored = False

    def items(self) -> Iterator[Item]:
        """Decide for each, in the order of the manifest: the store comes before its machine."""
        for place, member in enumerate(self._manifest.members):
            staged, target = self._folder / str(place), self._target(member.name)
            match member.name:
                case archive.STORE:
                    item = self._store(member, staged, target)
                    self._store_restored = item.fate is Fate.RESTORED
                case archive.SESSIONS:
                    self.sessions = staged
                    item = Item(member.name, target, Fate.IMPORTED)
                case archive.MACHINE:
                    item = self._machine(member, staged, target)
                case archive.CONFIG:
                    item = self._config(member, staged, target)
                case name if name.endswith("session.json"):
                    item = self._session_file(member, staged, target)
                case _:
                    item = self._by_time(member, staged, target)
            yield item

    def _target(self, name: str) -> Path:
        home = self._home
        if name.startswith("agents/"):
            return home.agent_data(name.split("/")[1]) / "session.json"
        if name.startswith("env/"):
            return home.root / name.removeprefix("env/")
        return {
            archive.STORE: home.store,
            archive.SESSIONS: home.store,
            archive.MACHINE: home.data / "machine-id",
            archive.CONFIG: home.config,
            archive.PERMISSIONS: home.choices,
            "session.json": home.data / "session.json",
        }[name]

    def _store(self, member: Member, staged: Path, target: Path) -> Item:
        from tars.store import snapshot

        there = snapshot.standing(staged)
        if not target.exists():
            return self._replace(member, target)
        try:
            here = snapshot.standing(target)
        except StoreError as error:
            return self._replace(member, target, f"what is here cannot be read ({error})")
        if here.newest > there.newest and not self._force:
            return _kept(member, target, f"it is newer here: {here.newest}")
        return self._replace(member, target)

    def _machine(self, member: Member, staged: Path, target: Path) -> Item:
        """Whose rows in the store are this home's own: it goes with the store."""
        if target.exists() and target.read_bytes() == staged.read_bytes():
            return Item(member.name, target, Fate.SAME)
        if not self._store_restored:
            return _kept(member, target, "it goes with the store, which stays")
        return self._replace(member, target)

    def _config(self, member: Member, staged: Path, target: Path) -> Item:
        why = ""
        if not self._manifest.secrets:
            here = target.read_text("utf-8", "replace") if target.is_file() else None
            try:
                text, missing = merge(staged.read_text("utf-8"), here)
            except (ValueError, RecursionError):
                return _kept(member, target, "the one of the backup is no TOML")
            if here is not None and _says_the_same(here, text):
                # A person's file, with its comments, is not written anew for nothing.
                return Item(member.name, target, Fate.SAME, why)
            staged.write_text(text, "utf-8")
            with staged.open("rb") as file:
                os.fsync(file.fileno())
            if missing:
                why = f"not in the backup, and not here: {', '.join(missing)}"
        return self._by_time(member, staged, target, why)

    def _session_file(self, member: Member, staged: Path, target: Path) -> Item:
        there, here = SessionManager(staged).peek(), SessionManager(target).peek()
        if there is None:
            return _kept(member, target, "the one of the backup makes no sense")
        if here is not None and here == there:
            return Item(member.name, target, Fate.SAME)
        if here is not None and not self._force:
            newest, other = (s.last_interaction_at or s.created_at for s in (here, there))
            if _moment(newest) > _moment(other):
                return _kept(member, target, f"it is newer here: {newest}")
        return self._replace(member, target)

    def _by_time(self, member: Member, staged: Path, target: Path, why: str = "") -> Item:
        if target.is_file() and target.read_bytes() == staged.read_bytes():
            return Item(member.name, target, Fate.SAME, why)
        if target.exists() and not self._force:
            changed = datetime.fromtimestamp(target.stat().st_mtime, UTC)
            if changed > datetime.fromisoformat(self._manifest.created_at):
                return _kept(member, target, "it was changed here since")
        return self._replace(member, target, why)

    def _replace(self, member: Member, target: Path, why: str = "") -> Item:
        aside = None
        if target.exists():
            aside = _free(target.with_name(target.name + self.suffix))
        return Item(member.name, target, Fate.RESTORED, why, aside)


def _says_the_same(one: str, other: str) -> bool:
    try:
        return tomllib.loads(one) == tomllib.loads(other)
    except (ValueError, RecursionError):
        return False


def _kept(member: Member, target: Path, why: str) -> Item:
    return Item(member.name, target, Fate.KEPT, why)


def _free(path: Path) -> Path:
    """Give the path, or one with a number where something is there."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
