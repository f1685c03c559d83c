"""Gemini CLI under tars: the real program, the real daemon, a model that answers at will.

What `FAKE:…` in a prompt makes the model do is said in tests/fakes/fake_gemini_api.py;
`FAKE:echo` answers with how many turns of the conversation it was sent.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tars.control.contract import PermissionStatus, PromptRequest, TurnResult, Usage
from tests.real_agents.conftest import gemini_home
from tests.support.fake_api import fake_gemini_api
from tests.support.tars_home import TarsHome, kill, result, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]

MODEL = "gemini-2.5-flash"


@pytest.fixture
def tars(tmp_path: Path, gemini_command: Path, gemini_env: dict[str, str]) -> Iterator[TarsHome]:
    """A home whose default agent is the real Gemini CLI, with a file to read in its folder."""
    with tars_home(tmp_path) as tars:
        configure(tars, gemini_command, gemini_env)
        tars.home.workspace.mkdir(parents=True)
        (tars.home.workspace / "hello.txt").write_text("hello file content\n")
        yield tars


@pytest.fixture(scope="module")
def one_for_many(
    tmp_path_factory: pytest.TempPathFactory, gemini_command: Path
) -> Iterator[TarsHome]:
    """One daemon and one process of the CLI, which alone costs seconds, for many tests."""
    with running(tmp_path_factory, gemini_command) as tars:
        yield tars


@pytest.fixture
def shared(one_for_many: TarsHome) -> TarsHome:
    """What many tests share, in a conversation of this test's own."""
    return fresh(one_for_many)


@pytest.fixture(scope="module")
def one_that_asks(
    tmp_path_factory: pytest.TempPathFactory, gemini_command: Path
) -> Iterator[TarsHome]:
    with running(tmp_path_factory, gemini_command, permissions='"ask"') as tars:
        yield tars


@pytest.fixture
def asking(one_that_asks: TarsHome) -> TarsHome:
    """The same, where the CLI has to ask before it writes."""
    (one_that_asks.home.workspace / "out.txt").unlink(missing_ok=True)
    return fresh(one_that_asks)


@contextmanager
def running(folders: pytest.TempPathFactory, command: Path, **keys: str) -> Iterator[TarsHome]:
    folder = folders.mktemp("gemini")
    with fake_gemini_api() as api, tars_home(folder) as tars:
        configure(tars, command, gemini_home(folder, api), **keys)
        tars.home.workspace.mkdir(parents=True)
        (tars.home.workspace / "hello.txt").write_text("hello file content\n")
        tars.start()
        yield tars


def fresh(tars: TarsHome) -> TarsHome:
    """Begin a new conversation, whatever became of the one before."""
    tars.client.reset()
    assert tars.agent().state == "ready"
    return tars


def configure(
    tars: TarsHome, command: Path, env: dict[str, str], *, more_env: str = "", **keys: str
) -> None:
    """Write the configuration; `keys` are TOML values of the agent's table."""
    keys = {"permissions": '"allow"', "model": f'"{MODEL}"', **keys}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    variables = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    tars.configure(
        "\n".join(
            [
                'default_agent = "gemini"',
                "[agents.gemini]",
                'kind = "gemini"',
                f'command = ["{command}"]',
                *lines,
                "[agents.gemini.env]",
                *variables,
                more_env,
            ]
        )
    )


def turns_seen(answer: TurnResult) -> tuple[int, list[str]]:
    """What FAKE:echo says: the user's turns that the model was sent, and their directives."""
    found = re.fullmatch(r"contents=\d+ user=(\d+) model=\d+ directives=(\[.*\])", answer.text)
    assert found, answer
    return int(found[1]), json.loads(found[2].replace("'", '"'))


def under_way(tars: TarsHome, text: str, sign: str = "text") -> Iterator[Any]:
    """Send a prompt and give its stream once this event came: the turn runs in the agent."""
    stream = tars.client.prompt(PromptRequest(text=text))
    for name, _ in stream:
        if name == sign:
            return stream
    raise AssertionError(f"the turn ended without a {sign}")


# --- counting ---------------------------------------------------------------


