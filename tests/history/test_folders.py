"""Tests of `tars.history.folders`: a look that lists nothing finds all that one finds that does."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.config_costs import HistoryConfig
from tars.history import folders
from tars.history.files import closed
from tars.history.folders import Folders, Walk, is_local, remember, remembered
from tars.history.index import Index
from tars.history.looking import Logs, Look, look
from tars.history.packing import FileRow, Packer
from tars.history.source import Found, Mark, Reading, Source
from tars.history.sources.gemini import SOURCE as GEMINI
from tests.support.plain_logs import PlainSource

#: Long enough after now for everything to have settled.
LATER = 60.0


class Looking:
    """An index, and looks at the logs of one source that it takes in at once."""

    def __init__(self, index: Index, root: Path, source: Source | None = None) -> None:
        self.index = index
        self.root = root
        self.source: Source = source or PlainSource(root)
        self.now = time.time() + LATER
        self.logs = Logs({"HOME": str(root)}, root, HistoryConfig())

    def write(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
        return path

    def look(self) -> Look:
        return look(self.index.connection, [self.source], self.logs, now=self.now)

    def take(self) -> tuple[set[str], int]:
        """Look, and let the index know what was found: which files are news, and how many
        vanished."""
        seen = self.look()
        jobs = [job for _, jobs in seen.jobs for job in jobs]
        packer = Packer(self.source.agent, newest_wins=True)
        for job in jobs:
            packer.add(FileRow(*job.found, 0, b"", b""), Reading(Mark()), latest=0)
        with self.index.writing() as writer:
            writer.take(packer.packed(), newest_wins=True)
            writer.vanished(seen.vanished)
            remember(self.index.connection, seen.walks)
        self._tick()
        return {Path(job.found.path).name for job in jobs}, len(seen.vanished)

    def _tick(self) -> None:
        """Let the file system's clock go on: `now` says that it did long ago."""
        probe = self.index.path.with_name("probe")
        probe.touch()
        before = probe.stat().st_ctime_ns
        while probe.stat().st_ctime_ns == before:
            probe.touch()

    def settle(self) -> None:
        """Look until the walk is remembered."""
        self.take()
        self.take()
        assert self.known()

    def known(self) -> dict[tuple[str, str], Walk]:
        return remembered(self.index.connection, self.now)


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Looking]:
    with Index.open(tmp_path / "history.db") as index:
        (tmp_path / "logs").mkdir()
        yield Looking(index, tmp_path / "logs")


