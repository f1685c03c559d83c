"""Gemini CLI with a process per prompt: the same daemon, the other dialect."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tars.control.contract import PromptRequest
from tests.real_agents.test_gemini import configure, running, turns_seen, under_way
from tests.support.tars_home import TarsHome, kill, result, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture(scope="module")
def tars(tmp_path_factory: pytest.TempPathFactory, gemini_command: Path) -> Iterator[TarsHome]:
    """One daemon for all of these: each prompt costs a start of the CLI, which is enough."""
    with running(tmp_path_factory, gemini_command, protocol='"stream-json"', mode='"yolo"') as tars:
        yield tars


def test_turns_count_as_documented_and_the_next_process_goes_on(tars: TarsHome) -> None:
    """The same figures as over ACP, and no process between the prompts; the second one has
    the whole conversation."""
    tars.client.reset()
    assert tars.agent().pid is None
    first = tars.prompt("do FAKE:tools")
    assert first.text == "Both tools ran."
    usage = first.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (3300, 60, 1900)
    assert (usage.thought_tokens, usage.net_tokens, usage.context_tokens) == (18, 1400, 1200)
    assert (usage.requests, usage.tool_calls, usage.source) == (3, 2, "official")
    session = tars.session()
    assert (session["totalInputTokens"], session["totalCachedTokens"]) == (1200, 1000)
    tars.until(lambda status: status.agents[0].pid is None)
    second = tars.prompt("FAKE:echo")
    assert second.session == first.session
    assert turns_seen(second)[1] == ["FAKE:tools", "FAKE:echo"]
    assert tars.session()["interactionCount"] == 2


def test_a_large_answer_is_whole(tars: TarsHome) -> None:
    """Two megabytes in one piece, of which a pipe would have lost most."""
    answer = tars.prompt("FAKE:big:2000000")
    assert answer.outcome == "ok"
    random = Random(2_000_000)
    words = (f"{random.getrandbits(28):x}" for _ in range(250_001))
    assert answer.text == " ".join(words)[:2_000_000]
    assert len(answer.text) > 1_900_000


def test_a_cancel_ends_the_process_and_what_waited_runs(tars: TarsHome) -> None:
    """It exits 0 without a result, which is no success; the next prompt has a process of its
    own, and its error is told."""
    stream = under_way(tars, "FAKE:slow:100:0.2")
    waiting = tars.client.prompt(PromptRequest(text="FAKE:429day"))
    assert next(waiting)[0] == "accepted"
    tars.client.cancel()
    assert result(stream).outcome == "cancelled"
    failed = result(waiting)
    assert failed.error is not None
    assert (failed.outcome, failed.error.kind) == ("error", "quota")


def test_a_killed_process_is_told_by_its_signal(tars: TarsHome) -> None:
    stream = under_way(tars, "FAKE:slow:100:0.2")
    kill(tars.agent_pid())
    ended = result(stream)
    assert ended.error is not None
    assert "signal 9" in ended.error.message
    assert tars.prompt("FAKE:text").outcome == "ok"


@pytest.mark.parametrize(
    ("problem", "kind"), [("key", "not_signed_in"), ("trust", "untrusted_folder")]
)
def test_what_a_person_has_to_mend_is_told(
    tmp_path: Path, gemini_command: Path, gemini_env: dict[str, str], problem: str, kind: str
) -> None:
    """The process says it by its exit status alone; nothing is tried again."""
    if problem == "trust":
        settings = Path(gemini_env["HOME"]) / ".gemini" / "settings.json"
        wanted = json.loads(settings.read_text())
        wanted["security"]["folderTrust"]["enabled"] = True
        settings.write_text(json.dumps(wanted))
    else:
        gemini_env = {**gemini_env, "GEMINI_API_KEY": ""}
    with tars_home(tmp_path) as tars:
        configure(tars, gemini_command, gemini_env, protocol='"stream-json"', mode='"yolo"')
        tars.start()
        done = tars.tars("prompt", "--json", "FAKE:text")
        assert json.loads(done.stdout)["error"]["kind"] == kind
        assert done.returncode == 4
        assert tars.agent().state == "failed"
