"""The prices that tars has with it: those of the release of genai-prices that it was built with.

To make a catalogue of that package takes 280 ms, to read this one 20. `make docs` writes the
file, and a test holds it to the package.
"""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tars.prices.catalogue import Catalogue, dump, load

PATH = Path(__file__).with_name("shipped.json")


def of_package(package: Path, stamp: str, now: datetime) -> Catalogue | None:
    """Give the shipped prices where they are those of the genai-prices in this folder, whose data
    has this stamp; None where another release is installed."""
    try:
        shipped = load(json.loads(PATH.read_bytes()))
    except (OSError, LookupError, TypeError, ValueError):
        return None
    # To ask `importlib.metadata` takes as long as to read the prices.
    installed = package.with_name(f"genai_prices-{shipped.release}.dist-info").is_dir()
    if not installed or shipped.package != size(stamp):
        return None
    return replace(shipped, package=stamp).of(now)


def text(catalogue: Catalogue) -> str:
    """Give what the file has to say of the installed package: the same on every machine and day,
    and in lines that can be compared."""
    anywhere = replace(catalogue, taken="", package=size(catalogue.package))
    whole = dump(anywhere)
    providers = whole.pop("providers")
    head = _json(whole).removesuffix("}")
    lines = (
        _json([*about, []]).removesuffix("]]") + "\n" + ",\n".join(map(_json, models)) + "]]"
        for *about, models in providers
    )
    return f'{head},"providers":[\n' + ",\n".join(lines) + "]}\n"


def size(stamp: str) -> str:
    """Give the part of a stamp that is the same wherever a release is installed."""
    return stamp.partition("-")[0]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
