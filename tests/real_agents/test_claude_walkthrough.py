"""docs/claude-code.md is true: what it shows was typed, and is typed again here."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tars_home import TarsHome
from tests.support.walkthrough import Page, somebody

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(200)]

PAGE = Page((Path(__file__).parents[2] / "docs" / "claude-code.md").read_text())


@pytest.fixture
def person(claude_command: Path, claude_env: dict[str, str]) -> Iterator[TarsHome]:
    """Somebody with Claude Code, a key, and the page's configuration."""
    # What keeps it off the net, beside what the page shows.
    ours = (n for n in claude_env if n not in PAGE.config and n not in ("HOME", "PATH"))
    config = PAGE.config + "".join(f"{n} = {json.dumps(claude_env[n])}\n" for n in ours)
    with somebody(claude_command, claude_env, config) as person:
        yield person


def test_the_page_can_be_typed_from_top_to_bottom(person: TarsHome) -> None:
    """Every command gives what the page shows."""
    PAGE.type_out(person)
