"""The real Codex and Claude Code under one daemon: asked at once, and one for the other."""

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi
from tests.support.tars_home import TarsHome, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(
    tmp_path: Path,
    codex_command: Path,
    codex_env: dict[str, str],
    claude_command: Path,
    claude_env: dict[str, str],
) -> Iterator[TarsHome]:
    """A home with both, each standing in for the other, as `tars agents detect` finds them."""
    found = os.pathsep.join({str(codex_command.parent), str(claude_command.parent)})
    env = {"PATH": f"{found}{os.pathsep}{os.environ['PATH']}"}
    with tars_home(tmp_path, env) as tars:
        done = tars.tars("agents", "detect", "--write", "codex,claude")
        assert (done.returncode, tomllib.loads(tars.home.config.read_text())) == (
            0,
            {"agents": {"codex": {"kind": "codex"}, "claude": {"kind": "claude"}}},
        ), done
        lines = []
        for name, other, env in (("codex", "claude", codex_env), ("claude", "codex", claude_env)):
            lines += [f"[agents.{name}]", f'fallback = ["{other}"]', 'group = "all"']
            lines += [f"[agents.{name}.env]"]
            lines += [f"{key} = {json.dumps(value)}" for key, value in env.items() if key != "PATH"]
        tars.configure("\n".join(lines))
        tars.start()
        tars.until(lambda s: [a.state for a in s.agents] == ["ready", "ready"])
        yield tars


def test_two_real_agents(tars: TarsHome, codex_api: FakeApi, claude_api: FakeApi) -> None:
    """One prompt for both; then each is out of quota, and the other answers at once: what it
    used is counted for the one that used it."""
    both = tars.tars("prompt", "--agent", "all", "--json", "hello")
    answers = {a["agent"]: a for a in map(json.loads, both.stdout.splitlines())}
    assert both.returncode == 0, both
    assert {name: a["outcome"] for name, a in answers.items()} == {"codex": "ok", "claude": "ok"}
    for failed, answered, directive in (
        ("codex", "claude", "@quota"),
        ("claude", "codex", "@spent"),
    ):
        done = tars.tars("prompt", "--agent", failed, "--json", f"hello {directive}")
        result = json.loads(done.stdout)
        assert (result["outcome"], result["agent"]) == ("ok", answered), done
        assert result["fellBackFrom"] == [failed]
        assert f"Asking {answered} instead." in done.stderr
        answers[directive] = result
    rows = [(row.agent, row.outcome, row.fault and row.fault.kind) for row in tars.ledger()[2:]]
    assert rows == [
        ("codex", "error", "quota"),
        ("claude", "ok", None),
        ("claude", "error", "rate_limit"),
        ("codex", "ok", None),
    ]
    billed = sum(b["usage"]["output_tokens"] for b in (*codex_api.billed(), *claude_api.billed()))
    counted = [a["usage"] for a in answers.values()]
    assert sum(u["outputTokens"] + u["thoughtTokens"] for u in counted) == billed
