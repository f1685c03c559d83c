"""Gemini CLI is launched in the one way that works, and nothing private is in its arguments."""

from dataclasses import replace
from pathlib import Path

import pytest

from tars.agents.gemini.kind import Gemini
from tars.agents.kind import Kind, Setup
from tars.errors import FaultKind
from tars.protocols.acp import Acp
from tars.protocols.stream_json import StreamJson

SESSION = "11111111-2222-4333-8444-555555555555"
PROTOCOLS = ("acp", "stream-json")


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """An agent over ACP without model and mode."""
    return Setup(
        name="ada",
        command=("node", "gemini.js"),
        protocol="acp",
        model="",
        mode="",
        cwd=tmp_path / "project",
        env={"HOME": str(tmp_path / "home"), "GEMINI_API_KEY": "secret", "TMPDIR": "/tmp"},
        tmp=tmp_path / "tmp",
        keep=tmp_path / "keep",
    )


@pytest.fixture
def one_shot(setup: Setup) -> Setup:
    """The same agent over stream-json."""
    return replace(setup, protocol="stream-json")


def test_it_is_a_kind() -> None:
    """It speaks three protocols, ACP first, and its exit status is not to be trusted."""
    kind: Kind = Gemini()
    assert (kind.name, kind.command) == ("gemini", ("gemini",))
    assert kind.protocols == (*PROTOCOLS, "pty")
    assert not kind.trusts_exit_status
    assert "npm install" in kind.install_advice
    assert [kind.one_shot(protocol) for protocol in kind.protocols] == [False, True, False]


def test_over_acp_one_process_serves_all(setup: Setup) -> None:
    """The session is loaded and the mode is set over the protocol, not by arguments."""
    launch = Gemini().launch(replace(setup, mode="yolo"), SESSION)
    assert launch.argv == ("node", "gemini.js", "--acp")
    assert launch.cwd == setup.cwd
    assert not launch.stdout_to_file


def test_a_process_per_prompt_reads_the_prompt_from_stdin(one_shot: Setup) -> None:
    """Arguments are everybody's to read: there is neither -p nor a bare word."""
    launch = Gemini().launch(one_shot, None)
    assert launch.argv == ("node", "gemini.js", "--output-format", "stream-json")
    assert launch.cwd == one_shot.cwd
    assert launch.stdout_to_file


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_model_is_named_only_if_there_is_one(setup: Setup, protocol: str) -> None:
    """Without one Gemini CLI chooses."""
    setup = replace(setup, protocol=protocol)
    assert "-m" not in Gemini().launch(setup, SESSION).argv
    argv = Gemini().launch(replace(setup, model="gemini-2.5-flash"), SESSION).argv
    assert argv[argv.index("-m") + 1] == "gemini-2.5-flash"


def test_a_session_is_resumed_only_if_there_is_one(one_shot: Setup) -> None:
    """The first prompt begins a session, each later one resumes it."""
    assert "--resume" not in Gemini().launch(one_shot, None).argv
    assert Gemini().launch(one_shot, SESSION).argv[-2:] == ("--resume", SESSION)


@pytest.mark.parametrize(
    ("mode", "said"),
    [("autoEdit", "auto_edit"), ("yolo", "yolo"), ("plan", "plan"), ("default", "default")],
)
def test_the_mode_has_its_name_on_the_command_line(one_shot: Setup, mode: str, said: str) -> None:
    """ACP and the arguments spell one of them differently."""
    argv = Gemini().launch(replace(one_shot, mode=mode), None).argv
    assert argv[argv.index("--approval-mode") + 1] == said


def test_without_a_mode_none_is_asked_for(one_shot: Setup) -> None:
    """Gemini CLI's own settings decide then."""
    assert "--approval-mode" not in Gemini().launch(one_shot, None).argv


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_environment_is_the_users_but_for_three(setup: Setup, protocol: str) -> None:
    """No launcher in between, and dumps of conversations go to the private folder."""
    env = dict(Gemini().launch(replace(setup, protocol=protocol), None).env)
    env.pop("GEMINI_DEBUG_LOG_FILE", None)
    assert env == {**setup.env, "GEMINI_CLI_NO_RELAUNCH": "1", "TMPDIR": str(setup.tmp)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_secret_is_in_the_arguments(setup: Setup, protocol: str) -> None:
    """A key stays in the environment."""
    launch = Gemini().launch(replace(setup, protocol=protocol), SESSION)
    assert not any("secret" in word for word in launch.argv)


def test_the_debug_log_is_read_over_acp_only(setup: Setup, one_shot: Setup) -> None:
    """A process per prompt tells on stderr in time; a log without a reader would block it."""
    warm, once = Gemini().launch(setup, None), Gemini().launch(one_shot, None)
    assert warm.diagnostics is not None
    assert warm.diagnostics.parent == setup.tmp
    assert warm.env["GEMINI_DEBUG_LOG_FILE"] == str(warm.diagnostics)
    assert once.diagnostics is None
    assert "GEMINI_DEBUG_LOG_FILE" not in once.env


def test_dumps_of_conversations_are_litter(setup: Setup) -> None:
    """The pattern meets the name that was recorded."""
    name = Path("gemini-client-error-Turn.run-sendMessageStream-2026-11-21T02-24-43-726Z.json")
    assert any(name.match(pattern) for pattern in Gemini().launch(setup, None).litter)


def test_each_protocol_has_its_codec(setup: Setup, one_shot: Setup) -> None:
    """A new one for each process."""
    kind = Gemini()
    assert isinstance(kind.codec(setup), Acp)
    assert isinstance(kind.codec(one_shot), StreamJson)
    assert kind.codec(setup) is not kind.codec(setup)


def write_session(home: Path, id: str) -> None:
    chats = home / ".gemini" / "tmp" / "project" / "chats"
    chats.mkdir(parents=True)
    line = f'{{"id":"{id}","type":"gemini","tokens":{{"input":1,"output":1}}}}\n'
    path = chats / f"session-2026-11-21T02-35-{SESSION[:8]}.jsonl"
    path.write_text(f'{{"sessionId":"{SESSION}"}}\n{line}')


def test_the_history_is_in_the_agents_home(setup: Setup, tmp_path: Path) -> None:
    """GEMINI_CLI_HOME goes before HOME, and an empty one is none."""
    write_session(tmp_path / "home", "home")
    write_session(tmp_path / "own", "own")
    own = {**setup.env, "GEMINI_CLI_HOME": str(tmp_path / "own")}
    empty = {**setup.env, "GEMINI_CLI_HOME": ""}
    found = []
    for env in (setup.env, own, empty):
        requests = Gemini().history(replace(setup, env=env), SESSION, "0").read()
        found.append([request.id for request in requests or ()])
    assert found == [["home"], ["own"], ["home"]]
    assert [path.parent for path in setup.keep.iterdir()] == [setup.keep, setup.keep]


def test_it_reads_its_own_words() -> None:
    """What it writes on stderr is a retry or a last word."""
    kind = Gemini()
    heard = kind.retrying("Attempt 1 failed with status 500. Retrying with backoff...")
    assert heard is not None
    assert "server" in heard
    fault = kind.last_words(41, "")
    assert fault is not None
    assert fault.kind is FaultKind.NOT_SIGNED_IN
