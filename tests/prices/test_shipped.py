"""The prices that tars has with it are those of the release that they were made of, and no other's.

That they are up to date is said by the test of the generated files.
"""

import json
from dataclasses import replace
from pathlib import Path

from tars.prices import kept, shipped
from tars.prices.catalogue import load
from tests.prices.shelf import NOW, whole

_PACKAGE = kept.package_stamp()


def _installed(folder: Path, release: str) -> Path:
    """Give a folder in which that release seems to be installed."""
    (folder / f"genai_prices-{release}.dist-info").mkdir()
    return folder / "genai_prices"


def test_they_are_those_of_the_package(tmp_path: Path) -> None:
    """To the last price, and as old."""
    found = shipped.of_package(_installed(tmp_path, whole().release), _PACKAGE, NOW)
    assert found is not None
    assert replace(found, package="stamp") == whole()
    assert found.package == _PACKAGE


def test_another_release_s_are_not_taken(tmp_path: Path) -> None:
    """Nor those of a package with the same number and other data."""
    assert shipped.of_package(_installed(tmp_path, "9.9.9"), _PACKAGE, NOW) is None
    same = _installed(tmp_path, whole().release)
    assert shipped.of_package(same, "1" + _PACKAGE, NOW) is None


def test_the_file_says_nothing_of_where_and_when_it_was_written() -> None:
    """Whoever writes it writes the same, and it is a catalogue like any other."""
    first = replace(whole(), package="184f10-1", taken="2026-01-01")
    second = replace(whole(), package="184f10-2", taken="2026-02-02")
    assert shipped.text(first) == shipped.text(second)
    assert load(json.loads(shipped.text(first))) == replace(first, package="184f10", taken="")
