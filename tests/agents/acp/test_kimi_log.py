"""Kimi Code's own logs: each request once, whatever stands beside it."""

from pathlib import Path

import pytest

from tars.accounting.usage import Source, reconcile
from tars.agents.acp.kimi_log import KimiLog
from tars.agents.acp.kind import AcpAgent
from tars.agents.kind import History, Setup
from tars.conversation.model import RequestUsage

GOLDEN = Path(__file__).parents[2] / "golden" / "acp" / "kimi" / "wire.jsonl"
SESSION = "session_67740ce3"
RECORD = b'{"type":"usage.record","usage":{"inputOther":5,"output":1},"time":0}\n'


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    """The main agent's file of a session, as it was recorded."""
    path = file_of(tmp_path, "main")
    path.write_bytes(GOLDEN.read_bytes())
    return path


def file_of(home: Path, agent: str, session: str = SESSION) -> Path:
    folder = home / ".kimi-code" / "sessions" / "wd_k1" / session / "agents" / agent
    folder.mkdir(parents=True)
    return folder / "wire.jsonl"


def log(home: Path, mark: str = "0") -> KimiLog:
    return KimiLog(home, SESSION, mark)


def requests(found: tuple[RequestUsage, ...] | None) -> list[tuple[int, int, int]]:
    return [(r.input, r.cached, r.output) for r in found or ()]


def test_each_request_is_counted_once(wire: Path, tmp_path: Path) -> None:
    """Four of them in the recording, each of which stands there twice and more."""
    found = log(tmp_path).read()
    assert requests(found) == [
        (5448, 3448, 488),
        (5449, 3449, 489),
        (5450, 3450, 490),
        (5452, 3452, 492),
    ]
    assert found is not None
    assert found[0].at == "2026-11-21T03:32:54.436000Z"
    assert found[0].model == "fake"
    assert len({r.id for r in found}) == 4
    usage = reconcile(None, found)
    assert (usage.source, usage.input, usage.context) == (Source.LOG, 21799, 5452)
    assert wire.exists()


def test_it_reads_on_from_its_mark(wire: Path, tmp_path: Path) -> None:
    """Also in another process; without a mark, from what is there now."""
    one = log(tmp_path)
    one.read()
    late = log(tmp_path, "")
    with wire.open("ab") as file:
        file.write(RECORD + b'{"type":"usage.rec')
    again = log(tmp_path, one.mark())
    for reader in (one, late, again):
        assert requests(reader.read()) == [(5, 0, 1)]
        assert reader.read() == ()
    with wire.open("ab") as file:
        file.write(b'ord","usage":{"inputOther":7,"output":2}}\n')
    assert requests(one.read()) == [(7, 0, 2)]
    assert log(tmp_path, "").mark() == one.mark()


def test_a_subagent_is_counted_as_one(wire: Path, tmp_path: Path) -> None:
    """It has a file of its own, which may come later."""
    reader = log(tmp_path)
    reader.read()
    file_of(tmp_path, "coder-1").write_bytes(RECORD)
    found = reader.read()
    assert found is not None
    assert [(r.subagent, r.input) for r in found] == [("coder-1", 5)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"usage.record"}',
        b'{"type":"usage.record","usage":{"output":1}}',
        b'{"type":"usage.record","usage":{"inputOther":-5,"output":1}}',
        b'{"type":"usage.record","usage":{"inputOther":"5","output":1}}',
        b'"usage.record" \xff',
        b'{"type":"step.end","usage":{"inputOther":5,"output":1},"x":"usage.record"}',
    ],
)
def test_what_does_not_fit_is_left_out(line: bytes, wire: Path, tmp_path: Path) -> None:
    """The format is Kimi's own; the line after it is read."""
    wire.write_bytes(line + b"\n" + RECORD)
    assert requests(log(tmp_path).read()) == [(5, 0, 1)]


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    """Nor for another session, nor for a name that leads elsewhere."""
    file_of(tmp_path, "main", "another").write_bytes(RECORD)
    assert log(tmp_path).read() is None
    assert KimiLog(tmp_path, "wd/../another", "0").read() is None
    assert KimiLog(tmp_path, "", "0").read() is None
    assert KimiLog(tmp_path, "*", "0").read() is None


def test_a_file_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    """It is there, and tells nothing."""
    file_of(tmp_path, "main").mkdir()
    assert log(tmp_path).read() == ()


def test_the_kind_opens_it_for_kimi_alone(wire: Path, tmp_path: Path) -> None:
    """By its command, in the home folder that the agent has."""
    here = tmp_path

    def history(*command: str, **env: str) -> History | None:
        setup = Setup("a", command, "acp", "", "", here, env, here / "tmp", here / "keep")
        return AcpAgent().history(setup, SESSION, "0")

    found = history("kimi", "acp", HOME=str(tmp_path))
    assert found is not None
    assert len(found.read() or ()) == 4
    found.guard()
    found.tidy()
    assert history("kimi", "acp") is None
    assert history("qwen", "--acp", HOME=str(tmp_path)) is None
    assert wire.exists()
