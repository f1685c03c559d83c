"""The built-in agent, as a real process: every command does what its documentation says."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tars.agents.echo import script
from tars.agents.echo.memory import PREFIX_TOKENS
from tars.conversation.model import (
    Garbled,
    OpenFailed,
    PermissionAsked,
    ReportedUsage,
    Said,
    Stop,
    TextSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import FaultKind
from tests.support.stdio import StdioAgent, answer, end, gone, opened, question


@pytest.fixture
def agent() -> Iterator[StdioAgent]:
    """A process with an open session."""
    with StdioAgent() as agent:
        opened(agent.open())
        yield agent


def is_text(said: Said) -> bool:
    return isinstance(said, TextSaid)


def is_question(said: Said) -> bool:
    return isinstance(said, PermissionAsked)


def is_end(said: Said) -> bool:
    return isinstance(said, TurnEnded)


def tokens(said: list[Said]) -> tuple[int, int]:
    usage = end(said).usage
    assert isinstance(usage, ReportedUsage)
    return usage.input, usage.output


def cancelled(agent: StdioAgent) -> list[Said]:
    """Cancel the turn, and hear its end."""
    agent.codec.cancel()
    return agent.hear(is_end)


# Answers and tokens


def test_a_prompt_is_echoed_in_three_pieces(agent: StdioAgent) -> None:
    """The pieces make the whole, however they are cut."""
    said = agent.ask("hello there, ünïcode")
    assert [type(s) for s in said] == [TextSaid] * 3 + [TurnEnded]
    assert answer(said) == "echo: hello there, ünïcode"
    assert end(said).stop is Stop.DONE


def test_tokens_are_words(agent: StdioAgent) -> None:
    """Input is the prefix and the history's words; output is the answer's words."""
    assert tokens(agent.ask("one two")) == (PREFIX_TOKENS + 2, 3)
    # one two / echo: one two / three
    assert tokens(agent.ask("three")) == (PREFIX_TOKENS + 2 + 3 + 1, 2)


def test_a_fresh_session_has_a_history_of_its_own(agent: StdioAgent) -> None:
    """One process serves many sessions."""
    agent.ask("one")
    assert answer(agent.ask("ECHO:history")) == "turns=2"
    agent.codec.forget_session()
    assert answer(agent.ask("ECHO:history")) == "turns=1"


def test_usage_is_what_was_asked_for(agent: StdioAgent) -> None:
    """`ECHO:usage` sets the figures of one request."""
    assert tokens(agent.ask("please ECHO:usage:500:7:300:2 now")) == (500, 7)


def test_tools_play_the_worked_example(agent: StdioAgent) -> None:
    """Three requests, summed, and two tool calls from begin to end."""
    said = agent.ask("ECHO:tools")
    assert tokens(said) == (3300, 60)
    assert [(s.call_id, s.status) for s in said if isinstance(s, ToolCallChanged)] == [
        ("call-1", ToolStatus.RUNNING),
        ("call-1", ToolStatus.COMPLETED),
        ("call-2", ToolStatus.RUNNING),
        ("call-2", ToolStatus.COMPLETED),
    ]


def test_slow_answers_in_so_many_pieces(agent: StdioAgent) -> None:
    """The number of pieces is the command's."""
    assert answer(agent.ask("ECHO:slow:4:0.001")) == "1 2 3 4 "


def test_mode_and_model_are_set_when_the_session_opens() -> None:
    """`ECHO:state` tells what the agent was told."""
    with StdioAgent() as agent:
        agent.open(mode="yolo", model="parrot")
        assert answer(agent.ask("ECHO:state")) == "mode=yolo model=parrot"


# Permissions


@pytest.mark.parametrize(
    ("option", "heard"),
    [
        ("proceed_once", "echo: allow_once"),
        ("proceed_always", "echo: allow_always"),
        ("cancel", "echo: reject_once"),
        (None, "echo: cancelled"),
    ],
)
def test_ask_says_what_was_answered(agent: StdioAgent, option: str | None, heard: str) -> None:
    """A question of the wanted kind waits; a tool that was allowed is completed."""
    asked = question(agent.begin("ECHO:ask:edit", is_question))
    assert asked.tool_kind == "edit"
    assert {o.kind for o in asked.options} == {"allow_once", "allow_always", "reject_once"}
    agent.codec.answer(asked.request_id, option)
    said = agent.hear(is_end)
    assert answer(said) == heard
    ran = [s.status for s in said if isinstance(s, ToolCallChanged)]
    assert ran == ([ToolStatus.COMPLETED] if option and "proceed" in option else [])


