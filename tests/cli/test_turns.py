"""`tars cancel`, `permit` and `reset`: one request, one line."""

import pytest

from tars.cli.app import run
from tars.control import contract as c
from tars.control.permission_contract import Permitted
from tests.support.fake_daemon import SESSION, FakeDaemon


def _permit(**changed: object) -> dict[str, object]:
    return {"option": None, "deny": False, "remember": False, "face": "cli"} | changed


@pytest.mark.parametrize(
    ("words", "route", "answer", "body", "line"),
    [
        (
            "cancel --agent a --turn t1",
            "POST /v1/cancel",
            c.Cancelled(turn="t1"),
            {"agent": "a", "turn": "t1"},
            "Cancelled turn t1.",
        ),
        (
            "cancel",
            "POST /v1/cancel",
            c.Cancelled(),
            {"agent": None, "turn": None},
            "There was nothing to cancel.",
        ),
        (
            "permit p1",
            "POST /v1/permit/p1",
            Permitted(id="p1", option="once"),
            _permit(),
            "Allowed (once).",
        ),
        (
            "permit p1 --option always",
            "POST /v1/permit/p1",
            Permitted(id="p1", option="always"),
            _permit(option="always"),
            "Allowed (always).",
        ),
        (
            "permit p1 --deny",
            "POST /v1/permit/p1",
            Permitted(id="p1", option=None),
            _permit(deny=True),
            "Refused.",
        ),
        (
            "permit p1 --always",
            "POST /v1/permit/p1",
            Permitted(id="p1", option="once", remembered="edit"),
            _permit(remember=True),
            "Allowed (once). Remembered for edit.",
        ),
        (
            "permit p1 --deny --remember",
            "POST /v1/permit/p1",
            Permitted(id="p1", option=None, remembered="edit"),
            _permit(deny=True, remember=True),
            "Refused. Remembered for edit.",
        ),
        (
            "reset --agent echo",
            "POST /v1/reset",
            c.ResetDone(agent="echo", session=SESSION),
            {"agent": "echo"},
            "Cleared the session of echo: 1 prompt, 1,200 tokens of context, 60 output tokens.",
        ),
        (
            "reset",
            "POST /v1/reset",
            c.ResetDone(agent="echo"),
            {"agent": None},
            "echo had no session; there was nothing to clear.",
        ),
    ],
)
def test_one_request_and_one_line(
    daemon: FakeDaemon,
    capsys: pytest.CaptureFixture[str],
    words: str,
    route: str,
    answer: c.Wire,
    body: dict[str, object],
    line: str,
) -> None:
    """What was asked for is sent, and what was done is said."""
    daemon.answers[route] = answer
    assert run(words.split()) == 0
    assert capsys.readouterr().out == line + "\n"
    assert [(f"{a.method} {a.path}", a.body) for a in daemon.asked] == [(route, body)]


def test_a_permission_that_nobody_waits_for(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may have been answered, or have run out of time."""
    daemon.refuse("POST /v1/permit/p9", 404, "permission_not_found", "Nothing waits under p9.")
    assert run(["permit", "p9"]) == 1
    said = capsys.readouterr().err
    assert said == "tars: Nothing waits under p9. `tars status` shows what is waiting.\n"


def test_a_turn_that_nobody_knows_cannot_be_cancelled(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped id is no success."""
    daemon.answers["POST /v1/cancel"] = c.Cancelled()
    assert run(["cancel", "--turn", "zzz"]) == 1
    said = capsys.readouterr().err
    assert said == "tars: No turn zzz waits or runs. `tars status` shows what does.\n"


@pytest.mark.parametrize(
    "words",
    [
        ["prompt", "--agent", "", "hi"],
        ["prompt", "--session", "", "hi"],
        ["cancel", "--agent", ""],
        ["cancel", "--turn", ""],
        ["reset", "--agent", " "],
        ["logs", "--agent", ""],
        ["permit", ""],
    ],
)
def test_an_empty_name_is_wrong_usage(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """An unset variable of a script does not fall on the default agent."""
    assert run(words) == 2
    assert "is empty" in capsys.readouterr().err
    assert daemon.asked == []
