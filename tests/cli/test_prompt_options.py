"""Which session a prompt is for: what each option asks for, and what contradicts itself."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tars.cli.app import run
from tars.cli.resumed import resumed_line
from tars.control.contract import Error, ErrorBody
from tests.control.session_samples import SESSION
from tests.support.command_line import tars
from tests.support.fake_daemon import Asked, FakeDaemon

NOTHING_OF_IT = Error(error=ErrorBody(code="session_not_found", message="There is none."))


def asked(daemon: FakeDaemon, *words: str) -> dict[str, Any]:
    """Run `tars prompt` with these words, and give the request."""
    assert run(["prompt", *words]) == 0
    return daemon.asked[-1].body


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--new", "hi"], {"new": True, "session": None}),
        (["-s", "last", "hi"], {"session": "last"}),
        (["--no-session", "--task", "T1", "hi"], {"record": False, "task": "T1"}),
        (["--feature", "login form", "hi"], {"name": "implement-login-form", "new": False}),
        (["--feature", "x", "--as", "review", "--new", "hi"], {"name": "review-x", "new": True}),
        (["--session", "abcd", "--name", "n", "hi"], {"session": "abcd", "name": "n"}),
    ],
)
def test_an_option_is_a_field(
    daemon: FakeDaemon, words: list[str], expected: dict[str, Any]
) -> None:
    """What is asked for stands in the request; the daemon finds the session."""
    body = asked(daemon, *words)
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    "words",
    [
        ["--resume", "login", "hi"],
        ["hi", "-r", "login"],
        ["--resume=login", "--json", "hi"],
    ],
)
def test_a_session_is_resumed_by_a_word(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """The daemon says which it is, and stderr tells a person."""
    daemon.answers["GET /v1/sessions/login"] = SESSION
    body = asked(daemon, *words)
    assert (body["session"], body["agent"], body["text"]) == (SESSION.id, "claude", "hi")
    assert "Resuming implement-login (claude, 3 turns, last used " in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--resume", "hi"], ["-r", "--", "hi"], ["hi", "--resume"], ["-r", "--json", "hi"]]
)
def test_without_a_word_the_projects_newest_is_resumed(
    daemon: FakeDaemon, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where the project has none, the newest of all."""
    monkeypatch.chdir(tmp_path)

    def newest(request: Asked) -> Any:
        return (404, NOTHING_OF_IT) if "project=" in request.path else SESSION

    daemon.answers["GET /v1/sessions/last"] = newest
    body = asked(daemon, "-a", "echo", *words)
    assert (body["text"], body["session"]) == ("hi", SESSION.id)
    looked = [request.path for request in daemon.asked if "/sessions/" in request.path]
    assert [("project=" in path, "agent=echo" in path) for path in looked] == [
        (True, True),
        (False, True),
    ]


def test_a_prompt_on_stdin_can_resume(daemon: FakeDaemon, home: Path) -> None:
    """`-` is the prompt, not what is resumed."""
    daemon.answers["GET /v1/sessions/last"] = SESSION
    assert tars(home, "prompt", "--resume", "-", given=b"from stdin").returncode == 0
    assert daemon.asked[-1].body["text"] == "from stdin"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--new", "--resume", "hi"], "--new and --resume exclude each other"),
        (["--session", "a", "--no-session", "hi"], "--session and --no-session exclude"),
        (["--name", "a", "--feature", "b", "hi"], "leave --name out"),
        (["--as", "plan", "hi"], "--feature"),
        (["--as", "guess", "--feature", "b", "hi"], "guess"),
        (["--feature", "b", "--session", "a", "hi"], "leave --session out"),
        (["--no-session", "--tag", "x", "hi"], "--no-session"),
        (["--feature", "../", "hi"], "feature"),
        (["--resume", "", "hi"], "empty"),
        (["--resume"], "missing argument"),
        (["--agent", "a", "--agent", "b", "--name", "n", "hi"], "--name belongs to one agent"),
    ],
)
def test_contradictions_are_wrong_usage(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """One line says what, and nothing is sent."""
    agents = [msgspec.structs.replace(a, name=n) for n in "ab" for a in _echo(daemon)]
    daemon.answers["GET /v1/agents"] = msgspec.structs.replace(
        daemon.answers["GET /v1/agents"],  # type: ignore[type-var]
        agents=agents,
    )
    assert run(["prompt", *words]) == 2
    assert said in capsys.readouterr().err
    assert not [request for request in daemon.asked if request.method == "POST"]


def test_what_is_resumed_is_told_in_one_line() -> None:
    """By its name or its title, whatever characters it has."""
    untitled = msgspec.structs.replace(SESSION, name=None, title="", id="s-1")
    assert resumed_line(untitled).startswith("Resuming s-1 (claude, 3 turns, last used ")
    hostile = msgspec.structs.replace(SESSION, name=None, title="a\x1b[2J\nb\u202e")
    assert resumed_line(hostile).startswith("Resuming a b (claude")


def _echo(daemon: FakeDaemon) -> Any:
    return daemon.answers["GET /v1/agents"].agents  # type: ignore[union-attr]
