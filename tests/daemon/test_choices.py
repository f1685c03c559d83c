"""Choices for good: durable, bounded, and never in the way of a start."""

from pathlib import Path

import pytest

from tars.core.permission import Rule
from tars.daemon.choices import Choice, Choices
from tars.errors import StoreError

ALLOW, DENY = Choice(Rule.ALLOW, "2026-03-01T10:00:00Z", "cli pid 7"), Choice(Rule.DENY, "later")


def made(path: Path, *chosen: tuple[str, str, Choice]) -> Choices:
    choices = Choices(path)
    for agent, kind, choice in chosen:
        changed = choices.with_choice(agent, kind, choice)
        choices.write(changed)
        choices.take(changed)
    return choices


def test_what_was_chosen_is_there_after_a_restart(tmp_path: Path) -> None:
    """By agent and kind of tool, with when and by whom; private."""
    path = tmp_path / "data" / "permissions.json"
    made(path, ("a", "edit", ALLOW), ("a", "read", DENY), ("b", "edit", DENY))
    found = Choices(path)
    found.load()
    assert found.rules("a") == {"edit": Rule.ALLOW, "read": Rule.DENY}
    assert list(found.all("b")) == [("b", "edit", DENY)]
    assert len(list(found.all())) == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_chosen_at_first(tmp_path: Path) -> None:
    """No file is no problem, and none is made by looking."""
    choices = Choices(tmp_path / "permissions.json")
    choices.load()
    assert (choices.rules("a"), choices.problem, list(tmp_path.iterdir())) == ({}, "", [])


@pytest.mark.parametrize(
    ("agent", "kind", "left"),
    [
        ("a", "edit", [("a", "read"), ("b", "edit")]),
        (None, "edit", [("a", "read")]),
        ("a", None, [("b", "edit")]),
        (None, None, []),
        ("c", "edit", [("a", "edit"), ("a", "read"), ("b", "edit")]),
    ],
)
def test_choices_are_forgotten_by_agent_and_kind(
    tmp_path: Path, agent: str | None, kind: str | None, left: list[tuple[str, str]]
) -> None:
    """Without either all are meant."""
    path = tmp_path / "permissions.json"
    choices = made(path, ("a", "edit", ALLOW), ("a", "read", DENY), ("b", "edit", DENY))
    choices.take(choices.without(agent, kind))
    assert [(name, kind) for name, kind, _ in choices.all()] == left


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"agents": {"a": {"edit": {"rule": "yes", "at": ""}}}}', "\xff\xfe"]
)
def test_a_file_that_makes_no_sense_is_set_aside(tmp_path: Path, text: str) -> None:
    """It is kept for whoever wants to look, and nothing counts as chosen."""
    path = tmp_path / "permissions.json"
    path.write_text(text, encoding="latin-1")
    choices = Choices(path)
    choices.load()
    assert choices.rules("a") == {}
    assert "was set aside as permissions.json.corrupt-" in choices.problem
    assert [p.name.startswith("permissions.json.corrupt-") for p in tmp_path.iterdir()] == [True]


def test_a_disk_that_takes_nothing_changes_nothing(tmp_path: Path) -> None:
    """What cannot be kept is refused, and the choices stay as they were."""
    (tmp_path / "data").write_text("in the way")
    choices = Choices(tmp_path / "data" / "permissions.json")
    with pytest.raises(StoreError, match="could not be saved"):
        choices.write(choices.with_choice("a", "edit", ALLOW))
    assert choices.rules("a") == {}
