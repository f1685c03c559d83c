"""Gemini CLI with a process per prompt: the same daemon, the other dialect."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tars.control.contract import PromptRequest
from tests.real_agents.test_gemini import configure, turns_seen, under_way
from tests.support.tars_home import TarsHome, kill, result, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(tmp_path: Path, gemini_command: Path, gemini_env: dict[str, str]) -> Iterator[TarsHome]:
    with tars_home(tmp_path) as tars:
        configure(tars, gemini_command, gemini_env, protocol='"stream-json"', mode='"yolo"')
        tars.home.workspace.mkdir(parents=True)
        (tars.home.workspace / "hello.txt").write_text("hello file content\n")
        tars.start()
        yield tars


def test_a_turn_with_tools_counts_as_documented(tars: TarsHome) -> None:
    """The same figures as over ACP, and no process between the prompts."""
    assert tars.agent().pid is None
    answer = tars.prompt("do FAKE:tools")
    assert answer.text == "Both tools ran."
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (3300, 60, 1900)
    assert (usage.thought_tokens, usage.net_tokens, usage.context_tokens) == (18, 1400, 1200)
    assert (usage.requests, usage.tool_calls, usage.source) == (3, 2, "official")
    session = tars.session()
    assert (session["totalInputTokens"], session["totalCachedTokens"]) == (1200, 1000)
    tars.until(lambda status: status.agents[0].pid is None)


def test_the_conversation_goes_on_in_the_next_process(tars: TarsHome) -> None:
    first = tars.prompt("FAKE:usage:5000:10:4000:7")
    second = tars.prompt("FAKE:echo")
    assert second.session == first.session
    assert turns_seen(second)[1] == ["FAKE:usage:5000:10:4000:7", "FAKE:echo"]
    assert tars.session()["interactionCount"] == 2


def test_a_large_answer_is_whole(tars: TarsHome) -> None:
    """Two megabytes in one piece, of which a pipe would have lost most."""
    answer = tars.prompt("FAKE:big:2000000")
    assert answer.outcome == "ok"
    random = Random(2_000_000)
    words = (f"{random.getrandbits(28):x}" for _ in range(250_001))
    assert answer.text == " ".join(words)[:2_000_000]
    assert len(answer.text) > 1_900_000


def test_a_cancel_ends_the_process(tars: TarsHome) -> None:
    """It exits 0 without a result, which is no success."""
    stream = under_way(tars, "FAKE:slow:100:0.2")
    tars.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert tars.prompt("FAKE:text").outcome == "ok"


def test_errors_are_told(tars: TarsHome) -> None:
    failed = tars.prompt("FAKE:429day")
    assert failed.outcome == "error"
    assert failed.error is not None
    assert failed.error.kind == "quota"


def test_prompts_queue(tars: TarsHome) -> None:
    stream = under_way(tars, "FAKE:slow:3:0.2")
    waiting = tars.client.prompt(PromptRequest(text="FAKE:text"))
    assert result(stream).outcome == "ok"
    assert result(waiting).outcome == "ok"


@pytest.mark.parametrize(
    ("problem", "kind"), [("key", "not_signed_in"), ("trust", "untrusted_folder")]
)
def test_what_a_person_has_to_mend_is_told(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str], problem: str, kind: str
) -> None:
    """The process says it by its exit status alone; nothing is tried again."""
    if problem == "trust":
        settings = Path(gemini_env["HOME"]) / ".gemini" / "settings.json"
        wanted = json.loads(settings.read_text())
        wanted["security"]["folderTrust"]["enabled"] = True
        settings.write_text(json.dumps(wanted))
    else:
        gemini_env = {**gemini_env, "GEMINI_API_KEY": ""}
        configure(tars, gemini_command, gemini_env, protocol='"stream-json"')
        tars.client.reload()
    done = tars.tars("prompt", "--json", "FAKE:text")
    assert json.loads(done.stdout)["error"]["kind"] == kind
    assert done.returncode == 4
    assert tars.agent().state == "failed"


def test_a_killed_process_is_told_by_its_signal(tars: TarsHome) -> None:
    stream = under_way(tars, "FAKE:slow:100:0.2")
    kill(tars.agent_pid())
    ended = result(stream)
    assert ended.error is not None
    assert "signal 9" in ended.error.message
    assert tars.prompt("FAKE:text").outcome == "ok"
