"""The real CLIs, as `make test` installed them, and a private place for them to live in."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.fake_api import FakeApi, fake_gemini_api, fake_models

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".cache" / "agents" / "node_modules" / ".bin"


def absent(reason: str) -> NoReturn:
    """An agent that is missing is a skip on a person's machine, and a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def installed(*commands: Path) -> Path:
    """Give the first of these commands that is there."""
    for command in commands:
        if command.exists():
            return command
    absent("the real agents are not installed: `make agents` installs them")


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
    """The pinned Gemini CLI."""
    if shutil.which("node") is None:
        absent("Node.js is not installed: the real agents need version 20 or newer")
    return installed(INSTALLED / "gemini")


@pytest.fixture
def gemini_api() -> Iterator[FakeApi]:
    """A model API on loopback that answers as the prompt's FAKE: directive says."""
    with fake_gemini_api() as api:
        yield api


@pytest.fixture
def gemini_env(tmp_path: Path, gemini_api: FakeApi) -> dict[str, str]:
    """The whole environment of a Gemini CLI that reaches nothing but the fake API."""
    return gemini_home(tmp_path, gemini_api)


def gemini_home(folder: Path, api: FakeApi) -> dict[str, str]:
    """Make a home for a Gemini CLI, and give its environment."""
    home = folder / "gemini-home"
    (home / ".gemini").mkdir(parents=True)
    (home / ".gemini" / "settings.json").write_text(json.dumps(GEMINI_SETTINGS))
    temporary = folder / "gemini-tmp"
    temporary.mkdir()
    return {
        "PATH": f"{INSTALLED}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "GEMINI_API_KEY": "a-key",
        "GOOGLE_GEMINI_BASE_URL": api.url,
        "GEMINI_CLI_NO_RELAUNCH": "1",
    }


#: A provider of one's own needs no account. The retries are few, and nothing is synchronised.
CODEX_CONFIG = """
model = "gpt-5.4"
model_provider = "fake"

[model_providers.fake]
name = "fake"
base_url = "{url}/v1"
env_key = "FAKE_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1

[features]
plugins = false
"""


@pytest.fixture(scope="session")
def codex_command() -> Path:
    """npm's wrapper of the pinned Codex, beside which its native binary lies."""
    return installed(INSTALLED / "codex")


@pytest.fixture
def codex_api() -> Iterator[FakeApi]:
    """A model API on loopback that answers as the @directive in the prompt says."""
    with fake_models() as api:
        yield api


@pytest.fixture
def codex_env(tmp_path: Path, codex_api: FakeApi) -> dict[str, str]:
    """The whole environment of a Codex that reaches nothing but the fake API."""
    home = tmp_path / "codex-home"
    (home / ".codex").mkdir(parents=True)
    (home / ".codex" / "config.toml").write_text(CODEX_CONFIG.format(url=codex_api.url))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "FAKE_KEY": "a-key",
        # Nothing is asked for there: a test that would need the net fails at once.
        "https_proxy": "http://127.0.0.1:9",
    }


#: opencode's own program: npm's wrapper needs Node.js, and only passes on.
OPENCODE = ROOT / ".cache" / "agents" / "node_modules"


@pytest.fixture(scope="session")
def opencode_command() -> Path:
    """The pinned opencode."""
    return installed(*sorted(OPENCODE.glob("opencode-*/bin/opencode")))


@pytest.fixture
def opencode_api() -> Iterator[FakeApi]:
    """A model API on loopback that answers as the @directive in the prompt says."""
    with fake_models() as api:
        yield api


def opencode_settings(api: FakeApi) -> dict[str, Any]:
    """opencode's configuration with the fake as its only provider, whose prices are made up."""
    model = {
        "name": "Fake model",
        "limit": {"context": 200000, "output": 32000},
        "cost": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75},
        "tool_call": True,
        "reasoning": True,
    }
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Fake",
        "options": {"baseURL": f"{api.url}/v1", "apiKey": "a-key"},
        "models": {"fake-model": model},
    }
    return {
        "model": "fake/fake-model",
        "small_model": "fake/fake-model",
        "enabled_providers": ["fake"],
        "share": "disabled",
        "autoupdate": False,
        "provider": {"fake": provider},
    }


@pytest.fixture
def opencode_env(tmp_path: Path, opencode_api: FakeApi) -> dict[str, str]:
    """The whole environment of an opencode that reaches nothing but the fake API."""
    return opencode_home(tmp_path / "opencode-home", opencode_api)


def opencode_home(home: Path, api: FakeApi) -> dict[str, str]:
    """Make a home for an opencode, and give its environment. It asks before it runs a command."""
    folder = home / ".config" / "opencode"
    folder.mkdir(parents=True)
    settings = {**opencode_settings(api), "permission": {"bash": "ask"}}
    (folder / "opencode.json").write_text(json.dumps(settings))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        # Nothing is asked for there: a test that would need the net fails at once.
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1",
    }


#: npm's `claude` is the native program, or a stub beside which that lies: tars tells them apart.
CLAUDE = "claude"


@pytest.fixture(scope="session")
def claude_command() -> Path:
    """The pinned Claude Code, as npm installed it."""
    return installed(INSTALLED / CLAUDE)


@pytest.fixture
def claude_api() -> Iterator[FakeApi]:
    """A model API on loopback that answers as the @directive in the prompt says."""
    with fake_models() as api:
        yield api


@pytest.fixture
def claude_env(tmp_path: Path, claude_api: FakeApi) -> dict[str, str]:
    """The whole environment of a Claude Code that reaches nothing but the fake API."""
    home = tmp_path / "claude-home"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": claude_api.url,
        "ANTHROPIC_API_KEY": "sk-ant-fake",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",
        # Nothing is asked for there: a test that would need the net fails at once.
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1",
    }
