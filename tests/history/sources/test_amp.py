"""Amp's requests are counted once each, from the messages or from the ledger."""

import json
from pathlib import Path
from typing import Any

import pytest

from tars.accounting.rates import Tokens
from tars.history.source import Mark
from tars.history.sources.amp import SOURCE
from tests.support.agent_logs import read, read_all, tokens, write

USAGE = {
    "model": "claude-haiku-4-5",
    "inputTokens": 100,
    "outputTokens": 50,
    "cacheCreationInputTokens": 500,
    "cacheReadInputTokens": 200,
    "totalInputTokens": 800,
    "credits": 1.5,
}
EVENT = {
    "id": "event-1",
    "timestamp": "2026-11-21T02:35:16.000Z",
    "model": "claude-haiku-4-5",
    "credits": 1.5,
    "tokens": {"input": 100, "output": 50},
    "fromMessageId": 0,
    "toMessageId": 1,
}
ONE = Tokens(net_input=100, cache_read=200, cache_write=500, output=50, requests=1)


def thread(tmp_path: Path, **more: Any) -> Path:
    told: dict[str, Any] = {
        "v": 195,
        "id": "T-1",
        "created": 1700000000000,
        "title": "Mend the login",
        "env": {"initial": {"trees": [{"uri": "file:///home/dev/shop"}]}},
        "messages": [
            {"role": "user", "messageId": 0, "meta": {"sentAt": 1700000001000}},
            {"role": "assistant", "messageId": 1, "usage": USAGE},
        ],
    }
    return write(tmp_path / "T-1.json", json.dumps({**told, **more}))


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"usageLedger": {"events": [EVENT]}}, 1795228516000),
        ({"usageLedger": {"events": []}}, 1700000001000),
        ({}, 1700000001000),
    ],
)
def test_a_message_counts_once_at_the_time_of_its_event(
    more: dict[str, Any], at: int, tmp_path: Path
) -> None:
    """Or, without a ledger, at that of the prompt before it."""
    thread(tmp_path, **more)
    (row,) = read_all(SOURCE, tmp_path)
    assert (tokens([row]), row.at) == (ONE, at)
    assert (row.session, row.project, row.model) == ("T-1", "/home/dev/shop", "claude-haiku-4-5")
    assert row.cost is None


def test_an_event_of_no_message_with_figures_counts_by_itself(tmp_path: Path) -> None:
    """Titles and the like, and older threads, whose messages have none."""
    other = {**EVENT, "id": "event-2", "toMessageId": None}
    ledger = {"events": [EVENT, other]}
    assert tokens(read(SOURCE, thread(tmp_path, usageLedger=ledger)).requests) == ONE.plus(
        Tokens(net_input=100, output=50, requests=1)
    )
    path = thread(tmp_path, usageLedger=ledger, messages=[])
    assert tokens(read(SOURCE, path).requests) == Tokens(200, 0, 0, 0, 100, 0, 2)


@pytest.mark.parametrize(
    "odd",
    [
        {"messageId": 2, "usage": {"inputTokens": -1}},
        {"messageId": 2, "usage": "much"},
        {"messageId": [], "usage": {}},
    ],
)
def test_a_message_that_cannot_be_read_is_told_and_the_others_count(
    odd: dict[str, Any], tmp_path: Path
) -> None:
    """Negative counts and other forms."""
    path = thread(tmp_path, messages=[odd, {"messageId": 1, "usage": USAGE}])
    reading = read(SOURCE, path)
    assert (tokens(reading.requests), reading.garbled) == (ONE, 1)


def test_a_ledger_of_another_form_is_told_and_the_messages_count(tmp_path: Path) -> None:
    """One part that is not understood spoils no other."""
    reading = read(SOURCE, thread(tmp_path, usageLedger={"events": "none"}, id=7, env="x"))
    assert (tokens(reading.requests), reading.garbled) == (ONE, 3)
    assert reading.titles == {"T-1": "Mend the login"}


def test_half_a_thread_is_a_problem(tmp_path: Path) -> None:
    """It is being written, or was cut off. What is no thread is not looked at."""
    write(tmp_path / "T-2.json", '{"id": "T-2", "messa')
    write(tmp_path / "notes.json", "{}")
    readings = [SOURCE.read(found, Mark()) for found in SOURCE.find(tmp_path)]
    assert [reading.problem for reading in readings] == ["It is no whole JSON document."]
    assert SOURCE.roots({"XDG_DATA_HOME": "/d"}, tmp_path) == (Path("/d/amp/threads"),)
