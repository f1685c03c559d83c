"""docs/gemini-cli.md is true: what it shows was typed, and is typed again here."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tars_home import TarsHome
from tests.support.walkthrough import Page, somebody

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(200)]

PAGE = Page((Path(__file__).parents[2] / "docs" / "gemini-cli.md").read_text())


@pytest.fixture
def person(gemini_command: Path, gemini_env: dict[str, str]) -> Iterator[TarsHome]:
    """Somebody with Gemini CLI, a key, and the page's configuration."""
    address = f"GOOGLE_GEMINI_BASE_URL = {json.dumps(gemini_env['GOOGLE_GEMINI_BASE_URL'])}\n"
    with somebody(gemini_command, gemini_env, PAGE.config + address) as person:
        workspace = person.home.workspace
        workspace.mkdir(parents=True)
        (workspace / "hello.txt").write_text("hello\n")
        yield person


def test_the_page_can_be_typed_from_top_to_bottom(person: TarsHome) -> None:
    """Every command gives what the page shows."""
    PAGE.type_out(person)
