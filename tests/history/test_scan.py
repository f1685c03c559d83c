"""Tests of `tars.history.scan` and of reading with two processes."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.config_costs import HistoryConfig
from tars.history import days
from tars.history.files import below, closed
from tars.history.index import Index
from tars.history.packing import LONGEST_TITLE, Packed
from tars.history.reading import read_all
from tars.history.scan import Refreshed, refresh
from tars.history.source import Found, Job, Mark, Reading, Source
from tars.history.sources.registry import SOURCES
from tars.history.splitting import PORTIONS, Portions, queue_of, second_of
from tests.support.index_checks import check, counted
from tests.support.kill_refresh import SMALL
from tests.support.plain_logs import DAY, PlainSource, line

_CONFIG = HistoryConfig()


class _Logs:
    """A folder of plain logs and its index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "logs"
        self.folder.mkdir()
        self.source = PlainSource(self.folder)
        self.index = Index.open(folder / "history.db")

    def write(self, name: str, *lines: str, mode: str = "w") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open(mode) as file:
            file.writelines(lines)
        return path

    def refresh(self, *sources: Source, **others: object) -> Refreshed:
        settings = {"config": _CONFIG, "patience": 0.0, **others}
        done = refresh(
            self.index,
            env={},
            home=self.folder,
            sources=sources or (self.source,),
            **settings,  # type: ignore[arg-type]
        )
        check(self.index)
        return done

    def column(self, name: str) -> list[object]:
        rows = self.index.connection.execute(f"SELECT {name} FROM files ORDER BY path")
        return [row[0] for row in rows]


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[_Logs]:
    logs = _Logs(tmp_path)
    yield logs
    logs.index.close()