def test_a_turn_with_tools_counts_as_documented(shared: TarsHome) -> None:
    """Three requests: the context is the last one's, the rest are sums; to the token."""
    answer = shared.prompt("do FAKE:tools")
    assert answer.outcome == "ok", answer
    assert answer.text == "Both tools ran."
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (3300, 60, 1900)
    assert (usage.thought_tokens, usage.net_tokens, usage.context_tokens) == (18, 1400, 1200)
    assert (usage.requests, usage.tool_calls, usage.source) == (3, 2, "official")
    assert answer.model == MODEL
    session = shared.session()
    assert {
        key: value for key, value in session.items() if key.startswith(("total", "last", "i"))
    } == {
        "totalInputTokens": 1200,
        "totalOutputTokens": 60,
        "totalCachedTokens": 1000,
        "totalNetTokens": 1400,
        "interactionCount": 1,
        "lastInteractionAt": session["lastInteractionAt"],
        "lastInputTokens": 3300,
    }
    assert session["sessionId"] == answer.session == shared.agent().session.id
    assert len(session) == 9


def test_what_cancelled_and_failed_turns_used_is_counted(shared: TarsHome) -> None:
    """The protocol tells nothing of them; the agent's own session file does."""
    failed = shared.prompt("FAKE:toolthen:400")
    assert failed.outcome == "error"
    assert (failed.usage.input_tokens, failed.usage.output_tokens) == (1000, 10)
    assert (failed.usage.thought_tokens, failed.usage.source) == (5, "log")
    assert failed.error is not None
    assert failed.error.kind == "model_error"
    session = shared.session()
    assert (session["interactionCount"], session["totalNetTokens"]) == (1, 1000)


def test_the_figures_add_up_over_turns_and_restarts(shared: TarsHome) -> None:
    """A replayed conversation is not counted again."""
    shared.prompt("FAKE:usage:5000:10:4000:7")
    assert shared.client.change_agent("gemini", "restart").state == "ready"
    shared.prompt("FAKE:usage:6000:20:5500:3")
    session = shared.session()
    assert session["interactionCount"] == 2
    assert session["totalInputTokens"] == session["lastInputTokens"] == 6000
    assert session["totalOutputTokens"] == 30
    assert session["totalCachedTokens"] == 5500
    assert session["totalNetTokens"] == 1000 + 500


# --- surviving --------------------------------------------------------------


def test_the_conversation_survives_kill_9_of_the_agent(shared: TarsHome) -> None:
    """Killed in mid-turn: the turn is interrupted, the next prompt has the history."""
    restarts = shared.agent().restarts
    shared.prompt("remember FAKE:usage:5000:10:4000:7")
    stream = under_way(shared, "FAKE:slow:50:0.2")
    was = shared.agent_pid()
    kill(was)
    ended = result(stream)
    assert ended.outcome == "interrupted"
    answer = shared.prompt("FAKE:echo")
    assert answer.outcome == "ok"
    seen, directives = turns_seen(answer)
    assert "FAKE:usage:5000:10:4000:7" in directives
    assert seen >= 2
    agent = shared.agent()
    assert agent.pid != was
    assert agent.restarts == restarts + 1
    assert shared.session()["interactionCount"] == 3


def test_the_conversation_survives_kill_9_of_the_daemon(tars: TarsHome) -> None:
    """Killed in mid-turn: the agent dies with it, and the next start goes on."""
    tars.start()
    tars.prompt("remember FAKE:usage:5000:10:4000:7")
    under_way(tars, "FAKE:slow:50:0.2")
    kill_daemon(tars)
    tars.start()
    seen, directives = turns_seen(tars.prompt("FAKE:echo"))
    assert "FAKE:usage:5000:10:4000:7" in directives
    assert seen >= 2
    # The interrupted turn is counted too.
    assert tars.session()["interactionCount"] == 3
    # What an interrupted turn used is counted by the next daemon: its first request is in the
    # agent's log when the daemon is killed.
    tars.client.reset()
    under_way(tars, "FAKE:tools", sign="tool")
    # Its second request cannot have been answered before the daemon hears of the tool.
    kill_daemon(tars)
    tars.start()
    tars.prompt("FAKE:usage:10:1")
    session = tars.session()
    assert session["interactionCount"] == 2
    assert session["totalNetTokens"] >= 1000 + 10


def kill_daemon(tars: TarsHome) -> None:
    agent = psutil.Process(tars.agent_pid())
    kill(tars.daemon_pid())
    psutil.wait_procs([agent], timeout=30)
    assert not agent.is_running()
    assert tars.processes() == []


