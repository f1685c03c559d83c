"""Claude Code's own log: read forward, each request once, its subagents' apart."""

import json
from pathlib import Path
from typing import Any

import pytest

from tars.agents.claude.history import ClaudeHistory, can_resume, find


class Log:
    """A session's files, as Claude Code writes them."""

    def __init__(self, root: Path, session: str = "s1") -> None:
        self.root = root
        self.main = root / "projects" / "-a-folder" / f"{session}.jsonl"
        self.main.parent.mkdir(parents=True)

    def subagent(self, name: str) -> Path:
        return self.main.with_suffix("") / "subagents" / f"agent-{name}.jsonl"

    def write(self, *lines: dict[str, Any] | str, file: Path | None = None) -> None:
        path = file or self.main
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as out:
            for line in lines:
                out.write(line if isinstance(line, str) else json.dumps(line) + "\n")


def request(
    id: str, output: int = 5, at: str = "T1", stop: str | None = "end_turn", model: str = "opus"
) -> dict[str, Any]:
    usage = {"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": output}
    message = {"id": id, "model": model, "stop_reason": stop, "usage": usage}
    return {"type": "assistant", "timestamp": at, "message": message}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def ids(history: ClaudeHistory) -> list[tuple[str, int, str]]:
    requests = history.read()
    assert requests is not None
    return [(r.id, r.output, r.subagent) for r in requests]


def test_each_request_is_read_once(log: Log) -> None:
    """There is a line for each block of a message; later ones are another look's."""
    history = ClaudeHistory(log.root, "s1", "0")
    assert history.read() is None
    log.write({"type": "user"}, request("m1"), request("m1"), request("m2"))
    assert ids(history) == [("m1", 5, ""), ("m2", 5, "")]
    assert history.read() == ()
    log.write(request("m2"), request("m3"))
    assert ids(history) == [("m3", 5, "")]


def test_what_was_there_before_is_not_read(log: Log) -> None:
    """An empty mark says that it was read already, of subagents too."""
    log.write(request("m1"))
    log.write(request("m2"), file=log.subagent("a"))
    history = ClaudeHistory(log.root, "s1")
    log.write(request("m3"))
    log.write(request("m4"), file=log.subagent("a"))
    log.write(request("m5"), file=log.subagent("b"))
    assert ids(history) == [("m3", 5, ""), ("m4", 5, "a"), ("m5", 5, "b")]


def test_a_mark_goes_on_where_another_history_was(log: Log) -> None:
    """Also among the subagents, of which each has a file of its own."""
    first = ClaudeHistory(log.root, "s1", "0")
    log.write(request("m1", at="T1"))
    log.write(request("m2", at="T2"), file=log.subagent("a"))
    first.read()
    log.write(request("m3", at="T3"))
    log.write(request("m4", at="T4"), file=log.subagent("a"))
    assert ids(ClaudeHistory(log.root, "s1", first.mark())) == [("m3", 5, ""), ("m4", 5, "a")]


def test_a_message_that_was_logged_too_early_waits_for_its_last_line(log: Log) -> None:
    """Some versions log how it began; the most that is known of it counts, once."""
    history = ClaudeHistory(log.root, "s1", "0")
    log.write(request("m1", 1, stop=None))
    assert ids(history) == []
    log.write(request("m1", 40), request("m2", 1, stop=None))
    assert ids(history) == [("m1", 40, "")]
    assert ids(history) == [("m2", 1, "")]
    log.write(request("m2", 9))
    assert ids(history) == []


def test_an_error_is_no_request(log: Log) -> None:
    """It is logged in an answer's clothes."""
    history = ClaudeHistory(log.root, "s1", "0")
    log.write(request("m1", 0, model="<synthetic>"), request("", 3))
    assert ids(history) == []


def test_whatever_does_not_fit_is_left_out(log: Log) -> None:
    """Torn, foreign and absurd lines; the good ones around them are read."""
    history = ClaudeHistory(log.root, "s1", "0")
    log.write("nonsense\n", "[]\n", request("m1"), {"type": "assistant", "message": 7})
    log.write(request("m2", -1), request("m3", 2**60), '{"type": "assi')
    assert ids(history) == [("m1", 5, "")]
    log.write('stant"}\n', request("m4"))
    assert ids(history) == [("m4", 5, "")]


def test_a_log_that_shrank_is_not_told_apart(log: Log) -> None:
    """It is not the file that was known: only what comes now is read."""
    history = ClaudeHistory(log.root, "s1", "0")
    log.write(request("m1"), request("m2"))
    history.read()
    log.main.write_text("")
    log.write(request("m9"))
    assert ids(history) == []
    log.write(request("m3"))
    assert ids(history) == [("m3", 5, "")]


def test_a_session_without_a_log_has_none_to_show(tmp_path: Path) -> None:
    """Nothing was said in it, or its log was deleted."""
    history = ClaudeHistory(tmp_path, "s1", "")
    assert history.read() is None
    assert history.mark() == "0@"
    history.guard()
    history.tidy()


@pytest.mark.parametrize(
    ("lines", "resumable"),
    [([], False), ([{"type": "mode"}], False), ([{"type": "mode"}, {"type": "user"}], True)],
)
def test_a_conversation_is_one_with_a_message(
    log: Log, lines: list[dict[str, Any]], resumable: bool
) -> None:
    """Claude Code refuses any other."""
    log.write(*lines)
    assert can_resume(log.main) is resumable


def test_a_session_is_found_in_whatever_folder_it_was_begun(log: Log) -> None:
    """And an id is no pattern."""
    log.write({"type": "user"})
    assert find(log.root, "s1") == log.main
    assert find(log.root, "s*") is None