def test_nothing_is_listed_where_nothing_came_or_went(looking: Looking) -> None:
    """The second look of an index that knows all lists no folder, and sees a file that grew."""
    looking.write("a/one.log")
    grown = looking.write("a/b/two.log")
    looking.settle()
    looking.source = _Blind(looking.root)
    assert looking.take() == (set(), 0)
    was = grown.stat()
    grown.write_text("more than there was\n")
    os.utime(grown, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert looking.take() == ({"two.log"}, 0)


def test_what_came_and_went_is_seen(looking: Looking) -> None:
    """New files and folders, and those that vanished or have another name."""
    looking.write("a/one.log")
    looking.write("b/c/two.log").parent.rename(looking.root / "b" / "d")
    looking.write("b/three.log")
    looking.settle()
    looking.write("a/e/f/four.log")
    (looking.root / "b/d").rename(looking.root / "a/d")
    (looking.root / "b/three.log").unlink()
    assert looking.take() == ({"four.log", "two.log"}, 2)
    assert looking.take() == (set(), 0)


def test_a_walk_is_remembered_once_all_of_it_is_indexed(looking: Looking) -> None:
    """A kill between a look and the reading of what it found loses nothing."""
    looking.write("a/one.log")
    assert not looking.look().walks
    looking.take()
    looking.write("a/two.log")
    assert not looking.look().walks
    looking.settle()
    looking.write("a/three.log")
    assert [len(jobs) for _, jobs in looking.look().jobs] == [1]
    assert [len(jobs) for _, jobs in looking.look().jobs] == [1]


def test_what_has_just_changed_is_listed_again(looking: Looking) -> None:
    """The clock of a file system has ticks: two changes within one look the same."""
    looking.write("a/one.log")
    looking.take()
    looking.now = time.time()
    looking.take()
    (walk,) = looking.known().values()
    assert folders.changed(walk.folders) == {str(looking.root), str(looking.root / "a")}
    looking.now += LATER
    looking.take()
    (walk,) = looking.known().values()
    assert folders.changed(walk.folders) == set()


@pytest.mark.parametrize("trap", ["link", "dangling", "hard link", "closed"])
def test_what_changes_without_a_trace_is_not_relied_on(looking: Looking, trap: str) -> None:
    """Nothing is remembered of a root below which there are links, or what cannot be read."""
    one = looking.write("a/one.log")
    match trap:
        case "link":
            (looking.root.parent / "elsewhere").mkdir()
            (looking.root / "a/link").symlink_to(looking.root.parent / "elsewhere")
        case "dangling":
            (looking.root / "a/link").symlink_to("nowhere")
        case "hard link":
            os.link(one, looking.root / "two.log")
        case _:
            looking.source = _Closed(looking.root)
    looking.take()
    looking.take()
    assert looking.known() == {}


class _Blind(PlainSource):
    """Whoever asks it for files fails."""

    def find(self, root: Path, folders: Folders | None = None) -> list[Found]:
        raise AssertionError("nothing was to be listed")


class _Closed(PlainSource):
    """Has a folder that cannot be read."""

    def find(self, root: Path, folders: Folders | None = None) -> list[Found]:
        return [*super().find(root, folders), closed(root / "inner")]


def test_all_is_listed_each_hour_and_by_each_version(looking: Looking) -> None:
    """Whatever else may go wrong does not last, and another version may look for other files."""
    looking.write("a/one.log")
    looking.settle()
    (walk,) = looking.known().values()
    with looking.index.transaction() as connection:
        remember(connection, [walk._replace(root="/elsewhere")])
    assert len(looking.known()) == 2
    looking.now += folders.RELIED_SECONDS + 2
    assert looking.known() == {}
    with looking.index.transaction() as connection:
        remember(connection, [walk._replace(at=looking.now)])
    assert list(looking.known()) == [(walk.agent, walk.root)]
    assert connection.execute("SELECT count(*) FROM walks").fetchone() == (1,)
    looking.now -= 1
    assert looking.known() == {}
    looking.now += 1
    with looking.index.writing():
        looking.index.connection.execute("UPDATE walks SET version = 'another'")
    assert looking.known() == {}


def test_what_is_damaged_is_as_good_as_forgotten(looking: Looking) -> None:
    """A file may have anything in it."""
    looking.write("a/one.log")
    for damage in ("folders = ''", "folders = 'text'", "marks = 5", "marks = x'00'", "at = 'then'"):
        looking.settle()
        with looking.index.writing():
            looking.index.connection.execute(f"UPDATE walks SET {damage}")
        assert looking.known() == {}


@pytest.mark.parametrize("seed", range(4))
def test_any_changes_are_seen_as_by_a_full_look(looking: Looking, seed: int) -> None:
    """Whatever was made, grown, moved and deleted, the index knows the files that are there."""
    chosen = random.Random(seed)
    places = ["", "a", "a/b", "a/b/c", "d", "d/e"]
    for step in range(12):
        for _ in range(chosen.randrange(4)):
            folder = looking.root / chosen.choice(places)
            match chosen.randrange(4):
                case 0 | 1:
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / f"{chosen.randrange(3)}.log").write_text("x\n" * step)
                case 2:
                    for path in sorted(folder.rglob("*.log"))[:1]:
                        path.unlink()
                case _ if folder.exists() and folder != looking.root:
                    folder.rename(looking.root / f"moved-{step}-{chosen.random()}")
        looking.take()
        there = {str(path) for path in looking.root.rglob("*.log")}
        rows = looking.index.connection.execute("SELECT path FROM files WHERE NOT gone")
        assert {path for (path,) in rows} == there


def test_gemini_projects_without_chats_are_watched_for_some(looking: Looking) -> None:
    """A project may have none yet; a stray file among the projects is none."""
    looking.root = looking.root / ".gemini" / "tmp"
    looking.source = GEMINI
    looking.write("one/chats/session-a.jsonl")
    looking.write("stray.txt")
    (looking.root / "two").mkdir()
    looking.logs = looking.logs._replace(home=looking.root.parents[1])
    looking.settle()
    assert looking.take() == (set(), 0)
    looking.write("two/chats/session-b.jsonl")
    assert looking.take() == ({"session-b.jsonl"}, 0)


def test_only_file_systems_of_this_machine_are_relied_on(tmp_path: Path) -> None:
    """The innermost mount says which it is; nobody knows without a table of them."""
    mounts = tmp_path / "mountinfo"
    line = "36 35 98:0 / {} rw,noatime shared:1 - {} /dev/x rw\n"
    at = tmp_path / "with blank"
    at.mkdir()
    escaped = str(at).replace(" ", "\\040")
    mounts.write_text(line.format("/", "ext4") + line.format(escaped, "nfs4") + "nonsense\n")
    assert is_local(str(tmp_path), mounts)
    assert not is_local(str(at), mounts)
    (tmp_path / "link").symlink_to(at)
    assert not is_local(str(tmp_path / "link"), mounts)
    assert not is_local(str(tmp_path), tmp_path / "none")


def test_who_notes_nothing_lists_everything(tmp_path: Path) -> None:
    """Without a walk before there is nothing to rely on."""
    assert Folders().inside(str(tmp_path)) is None