SHIFT = """
// Shifts what the clock says by MINUTES_LATER, so that a test need not wait for a new minute.
const shift = 60000 * Number(process.env.MINUTES_LATER || 0), Real = Date;
globalThis.Date = class extends Real {
  constructor(...args) { args.length ? super(...args) : super(Real.now() + shift); }
  static now() { return Real.now() + shift; }
};
"""


def test_five_restarts_keep_the_history(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str], tmp_path: Path
) -> None:
    """Four within the minute and one in the next, with the CLI's own clean-up at work.

    Each of two upstream bugs loses the session otherwise. A load in the minute in which the
    session began overwrites its file: the first restart. The clean-up of the start after a load
    deletes the file with the load's stub: the second. The third and the fourth do both to a file
    that tars itself moved and cleaned up after twice; the fifth loads it in another minute.
    """
    settings = Path(gemini_env["HOME"]) / ".gemini" / "settings.json"
    wanted = json.loads(settings.read_text())
    del wanted["general"]["sessionRetention"]
    settings.write_text(json.dumps(wanted))
    shift = tmp_path / "shift.js"
    shift.write_text(SHIFT)

    def at_minute(minute: int) -> str:
        return f'NODE_OPTIONS = "--require {shift}"\nMINUTES_LATER = "{minute}"'

    configure(tars, gemini_command, gemini_env, more_env=at_minute(0))
    tars.start()
    session = tars.prompt("remember FAKE:usage:5000:10:4000:7").session
    for _ in range(4):
        assert tars.client.change_agent("gemini", "restart").state == "ready"
        assert tars.agent().session.id == session
    configure(tars, gemini_command, gemini_env, more_env=at_minute(1))
    assert tars.client.reload().changed == ["gemini"]
    assert tars.client.change_agent("gemini", "restart").state == "ready"
    answer = tars.prompt("FAKE:echo")
    assert turns_seen(answer) == (2, ["FAKE:usage:5000:10:4000:7", "FAKE:echo"])
    assert answer.session == session
    assert tars.status().warnings == []


def test_a_deleted_history_is_given_back_or_its_loss_is_told(
    tars: TarsHome, gemini_env: dict[str, str]
) -> None:
    """Something deleted the agent's file: tars kept a link to it. Where that is gone too, there is
    a fresh session, and a warning that says so."""
    tars.start()
    session = tars.prompt("remember FAKE:usage:5000:10:4000:7").session
    assert session is not None
    tars.stop()
    delete_chats(gemini_env)
    tars.start()
    assert turns_seen(tars.prompt("FAKE:echo"))[0] == 2
    assert tars.agent().session.id == session
    assert tars.status().warnings == []
    tars.stop()
    delete_chats(gemini_env)
    for file in tars.home.agent_data("gemini").glob("gemini-*"):
        file.unlink()
    tars.start()
    assert turns_seen(tars.prompt("FAKE:echo"))[0] == 1
    assert tars.agent().session.id != session
    [warning] = tars.status().warnings
    assert session in warning
    assert tars.session()["interactionCount"] == 1


def delete_chats(env: dict[str, str]) -> None:
    for file in Path(env["HOME"]).glob(".gemini/tmp/*/chats/session-*"):
        file.unlink()


def test_a_reset_begins_a_new_conversation_in_the_same_process(shared: TarsHome) -> None:
    """session.json is gone, what was cleared is said, and the warm process stays."""
    old = shared.prompt("FAKE:usage:5000:10:4000:7").session
    pid = shared.agent_pid()
    done = shared.tars("reset")
    assert done.returncode == 0
    assert "5" in done.stdout
    assert not (shared.home.data / "session.json").exists()
    answer = shared.prompt("FAKE:echo")
    assert turns_seen(answer) == (1, ["FAKE:echo"])
    assert answer.session != old
    newer = shared.prompt("FAKE:echo", new=True)
    assert turns_seen(newer) == (1, ["FAKE:echo"])
    assert newer.session not in (old, answer.session)
    mode = shared.agent().mode
    shared.client.change_settings("gemini", mode="plan")
    assert turns_seen(shared.prompt("FAKE:echo"))[0] == 2
    assert (shared.agent().mode, shared.agent().session.id) == ("plan", newer.session)
    assert shared.agent_pid() == pid
    shared.client.change_settings("gemini", mode=mode)


