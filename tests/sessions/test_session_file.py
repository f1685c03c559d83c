"""session.json: what is counted, what is written, and what happens to a broken file."""

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.accounting.usage import Source, TurnUsage, reconcile
from tars.conversation.model import ReportedUsage, RequestUsage
from tars.errors import StoreError
from tars.sessions.session_file import LARGEST, SessionFields, SessionManager

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = [
    "sessionId",
    "createdAt",
    "totalInputTokens",
    "totalOutputTokens",
    "totalCachedTokens",
    "totalNetTokens",
    "interactionCount",
    "lastInteractionAt",
    "lastInputTokens",
]
WORKED_EXAMPLE = reconcile(
    ReportedUsage(3300, 60),
    [
        RequestUsage("a", "m", 1000, 10, 0, thoughts=5),
        RequestUsage("b", "m", 1100, 20, 900, thoughts=6),
        RequestUsage("c", "m", 1200, 30, 1000, thoughts=7),
    ],
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "session.json"


def manager(path: Path) -> SessionManager:
    return SessionManager(path, clock=lambda: NOON)


def saved(path: Path) -> SessionManager:
    """A manager with one counted turn, on disk."""
    session = manager(path)
    session.begin("abc")
    session.update_usage(WORKED_EXAMPLE)
    session.save()
    return session


def test_the_worked_example_gives_exactly_these_nine_fields(path: Path) -> None:
    """Three requests of one turn: the context is the last one's, the rest adds up."""
    saved(path)
    written = json.loads(path.read_bytes())
    assert list(written) == NAMES
    assert written == {
        "sessionId": "abc",
        "createdAt": "2026-03-01T12:00:00.000Z",
        "totalInputTokens": 1200,
        "totalOutputTokens": 60,
        "totalCachedTokens": 1000,
        "totalNetTokens": 1400,
        "interactionCount": 1,
        "lastInteractionAt": "2026-03-01T12:00:00.000Z",
        "lastInputTokens": 3300,
    }


def test_a_second_turn_adds_output_and_net_and_replaces_the_rest(path: Path) -> None:
    """Output and net are cumulative; context, cached and last input are of the last turn."""
    session = saved(path)
    later = NOON + timedelta(minutes=1)
    usage = reconcile(None, [RequestUsage("d", "m", 1500, 7, 1200)])
    assert session.update_usage(usage, at=later) == SessionFields(
        "abc",
        "2026-03-01T12:00:00.000Z",
        total_input_tokens=1500,
        total_output_tokens=67,
        total_cached_tokens=1200,
        total_net_tokens=1700,
        interaction_count=2,
        last_interaction_at="2026-03-01T12:01:00.000Z",
        last_input_tokens=1500,
    )


def test_a_turn_without_a_request_leaves_the_context(path: Path) -> None:
    """A turn that failed before the model was asked counts, but the context is what it was."""
    fields = saved(path).update_usage(TurnUsage())
    assert (fields.total_input_tokens, fields.total_cached_tokens) == (1200, 1000)
    assert (fields.interaction_count, fields.last_input_tokens) == (2, 0)


def test_what_was_saved_is_loaded(path: Path) -> None:
    """Loading gives the same fields that were saved."""
    session = saved(path)
    again = manager(path)
    assert again.load() == session.session
    assert again.problem is None
    assert again.stats() == json.loads(path.read_bytes())


counts = st.integers(0, 10**12)


@given(
    st.builds(
        SessionFields,
        st.text(),
        st.just("2026-03-01T12:00:00Z"),
        counts,
        counts,
        counts,
        counts,
        counts,
        st.sampled_from([None, "2026-03-01T12:00:00.123Z"]),
        counts,
    )
)
def test_any_session_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, fields: SessionFields
) -> None:
    """Whatever the figures and the id, save and load give them back."""
    path = tmp_path_factory.getbasetemp() / "round-trip.json"
    session = manager(path)
    session.session = fields
    session.save()
    assert manager(path).load() == fields


def test_the_file_is_its_owners_alone(path: Path) -> None:
    """session.json is 0600, its folder 0700, and no temporary file stays."""
    saved(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["session.json"]


def test_a_usage_from_the_wire_counts_the_same(path: Path) -> None:
    """`update_usage` takes a turn's `usage` as clients see it; updateUsage is its alias."""
    session = manager(path)
    session.begin("abc")
    fields = session.updateUsage(
        {
            "inputTokens": 3300,
            "outputTokens": 60,
            "cachedTokens": 1900,
            "cacheWriteTokens": 0,
            "thoughtTokens": 18,
            "netTokens": 1400,
            "contextTokens": 1200,
            "contextCachedTokens": 1000,
            "requests": 3,
            "toolCalls": 2,
            "source": "official",
        }
    )
    assert fields == saved(path).session


def test_a_sum_stands_in_for_a_context_that_is_not_known(path: Path) -> None:
    """Only input, output and cached are known: the sum is the context, net the difference."""
    session = manager(path)
    usage = {"inputTokens": 100, "outputTokens": 5, "cachedTokens": 40}
    fields = session.update_usage(usage)
    assert fields.total_input_tokens == 100
    assert fields.total_cached_tokens == 40
    assert fields.total_net_tokens == 60


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"inputTokens": -1, "outputTokens": 1},
        {"inputTokens": "1", "outputTokens": 1},
        {"inputTokens": 1, "outputTokens": None},
    ],
)
def test_a_usage_that_makes_no_sense_changes_nothing(path: Path, usage: dict[str, object]) -> None:
    """Refusing a usage leaves the figures as they were."""
    session = saved(path)
    before = session.session
    with pytest.raises(ValueError, match="not a turn's usage"):
        session.update_usage(usage)
    assert session.session == before


