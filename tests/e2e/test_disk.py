"""Files that are broken, and a disk that is full: told, survived, and nothing lost."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tars.control.contract import PromptRequest, TurnResult
from tars.errors import StoreError
from tars.store import messages
from tars.store.rows import MessageRow
from tars.store.store import Store
from tests.support.outage import line
from tests.support.tars_home import TarsHome, tars_home

# --- broken files -----------------------------------------------------------

WHOLE = {
    "sessionId": "echo-0123456789abcdef",
    "createdAt": "2026-01-01T00:00:00Z",
    "totalInputTokens": 5,
    "totalOutputTokens": 5,
    "totalCachedTokens": 0,
    "totalNetTokens": 5,
    "interactionCount": 1,
    "lastInteractionAt": "2026-01-01T00:00:00Z",
    "lastInputTokens": 5,
}
#: What else is no session is proved of the file's reader alone.
CORRUPTIONS = [json.dumps(WHOLE).encode()[:-20], b" " * 70_000]


@pytest.mark.parametrize("content", CORRUPTIONS, ids=range(len(CORRUPTIONS)))
def test_a_corrupt_session_is_set_aside(tars: TarsHome, content: bytes) -> None:
    """It is kept as it was, under another name; the status says so, and prompts work."""
    tars.home.prepare()
    (tars.home.data / "session.json").write_bytes(content)
    start = tars.tars("start")
    assert start.returncode == 0
    [aside] = tars.home.data.glob("session.json.corrupt-*")
    assert aside.read_bytes() == content
    assert aside.name in start.stderr
    assert any(aside.name in warning for warning in tars.status().warnings)
    assert aside.name in "".join(tars.tars("status").stdout.split())
    assert tars.prompt("Hello").outcome == "ok"
    assert tars.session()["interactionCount"] == 1
    assert aside.read_bytes() == content


def test_a_session_json_that_is_a_folder(tars: TarsHome) -> None:
    tars.home.prepare()
    (tars.home.data / "session.json").mkdir()
    tars.start()
    assert tars.prompt("Hello").outcome == "ok"
    assert tars.session()["interactionCount"] == 1


def test_a_session_without_net_tokens(tars: TarsHome) -> None:
    """A file of an earlier version: the context stands for what it does not say."""
    tars.start()
    session = tars.prompt("ECHO:usage:500:5:100:0").session
    tars.stop()
    old = {k: v for k, v in tars.session().items() if k != "totalNetTokens"}
    (tars.home.data / "session.json").write_text(json.dumps(old))
    tars.start()
    answer = tars.prompt("ECHO:usage:600:5:550:0")
    assert answer.session == session
    assert tars.session()["totalNetTokens"] == 500 + 50


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_corrupt_database_is_set_aside(tars: TarsHome, content: bytes) -> None:
    """A new one is begun, the status says so, and the session goes on with its figures."""
    tars.start()
    session = tars.prompt("one").session
    tars.stop()
    for beside in tars.home.data.glob("tars.db-*"):
        beside.unlink()
    tars.home.store.write_bytes(content)
    tars.start()
    answer = tars.prompt("ECHO:history")
    assert (answer.text, answer.session) == ("turns=2", session)
    [aside] = tars.home.data.glob("tars.db.corrupt-*")
    assert aside.read_bytes() == content
    assert any(aside.name in warning for warning in tars.status().warnings)
    assert tars.session()["interactionCount"] == 2
    assert [row.outcome for row in tars.ledger()] == ["ok"]


# --- a full disk ------------------------------------------------------------

MEGABYTE = "x" * 2**20
#: Their index has warnings of its own, which stay until it is tried again.
NO_LOGS = "[history]\nenabled = false\n"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[TarsHome]:
    """A home on a file system of 12 MiB."""
    root = tmp_path / "tars"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", str(root)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs to mount a small file system: {done.stderr.strip()}")
    try:
        with tars_home(tmp_path) as tars:
            tars.configure_echo(more=NO_LOGS)
            yield tars
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


def fill(tars: TarsHome) -> None:
    """Take the last byte of the disk."""
    with (tars.home.root / "filler").open("ab", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    assert os.statvfs(tars.home.root).f_bavail == 0


def free(tars: TarsHome) -> None:
    (tars.home.root / "filler").unlink()


def test_a_full_disk_refuses_prompts(small: TarsHome) -> None:
    """Clearly, with what to do; daemon and agent live on; with space again, all is well."""
    small.start()
    session = small.prompt("one").session
    pids = small.daemon_pid(), small.agent_pid()
    before = small.session()
    fill(small)
    refused = small.tars("prompt", "-", stdin=MEGABYTE)
    assert refused.returncode == 1, refused
    assert refused.stdout == ""
    assert "disk is full" in refused.stderr
    assert "Free some space" in refused.stderr
    with pytest.raises(StoreError):
        small.client.submit(PromptRequest(text=MEGABYTE))
    assert (small.daemon_pid(), small.agent_pid()) == pids
    assert small.agent().state == "ready"
    assert any("disk is full" in warning for warning in small.status().warnings)
    assert small.session() == before
    free(small)
    assert small.prompt("ECHO:history").text == "turns=2"
    assert small.session()["interactionCount"] == 2
    assert small.session()["sessionId"] == session
    assert [row.outcome for row in small.ledger()] == ["ok", "ok"]
    assert small.status().warnings == []


def test_a_turn_that_ends_on_a_full_disk(small: TarsHome) -> None:
    """Its answer arrives; what it used is kept in memory until it can be written."""
    small.start()
    small.prompt("ECHO:usage:500:5:0:0")
    stream = small.under_way("ECHO:slow:2:0.3")
    before = small.session()
    fill(small)
    answer = small.result(stream)
    assert (answer.outcome, answer.text) == ("ok", "1 2 ")
    assert small.session() == before
    assert any("disk is full" in warning for warning in small.status().warnings)
    assert small.status().session is not None
    free(small)
    assert small.prompt("ECHO:usage:500:5:0:0").outcome == "ok"
    assert small.status().warnings == []
    assert small.session()["interactionCount"] == 3
    assert small.session()["totalOutputTokens"] == 5 + 2 + 5
    assert [row.outcome for row in small.ledger()] == ["ok", "ok", "ok"]


def test_a_daemon_on_a_full_disk_stops_in_order(small: TarsHome) -> None:
    small.start()
    small.prompt("one")
    fill(small)
    small.stop()
    assert small.processes() == []
    free(small)
    small.start()
    assert small.prompt("ECHO:history").text == "turns=2"


def test_a_start_on_a_full_disk(small: TarsHome) -> None:
    """It starts and says what is wrong, or says why it cannot; mended, all is there."""
    small.start()
    small.prompt("one")
    small.under_way("ECHO:slow:9:60")
    waiting = small.client.submit(PromptRequest(text="waits")).turn
    small.kill(small.daemon_pid())
    fill(small)
    start = small.tars("start")
    assert "Traceback" not in start.stdout + start.stderr
    free(small)
    small.tars("start")
    # What an earlier daemon left is run once the store can be read again.
    small.until(lambda s: s.session is not None and s.session.interaction_count == 3)
    assert small.prompt("the last").outcome == "ok"
    rows = small.ledger()
    assert [row.outcome for row in rows] == ["ok", "interrupted", "ok", "ok"]
    assert rows[2].id == waiting
    assert small.session()["interactionCount"] == 4


def test_prompts_that_wait_behind_a_full_disk(small: TarsHome) -> None:
    """The database cannot even be opened: once it can, what an earlier daemon left is run."""
    with small.foreground() as daemon:
        small.prompt("one")
        small.under_way("ECHO:slow:9:60")
        waiting = small.client.submit(PromptRequest(text="waits")).turn
        daemon.terminate()
        assert daemon.wait(30) == 0
    fill(small)
    small.start()
    with pytest.raises(StoreError):
        small.client.submit(PromptRequest(text="x"))
    assert any("Free some space" in warning for warning in small.status().warnings)
    free(small)
    small.until(lambda s: s.session is not None and s.session.interaction_count == 3)
    small.stop()
    rows = small.ledger()
    assert [row.outcome for row in rows] == ["ok", "interrupted", "ok"]
    assert rows[2].id == waiting


def check_whole(path: Path) -> None:
    """Nothing in the file is damaged, nor in the index of its words."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute(
            "INSERT INTO message_words (message_words, rank) VALUES ('integrity-check', 1)"
        )
    connection.close()


