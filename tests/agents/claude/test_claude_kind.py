"""How Claude Code is launched, and what it leaves on a machine."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tars.agents.claude.codec import Claude as Codec
from tars.agents.claude.history import ClaudeHistory
from tars.agents.claude.kind import Claude
from tars.agents.kind import Setup, Traces

KIND = Claude()


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(
        name="claude",
        command=("claude", "--verbose"),
        protocol="stream-json",
        model="",
        mode="",
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")},
        tmp=tmp_path / "tmp",
        keep=tmp_path / "keep",
    )


def log_of(setup: Setup, session: str) -> Path:
    return Path(setup.env["HOME"]) / ".claude" / "projects" / "-x" / f"{session}.jsonl"


def test_a_new_conversation_has_an_id_of_our_own(setup: Setup) -> None:
    """Claude Code would tell its own with the first turn only. No two are the same."""
    first, second = KIND.launch(setup, None), KIND.launch(setup, None)
    assert first.argv[-2:] == ("--session-id", first.session_id)
    assert first.session_id != second.session_id
    assert first.argv[:2] == setup.command
    assert "--include-partial-messages" in first.argv
    assert "--model" not in first.argv
    assert first.env["TMPDIR"] == str(setup.tmp)


def test_the_model_and_the_mode_are_chosen_at_the_launch(setup: Setup) -> None:
    """As its own command line calls them."""
    argv = KIND.launch(replace(setup, model="haiku", mode="plan"), None).argv
    assert " --model haiku --permission-mode plan " in " ".join(argv)


def test_a_conversation_that_is_there_is_brought_back(setup: Setup) -> None:
    """It has a log with a message in it."""
    log = log_of(setup, "s1")
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps({"type": "user"}) + "\n")
    launch = KIND.launch(setup, "s1")
    assert launch.argv[-2:] == ("--resume", "s1")
    assert launch.session_id == "s1"


@pytest.mark.parametrize("content", [None, '{"type":"mode"}\n'])
def test_one_that_is_gone_is_not_asked_for(setup: Setup, content: str | None) -> None:
    """Claude Code would refuse to start; nor does a new one get the id of a file that is there."""
    if content is not None:
        log_of(setup, "s1").parent.mkdir(parents=True)
        log_of(setup, "s1").write_text(content)
    launch = KIND.launch(setup, "s1")
    assert launch.session_id != "s1"
    assert launch.argv[-2] == "--session-id"


def test_another_folder_may_be_configured(setup: Setup, tmp_path: Path) -> None:
    """CLAUDE_CONFIG_DIR takes the place of ~/.claude."""
    folder = tmp_path / "elsewhere"
    setup = replace(setup, env={**setup.env, "CLAUDE_CONFIG_DIR": str(folder)})
    log = folder / "projects" / "-x" / "s1.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps({"type": "user"}) + "\n")
    assert KIND.launch(setup, "s1").session_id == "s1"
    assert KIND.traces(setup.env).logs == (folder / "projects",)


def npm(setup: Setup, *platforms: str, stub: bool) -> None:
    """Install Claude Code as npm does."""
    packages = Path(setup.env["PATH"]).parent / "lib" / "@anthropic-ai"
    program = packages / "claude-code" / "bin" / "claude.exe"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"exit 1\n" if stub else b"x" * 10_000)
    program.chmod(0o755)
    for platform in platforms:
        native = packages / f"claude-code-{platform}" / "claude"
        native.parent.mkdir(parents=True)
        native.touch(mode=0o755)
    Path(setup.env["PATH"]).mkdir()
    (Path(setup.env["PATH"]) / "claude").symlink_to(program)


def test_the_native_program_is_found_beside_npms_stub(setup: Setup) -> None:
    """Its install script has not run: the stub would only complain."""
    npm(setup, "linux-x64", stub=True)
    first, second = KIND.launch(setup, None).argv[:2]
    assert first.endswith("/claude-code-linux-x64/claude")
    assert second == "--verbose"
    assert KIND.program(setup.command, setup.env) == first


@pytest.mark.parametrize(
    ("stub", "platforms"), [(False, ["linux-x64"]), (True, []), (True, ["linux-x64", "linux-y"])]
)
def test_the_command_is_run_as_it_is_configured(
    setup: Setup, stub: bool, platforms: list[str]
) -> None:
    """It is the program, or nobody can tell which one is; its own words are quoted then."""
    npm(setup, *platforms, stub=stub)
    assert KIND.launch(setup, None).argv[0] == "claude"


@pytest.mark.parametrize(
    ("env", "file", "content", "signed_in"),
    [
        ({}, ".claude/settings.json", "{}", False),
        ({"ANTHROPIC_API_KEY": "k"}, ".claude.json", "{}", True),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, ".claude.json", "{}", True),
        ({}, ".claude/.credentials.json", "{}", True),
        ({}, ".claude/settings.json", '{"apiKeyHelper": "pass"}', True),
        ({}, ".claude.json", '{"primaryApiKey": "k"}', True),
    ],
)
def test_who_is_signed_in_is_seen_without_asking(
    tmp_path: Path, env: Mapping[str, str], file: str, content: str, signed_in: bool
) -> None:
    """A key or an account; one in a keychain is not looked for, and nobody knows then."""
    (tmp_path / ".claude").mkdir()
    (tmp_path / file).write_text(content)
    expected = None if sys.platform == "darwin" and not signed_in else signed_in
    assert KIND.traces({"HOME": str(tmp_path), **env}) == Traces(expected)


def test_it_is_one_warm_process_that_counts(setup: Setup) -> None:
    """What the rest of tars has to know of it."""
    assert KIND.one_shot("stream-json") is False
    assert KIND.counts_on_the_wire
    assert KIND.knowledge("stream-json").tested == "2.1.316"
    assert isinstance(KIND.codec(setup), Codec)
    assert isinstance(KIND.history(setup, "s1"), ClaudeHistory)
    assert KIND.retrying("anything") is None
    assert KIND.last_words(-9, "") is None
