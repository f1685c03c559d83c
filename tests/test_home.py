"""How files are written in a home and beside it: whole, or not at all."""

import stat
from pathlib import Path

import pytest

from tars.home import new_file, write_cache


def test_a_new_file_gets_its_name_once_it_is_whole(tmp_path: Path) -> None:
    """It is its owner's alone, and until then nothing has the name."""
    path = tmp_path / "out"
    with new_file(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_came_meanwhile_is_replaced_by_force_alone(tmp_path: Path) -> None:
    """Also what another process put there while this one wrote."""
    path = tmp_path / "out"
    with pytest.raises(FileExistsError), new_file(path) as file:
        file.write(b"mine")
        path.write_bytes(b"another's")
    assert path.read_bytes() == b"another's"
    with new_file(path, force=True) as file:
        file.write(b"mine")
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_failed_leaves_nothing(tmp_path: Path) -> None:
    """Neither the half of it, nor its name; a name of 255 bytes is none too long."""
    path = tmp_path / ("x" * 255)
    with pytest.raises(ZeroDivisionError), new_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with new_file(path):
        pass
    assert path.read_bytes() == b""


def test_a_cache_is_replaced_whole(tmp_path: Path) -> None:
    """The new contents are its owner's alone, and nothing else is left; an error leaves the old."""
    path = tmp_path / "cache.json"
    write_cache(path, b"old")
    write_cache(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        write_cache(tmp_path / "nowhere" / "cache.json", b"new")
