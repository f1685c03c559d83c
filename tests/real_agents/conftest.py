"""The real CLIs, as `make test` installed them, and a private place for them to live in."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi, fake_gemini_api

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".cache" / "agents" / "node_modules" / ".bin"

#: Without `selectedType` the CLI refuses a base URL of one's own; the rest keeps it off the net.
GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "sessionRetention": {"enabled": False},
    },
}


@pytest.fixture(scope="session")
def gemini_command() -> Path:
    """The pinned Gemini CLI. Its absence is a skip on a person's machine, a failure in CI."""
    missing = None
    if shutil.which("node") is None:
        missing = "Node.js is not installed: the real agents need version 20 or newer"
    elif not (INSTALLED / "gemini").exists():
        missing = "the real agents are not installed: `make agents` installs them"
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    return INSTALLED / "gemini"


@pytest.fixture
def gemini_api() -> Iterator[FakeApi]:
    """A model API on loopback that answers as the prompt's FAKE: directive says."""
    with fake_gemini_api() as api:
        yield api


@pytest.fixture
def gemini_env(tmp_path: Path, gemini_api: FakeApi) -> dict[str, str]:
    """The whole environment of a Gemini CLI that reaches nothing but the fake API."""
    home = tmp_path / "gemini-home"
    (home / ".gemini").mkdir(parents=True)
    (home / ".gemini" / "settings.json").write_text(json.dumps(GEMINI_SETTINGS))
    temporary = tmp_path / "gemini-tmp"
    temporary.mkdir()
    return {
        "PATH": f"{INSTALLED}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "GEMINI_API_KEY": "a-key",
        "GOOGLE_GEMINI_BASE_URL": gemini_api.url,
        "GEMINI_CLI_NO_RELAUNCH": "1",
    }
