"""What tars knows of the built-in agent fits what the agent does."""

import time
from pathlib import Path

import pytest

from tars.accounting.usage import Source, reconcile
from tars.agents.echo.history import EchoHistory
from tars.agents.echo.kind import Echo, classify
from tars.agents.kind import Kind, Setup
from tars.conversation.model import Opened, TurnEnded
from tars.errors import FaultKind
from tars.protocols.acp import Acp
from tests.support.stdio import StdioAgent, end, opened


def setup(folder: Path, **env: str) -> Setup:
    return Setup(
        name="echo",
        command=Echo().command,
        protocol="acp",
        model="",
        mode="",
        cwd=folder,
        env=env,
        tmp=folder / "tmp",
        keep=folder / "keep",
    )


def launched(setup: Setup) -> StdioAgent:
    launch = Echo().launch(setup, None)
    return StdioAgent(launch.argv, launch.env)


def test_it_is_a_kind(tmp_path: Path) -> None:
    """It offers one warm protocol, and its exit status can be trusted."""
    kind: Kind = Echo()
    assert (kind.name, kind.protocols, kind.trusts_exit_status) == ("echo", ("acp",), True)
    assert not kind.one_shot("acp")
    assert kind.last_words(1, "") is None
    assert kind.codec(setup(tmp_path)).session_id is None


def test_a_launch_keeps_the_sessions_where_they_outlive_the_process(tmp_path: Path) -> None:
    """The folder is the agent's own, unless the environment names one."""
    launch = Echo().launch(setup(tmp_path, A="1"), None)
    assert launch.argv == Echo().command
    assert launch.cwd == tmp_path
    assert launch.env["A"] == "1"
    assert launch.env["TARS_ECHO_HOME"] == str(tmp_path / "keep" / "echo")
    elsewhere = Echo().launch(setup(tmp_path, TARS_ECHO_HOME="/else"), None)
    assert elsewhere.env["TARS_ECHO_HOME"] == "/else"


def test_a_module_in_the_working_folder_is_not_imported(tmp_path: Path) -> None:
    """A project may hold a json.py of its own."""
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    launch = Echo().launch(setup(tmp_path), None)
    with StdioAgent(("sh", "-c", f'cd {tmp_path} && exec "$@"', "sh", *launch.argv)) as agent:
        assert isinstance(agent.open()[-1], Opened)


def test_the_log_and_the_report_make_the_worked_example(tmp_path: Path) -> None:
    """The protocol's sums and the log's detail agree, to the last token."""
    with launched(setup(tmp_path)) as agent:
        session = opened(agent.open()).session_id
        history = Echo().history(setup(tmp_path), session)
        reported = end(agent.ask("ECHO:tools")).usage
        usage = reconcile(reported, history.read(), tool_calls=2)
    assert (usage.input, usage.output, usage.cached, usage.thoughts) == (3300, 60, 1900, 18)
    assert (usage.net, usage.context, usage.context_cached) == (1400, 1200, 1000)
    assert (usage.requests, usage.source, usage.context_is_sum) == (3, Source.OFFICIAL, False)


def test_the_log_counts_what_a_cancelled_turn_used(tmp_path: Path) -> None:
    """The protocol says nothing of it; the finished request is in the log."""
    with launched(setup(tmp_path)) as agent:
        session = opened(agent.open()).session_id
        history = Echo().history(setup(tmp_path), session)
        agent.begin("ECHO:tools:hang", lambda said: True)
        agent.codec.cancel()
        assert end(agent.hear(lambda said: isinstance(said, TurnEnded))).usage is None
        requests = history.read()
    assert requests is not None
    assert [(r.input, r.output, r.cached, r.thoughts) for r in requests] == [(1000, 10, 0, 5)]


def test_cached_tokens_are_those_of_the_request_before(tmp_path: Path) -> None:
    """The second request finds the first one's input in the cache."""
    with launched(setup(tmp_path)) as agent:
        session = opened(agent.open()).session_id
        history = Echo().history(setup(tmp_path), session)
        agent.ask("one")
        agent.ask("two")
        first, second = history.read() or ()
    assert (first.cached, second.cached) == (0, first.input)
    assert (first.id, second.id) == (f"{session}-1", f"{session}-2")
    assert first.model == "echo-1"
    assert first.at.endswith("Z")


LINE = (
    '{"id": "s-1", "model": "echo-1", "input": 1, "output": 2, "cached": 0, "thoughts": 0,'
    ' "at": "2026-01-01T00:00:00Z"}\n'
)


def test_each_request_is_read_once_and_a_mark_goes_on_where_it_was(tmp_path: Path) -> None:
    """What stood there before is not read; a stored mark misses nothing."""
    log = tmp_path / "s.requests.jsonl"
    log.write_text(LINE)
    history = EchoHistory(tmp_path, "s")
    assert history.read() == ()
    log.write_text(LINE * 2)
    mark = history.mark()
    assert len(history.read() or ()) == 1
    assert history.read() == ()
    assert len(EchoHistory(tmp_path, "s", mark).read() or ()) == 1


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    """Half a line is neither lost nor an error."""
    log = tmp_path / "s.requests.jsonl"
    log.touch()
    history = EchoHistory(tmp_path, "s")
    log.write_text(LINE + LINE[:20])
    assert len(history.read() or ()) == 1
    log.write_text(LINE * 2)
    assert len(history.read() or ()) == 1


def test_a_log_that_cannot_be_read_gives_none(tmp_path: Path) -> None:
    """Neither an absent log nor one of another form is guessed at."""
    history = EchoHistory(tmp_path, "s")
    assert history.read() is None
    (tmp_path / "s.requests.jsonl").write_text('{"tokens": 3}\n')
    assert history.read() is None


def test_guard_and_tidy_touch_nothing(tmp_path: Path) -> None:
    """Loading a session of the built-in agent is harmless."""
    history = EchoHistory(tmp_path, "s")
    history.guard()
    history.tidy()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "Attempt 2 failed with status 429. Retrying after 100ms...",
            "the model; trying again in 100 ms",
        ),
        ("Told to crash.", None),
    ],
)
def test_a_retry_is_told_from_other_noise(line: str, reason: str | None) -> None:
    """Only a line that reports a retry says what the agent waits for."""
    assert Echo().retrying(line) == reason


def test_a_limit_says_until_when_and_is_over_then() -> None:
    """The first time it is asked for it holds; one that is over is answered."""
    with StdioAgent() as agent:
        agent.codec = Acp(classify=classify)
        agent.open()
        before = time.time()
        fault = end(agent.ask("ECHO:limit:0")).fault
        assert fault is None
    with StdioAgent() as agent:
        agent.codec = Acp(classify=classify)
        agent.open()
        fault = end(agent.ask("ECHO:limit:60")).fault
        assert fault is not None
        assert (fault.kind, fault.until is not None) == (FaultKind.QUOTA, True)
        assert fault.until is not None
        assert before + 59 < fault.until < time.time() + 61


def test_a_used_up_quota_needs_a_person() -> None:
    """It is told from a rate limit, which passes by itself."""
    with StdioAgent() as agent:
        agent.codec = Acp(classify=classify)
        agent.open()
        fault = end(agent.ask("ECHO:quota")).fault
        assert fault is not None
        assert fault.kind is FaultKind.QUOTA
        assert fault.needs_a_person
