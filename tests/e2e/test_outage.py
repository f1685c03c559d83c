"""Daemons whose database is elsewhere: it goes away and comes back, and others use it too."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tars.control.contract import PromptRequest
from tars.core.agent import Outcome
from tars.store.rows import TurnRow
from tars.store.store import Store
from tests.support.outage import Line, line
from tests.support.tars_home import TarsHome, tars_home


@pytest.fixture
def far(postgres_store_url: str) -> Iterator[Line]:
    with line(postgres_store_url) as made:
        yield made


@pytest.fixture
def tars(tmp_path: Path, far: Line) -> Iterator[TarsHome]:
    """A home whose database is at the end of the line."""
    with tars_home(tmp_path) as tars:
        tars.configure_echo(more=f'[store]\nurl = "{far.url}"')
        yield tars
        far.restore()


def ledger(tars: TarsHome, url: str) -> list[TurnRow]:
    """Every turn of this home's machine, oldest first."""
    store = Store.open(tars.home.store, url=url)
    try:
        assert store.waiting_prompts() == []
        assert store.unfinished_turns() == []
        return store.turns(1000)[::-1]
    finally:
        store.close()


def caught_up(tars: TarsHome) -> None:
    """Wait until nothing waits for the database. The status alone says so."""
    with tars.happenings() as happened:
        happened.settimeout(0.1)
        while tars.status().warnings:
            try:
                assert happened.recv(65536), "the daemon ended"
            except TimeoutError:
                continue


def test_an_outage_under_way(tars: TarsHome, far: Line, postgres_store_url: str) -> None:
    """Prompts are taken and run, the status says what waits, and then it is as if it had not
    been; nothing that a person sees waits for the database."""
    tars.start()
    session = tars.prompt("one").session
    far.cut()
    assert tars.prompt("two", project=str(tars.home.root)).outcome == "ok"
    (warning,) = tars.status().warnings
    assert "The database is away since" in warning
    assert "wait for it since" in warning
    assert "data/spool.db" in warning
    assert "away since" in tars.tars("status").stdout.replace("\n", " ")
    assert tars.home.spool.stat().st_mode & 0o777 == 0o600
    began = time.monotonic()
    for _ in range(5):
        assert tars.prompt("more").session == session
    assert time.monotonic() - began < 5
    far.restore()
    caught_up(tars)
    assert tars.prompt("ECHO:history").text == "turns=8"
    tars.stop()
    rows = ledger(tars, postgres_store_url)
    assert [row.outcome for row in rows] == [Outcome.OK] * 8
    assert tars.session()["interactionCount"] == 8
    assert tars.session()["totalOutputTokens"] == sum(row.usage.output for row in rows)


def test_a_start_without_the_database(tars: TarsHome, far: Line, postgres_store_url: str) -> None:
    """What waits here is seen to at once, what is in the database when that is back; a turn
    that its daemon was killed in is counted once, and without what came after it."""
    tars.start()
    tars.prompt("one")
    tars.under_way("ECHO:slow:9:60")
    there = tars.client.submit(PromptRequest(text="waits there")).turn
    far.cut()
    here = tars.client.submit(PromptRequest(text="waits here")).turn
    tars.kill(tars.daemon_pid())
    tars.start()
    tars.until(lambda s: s.session is not None and s.session.interaction_count >= 2)
    assert tars.prompt("new").outcome == "ok"
    far.restore()
    caught_up(tars)
    tars.until(lambda s: s.session is not None and s.session.interaction_count == 5)
    tars.stop()
    rows = {row.id: row for row in ledger(tars, postgres_store_url)}
    assert len(rows) == 5
    assert rows[here].outcome is rows[there].outcome is Outcome.OK
    assert rows[here].began_at < rows[there].began_at
    assert [row.outcome for row in rows.values()].count(Outcome.INTERRUPTED) == 1
    session = tars.session()
    assert session["totalOutputTokens"] == sum(row.usage.output for row in rows.values())
    assert session["totalNetTokens"] == sum(row.usage.net for row in rows.values())


def test_a_stop_does_not_wait_for_a_silent_line(tars: TarsHome, far: Line) -> None:
    """Nobody says that the database is gone; a prompt, the status and a stop are answered."""
    tars.start()
    tars.prompt("one")
    far.hang()
    began = time.monotonic()
    assert tars.prompt("two").outcome == "ok"
    assert time.monotonic() - began < 10
    began = time.monotonic()
    assert "away" in str(tars.status().warnings)
    tars.stop()
    assert time.monotonic() - began < 10


def test_two_daemons_share_a_database(
    tars: TarsHome, far: Line, postgres_store_url: str, tmp_path: Path
) -> None:
    """Each runs its own prompts alone, also those that it was killed before, and has its own
    sums."""
    (tmp_path / "other").mkdir()
    with tars_home(tmp_path / "other") as other:
        other.configure_echo(more=f'[store]\nurl = "{postgres_store_url}"')
        for each in (tars, other):
            each.start()
            each.under_way("ECHO:slow:9:60")
        waiting = [each.client.submit(PromptRequest(text="waits")).turn for each in (tars, other)]
        tars.kill(tars.daemon_pid())
        other.client.cancel()
        other.until(lambda s: s.session is not None and s.session.interaction_count == 2)
        tars.start()
        tars.until(lambda s: s.session is not None and s.session.interaction_count == 2)
        for each in (tars, other):
            each.stop()
        outcomes = []
        for each, turn in zip((tars, other), waiting, strict=True):
            rows = ledger(each, postgres_store_url)
            assert [row.id for row in rows][1:] == [turn]
            assert each.session()["totalOutputTokens"] == sum(r.usage.output for r in rows)
            outcomes.append(rows[0].outcome)
        assert outcomes == [Outcome.INTERRUPTED, Outcome.CANCELLED]
