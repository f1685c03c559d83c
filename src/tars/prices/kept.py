"""The price list in force: the one that tars has with it, one that was made of another release of
genai-prices, or one that was fetched; the last two are kept in the home."""

import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tars.home import Home, write_durably

if TYPE_CHECKING:
    # A book asks for the stamp alone.
    from tars.prices.catalogue import Catalogue


def stamp(home: Home) -> str:
    """Say which prices are in force, by the size and time of the two files that decide it.

    Another text means other prices. Nothing is read or imported: it takes a tenth of a millisecond.
    """
    return f"{package_stamp()} {_stamp_of(home.prices)}"


def package_stamp() -> str:
    """Say which data the installed genai-prices has; empty where it is not installed."""
    package = _package()
    return "" if package is None else _stamp_of(package / "data.py")


def current(home: Home, now: datetime) -> "Catalogue":
    """Give the price list in force: the newest that was fetched with the installed release of
    genai-prices, or else that release's own.

    Raises ImportError where the package is gone.
    """
    package = package_stamp()
    kept = _read(home.prices)
    if kept is not None and kept.package == package:
        return kept
    from tars.prices import shipped

    folder = _package()
    ours = None if folder is None else shipped.of_package(folder, package, now)
    if kept is not None and kept.updated and kept.release == _release(ours):
        # The same release, installed anew.
        kept = replace(kept, package=package)
    elif ours is not None:
        return ours
    else:
        from tars.prices import snapshot

        kept = snapshot.packaged(now, package)
    if home.data.is_dir():
        # Without it the next one takes as long; no reason to fail.
        with suppress(OSError):
            keep(home, kept)
    return kept


def keep(home: Home, catalogue: "Catalogue") -> None:
    """Replace the home's price list. Raises OSError; the old one is still there then."""
    from tars.prices.catalogue import dump

    write_durably(home.prices, json.dumps(dump(catalogue), separators=(",", ":")).encode())


def _package() -> Path | None:
    spec = find_spec("genai_prices")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _release(ours: "Catalogue | None") -> str:
    if ours is not None:
        return ours.release
    from tars.prices import snapshot

    return snapshot.RELEASE


def _read(path: Path) -> "Catalogue | None":
    """A file that is gone, damaged or of another tars is made anew."""
    from tars.prices.catalogue import load

    try:
        return load(json.loads(path.read_bytes()))
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _stamp_of(path: Path) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_size:x}-{found.st_mtime_ns:x}"