def _filled(logs: _Logs, files: int = 12) -> set[tuple[str, int, int]]:
    """Write files that repeat some of each other's requests, and give what they come to."""
    expected = set()
    for number in range(files):
        own = [(f"s{number}", DAY + number * 500_000 + each, each + 1) for each in range(5)]
        expected.update(own)
        lines = [line(f"{session}-{net}", session, at, net) for session, at, net in own]
        if number:
            lines.insert(0, line(f"s{number - 1}-1", f"s{number}", DAY + (number - 1) * 500_000))
        path = logs.write(f"{number:02}.log", *lines)
        os.utime(path, (DAY // 1000 + number,) * 2)
    return expected


def test_only_what_is_new_is_read(logs: _Logs) -> None:
    """A file that grew is read from where the last reading ended; others are not touched."""
    logs.write("a.log", line("k"), line("l"))
    logs.write("b.log", line("m"))
    first = logs.refresh()
    assert (first.files, first.requests, len(first.sessions)) == (2, 3, 1)
    assert logs.refresh() == Refreshed()
    logs.write("a.log", line("n", "t"), mode="a")
    logs.source.read_from.clear()
    second = logs.refresh()
    assert (second.files, second.bytes, second.requests) == (1, len(line("n", "t")), 1)
    assert logs.source.read_from == [("a.log", 2 * len(line("k")))]


def test_a_torn_last_line_waits(logs: _Logs) -> None:
    """What has no end yet is read when it has one."""
    whole = line("k", net=44)
    logs.write("a.log", whole[:10])
    assert logs.refresh().requests == 0
    logs.write("a.log", whole[10:], mode="a")
    assert logs.refresh().requests == 1
    assert counted(logs.index) == {("s", DAY, 44)}
    assert logs.column("garbled") == [0]


@pytest.mark.parametrize("change", ["rewritten", "shorter", "replaced"])
def test_a_file_that_is_another_one_now_is_read_anew(logs: _Logs, change: str) -> None:
    """A changed beginning, a smaller size or another inode: what was read from it stays."""
    path = logs.write("a.log", line("k"), line("l"))
    logs.refresh()
    logs.source.read_from.clear()
    match change:
        case "rewritten":
            logs.write("a.log", line("x"), line("y"), line("z"))
        case "shorter":
            logs.write("a.log", line("x"))
        case _:
            other = logs.write("other", line("k"), line("l"), line("x"))
            os.replace(other, path)
    logs.refresh()
    assert logs.source.read_from == [("a.log", 0)]
    assert len(counted(logs.index)) == 1
    total = logs.index.connection.execute("SELECT count(*) FROM requests").fetchone()[0]
    assert total == {"rewritten": 5, "shorter": 3}.get(change, 3)


def test_a_short_beginning_may_grow(logs: _Logs) -> None:
    """The checksum is of what there was: more behind it is not a change."""
    logs.write("a.log", line("k"))
    logs.refresh()
    for number in range(100):
        logs.write("a.log", line(f"m{number}"), mode="a")
    logs.source.read_from.clear()
    logs.refresh()
    assert logs.source.read_from == [("a.log", len(line("k")))]


def test_what_vanished_keeps_counting(logs: _Logs) -> None:
    """Agents delete old logs: their requests stay, and a file that comes back is no new one."""
    path = logs.write("a.log", line("k"))
    logs.write("b.log", line("l"))
    logs.refresh()
    path.rename(logs.folder.parent / "kept")
    logs.refresh()
    assert logs.column("gone") == [1, 0]
    (logs.folder.parent / "kept").rename(path)
    assert logs.refresh().requests == 0
    assert logs.column("gone") == [0, 0]
    total = logs.index.connection.execute("SELECT count(*) FROM requests").fetchone()
    assert total == (2,)


def test_what_cannot_be_read_is_told_and_the_rest_counts(logs: _Logs) -> None:
    """A file without rights, one that is not what its source knows, and one that is gone by the
    time of reading; the first is tried again each time, the second when it changes."""

    def before(path: str) -> None:
        if path.endswith("strange.log"):
            raise RecursionError
        if path.endswith("vanishing.log"):
            os.unlink(path)
            raise FileNotFoundError

    source = PlainSource(logs.folder, before=before)
    for name in ("a.raises", "b.raises", "good.log", "strange.log", "vanishing.log"):
        logs.write(name, line(name))
    told = logs.refresh(source)
    assert told.requests == 1
    assert told.problems == (
        f"plain: {logs.folder}/a.raises was not counted: Permission denied (and 2 more).",
    )
    source.read_from.clear()
    assert logs.refresh(source).problems == told.problems
    assert sorted(source.read_from) == [("a.raises", 0), ("b.raises", 0)]


def test_a_folder_that_cannot_be_read_is_told(logs: _Logs) -> None:
    """What was read from there before is not taken for vanished."""
    logs.write("a.log", line("k"))
    logs.refresh()

    class Closed(PlainSource):
        def find(self, root: Path, folders: object = None) -> list[Found]:
            raise PermissionError(13, "Permission denied")

    told = logs.refresh(Closed(logs.folder))
    assert told.problems == (f"plain: {logs.folder} cannot be read: Permission denied.",)
    assert logs.column("gone") == [0]


def test_a_folder_in_there_that_cannot_be_read_is_told(logs: _Logs) -> None:
    """It stands for its files, of which nothing is known until it can be read again. (For root
    every folder can be: what reading it says is another thing here.)"""
    logs.write("inner/a.log", line("k"))
    logs.write("b.log", line("l"))
    logs.refresh()

    class Closed(PlainSource):
        def find(self, root: Path, folders: object = None) -> list[Found]:
            return [closed(root / "inner"), *below(root, ("b.log",))]

    told = logs.refresh(Closed(logs.folder))
    assert told.problems == (f"plain: {logs.folder}/inner was not counted: Is a directory.",)
    assert logs.column("gone") == [0, 0, 0]
    assert logs.refresh().problems == ()
    assert logs.column("gone") == [0, 1, 0]


def test_many_days_are_added_up_once_nothing_is_left_to_read(logs: _Logs) -> None:
    """A first reading does not wait for that; few days are added up as soon as they change."""
    logs.write("a.log", *(line(f"k{day}", at=DAY + day * 86_400_000) for day in range(20)))
    logs.refresh()
    assert len(days.stale(logs.index.connection)) == 20
    logs.refresh()
    assert days.stale(logs.index.connection) == []
    logs.write("b.log", line("l"), line("m", at=DAY + 86_400_000))
    logs.refresh()
    assert days.stale(logs.index.connection) == []
    check(logs.index)


def test_a_date_in_the_future_counts_and_is_told(logs: _Logs) -> None:
    """Under its own day; who reads the report sees that some clock was wrong."""
    future = 4_000_000_000_000
    logs.write("a.log", line("k", at=future), line("l"))
    assert logs.refresh().problems == (
        "plain: 1 request is dated in the future; some clock was wrong.",
    )
    assert counted(logs.index) == {("s", future, 1), ("s", DAY, 1)}


def test_only_what_may_have_changed_is_looked_at(logs: _Logs) -> None:
    """With a list of paths, nothing else is read, and nothing else has vanished."""
    known = logs.write("a.log", line("k"))
    gone = logs.write("b.log", line("l"))
    left = logs.write("c.log", line("m"))
    logs.refresh()
    logs.write("a.log", line("n"), mode="a")
    new = logs.write("d.log", line("o"))
    logs.write("e.log", line("p"))
    gone.unlink()
    left.unlink()
    elsewhere = logs.folder.parent / "elsewhere.log"
    done = logs.refresh(only=[known, gone, new, elsewhere])
    assert (done.files, done.requests) == (2, 2)
    assert logs.column("path") == [str(logs.folder / f"{each}.log") for each in "abcd"]
    assert logs.column("gone") == [0, 1, 0, 0]


def test_configuration_says_what_is_read(logs: _Logs, tmp_path: Path) -> None:
    """Nothing where reading is off; other folders where they are named; an empty list leaves an
    agent out, and what it told stays."""
    logs.write("a.log", line("k"))
    assert logs.refresh(config=HistoryConfig(enabled=False)) == Refreshed()
    assert logs.refresh(config=HistoryConfig(paths={"plain": ()})) == Refreshed()
    assert logs.refresh().requests == 1
    assert logs.refresh(config=HistoryConfig(paths={"plain": ()})) == Refreshed()
    assert logs.column("gone") == [0]
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.log").write_text(line("l"))
    assert logs.refresh(config=HistoryConfig(paths={"plain": (other,)})).requests == 1


class _Titled(PlainSource):
    """Its sessions are called by what was asked first, at length."""

    def read(self, found: Found, mark: Mark) -> Reading:
        reading = super().read(found, mark)
        reading.titles = {row.session: "secret " * 99 for row in reading.requests}
        return reading


def test_titles_are_kept_where_anything_said_is(logs: _Logs) -> None:
    """Cut to the length of a name; those of before go, from the file too."""
    titled, plain = _Titled(logs.folder), HistoryConfig(titles=False)
    titles = "SELECT DISTINCT title FROM sessions"
    logs.write("a.log", line("k"))
    logs.refresh(titled)
    assert logs.index.connection.execute(titles).fetchall() == [(("secret " * 99)[:LONGEST_TITLE],)]
    logs.write("a.log", line("l", "t"), mode="a")
    logs.refresh(titled, config=plain)
    assert logs.index.connection.execute(titles).fetchall() == [("",)]
    logs.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"secret" not in logs.index.path.read_bytes()


def test_another_process_is_waited_for_and_not_for_long(logs: _Logs) -> None:
    """While it reads, what is there already is what there is."""
    logs.write("a.log", line("k"))
    with open(f"{logs.index.path}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        [problem] = logs.refresh().problems
    assert "Another process" in problem
    assert logs.refresh().requests == 1


@pytest.mark.parametrize("part", ["files", "slots", "all"])
def test_a_damaged_index_is_made_anew(logs: _Logs, part: str) -> None:
    """It is set aside and named, and everything is read again, whether its opening fails or what
    comes after it."""
    expected = _filled(logs)
    logs.refresh()
    logs.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
    found = logs.index.connection.execute(page, (part,)).fetchone() or (2,)
    size = logs.index.path.stat().st_size
    one = logs.index.connection.execute("PRAGMA page_size").fetchone()[0]
    logs.index.close()
    with logs.index.path.open("r+b") as file:
        file.seek((found[0] - 1) * one)
        file.write(b"\xff" * (size - one if part == "all" else one))
    if part == "slots":
        logs.write("new.log", line("new", "a"))
        expected |= {("a", DAY, 1)}
    logs.index = Index.open(logs.index.path)
    told = logs.refresh()
    [aside] = logs.index.path.parent.glob("history.db.corrupt-*[0-9Z]")
    assert str(aside) in told.problems[0]
    assert counted(logs.index) == expected


@pytest.mark.parametrize("gone", [True, False])
def test_an_index_that_somebody_replaced_is_left_for_the_new_one(logs: _Logs, gone: bool) -> None:
    """Another process set it aside, or a person deleted it: all logs are read into the one that
    is there now, whatever may have changed."""
    expected = _filled(logs)
    logs.refresh()
    for path in logs.folder.parent.glob("history.db*"):
        path.unlink()
    if not gone:
        Index.open(logs.index.path).close()
    logs.refresh(only=[])
    assert counted(logs.index) == expected
    with Index.open(logs.index.path) as other:
        assert counted(other) == expected


def test_a_disk_that_refuses_is_told(logs: _Logs) -> None:
    """What was counted before is still there."""
    logs.write("a.log", line("k"))
    logs.index.connection.execute("PRAGMA query_only = 1")
    [problem] = logs.refresh().problems
    assert "could not be brought up to date" in problem


class _InSteps(PlainSource):
    """Reads a line at a time, and says that there are more."""

    def read(self, found: Found, mark: Mark) -> Reading:
        with open(found.path, "rb") as file:
            file.seek(mark.offset)
            end = mark.offset + len(file.readline())
        reading = super().read(found._replace(size=end), mark)
        reading.more = end < found.size
        return reading


@pytest.mark.parametrize(("portions", "commits"), [(PORTIONS, 1), (SMALL, 4)])
def test_a_long_log_is_read_to_its_end_in_few_transactions(
    logs: _Logs, portions: Portions, commits: int
) -> None:
    """Each writes most pages of the index again; they are as large as those of many logs."""
    lines = [line(f"k{number:02}") for number in range(60)]
    assert sum(map(len, lines)) // portions.transaction == commits - 1
    logs.write("a.log", *lines)
    said: list[str] = []
    logs.index.connection.set_trace_callback(said.append)
    done = logs.refresh(_InSteps(logs.folder), portions=portions)
    assert (done.files, done.requests, said.count("COMMIT")) == (1, 60, commits)
    assert logs.refresh(_InSteps(logs.folder)).files == 0


def test_two_processes_count_what_one_does(logs: _Logs) -> None:
    """Both read; what a file repeats counts for the one that was modified first."""
    expected = _filled(logs)
    done = logs.refresh(portions=SMALL)
    assert counted(logs.index) == expected
    assert (done.files, done.requests) == (12, 60)
    names = [name for name, _ in logs.source.read_from]
    assert names == sorted(names)


def test_a_second_process_that_dies_is_made_up_for(logs: _Logs) -> None:
    """What it had taken and not sent is read by the first."""
    expected = _filled(logs)
    mine = os.getpid()

    def before(_: str) -> None:
        if os.getpid() != mine:
            os.kill(os.getpid(), signal.SIGKILL)

    logs.refresh(PlainSource(logs.folder, before=before), portions=SMALL)
    assert counted(logs.index) == expected


def test_a_process_with_threads_starts_the_second_one_afresh(tmp_path: Path) -> None:
    """Locks that other threads hold are not copied; what comes is the same."""
    jobs = []
    for number in range(6):
        usage = f'{{"input_tokens":{number + 1},"cache_read_input_tokens":5,"output_tokens":2}}'
        message = f'{{"id":"msg_{number}","model":"m","role":"assistant","usage":{usage}}}'
        said = f'{{"type":"assistant","timestamp":"2026-11-20T10:00:0{number}Z","sessionId":"s",'
        path = tmp_path / f"{number}.jsonl"
        path.write_text(f'{said}"message":{message}}}\n')
        jobs.append(Job(Found(str(path), path.stat().st_ino, path.stat().st_size, 1)))
    [claude] = (source for source in SOURCES if source.agent == "claude")
    chunks = [(claude, [job]) for job in jobs]
    found: dict[int, Packed] = {}

    def work() -> None:
        queue = queue_of(len(chunks))
        with second_of(chunks, queue, 2**62) as second:
            while not second.ended:
                found.update(second.sent(wait=True))
        os.close(queue)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == {number: read_all(*chunk, latest=2**62) for number, chunk in enumerate(chunks)}
    assert [packed.length for packed in found.values()] == [1] * 6


@pytest.mark.parametrize("steps", [3, 25, 40, 60, 85])
def test_a_kill_at_any_moment_leaves_an_index_that_is_right(logs: _Logs, steps: int) -> None:
    """A refresh that is killed after so many of its steps leaves sums that are those of the
    requests, and the next one ends with all of them, once."""
    expected = _filled(logs)
    command = [sys.executable, "-m", "tests.support.kill_refresh"]
    arguments = [str(logs.folder), str(logs.index.path)]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE) as child:
        assert child.stdout
        for _ in range(steps):
            assert child.stdout.read(1) == b"."
        child.kill()
    check(logs.index)
    before = counted(logs.index)
    assert before <= expected
    # The second process may take a moment to notice.
    logs.refresh(patience=60.0)
    assert counted(logs.index) == expected
    assert logs.refresh() == Refreshed()
