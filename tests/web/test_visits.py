"""What is remembered of the page: for our own eyes, and no harm when it is damaged."""

from pathlib import Path

import pytest

from tars.web import visits
from tars.web.admission import Visitor

VISITORS = (Visitor("ab" * 32, 1_900_000_000.5), Visitor("cd" * 32, 1_900_000_001.0))


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    """The port and the visitors; nobody else can read the file."""
    path = tmp_path / "web.json"
    visits.save(path, 8277, VISITORS)
    assert visits.load(path) == (8277, VISITORS)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"port": 0, "visitors": []}',
        b'{"port": 99999, "visitors": []}',
        b'{"port": "8277", "visitors": []}',
        b'{"port": 8277, "visitors": [{"digest": 1}]}',
    ],
)
def test_what_is_damaged_lets_nobody_in(tmp_path: Path, data: bytes) -> None:
    """Then there is nothing remembered, and no error."""
    path = tmp_path / "web.json"
    path.write_bytes(data)
    assert visits.load(path) is None


def test_nothing_is_nothing(tmp_path: Path) -> None:
    """Before the first visit there is no file."""
    assert visits.load(tmp_path / "web.json") is None
