"""The demo, run as `make demo` runs it, but for the installing."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
DEMO = ["sh", str(ROOT / "examples" / "demo.sh")]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose name is short: a socket's may have 103 bytes."""
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        yield Path(folder)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment whose temporary folder is the test's own, so that leftovers show."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process whose home lies in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TARS_HOME", "").startswith(str(folder)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_the_demo_does_the_main_job(env: dict[str, str], tmp_path: Path) -> None:
    """Start, two answers, status, reset, status, stop: each command shown, each working."""
    done = subprocess.run(
        DEMO, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert shown == [
        "$ tars start",
        '$ tars prompt "Is anybody there?"',
        '$ tars prompt "And do you remember what I asked?"',
        "$ tars status",
        "$ tars reset",
        "$ tars status",
        "$ tars stop",
    ]
    assert done.stdout.count("echo: Is anybody there?") == 1
    assert "prompts     2," in done.stdout
    assert "Cleared the session of echo: 2 prompts" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_ctrl_c_leaves_nothing_behind(env: dict[str, str], tmp_path: Path) -> None:
    """Interrupted with the daemon up, the demo still stops it and removes its home."""
    with subprocess.Popen(
        DEMO,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "is running" in line:
                break
        os.killpg(demo.pid, signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []
