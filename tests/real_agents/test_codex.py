"""Codex under tars: the real program, the real daemon, a model that answers at will.

What an @directive in a prompt makes the model do is said in tests/fakes/fake_models.py. Its
answer number n was billed 5000+n input tokens, 3000+n of them cached, and 40+n output
tokens, 8 of them reasoning: each figure names its request.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tars.control.contract import TurnResult
from tests.support.fake_api import FakeApi
from tests.support.tars_home import TarsHome, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(tmp_path: Path, codex_command: Path, codex_env: dict[str, str]) -> Iterator[TarsHome]:
    """A home whose default agent is the real Codex."""
    with tars_home(tmp_path) as tars:
        configure(tars, codex_command, codex_env)
        yield tars


def configure(tars: TarsHome, command: Path, env: dict[str, str], **keys: str) -> None:
    """Write the configuration; `keys` are TOML values of the agent's table."""
    keys = {"permissions": '"allow"', "mode": '"full-access"', **keys}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    variables = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    head = ["[agents.codex]", 'kind = "codex"', f'command = ["{command}"]']
    tars.configure("\n".join([*head, *lines, "[agents.codex.env]", *variables]))


def billed(*usages: dict[str, Any]) -> tuple[int, ...]:
    """What the API billed: input, cached, output without reasoning, reasoning."""
    reasoning = sum(u["output_tokens_details"]["reasoning_tokens"] for u in usages)
    return (
        sum(u["input_tokens"] for u in usages),
        sum(u["input_tokens_details"]["cached_tokens"] for u in usages),
        sum(u["output_tokens"] for u in usages) - reasoning,
        reasoning,
    )


def tokens(answer: TurnResult) -> tuple[int, ...]:
    """The same of a turn, as tars counted it."""
    usage = answer.usage
    return usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.thought_tokens


def test_two_turns_with_a_tool_are_counted_as_billed(tars: TarsHome, codex_api: FakeApi) -> None:
    """To the token, for each request, and by the protocol's own count."""
    tars.start()
    first, second = tars.prompt("hello"), tars.prompt("hello @tool")
    one, two, three = (bill["usage"] for bill in codex_api.billed())
    assert first.text == "Answer number 1 from the fake model."
    assert [tokens(first), tokens(second)] == [billed(one), billed(two, three)]
    assert (second.usage.requests, second.usage.tool_calls) == (2, 1)
    assert second.usage.context_tokens == three["input_tokens"]
    assert {first.usage.source, second.usage.source} == {"official"}
    assert {first.model, second.model} == {"gpt-5.4"}
