"""Logs of three agents as a few months of work leave them, and what they come to, to the token.

The sizes of the files are distributed as ccusage says of its own benchmark: half are below
105 KB, one in a hundred is above 5 MB. All that makes counting hard is in there: answers in
several lines with figures that grow, results that are written twice, figures of subagents on
their parents' lines, sessions that repeat others, forks, twins, records that are told again.

Everything follows from a seed. It is kept in .cache/bench and made anew when this code changed.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import corpus_claude, corpus_codex, corpus_gemini
from benchmarks.corpus_scribe import Scribe, Truth
from benchmarks.peers import ROOT
from tars.accounting.rates import Tokens

CACHE = ROOT / ".cache" / "bench" / "logs"
#: When the newest session may begin, and over how many days all of them are spread.
_END = datetime(2026, 11, 20, 12, tzinfo=UTC)
_DAYS = 120
#: Who wrote which share of the bytes.
_SHARES: dict[str, tuple[float, Callable[[Scribe], Callable[[int, datetime], int]]]] = {
    "claude": (0.55, corpus_claude.writer),
    "codex": (0.35, corpus_codex.writer),
    "gemini": (0.10, corpus_gemini.writer),
}


def prepared(megabytes: int) -> tuple[Path, Truth]:
    """Give a home folder with so many logs, and what they come to; made where there is none, or
    where a run was ended that had let some of them grow."""
    home = CACHE / str(megabytes)
    book = CACHE / f"{megabytes}.json"
    recipe = _recipe()
    if book.exists():
        known = json.loads(book.read_text())
        if (known["recipe"], known["bytes"]) == (recipe, _size(home)):
            return home, {tuple(key): Tokens(*figures) for key, figures in known["truth"]}
    shutil.rmtree(home, ignore_errors=True)
    truth = build(home, megabytes)
    rows = sorted((key, list(figures)) for key, figures in truth.items())
    book.write_text(json.dumps({"recipe": recipe, "bytes": _size(home), "truth": rows}))
    return home, truth


def _size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def build(home: Path, megabytes: int, seed: int = 7) -> Truth:
    """Write the logs."""
    scribe = Scribe(home, seed)
    for share, writer in _SHARES.values():
        write = writer(scribe)
        left = int(megabytes * 1_000_000 * share)
        while left > 0:
            at = _END - timedelta(seconds=scribe.random.uniform(0, _DAYS * 86400))
            left -= write(min(scribe.size(), left + 2000), at)
    return dict(scribe.truth)


def _recipe() -> str:
    folder = Path(__file__).parent
    sources = b"".join(path.read_bytes() for path in sorted(folder.glob("corpus*.py")))
    return hashlib.sha256(sources).hexdigest()