def test_turns_before_the_id_is_known_belong_to_the_session(path: Path) -> None:
    """A first turn without a session begins one, and the id that comes later names it."""
    session = manager(path)
    session.update_usage(WORKED_EXAMPLE)
    assert session.begin("abc") == saved(path).session


def test_a_resumed_session_goes_on_and_another_one_begins_at_zero(path: Path) -> None:
    """begin() with the same id keeps the figures; another id has its own."""
    session = saved(path)
    assert session.begin("abc", NOON + timedelta(days=1)).interaction_count == 1
    assert session.begin("new") == SessionFields("new", "2026-03-01T12:00:00.000Z")


def test_a_file_without_net_tokens_takes_the_input(path: Path) -> None:
    """Files of before totalNetTokens are read; their input stands in for it."""
    saved(path)
    old = json.loads(path.read_bytes())
    del old["totalNetTokens"], old["lastInteractionAt"], old["lastInputTokens"]
    path.write_text(json.dumps(old))
    fields = manager(path).load()
    assert fields is not None
    assert fields.total_net_tokens == fields.total_input_tokens == 1200


def test_unknown_fields_are_not_written_again(path: Path) -> None:
    """A file with more than the nine fields is read; nine are written."""
    saved(path)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "more": 1}))
    session = manager(path)
    assert session.load() is not None
    session.save()
    assert list(json.loads(path.read_bytes())) == NAMES


def test_a_missing_file_is_no_session(path: Path) -> None:
    """Without a file there is no session, no figures and no problem."""
    session = manager(path)
    assert session.load() is None
    assert session.problem is None
    assert session.stats() == {}
    assert not session.exists()
    session.save()
    assert not path.exists()


GOOD = {
    "sessionId": "abc",
    "createdAt": "2026-03-01T12:00:00Z",
    "totalInputTokens": 1,
    "totalOutputTokens": 1,
    "totalCachedTokens": 1,
    "totalNetTokens": 1,
    "interactionCount": 1,
    "lastInteractionAt": None,
    "lastInputTokens": 1,
}


def broken(**change: object) -> bytes:
    return json.dumps({**GOOD, **change}).encode()


