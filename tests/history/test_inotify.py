"""What the kernel says of changed files: named once each, wherever their folders come from."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tars.history.inotify import Inotify
from tars.history.seen import CannotWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@contextmanager
def watching(*roots: Path) -> Iterator[Inotify]:
    watch = Inotify(map(str, roots))
    try:
        yield watch
    finally:
        watch.close()


def write(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)
    return path


def named(*paths: Path) -> frozenset[str]:
    return frozenset(map(str, paths))


def test_a_line_that_is_appended_names_its_file_once(tmp_path: Path) -> None:
    """However often a file is written, it is named once, and then no more."""
    log = write(tmp_path / "logs/a/b.jsonl")
    with watching(tmp_path / "logs") as watch:
        assert not watch.read()
        write(log)
        write(log)
        assert watch.read().paths == named(log)
        assert not watch.read()


def test_files_in_a_new_folder_are_named(tmp_path: Path) -> None:
    """A folder that appears with files in it names them, and is watched from then on."""
    (tmp_path / "logs").mkdir()
    with watching(tmp_path / "logs") as watch:
        log = write(tmp_path / "logs/2026/11/21/a.jsonl")
        assert watch.read().paths == named(log)
        write(log)
        assert watch.read().paths == named(log)


def test_a_root_may_come_later_and_go_and_come_again(tmp_path: Path) -> None:
    """Nothing of the way to a root has to be there, and it may be deleted and made again."""
    root = tmp_path / "home/.agent/logs"
    with watching(root) as watch:
        log = write(root / "a.jsonl")
        assert watch.read().paths == named(log)
        log.unlink()
        root.rmdir()
        root.parent.rmdir()
        assert not watch.read().more
        again = write(root / "b/c.jsonl")
        assert named(again) <= watch.read().paths
        write(again)
        assert watch.read().paths == named(again)


def test_what_is_beside_a_root_is_not_named(tmp_path: Path) -> None:
    """Other files in the folder of a root, or in one whose name begins alike, are not."""
    root = tmp_path / "logs"
    root.mkdir()
    with watching(root) as watch:
        write(tmp_path / "notes.txt")
        write(tmp_path / "logs-of-others/a.jsonl")
        assert not watch.read()


def test_what_a_database_writes_beside_itself_is_its_own(tmp_path: Path) -> None:
    """A write-ahead log names its database, be that a root or in one."""
    alone, inside = write(tmp_path / "one/alone.db"), write(tmp_path / "two/inside.db")
    with watching(alone, tmp_path / "two") as watch:
        write(tmp_path / "one/alone.db-wal")
        write(tmp_path / "two/inside.db-wal")
        assert watch.read().paths == named(alone, inside)


def test_a_folder_that_was_renamed_is_known_by_its_new_name(tmp_path: Path) -> None:
    """What is written after a rename is named as it can be opened."""
    old = write(tmp_path / "logs/old/deep/a.jsonl")
    with watching(tmp_path / "logs") as watch:
        os.rename(tmp_path / "logs/old", tmp_path / "logs/new")
        new = tmp_path / "logs/new/deep/a.jsonl"
        assert watch.read().more
        write(new)
        seen = watch.read()
        assert str(old) not in seen.paths
        assert str(new) in seen.paths


def test_what_a_new_link_leads_to_is_watched(tmp_path: Path) -> None:
    """A link to a folder elsewhere names the files that are there, and those that come."""
    (tmp_path / "logs").mkdir()
    log = write(tmp_path / "elsewhere/a.jsonl")
    with watching(tmp_path / "logs") as watch:
        (tmp_path / "logs/link").symlink_to(log.parent)
        assert watch.read().paths == named(tmp_path / "logs/link/a.jsonl")
        write(log)
        assert watch.read().paths == named(tmp_path / "logs/link/a.jsonl")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A link to a folder above is a folder that is watched already."""
    log = write(tmp_path / "logs/a/b.jsonl")
    (tmp_path / "logs/a/up").symlink_to(tmp_path / "logs")
    with watching(tmp_path / "logs") as watch:
        write(log)
        assert watch.read().paths == named(log)


def test_too_many_folders_are_refused_with_the_reason(tmp_path: Path) -> None:
    """Who would need more folders than there may be is told so, and nothing stays open."""
    for number in range(5):
        (tmp_path / f"logs/{number}").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(CannotWatch, match="more than 3 folders"):
        Inotify([str(tmp_path / "logs")], most=3)
    assert len(os.listdir("/proc/self/fd")) == before
