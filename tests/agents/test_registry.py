"""Kinds are found by name, and only what is looked up is imported."""

import subprocess
import sys

import pytest

from tars.agents.registry import KINDS


def test_each_kind_is_found_under_its_own_name() -> None:
    """The registry's names are what the kinds call themselves."""
    assert {name: kind.name for name, kind in KINDS.items()} == {name: name for name in KINDS}
    assert {"gemini", "echo", "acp"} <= set(KINDS)
    assert len(KINDS) == len(list(KINDS))


def test_an_unknown_kind_is_a_key_error() -> None:
    """As in any mapping."""
    assert "other" not in KINDS
    with pytest.raises(KeyError):
        KINDS["other"]


def test_a_kind_is_made_once() -> None:
    """Two look-ups give one object."""
    assert KINDS["echo"] is KINDS["echo"]


def test_a_kind_is_imported_when_it_is_looked_up() -> None:
    """Neither the registry nor its names import a package."""
    program = (
        "import sys; from tars.agents.registry import KINDS; list(KINDS); 'gemini' in KINDS;"
        "print(sorted(n for n in sys.modules if n.startswith('tars.agents.')));"
        "KINDS['echo']; print('tars.agents.gemini' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == [
        "['tars.agents.kind', 'tars.agents.registry']",
        "False",
    ]
