"""Claude Code under tars: the real program, the real daemon, a model that answers at will.

What an @directive in a prompt makes the model do is said in tests/fakes/fake_models.py; its
n-th request is billed 10+n fresh, 200+n written to and 3000+n read from a cache, and 40+n out.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi
from tests.support.tars_home import TarsHome, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(tmp_path: Path, claude_command: Path, claude_env: dict[str, str]) -> Iterator[TarsHome]:
    """A home whose default agent is the real Claude Code."""
    with tars_home(tmp_path) as tars:
        configure(tars, claude_command, claude_env)
        tars.start()
        yield tars


def configure(tars: TarsHome, command: Path, env: dict[str, str], **keys: str) -> None:
    """Write the configuration; `keys` are values of the agent's table."""
    keys = {"kind": "claude", "permissions": "allow", **keys}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    variables = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    table = ["[agents.claude]", f'command = ["{command}"]', *lines]
    tars.configure("\n".join([*table, "[agents.claude.env]", *variables]))


def test_two_turns_with_a_tool_are_counted_to_the_token(
    tars: TarsHome, claude_api: FakeApi
) -> None:
    """What the model's server billed is what the ledger has."""
    first = tars.prompt("one @tool")
    assert first.outcome == "ok", first
    assert first.usage.requests == 2
    second = tars.prompt("two")
    assert second.text == "Answer number 3 from the fake model."
    assert second.session == first.session
