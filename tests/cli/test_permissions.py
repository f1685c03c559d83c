"""`tars permissions`: the rules and where they come from, and choices that are forgotten."""

import json

import pytest

from tars.cli.app import run
from tars.control import permission_contract as p
from tests.support.fake_daemon import FakeDaemon

RULES = p.RuleList(
    rules=[
        p.RuleStatus(agent="a", tool_kind="edit", rule="ask", source="config", in_force=False),
        p.RuleStatus(agent="a", tool_kind="default", rule="deny", source="config"),
        p.RuleStatus(
            agent="a",
            tool_kind="ed\x1b[2Jit",
            rule="allow",
            source="remembered",
            chosen_at="2026-03-01T10:00:00Z",
            by="cli pid 7",
        ),
    ]
)


def test_the_rules_say_where_they_come_from(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table for people; what an agent made up is cleaned."""
    daemon.answers["GET /v1/permissions"] = RULES
    assert run(["permissions"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "AGENT  KIND     RULE   FROM",
        "a      edit     ask    config.toml (another rule outdoes it)",
        "a      default  deny   config.toml",
        "a      edit     allow  chosen 2026-03-01T10:00:00Z by cli pid 7",
    ]
    assert run(["permissions", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rules"]) == 3


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("edit", {"agent": None, "toolKind": "edit"}),
        ("edit --agent a", {"agent": "a", "toolKind": "edit"}),
        ("--all", {"agent": None, "toolKind": None}),
        ("--all -a a", {"agent": "a", "toolKind": None}),
    ],
)
def test_choices_are_forgotten_by_kind_or_all_of_them(
    daemon: FakeDaemon,
    capsys: pytest.CaptureFixture[str],
    words: str,
    body: dict[str, object],
) -> None:
    """One agent's, or everybody's; how many is said."""
    daemon.answers["POST /v1/permissions/forget"] = p.Forgotten(rules=RULES.rules[2:])
    assert run(["permissions", "forget", *words.split()]) == 0
    assert capsys.readouterr().out == "Forgot 1 choice.\n"
    assert daemon.asked[-1].body == body


def test_what_is_not_remembered_cannot_be_forgotten(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt kind is told; to forget all of nothing is no error."""
    daemon.answers["POST /v1/permissions/forget"] = p.Forgotten()
    assert run(["permissions", "forget", "exekute"]) == 1
    assert "No choice for 'exekute' is remembered." in capsys.readouterr().err
    assert run(["permissions", "forget", "--all"]) == 0


@pytest.mark.parametrize("words", ["", "edit --all"])
def test_one_kind_or_all_has_to_be_said(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is forgotten by leaving a word out."""
    assert run(["permissions", "forget", *words.split()]) == 2
    assert "--all" in capsys.readouterr().err
