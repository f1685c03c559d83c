"""Looking instead of being told: the newest files and folders, and the rest now and then."""

import os
from pathlib import Path

from tars.history.polling import BUSY_SECONDS, QUIET_SECONDS, SURVEY_SECONDS, Poll


class Clock:
    """Stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)
    return path


def age(path: Path, seconds: int) -> None:
    """Let it have been written so long ago, whatever the file system's clock is worth."""
    os.utime(path, (1_700_000_000 - seconds,) * 2)


def test_a_line_that_is_appended_names_its_file_once(tmp_path: Path) -> None:
    """The newest file is seen to grow."""
    log = write(tmp_path / "logs/a/b.jsonl")
    poll = Poll([str(tmp_path / "logs")])
    assert not poll.read()
    write(log)
    assert poll.read().paths == {str(log)}
    assert not poll.read()


def test_new_files_and_new_folders_are_named_and_looked_at_from_then_on(tmp_path: Path) -> None:
    """A root that comes later is seen, with what is in it, and so is what is made in it later."""
    root = tmp_path / "logs"
    poll = Poll([str(root)])
    first = write(root / "2026/11/a.jsonl")
    assert poll.read().paths == {str(first)}
    write(first)
    assert poll.read().paths == {str(first)}
    second = write(root / "2026/11/b.jsonl")
    assert str(second) in poll.read().paths


def test_looks_are_frequent_only_while_something_changes(tmp_path: Path) -> None:
    """A minute after the last change it is looked seldom."""
    clock = Clock()
    log = write(tmp_path / "logs/a.jsonl")
    poll = Poll([str(tmp_path / "logs")], clock=clock)
    assert poll.pause == QUIET_SECONDS
    write(log)
    poll.read()
    assert poll.pause == BUSY_SECONDS
    clock.now += 61
    assert poll.pause == QUIET_SECONDS


def test_an_old_file_that_grows_is_found_by_the_survey(tmp_path: Path) -> None:
    """Beyond the newest ones nothing is looked at, until all of them are."""
    clock = Clock()
    for number in range(30):
        age(write(tmp_path / f"logs/{number}.jsonl"), seconds=1000 * number)
    poll = Poll([str(tmp_path / "logs")], clock=clock)
    write(tmp_path / "logs/29.jsonl")
    assert not poll.read()
    clock.now += SURVEY_SECONDS
    assert poll.read().more
    assert not poll.read()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """The survey reaches each folder once."""
    log = write(tmp_path / "logs/a/b.jsonl")
    (tmp_path / "logs/a/up").symlink_to(tmp_path / "logs")
    poll = Poll([str(tmp_path / "logs")])
    write(log)
    assert str(log) in poll.read().paths