def test_a_cancel_while_asking_ends_the_turn_once_it_is_answered(agent: StdioAgent) -> None:
    """As in Gemini CLI the cancel is not heard before."""
    agent.begin("ECHO:ask", is_question)
    assert end(cancelled(agent)).stop is Stop.CANCELLED


# Trouble in a turn


@pytest.mark.parametrize("text", ["ECHO:slow:3:3600", "ECHO:tools:hang"])
def test_a_turn_that_goes_on_obeys_a_cancel(agent: StdioAgent, text: str) -> None:
    """Cancelled in mid-turn, it reports no usage, and the next prompt is answered."""
    agent.begin(text, lambda said: isinstance(said, (TextSaid, ToolCallChanged)))
    ended = end(cancelled(agent))
    assert (ended.stop, ended.usage) == (Stop.CANCELLED, None)
    assert answer(agent.ask("again")) == "echo: again"


def test_a_hung_turn_says_nothing_and_obeys_a_cancel(agent: StdioAgent) -> None:
    """Not a byte is heard between the prompt and the cancel."""
    agent.codec.prompt("ECHO:hang")
    assert [type(s) for s in cancelled(agent)] == [TurnEnded]


def test_a_stalled_turn_reports_its_retries_on_stderr(agent: StdioAgent) -> None:
    """Only stderr shows life, until it is cancelled."""
    agent.codec.prompt("ECHO:stall")
    agent.hear_error("Attempt 1 failed with status 429. Retrying after 100ms...")
    agent.hear_error("Attempt 2 failed")
    assert end(cancelled(agent)).stop is Stop.CANCELLED


def test_a_stall_of_some_retries_ends_in_an_answer(agent: StdioAgent) -> None:
    """After so many retries the model is there."""
    assert answer(agent.ask("ECHO:stall:1")) == "echo: at last"
    agent.hear_error("Attempt 1 failed")


def test_a_deaf_agent_obeys_nothing_but_sigkill(agent: StdioAgent) -> None:
    """Cancel, SIGINT, SIGTERM and the end of stdin leave it as it is."""
    agent.begin("ECHO:deaf", is_text)
    agent.codec.cancel()
    agent.send(agent.codec.outgoing())
    agent.signal(signal.SIGINT)
    agent.signal(signal.SIGTERM)
    # It still answers other requests; the codec, having asked nothing, calls that garbled.
    request = b'{"jsonrpc":"2.0","id":"probe","method":"initialize","params":{}}\n'
    agent.send(request)
    (heard,) = agent.hear(lambda said: isinstance(said, Garbled))
    assert isinstance(heard, Garbled)
    agent.signal(signal.SIGKILL)
    assert agent.exit_status() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ECHO:error:500", FaultKind.OVERLOADED),
        ("ECHO:error:429", FaultKind.RATE_LIMIT),
        ("ECHO:error:-32603", FaultKind.MODEL_ERROR),
        ("ECHO:quota", FaultKind.RATE_LIMIT),
        ("ECHO:no", FaultKind.MODEL_ERROR),
        ("ECHO:slow:1", FaultKind.MODEL_ERROR),
        ("ECHO:slow:1:2:3", FaultKind.MODEL_ERROR),
        ("ECHO:big:much", FaultKind.MODEL_ERROR),
        ("ECHO:tools:hammer", FaultKind.MODEL_ERROR),
    ],
)
def test_errors_end_the_turn_and_not_the_agent(
    agent: StdioAgent, text: str, kind: FaultKind
) -> None:
    """A wrong command is an error too, so that nothing is played by mistake."""
    ended = end(agent.ask(text))
    assert ended.stop is Stop.ERROR
    assert ended.fault is not None
    assert ended.fault.kind is kind
    assert answer(agent.ask("again")) == "echo: again"


