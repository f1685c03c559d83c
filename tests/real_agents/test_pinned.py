"""The real CLI is the version that the measured facts are about, and the fake drives it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.real_agent

PINNED = json.loads((Path(__file__).parent / "package.json").read_text())["dependencies"]


def test_gemini_is_the_pinned_version(gemini_command: Path, gemini_env: dict[str, str]) -> None:
    """An exact version, not a range: its bugs and figures are what tars knows."""
    said = subprocess.run(
        [gemini_command, "--version"], env=gemini_env, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.strip() == PINNED["@google/gemini-cli"] == "0.61.0"


def test_gemini_talks_to_the_fake_alone(
    gemini_command: Path, gemini_env: dict[str, str], gemini_api: FakeApi, tmp_path: Path
) -> None:
    """One prompt, one model request, answered by the fake."""
    done = subprocess.run(
        [gemini_command, "-m", "gemini-2.5-flash", "--output-format", "json"],
        input="FAKE:usage:1000:10:900:5",
        env=gemini_env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["response"] == "Hello from the fake model."
    assert [r["directive"] for r in gemini_api.requests()] == ["usage"]
