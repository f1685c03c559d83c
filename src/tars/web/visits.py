"""What is remembered of the page between two daemons: where it was open, and to whom."""

from pathlib import Path

import msgspec

from tars.home import write_durably
from tars.web.admission import Visitor


class _Visitor(msgspec.Struct):
    digest: str
    until: float


class _Visits(msgspec.Struct, kw_only=True):
    port: int
    visitors: list[_Visitor]


def load(path: Path) -> tuple[int, tuple[Visitor, ...]] | None:
    """Give the port and the visitors; None where nothing is remembered, or nothing readable:
    then people are let in anew."""
    try:
        visits = msgspec.json.decode(path.read_bytes(), type=_Visits)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not 0 < visits.port < 65536:
        return None
    return visits.port, tuple(Visitor(v.digest, v.until) for v in visits.visitors)


def save(path: Path, port: int, visitors: tuple[Visitor, ...]) -> None:
    """Remember them, for our own eyes. Raises OSError."""
    kept = [_Visitor(visitor.digest, visitor.until) for visitor in visitors]
    write_durably(path, msgspec.json.encode(_Visits(port=port, visitors=kept)))