def test_an_earlier_session_is_gone_back_to(shared: TarsHome) -> None:
    """--session brings a conversation back after a reset, with what was counted of it."""
    old = shared.prompt("FAKE:usage:5000:10:4000:7").session
    shared.client.reset()
    shared.prompt("FAKE:usage:10:1")
    answer = shared.prompt("FAKE:echo", session=old)
    assert answer.session == old
    assert turns_seen(answer)[1][0] == "FAKE:usage:5000:10:4000:7"
    assert shared.session()["interactionCount"] == 2


# --- cancelling -------------------------------------------------------------


def _streaming(tars: TarsHome) -> Iterator[Any]:
    return under_way(tars, "FAKE:slow:100:0.2")


def _unanswered(tars: TarsHome) -> Iterator[Any]:
    return _requested(tars, "FAKE:hang0")


def _silent_stream(tars: TarsHome) -> Iterator[Any]:
    return under_way(tars, "FAKE:hang")


def _backing_off(tars: TarsHome) -> Iterator[Any]:
    return under_way(tars, "FAKE:429:2", sign="waiting")


def _backing_off_500(tars: TarsHome) -> Iterator[Any]:
    return under_way(tars, "FAKE:500", sign="waiting")


def _running_a_tool(tars: TarsHome) -> Iterator[Any]:
    """The CLI tells of a tool that it asked leave for only when that has ended: this one tells of
    itself."""
    pipe = tars.home.workspace / "pipe"
    os.mkfifo(pipe)
    (tars.home.workspace / "tool.sh").write_text("echo runs > pipe; exec sleep 600")
    stream = _requested(tars, "FAKE:shell:sh_tool.sh")
    assert pipe.read_text() == "runs\n"
    return stream


def _requested(tars: TarsHome, text: str) -> Iterator[Any]:
    """The turn has begun; that its request is out shows in the model's own log alone."""
    return under_way(tars, text, sign="started")


@pytest.mark.parametrize(
    "situation",
    [
        _streaming,
        _unanswered,
        _silent_stream,
        _backing_off,
        _backing_off_500,
        _running_a_tool,
    ],
)
def test_a_turn_is_cancelled_in_every_situation(
    shared: TarsHome, situation: Callable[[TarsHome], Iterator[Any]]
) -> None:
    """The agent obeys, lives on, and takes the next prompt."""
    pid = shared.agent_pid()
    stream = situation(shared)
    assert shared.client.cancel().turn is not None
    assert result(stream).outcome == "cancelled"
    assert shared.client.cancel().turn is None
    assert shared.prompt("FAKE:text").text == "Hello from the fake model."
    assert shared.agent_pid() == pid


def test_a_second_prompt_waits_for_the_first(shared: TarsHome) -> None:
    """The CLI itself would cancel the first; tars queues."""
    first = under_way(shared, "FAKE:slow:3:0.2")
    second = shared.prompt("FAKE:text")
    assert result(first).text == "part0 part1 done."
    assert second.outcome == "ok"


# --- permissions ------------------------------------------------------------


def ask_to_write(tars: TarsHome) -> tuple[Iterator[Any], PermissionStatus]:
    stream = tars.client.prompt(PromptRequest(text="FAKE:write:out.txt"))
    for name, event in stream:
        if name == "permission":
            assert isinstance(event, PermissionStatus)
            return stream, event
    raise AssertionError("nothing was asked")


@pytest.mark.parametrize(("answer", "written"), [([], True), (["--deny"], False)])
def test_a_permission_is_answered_by_a_person(
    asking: TarsHome, answer: list[str], written: bool
) -> None:
    """It stands in `tars status`, and `tars permit` answers it."""
    stream, asked = ask_to_write(asking)
    assert f"tars permit {asked.id}" in asking.tars("status").stdout
    assert asking.tars("permit", asked.id, *answer).returncode == 0
    assert result(stream).outcome == "ok"
    assert (asking.home.workspace / "out.txt").exists() is written


def test_cancelling_answers_an_open_permission(asking: TarsHome) -> None:
    """The CLI does not hear a cancel before its question is answered."""
    stream, _ = ask_to_write(asking)
    asking.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert asking.agent().permissions == []
    assert asking.prompt("FAKE:text").outcome == "ok"


