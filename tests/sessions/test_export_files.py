"""Exports are written whole, for their owner alone, and never over anything unasked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.errors import StoreError, UserError
from tars.sessions.export_files import Form, find, pieces, write, write_each
from tars.sessions.library import Library
from tars.store.finding import Wanted
from tests.support.exports import AT, library, seqs, take, written


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Library]:
    least = {"type": "session", "agent": "a", "createdAt": AT, "lastActivityAt": AT}
    with library(tmp_path / "home") as opened:
        take(opened, written({**least, "id": "s/1", "name": "a:b 🎉"}, {**least, "id": "s/2"}))
        yield opened


def test_a_file_is_its_owners_alone(here: Library, tmp_path: Path) -> None:
    """0600, whatever the umask; nothing is left beside it."""
    path = tmp_path / "out.json"
    write(path, pieces(here, seqs(here), Form.JSON))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["out.json"]


def test_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    """Neither a file nor a link; `force` replaces them; a folder or a device never."""
    path = tmp_path / "out"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        write(path, ["x"])
    assert path.read_text() == "mine"
    write(path, ["x"], force=True)
    assert path.read_text() == "x"
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="exists already"):
        write(tmp_path / "link", ["x"])
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(UserError, match="no file"):
            write(odd, ["x"], force=True)


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    """A file is there when it is whole."""

    def half() -> Iterator[str]:
        yield "half"
        raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        write(tmp_path / "out", half())
    with pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / "no" / "out", ["x"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", Form)
def test_a_folder_gets_a_file_for_each(here: Library, tmp_path: Path, form: Form) -> None:
    """Named for the sessions, and never a path; one that is there refuses all of them."""
    folder = tmp_path / "out"
    found = find(here, Wanted(archived=None))
    paths = write_each(here, found, folder, form)
    assert len({path.parent for path in paths}) == 1
    assert sorted(os.listdir(folder)) == sorted(path.name for path in paths)
    assert paths[0].name.startswith("a%3Ab 🎉.")
    paths[0].unlink()
    with pytest.raises(UserError, match="exists already"):
        write_each(here, found, folder, form)
    assert not paths[0].exists()
