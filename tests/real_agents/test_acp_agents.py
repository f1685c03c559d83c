"""`kind = "acp"` with a real agent behind it: opencode over its own ACP, by two lines of config.

It has a kind that knows more; here it stands for any agent that has none. What `@…` in a
prompt makes the model do is said in tests/fakes/fake_models.py.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tars.accounting.usage import Source
from tars.control.contract import PermissionStatus, PromptRequest
from tests.support.fake_api import FakeApi
from tests.support.tars_home import TarsHome, kill, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(
    tmp_path: Path, opencode_command: Path, opencode_env: dict[str, str]
) -> Iterator[TarsHome]:
    """A home whose default agent is the real opencode, over ACP."""
    with tars_home(tmp_path) as tars:
        variables = [f"{name} = {json.dumps(value)}" for name, value in opencode_env.items()]
        tars.configure(
            "\n".join(
                [
                    "[agents.any]",
                    'kind = "acp"',
                    f'command = ["{opencode_command}", "acp"]',
                    "[agents.any.env]",
                    *variables,
                ]
            )
        )
        yield tars


def costs(entry: dict[str, Any]) -> int:
    """What the fake's prices make of a request, in millionths of a dollar."""
    usage = entry["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    fresh = usage["prompt_tokens"] - cached
    cost: float = fresh * 3 + cached * 0.3 + usage["completion_tokens"] * 15
    return round(cost)


def test_any_agent_by_its_command(tars: TarsHome, opencode_api: FakeApi) -> None:
    """Recognised by its name; two turns with a tool, a permission, kill -9, and the counts.

    Of a turn with one request all is told. Of one with several the tokens are those of the
    last, and say so, while the cost is that of all.
    """
    tars.start()
    session = tars.agent().session.id
    tars.prompt("one")
    before = len(opencode_api.billed())
    tars.prompt("two")
    [told] = opencode_api.billed()[before:]
    [row] = tars.ledger()[1:]
    assert (row.usage.source, row.usage.at_least) == (Source.OFFICIAL, False)
    assert row.usage.input == told["usage"]["prompt_tokens"]
    assert row.usage.output + row.usage.thoughts == told["usage"]["completion_tokens"]
    assert row.usage.cost_microusd == pytest.approx(costs(told), abs=1)

    before = len(opencode_api.billed())
    turn = tars.client.prompt(PromptRequest(text="three @tool"))
    events = []
    for _name, event in turn:
        events.append(event)
        if isinstance(event, PermissionStatus):
            tars.client.permit(event.id)
    billed = opencode_api.billed()[before:]
    assert len(billed) == 2
    row = tars.ledger()[-1]
    assert (row.outcome, row.usage.at_least) == ("ok", True)
    assert row.usage.input == billed[-1]["usage"]["prompt_tokens"]
    assert row.usage.tool_calls == 1
    assert row.usage.cost_microusd == pytest.approx(sum(map(costs, billed)), abs=2)

    kill(tars.agent_pid())
    tars.until(lambda s: s.agents[0].state == "ready")
    assert tars.prompt("four").session == session
    row = tars.ledger()[-1]
    assert row.usage.input > 0
    assert row.usage.cost_microusd is None, "what it cost before is not this turn's"

    failed = tars.prompt("five @401")
    assert failed.outcome == "error"
    assert failed.error is not None
    assert failed.error.kind == "bad_key"