def test_nobody_answers_a_permission(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]
) -> None:
    """After its time it is refused, and the turn goes on."""
    configure(tars, gemini_command, gemini_env, permissions='"ask"', permission_seconds="0.2")
    tars.start()
    stream, _ = ask_to_write(tars)
    assert result(stream).outcome == "ok"
    assert not (tars.home.workspace / "out.txt").exists()


def test_a_denied_kind_of_tool_is_refused_at_once(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]
) -> None:
    configure(tars, gemini_command, gemini_env, permissions='{ default = "allow", edit = "deny" }')
    tars.start()
    assert tars.prompt("FAKE:write:out.txt").outcome == "ok"
    assert not (tars.home.workspace / "out.txt").exists()


# --- errors -----------------------------------------------------------------


def limit_attempts(env: dict[str, str], attempts: int) -> None:
    """Let the CLI give up sooner than after four minutes."""
    settings = Path(env["HOME"]) / ".gemini" / "settings.json"
    wanted = json.loads(settings.read_text())
    wanted["general"]["maxAttempts"] = attempts
    settings.write_text(json.dumps(wanted))


@pytest.mark.parametrize(
    ("directive", "kind", "status"),
    [
        ("FAKE:429day", "quota", 4),
        ("FAKE:403", "bad_key", 4),
        ("FAKE:400", "model_error", 1),
        ("FAKE:cut", "model_error", 1),
        ("FAKE:malformed", "model_error", 1),
    ],
)
def test_an_error_of_the_model_is_told(
    shared: TarsHome, directive: str, kind: str, status: int
) -> None:
    """It ends the turn with its own kind and exit status; the agent lives on."""
    pid = shared.agent_pid()
    done = shared.tars("prompt", "--json", directive)
    answer = json.loads(done.stdout)
    assert (answer["outcome"], answer["error"]["kind"]) == ("error", kind), answer
    assert done.returncode == status
    assert answer["error"]["message"]
    assert shared.prompt("FAKE:text").outcome == "ok"
    assert shared.agent_pid() == pid


def test_errors_that_last_are_told_after_the_retries(
    tars: TarsHome, gemini_env: dict[str, str]
) -> None:
    """Meanwhile the status says what the agent waits for; then the turn fails."""
    limit_attempts(gemini_env, 2)
    tars.start()
    for directive, kind in (("FAKE:429:1", "rate_limit"), ("FAKE:500", "overloaded")):
        stream = under_way(tars, directive, sign="waiting")
        turn = tars.agent().turn
        assert turn is not None
        assert "the model" in (turn.waiting_for or "")
        ended = result(stream)
        assert ended.error is not None
        assert (ended.outcome, ended.error.kind) == ("error", kind)


def test_a_retry_that_works_is_a_success(shared: TarsHome) -> None:
    """One 429, then the answer: five silent seconds are no hang."""
    assert shared.prompt("FAKE:429-once:2").text == "Recovered after an error."


def test_an_empty_answer_is_counted_as_reported(shared: TarsHome) -> None:
    """Four attempts, of which the CLI reports the last and logs none: the sum stands alone."""
    answer = shared.prompt("FAKE:empty")
    assert (answer.outcome, answer.text) == ("ok", "")
    assert answer.usage.input_tokens == answer.usage.context_tokens > 0
    assert answer.usage.requests == 0


def start_fails(tars: TarsHome, kind: str) -> str:
    """`tars start` exits 4 and says what to do; nothing is tried again."""
    done = tars.tars("start")
    assert done.returncode == 4, done
    agent = tars.agent()
    assert agent.state == "failed"
    assert agent.last_error is not None
    assert agent.last_error.kind == kind
    assert agent.last_error.advice
    assert agent.restarts == 0
    prompt = tars.tars("prompt", "FAKE:text")
    assert prompt.returncode == 4
    assert prompt.stdout == ""
    return done.stderr + prompt.stderr


