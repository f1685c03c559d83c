"""What was typed: kept for its owner alone, and not without end."""

import stat
from pathlib import Path

from tars.cli.chat.history import LONGEST, MOST, Kept


def test_it_is_kept_for_its_owner_and_bounded(tmp_path: Path) -> None:
    """The newest come first, several lines are one, what is too long is left out."""
    path = tmp_path / "history"
    history = Kept(path)
    for number in range(2 * MOST + 1):
        history.store_string(f"prompt {number}\nsecond line")
    history.store_string("x" * (LONGEST + 1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = list(Kept(path).load_history_strings())
    assert len(loaded) == MOST
    assert loaded[0] == f"prompt {2 * MOST}\nsecond line"
    assert len(path.read_bytes().splitlines()) == MOST
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_file_or_a_disk_that_does_not_take_it_is_no_fault(tmp_path: Path) -> None:
    """What can be read is; a link to elsewhere is not written to."""
    path = tmp_path / "history"
    path.write_bytes(b'"one"\n{broken\n12\n"two"\n"cut')
    assert list(Kept(path).load_history_strings()) == ["two", "one"]
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    Kept(link).store_string("secret")
    assert not (tmp_path / "elsewhere").exists()
