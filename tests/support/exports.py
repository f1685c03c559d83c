"""Libraries to export from and import into, and sessions that anything may stand in."""

import functools
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tars.home import Home
from tars.sessions import exporting, importing
from tars.sessions.importing import Imported
from tars.sessions.library import Library
from tars.sessions.reading import Source
from tars.store import transfer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@functools.cache
def _template() -> bytes:
    """An empty store: making one takes longer than copying it."""
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        home = Home(Path(folder))
        Library.open(home).close()
        return home.store.read_bytes()


@contextmanager
def library(root: Path) -> Iterator[Library]:
    """An empty library whose home this is."""
    home = Home(root)
    home.prepare()
    if not home.store.exists():
        home.store.write_bytes(_template())
        home.store.chmod(0o600)
    with Library.open(home) as opened:
        yield opened


def take(library: Library, data: bytes | str, **how: Any) -> list[Imported]:
    """Import what is in a file."""
    data = data.encode() if isinstance(data, str) else data
    agent = how.pop("agent", "import")
    source = Source(io.BytesIO(data), "file", NOW, agent)
    return importing.import_file(library, source, NOW, **how)


def seqs(library: Library) -> list[int]:
    with library.reading() as connection:
        return transfer.every(connection)


def lines(library: Library, of: list[int] | None = None) -> str:
    """Export as JSON lines."""
    records = exporting.records(library, seqs(library) if of is None else of)
    return "".join(exporting.json_lines(records))


def document(library: Library, of: list[int] | None = None) -> str:
    """Export as one JSON document."""
    records = exporting.records(library, seqs(library) if of is None else of)
    return "".join(exporting.json_document(records))


def written(*sessions: dict[str, Any]) -> str:
    """Write an export by hand."""
    return json.dumps({"format": "tars.sessions", "version": 1, "sessions": list(sessions)})


def told(library: Library) -> list[dict[str, Any]]:
    """What an export says, as a program reads it."""
    found: list[dict[str, Any]] = json.loads(document(library))["sessions"]
    return found


# --- sessions that anything may stand in ------------------------------------------

AT = "2026-03-01T12:00:00.123456Z"
LATER = "2026-03-01T12:00:05.000001Z"

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "\0",
            "a\r\nb\rc\n",
            "👩‍👩‍👧 é e\u0301",
            "\u2028\u2029\x85",
            "\ud800x",
            "```\n<!--",
            "=1+1",
            "x" * 70_000,
        ]
    ),
)
counts = st.one_of(st.integers(0, 10**6), st.sampled_from([0, 2**40]))
free = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), texts, st.floats(-1e9, 1e9)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
times = st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)).map(
    lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
)
kinds = ("netInput", "cacheRead", "cacheWrite", "output", "reasoning")


@st.composite
def entries(draw: st.DrawFn, *, numbered: bool) -> list[dict[str, Any]]:
    """What is said, in a turn or in none."""
    made: list[dict[str, Any]] = []
    for place in range(draw(st.integers(0, 3))):
        common = {
            "number": place if numbered else None,
            "beganAt": draw(times),
            "endedAt": draw(times),
            "extra": draw(free),
        }
        if draw(st.booleans()):
            text, role = draw(texts), draw(st.sampled_from(["user", "assistant", "thought"]))
            own = {"type": "message", "role": role, "text": text, "size": len(text)}
            made.append(common | own)
        else:
            output = draw(texts)
            files = sorted(draw(st.sets(st.text(max_size=5), max_size=2)))
            own = {"type": "toolCall", "id": f"c{place}", "kind": draw(texts), "output": output}
            own |= {"title": draw(texts), "status": "completed", "size": len(output)}
            made.append(common | own | {"files": files})
    return made


@st.composite
def turns(draw: st.DrawFn, id: str) -> dict[str, Any]:
    """A turn whose split by model adds up."""
    shares = [
        {
            "model": model,
            "requests": 1,
            "costedTurns": 1,
            "costMicrousd": draw(st.integers(0, 10**6)),
        }
        | {kind: draw(counts) for kind in kinds}
        for model in draw(st.lists(texts.filter(bool), min_size=1, max_size=2, unique=True))
    ]
    return {
        "type": "turn",
        "id": id,
        "task": draw(st.none() | texts),
        "outcome": draw(st.sampled_from(["ok", "error", "cancelled"])),
        "fault": draw(
            st.none() | st.fixed_dictionaries({"kind": st.just("crashed"), "message": texts})
        ),
        "beganAt": draw(times),
        "endedAt": draw(times),
        "durationMs": draw(counts),
        "model": draw(texts),
        "source": "official",
        "context": draw(counts),
        "costMicrousd": sum(share["costMicrousd"] for share in shares),
        "atLeast": draw(st.booleans()),
        "reported": draw(st.none() | st.just({"input": 3, "output": 4, "cost_microusd": 5})),
        "models": sorted(shares, key=lambda share: str(share["model"]).encode("utf-8", "replace")),
        "modelRequests": [
            {"type": "request", "id": f"{id}-{n}", "source": "log", "raw": draw(texts)}
            for n in range(draw(st.integers(0, 2)))
        ],
        "entries": draw(entries(numbered=True)),
        "after": draw(entries(numbered=False)),
        **{kind: sum(share[kind] for share in shares) for kind in kinds},
    }


@st.composite
def sessions(draw: st.DrawFn, id: str) -> dict[str, Any]:
    """A session in which anything stands that may stand in one."""
    return {
        "type": "session",
        "id": id,
        "agent": "gemini",
        "status": draw(st.sampled_from(["active", "completed", "failed", "archived"])),
        "createdAt": draw(times),
        "lastActivityAt": draw(times),
        "endedAt": draw(times),
        "title": draw(texts),
        "project": draw(texts),
        "tags": sorted(draw(st.sets(st.sampled_from(["a", "é", "b c"])))),
        "metadata": draw(st.dictionaries(texts, free, max_size=3)),
        "notes": draw(st.lists(st.fixed_dictionaries({"at": times, "text": texts}), max_size=2)),
        "entries": draw(entries(numbered=False)),
        "turns": [draw(turns(f"{id}-t{n}")) for n in range(draw(st.integers(0, 2)))],
    }
