"""An export is whole, streamed, and the same every time; its format is a contract."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tars.sessions import exporting
from tars.sessions.library import Library
from tars.store import schema
from tests.store.samples import NOON, begun, prompt, record
from tests.support.exports import document, library, lines, seqs, take, written

GOLDEN = Path(__file__).parents[1] / "golden" / "exports"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Library]:
    with library(tmp_path / "home") as opened:
        yield opened


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_the_format_is_what_it_was(here: Library, ending: str) -> None:
    """Others read it: version 1 is byte by byte the one of the recorded file."""
    golden = (GOLDEN / f"sessions.{ending}").read_text("utf-8")
    take(here, golden)
    with here.writing() as connection:
        connection.execute(schema.machines.update().values(name="desk"))
    assert (document(here) if ending == "json" else lines(here)) == golden


def test_both_forms_hold_the_same(here: Library) -> None:
    """A line of JSON lines is an object of the document, but for the lists in it."""
    take(here, (GOLDEN / "sessions.json").read_bytes())
    objects = [json.loads(line) for line in lines(here).splitlines()][1:-1]
    found: list[dict[str, Any]] = []

    def walk(value: dict[str, Any], *names: str) -> None:
        inner = {name: value.pop(name) for name in names}
        found.append(value)
        for name in names:
            for each in inner[name]:
                is_turn = name == "turns"
                walk(each, *(("modelRequests", "entries", "after") if is_turn else ()))

    for session in json.loads(document(here))["sessions"]:
        walk(session, "entries", "turns")
    assert found == objects


def test_a_session_that_is_written_to_is_told_as_far_as_it_is(here: Library) -> None:
    """A turn under way has its prompt, and neither outcome nor end."""
    here.store.save_session("gemini", "s1", NOON)
    here.store.begin_prompt(prompt(), begun())
    (session,) = json.loads(document(here))["sessions"]
    (turn,) = session["turns"]
    assert (turn["outcome"], turn["endedAt"]) == (None, None)
    here.store.finish_turn(record())
    (session,) = json.loads(document(here))["sessions"]
    assert session["turns"][0]["outcome"] == "ok"
    assert session["figures"]["turns"] == 1


def test_a_large_session_is_told_piece_by_piece(here: Library) -> None:
    """No piece is longer than a message, however many of them there are."""
    said = [
        {"type": "message", "role": "user", "text": "x" * 1000, "beganAt": "2026-01-01"}
        for _ in range(1500)
    ]
    take(
        here,
        written(
            {
                "type": "session",
                "id": "s",
                "agent": "a",
                "createdAt": "2026-01-01",
                "lastActivityAt": "2026-01-01",
                "entries": said,
            }
        ),
    )
    for write in (exporting.json_lines, exporting.json_document):
        pieces = list(write(exporting.records(here, seqs(here))))
        assert len(pieces) > 1500
        assert max(map(len, pieces)) < 2000


def test_a_session_that_is_gone_is_left_out(here: Library) -> None:
    """Somebody may delete it while others are exported."""
    assert json.loads(document(here, [99]))["sessions"] == []