BROKEN = {
    "empty": b"",
    "truncated": broken()[:-9],
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "binary": bytes(range(256)),
    "not UTF-8": b'{"sessionId": "\xff"}',
    "nested": b'{"more": ' + b"[" * 50_000,
    "huge": broken() + b" " * LARGEST,
    "negative": broken(totalInputTokens=-1),
    "negative net": broken(totalNetTokens=-1),
    "a text for a number": broken(interactionCount="1"),
    "a number for a text": broken(sessionId=1),
    "null for a number": broken(totalOutputTokens=None),
    "no time": broken(createdAt="yesterday"),
    "no last time": broken(lastInteractionAt="yesterday"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_set_aside_and_reported(path: Path, content: bytes) -> None:
    """What cannot be read is renamed with the time, kept as it was, and named in one sentence."""
    path.parent.mkdir()
    path.write_bytes(content)
    session = manager(path)
    assert session.load() is None
    aside = path.with_name("session.json.corrupt-20260301T120000Z")
    assert aside.read_bytes() == content
    assert session.problem is not None
    assert aside.name in session.problem
    assert "\n" not in session.problem
    assert not path.exists()


def test_a_folder_in_its_place_is_set_aside(path: Path) -> None:
    """Even a folder named session.json does not keep tars from working."""
    (path / "inside").mkdir(parents=True)
    session = manager(path)
    assert session.load() is None
    session.begin("abc")
    session.save()
    assert path.is_file()
    assert (path.with_name("session.json.corrupt-20260301T120000Z") / "inside").is_dir()


def test_a_pipe_in_its_place_does_not_block(path: Path) -> None:
    """A named pipe would block whoever opens it; it is set aside unopened."""
    path.parent.mkdir()
    os.mkfifo(path)
    session = manager(path)
    assert session.load() is None
    assert session.problem is not None


def test_an_earlier_broken_file_is_not_overwritten(path: Path) -> None:
    """Two broken files of the same second are both kept."""
    path.parent.mkdir()
    for content in ("one", "two", "three"):
        path.write_text(content)
        assert manager(path).load() is None
    kept = sorted(p.read_text() for p in path.parent.iterdir())
    assert kept == ["one", "three", "two"]


def test_saving_without_loading_keeps_a_broken_file(path: Path) -> None:
    """A broken file is never overwritten, even by somebody who did not look first."""
    path.parent.mkdir()
    path.write_text("broken")
    session = saved(path)
    assert session.problem is not None
    assert path.with_name("session.json.corrupt-20260301T120000Z").read_text() == "broken"
    assert manager(path).load() == session.session


def test_a_place_that_is_no_folder_raises(tmp_path: Path) -> None:
    """What can neither be read nor set aside is an error, for it must not be written."""
    (tmp_path / "file").write_text("")
    session = manager(tmp_path / "file" / "session.json")
    with pytest.raises(StoreError, match="cannot be read"):
        session.load()
    session.begin("abc")
    with pytest.raises(StoreError):
        session.save()
    assert session.stats()["sessionId"] == "abc"


def test_clear_deletes_the_file_and_gives_what_it_held(path: Path) -> None:
    """clear() forgets the session, and says which one it was, loaded or not."""
    was = saved(path).session
    session = manager(path)
    assert session.clear() == was
    assert not session.exists()
    assert session.stats() == {}
    assert session.clear() is None


def test_clear_that_fails_forgets_nothing(path: Path) -> None:
    """When the file cannot be deleted the session is still there."""
    session = saved(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be deleted"):
        session.clear()
    assert session.session is not None


FULL_DISK = """
import resource, sys
from tars.errors import StoreError
from tars.sessions.session_file import SessionManager

session = SessionManager(sys.argv[1])
session.load()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
session.update_usage({"inputTokens": 10, "outputTokens": 1})
try:
    session.save()
except StoreError as error:
    print(error)
before = open(sys.argv[1]).read()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
session.update_usage({"inputTokens": 20, "outputTokens": 1})
session.save()
print(before)
"""


def test_a_full_disk_keeps_the_old_file_and_loses_no_count(path: Path) -> None:
    """A save that the disk refuses raises; the next one writes all that was counted since."""
    saved(path)
    old = path.read_text()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=True
    )
    said, _, whole = done.stdout.partition("\n")
    assert "cannot be written" in said
    assert whole.strip() == old.strip()
    fields = manager(path).load()
    assert fields is not None
    assert fields.interaction_count == 3
    assert fields.total_output_tokens == 62
    assert os.listdir(path.parent) == ["session.json"]


SAVING = """
import sys
from tars.sessions.session_file import SessionManager

session = SessionManager(sys.argv[1])
session.load()
session.begin("abc")
print("ready", flush=True)
while True:
    session.update_usage({"inputTokens": 10, "outputTokens": 1})
    session.save()
    print(session.stats()["interactionCount"], flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(path: Path) -> None:
    """SIGKILL in the midst of saving: the file is whole, with all that was acknowledged."""
    acknowledged = 0
    for saves in range(1, 9):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, path], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(1 + saves)]
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.read().split(b"\n")[:-1]
        acknowledged = max(acknowledged, *(int(line) for line in lines[1:]))
        session = manager(path)
        fields = session.load()
        assert session.problem is None
        assert fields is not None
        assert fields.interaction_count in (acknowledged, acknowledged + 1)
        assert fields.total_output_tokens == fields.interaction_count


def test_the_source_of_the_figures_does_not_matter(path: Path) -> None:
    """Official, logged and estimated figures count alike."""
    found = set()
    for source in Source:
        session = manager(path)
        found.add(session.update_usage(TurnUsage(input=5, net=5, context=5, source=source)))
    assert len(found) == 1


def test_a_file_that_is_broken_between_two_saves_is_set_aside(path: Path) -> None:
    """What somebody else wrote while the session was open is not overwritten."""
    session = manager(path)
    session.begin("abc")
    session.save()
    path.write_text("{torn")
    session.update_usage({"inputTokens": 10, "outputTokens": 1})
    session.save()
    assert session.problem is not None
    [aside] = path.parent.glob("session.json.corrupt-*")
    assert aside.read_text() == "{torn"
    again = manager(path).load()
    assert again is not None
    assert (again.session_id, again.interaction_count) == ("abc", 1)


def test_peeking_changes_nothing(path: Path) -> None:
    """A look from outside reports a broken file, and leaves it where it is."""
    session = manager(path)
    assert (session.peek(), session.problem) == (None, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{torn")
    assert session.peek() is None
    assert session.problem is not None
    assert path.read_text() == "{torn"
    path.unlink()
    session.begin("abc")
    session.save()
    assert manager(path).peek() == session.session
