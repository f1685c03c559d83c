import os
from pathlib import Path

import pytest

from tars.history.files import below, is_closed


def names(root: Path) -> list[str]:
    return sorted(Path(found.path).name for found in below(root, (".jsonl",)))


def test_files_are_found_at_any_depth(tmp_path: Path) -> None:
    """Every file with the ending is given with what it is now; others are not."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/one.jsonl").write_bytes(b"1234")
    (tmp_path / "a/two.txt").touch()
    [found] = below(tmp_path, (".jsonl",))
    stat = (tmp_path / "a/b/one.jsonl").stat()
    assert found == (str(tmp_path / "a/b/one.jsonl"), stat.st_ino, 4, stat.st_mtime_ns)


def test_a_root_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    """Most people have few of the agents."""
    assert names(tmp_path / "none") == []


def test_a_root_may_be_a_file(tmp_path: Path) -> None:
    """A path in the configuration may name one log."""
    (tmp_path / "one.log").touch()
    assert names(tmp_path / "one.log") == ["one.log"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    """A link to a folder above it, or to itself, is not followed."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "one.jsonl").touch()
    (root / "up").symlink_to(tmp_path)
    (root / "self").symlink_to(root / "self")
    (root / "gone.jsonl").symlink_to(root / "nowhere")
    assert names(root) == ["one.jsonl"]


def test_each_file_is_given_once(tmp_path: Path) -> None:
    """Links to folders elsewhere are followed, but no file comes twice."""
    (tmp_path / "root").mkdir()
    (tmp_path / "else").mkdir()
    (tmp_path / "else/one.jsonl").touch()
    (tmp_path / "root/first").symlink_to(tmp_path / "else")
    (tmp_path / "root/second").symlink_to(tmp_path / "else")
    os.link(tmp_path / "else/one.jsonl", tmp_path / "root/hard.jsonl")
    assert len(names(tmp_path / "root")) == 1


def test_only_regular_files_are_given(tmp_path: Path) -> None:
    """A pipe or a folder with such a name is none."""
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_read_stands_for_its_files(tmp_path: Path) -> None:
    """It is given itself, beside what can be read: reading it says why. Its path is too long
    here, which is so for root, too."""
    (tmp_path / "one.jsonl").touch()
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=folder)
        inner = os.open("x" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    one, other = sorted(below(tmp_path, (".jsonl",)))
    assert (is_closed(one), is_closed(other)) == (False, True)
    with pytest.raises(OSError, match="too long"):
        os.listdir(other.path)