@pytest.mark.parametrize(
    ("text", "status"),
    [("ECHO:crash", 1), ("ECHO:crash:0", 0), ("ECHO:crash:41", 41), ("ECHO:kill", -9)],
)
def test_an_agent_that_dies_says_a_word_first(agent: StdioAgent, text: str, status: int) -> None:
    """The status is the command's; the turn ends with an error, not with a success."""
    said = agent.ask(text)
    assert answer(said).startswith("echo: ")
    assert end(said).stop is Stop.ERROR
    assert agent.exit_status() == status


def test_a_big_answer_is_one_piece(agent: StdioAgent) -> None:
    """3 MB arrive whole."""
    said = agent.ask("ECHO:big:3000000")
    assert [len(s.text) for s in said if isinstance(s, TextSaid)] == [3_000_000]


def test_a_long_line_is_garbage_of_its_size(agent: StdioAgent) -> None:
    """The line is no message; the turn goes on after it."""
    said = agent.ask("ECHO:line:2500000")
    assert [s.size for s in said if isinstance(s, Garbled)] == [2_500_000]
    assert answer(said) == "echo: that was a long line"


def test_garbage_is_followed_by_an_answer(agent: StdioAgent) -> None:
    """Binary, half a character, `null` and `123` are each heard as garbage."""
    said = agent.ask("ECHO:garbage")
    assert sum(isinstance(s, Garbled) for s in said) >= 6
    assert answer(said) == "echo: that was garbage"


def test_memory_grows_by_what_was_asked(agent: StdioAgent) -> None:
    """The resident memory really grows, and stays."""
    process = psutil.Process(agent.pid)
    before = process.memory_info().rss
    agent.ask("ECHO:mem:32")
    assert process.memory_info().rss - before >= 31 * 2**20


def test_a_leaked_process_outlives_the_agent_in_its_group(agent: StdioAgent) -> None:
    """It is in the agent's process group, and holds none of its pipes open."""
    leaked = int(answer(agent.ask("ECHO:leak")).removeprefix("pid="))
    assert os.getpgid(leaked) == agent.pid
    assert agent.hang_up() == 0
    assert psutil.pid_exists(leaked)
    os.killpg(agent.pid, signal.SIGKILL)
    assert gone(leaked)


# Start and end


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        ("handshake", FaultKind.MODEL_ERROR),
        ("session", FaultKind.MODEL_ERROR),
        ("no-key", FaultKind.NOT_SIGNED_IN),
    ],
)
def test_a_spoiled_start_is_told(fail: str, kind: FaultKind) -> None:
    """Each refusal of the handshake has its fault."""
    with StdioAgent(env={"TARS_ECHO_FAIL": fail}) as agent:
        (failed,) = agent.open()
        assert isinstance(failed, OpenFailed)
        assert failed.fault.kind is kind


def test_a_crash_at_the_start_is_an_exit(tmp_path: Path) -> None:
    """It exits before a word on stdout."""
    with StdioAgent(env={"TARS_ECHO_FAIL": "crash-at-start"}) as agent:
        assert agent.exit_status() == 1
        assert agent.errors == "Told to crash at the start.\n"


