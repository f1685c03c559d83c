"""Tests of `tars.history.early`."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tars.config_costs import HistoryConfig
from tars.history.early import Early
from tars.history.index import Index
from tars.history.looking import Logs
from tars.history.scan import Refreshed, refresh
from tars.history.splitting import PORTIONS, Portions
from tests.support.index_checks import check, counted
from tests.support.kill_refresh import SMALL
from tests.support.plain_logs import DAY, PlainSource, line

_FILES = 12


class _Person:
    """Somebody with logs that repeat some of each other's requests, and an index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "logs"
        self.folder.mkdir()
        self.index = Index.open(folder / "history.db")
        self.expected = set()
        for number in range(_FILES):
            at = DAY + number * 500_000
            own = [(f"s{number}", at + each, each + 1) for each in range(5)]
            self.expected.update(own)
            lines = [line(f"{session}-{net}", session, at, net) for session, at, net in own]
            if number:
                lines.insert(0, line(f"s{number - 1}-1", f"s{number}", at - 500_000))
            path = self.folder / f"{number:02}.log"
            path.write_text("".join(lines))
            os.utime(path, (DAY // 1000 + number,) * 2)

    def early(self, before: Callable[[str], None], portions: Portions = SMALL) -> Early:
        """Begin to look for these logs, of which each is read after this."""
        self.sources = (PlainSource(self.folder, before=before),)
        return Early(self.logs(), self.sources, portions)

    def logs(self) -> Logs:
        return Logs({}, self.folder, HistoryConfig())

    def refresh(self, early: Early | None, portions: Portions = SMALL) -> Refreshed:
        done = refresh(
            self.index,
            env={},
            home=self.folder,
            config=HistoryConfig(),
            sources=self.sources,
            patience=0.0,
            portions=portions,
            early=early,
        )
        check(self.index)
        return done


@pytest.fixture
def person(tmp_path: Path) -> Iterator[_Person]:
    person = _Person(tmp_path)
    yield person
    person.index.close()


def _nothing(_: str) -> None:
    pass


def _is_gone(early: Early) -> bool:
    try:
        os.kill(early.pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_was_looked_for_early_is_read_by_both(person: _Person) -> None:
    """All of it comes into the index, once, and the second process is gone afterwards."""
    begun: list[str] = []
    early = person.early(_nothing)
    early.meanwhile = lambda: begun.append("meanwhile")
    with early:
        done = person.refresh(early)
    assert (done.files, done.problems) == (_FILES, ())
    assert counted(person.index) == person.expected
    assert begun == ["meanwhile"]
    assert _is_gone(early)
    assert person.refresh(None) == Refreshed()


def test_little_is_read_by_one_alone(person: _Person) -> None:
    """Where a second process is not worth it, it only looks."""
    mine = os.getpid()
    readers: set[bool] = set()
    with person.early(lambda _: readers.add(os.getpid() == mine), PORTIONS) as early:
        done = person.refresh(early, PORTIONS)
    assert done.files == _FILES
    assert counted(person.index) == person.expected
    assert readers == {True}


def test_one_that_dies_is_made_up_for(person: _Person) -> None:
    """What it had taken and not sent is read by the first."""
    mine = os.getpid()

    def before(_: str) -> None:
        if os.getpid() != mine:
            os.kill(os.getpid(), signal.SIGKILL)

    with person.early(before) as early:
        person.refresh(early)
    assert counted(person.index) == person.expected


def test_one_that_dies_before_it_tells_anything_is_as_none(person: _Person) -> None:
    """Then the logs are looked for here."""
    with person.early(_nothing) as early:
        os.kill(early.pid, signal.SIGSTOP)
        os.kill(early.pid, signal.SIGKILL)
        assert person.refresh(early).files == _FILES
    assert counted(person.index) == person.expected


@pytest.mark.parametrize("why", ["not empty", "others"])
def test_it_is_left_alone_where_it_is_of_no_use(person: _Person, why: str) -> None:
    """What it found is that of an empty index, and of the logs that it was begun for."""
    with person.early(_nothing) if why == "not empty" else nullcontext() as early:
        if why == "not empty":
            person.refresh(None)
        else:
            person.sources = (PlainSource(person.folder, before=_nothing),)
            early = Early(person.logs()._replace(home=Path("/nowhere")), person.sources, SMALL)
        assert early is not None
        early.meanwhile = lambda: pytest.fail("it was asked")
        with early if why == "others" else nullcontext():
            person.refresh(early)
    assert counted(person.index) == person.expected
    assert _is_gone(early)