def test_no_key(tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]) -> None:
    """It fails at the start, and works once the key is there. A load asks for no key: where a
    conversation is resumed without one, only the next prompt finds out."""
    keyless = {**gemini_env, "GEMINI_API_KEY": ""}
    configure(tars, gemini_command, keyless)
    assert "GEMINI_API_KEY" in start_fails(tars, "not_signed_in")
    configure(tars, gemini_command, gemini_env)
    tars.client.reload()
    assert tars.client.change_agent("gemini", "start").state == "ready"
    assert tars.prompt("FAKE:text").outcome == "ok"
    configure(tars, gemini_command, keyless)
    tars.client.reload()
    assert tars.client.change_agent("gemini", "restart").state == "ready"
    done = tars.tars("prompt", "FAKE:text")
    assert done.returncode == 4, done
    assert "GEMINI_API_KEY" in done.stderr


def test_a_bad_key(tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]) -> None:
    """It shows at the first prompt, and nothing of the key is told or logged."""
    configure(tars, gemini_command, {**gemini_env, "GEMINI_API_KEY": "bad-key"})
    tars.start()
    done = tars.tars("prompt", "FAKE:text")
    assert done.returncode == 4
    assert "not valid" in done.stderr
    assert "bad-key" not in done.stderr
    assert "bad-key" not in tars.home.log.read_text()


def test_an_unknown_model(tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]) -> None:
    configure(tars, gemini_command, gemini_env, model='"no-such-model"')
    tars.start()
    done = tars.tars("prompt", "--json", "FAKE:text")
    assert json.loads(done.stdout)["error"]["kind"] == "unknown_model"
    assert done.returncode == 4


def test_an_untrusted_folder(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]
) -> None:
    """A mode that approves tools is refused there."""
    settings = Path(gemini_env["HOME"]) / ".gemini" / "settings.json"
    wanted = json.loads(settings.read_text())
    wanted["security"]["folderTrust"]["enabled"] = True
    settings.write_text(json.dumps(wanted))
    configure(tars, gemini_command, gemini_env, mode='"yolo"')
    assert "trust" in start_fails(tars, "untrusted_folder")


def test_not_installed(tars: TarsHome, gemini_env: dict[str, str], tmp_path: Path) -> None:
    configure(tars, tmp_path / "no" / "gemini", gemini_env)
    assert "npm install" in start_fails(tars, "not_installed")


def test_no_node(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str], tmp_path: Path
) -> None:
    """The CLI is a script for node: without it, that is what is said."""
    configure(tars, gemini_command, {**gemini_env, "PATH": str(tmp_path)})
    assert "Node.js" in start_fails(tars, "not_installed")


# --- what must not leak -----------------------------------------------------


def test_the_prompt_is_nobody_elses(
    tars: TarsHome, gemini_command: Path, gemini_env: dict[str, str]
) -> None:
    """Not in an argument vector or a log, nor in the database where no messages are kept; only
    the agent has it."""
    configure(tars, gemini_command, gemini_env, more_env='[store]\nmessages = "none"')
    tars.start()
    stream = under_way(tars, "sesame FAKE:slow:3:0.2")
    for process in tars.processes():
        assert "sesame" not in " ".join(process.cmdline())
    answer = result(stream)
    assert answer.outcome == "ok"
    tars.stop()
    for path in tars.home.root.rglob("*"):
        if path.is_file() and "gemini" not in path.parts[-1] and "workspace" not in path.parts:
            assert b"sesame" not in path.read_bytes(), path
            assert path.stat().st_mode & 0o077 == 0, path


def test_dumps_of_failed_turns_do_not_pile_up(shared: TarsHome) -> None:
    """The CLI writes whole conversations to TMPDIR: that is a private one, swept after a turn."""
    shared.prompt("FAKE:400")
    tmp = shared.home.agent_tmp("gemini")
    assert tmp.stat().st_mode & 0o077 == 0
    assert not any("gemini-client-error" in path.name for path in tmp.iterdir())


def test_one_node_process(shared: TarsHome) -> None:
    """Without the CLI's launcher in between, which swallows signals."""
    agent = psutil.Process(shared.agent_pid())
    assert [c.name() for c in agent.children(recursive=True)] == []


def test_what_a_turn_has_used_so_far_is_told(shared: TarsHome) -> None:
    """While its second tool runs, the requests before it stand in the status and the stream."""
    stream = shared.client.prompt(PromptRequest(text="FAKE:tools"))
    so_far = [(e.input_tokens, e.output_tokens) for _, e in stream if isinstance(e, Usage)]
    assert (1000, 10) in so_far
    assert so_far == sorted(so_far)