def test_a_slow_handshake_is_alive_and_obeys_the_end_of_stdin() -> None:
    """It answers other requests meanwhile."""
    with StdioAgent(env={"TARS_ECHO_FAIL": "slow-handshake"}) as agent:
        agent.send(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n')
        agent.send(b'{"jsonrpc":"2.0","id":2,"method":"nothing","params":{}}\n')
        (heard,) = agent.hear(lambda said: True)
        assert isinstance(heard, Garbled)
        assert agent.hang_up() == 0


@pytest.mark.parametrize("text", ["ECHO:hang", "ECHO:slow:3:3600", "ECHO:stall", "ECHO:ask"])
def test_the_end_of_stdin_is_a_goodbye_however_busy(agent: StdioAgent, text: str) -> None:
    """Exit status 0, at once."""
    agent.codec.prompt(text)
    agent.send(agent.codec.outgoing())
    assert agent.hang_up() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_traceback(agent: StdioAgent, number: int) -> None:
    """The status tells the signal."""
    agent.signal(number)
    assert agent.exit_status() == -number
    assert agent.errors == ""


@pytest.mark.parametrize(
    "noise",
    [
        b"garbage\n",
        b"\xff\xfe\n",
        b"null\n123\n[]\n\n",
        b"[" * 100_000 + b"\n",
        b'{"jsonrpc":"2.0","method":"unknown/notification"}\n',
        b'{"jsonrpc":"2.0","id":77,"result":{}}\n',
        b'{"jsonrpc":"2.0","method":["x"]}\n',
    ],
)
def test_noise_on_stdin_is_left_alone(agent: StdioAgent, noise: bytes) -> None:
    """The conversation goes on."""
    agent.send(noise)
    assert answer(agent.ask("still there?")) == "echo: still there?"


@pytest.mark.parametrize(
    "request_line",
    [
        b'{"jsonrpc":"2.0","id":"x","method":"session/list"}\n',
        b'{"jsonrpc":"2.0","id":"x","method":"session/prompt","params":[]}\n',
        b'{"jsonrpc":"2.0","id":"x","method":"session/prompt","params":{"sessionId":"y"}}\n',
        b'{"jsonrpc":"2.0","id":"x","method":"session/set_mode","params":{"sessionId":4}}\n',
        b'{"jsonrpc":"2.0","id":"x","method":"session/load","params":{"sessionId":"../x"}}\n',
        b'{"jsonrpc":"2.0","id":"x","method":"session/load","params":{"sessionId":["x"]}}\n',
    ],
)
def test_a_request_that_makes_no_sense_is_refused(agent: StdioAgent, request_line: bytes) -> None:
    """Each gets an answer, which the codec, having asked nothing, calls garbled."""
    agent.send(request_line)
    assert isinstance(agent.hear(lambda said: True)[0], Garbled)
    assert answer(agent.ask("still there?")) == "echo: still there?"


# Sessions across processes


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], StdioAgent]]:
    """Start processes that share a folder of sessions."""
    started: list[StdioAgent] = []

    def start() -> StdioAgent:
        started.append(StdioAgent(env={"TARS_ECHO_HOME": str(tmp_path / "echo")}))
        return started[-1]

    yield start
    for agent in started:
        agent.__exit__(None, None, None)


def test_a_session_comes_back_in_another_process(start: Callable[[], StdioAgent]) -> None:
    """After SIGKILL the history and its tokens are what they were."""
    first = start()
    session = opened(first.open()).session_id
    first.ask("one two")
    first.signal(signal.SIGKILL)
    first.exit_status()
    second = start()
    back = opened(second.open(session))
    assert (back.session_id, back.resumed) == (session, True)
    said = second.ask("ECHO:history")
    assert answer(said) == "turns=2"
    # one two / echo: one two / ECHO:history
    assert tokens(said) == (PREFIX_TOKENS + 2 + 3 + 1, 1)


def test_a_prompt_that_was_interrupted_stays_in_the_history(
    start: Callable[[], StdioAgent],
) -> None:
    """It is written before it is answered, as Gemini CLI does."""
    first = start()
    session = opened(first.open()).session_id
    first.ask("one")
    first.ask("ECHO:kill")
    second = start()
    second.open(session)
    assert answer(second.ask("ECHO:history")) == "turns=3"


def test_a_session_that_is_not_there_is_refused(start: Callable[[], StdioAgent]) -> None:
    """The codec then begins a new one, and says that the old one is lost."""
    said = start().open("echo-0000")
    assert opened(said).resumed is False
    assert opened(said).session_id != "echo-0000"


def test_files_are_their_owners_alone(start: Callable[[], StdioAgent], tmp_path: Path) -> None:
    """The folder is 0700 and its files 0600."""
    start().open()
    folder = tmp_path / "echo"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {f.stat().st_mode & 0o777 for f in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2


# Documentation, and speed


def test_every_command_is_documented() -> None:
    """The module's docstring shows what the table holds, and nothing else."""
    documented = set(re.findall(r"^    ECHO:([a-z]+)", str(script.__doc__), re.MULTILINE))
    assert documented == set(script.COMMANDS)