def said(tars: TarsHome, turn: str, url: str = "") -> list[tuple[str, str]]:
    """What was said in a turn: whose it is, and its words; and the calls, with their status."""
    store = Store.open(tars.home.store, url=url)
    try:
        with store.reading("read it") as connection:
            rows = messages.of_turn(connection, turn)
    finally:
        store.close()
    assert all(row.ended_at is not None for row in rows)
    return [
        (row.role.value, row.text) if isinstance(row, MessageRow) else (row.kind, row.status)
        for row in rows
    ]


def ask(tars: TarsHome, then: Callable[[], None]) -> TurnResult:
    """Have a tool asked for and run; do something while it waits for leave."""
    stream = tars.under_way("ECHO:ask", "permission")
    then()
    tars.client.permit(tars.agent().permissions[0].id)
    answer = tars.result(stream)
    assert answer.outcome == "ok"
    return answer


def test_what_is_said_on_a_full_disk_is_kept(small: TarsHome) -> None:
    """Messages and tool calls that come meanwhile are there, whole, once there is room; and
    what was saved before is not damaged."""
    small.start()
    usual = ask(small, lambda: None)
    answer = ask(small, lambda: fill(small))
    assert any("disk is full" in warning for warning in small.status().warnings)
    free(small)
    small.prompt("the last")
    assert small.status().warnings == []
    small.stop()
    assert len(said(small, answer.turn)) == 3
    assert said(small, answer.turn) == said(small, usual.turn)
    check_whole(small.home.store)


def test_a_database_away_and_a_full_disk(small: TarsHome, postgres_store_url: str) -> None:
    """There is no room for what would wait: a prompt is refused, and the turn under way ends;
    with room again, and the database back, everything is there once."""
    with line(postgres_store_url) as far:
        small.configure_echo(more=f'{NO_LOGS}[store]\nurl = "{far.url}"')
        small.start()
        small.prompt("one")
        stream = small.under_way("ECHO:slow:3:0.2")
        far.cut()
        fill(small)
        answer = small.result(stream)
        assert answer.outcome == "ok"
        with pytest.raises(StoreError):
            small.client.submit(PromptRequest(text=MEGABYTE))
        (warning,) = small.status().warnings
        assert "The database is away" in warning
        assert "disk is full" in warning
        free(small)
        assert small.prompt("three").outcome == "ok"
        far.restore()
        small.until(lambda s: not s.warnings)
        small.stop()
        assert said(small, answer.turn, postgres_store_url)[-1] == ("assistant", answer.text)
        store = Store.open(small.home.store, url=postgres_store_url)
        assert [row.outcome for row in store.turns()] == ["ok"] * 3
        assert (store.waiting_prompts(), store.unfinished_turns()) == ([], [])
        store.close()
