"""What the agent answers, and what a prompt can tell it to do instead.

A prompt is answered with ``echo: <prompt>`` in three pieces, at the price of one model
request (`memory` says how its tokens are counted). A prompt that holds one of these
commands, anywhere in its text, is played by it:

    ECHO:history               says `turns=N`: the prompts of this session so far
    ECHO:state                 says `mode=M model=M`, as the session has them
    ECHO:usage:P:O:C:T         one model request: P input, O output, C cached, T thoughts
    ECHO:tools                 three model requests (input 1000, 1100, 1200, output 10, 20, 30,
                               cached 0, 900, 1000, thoughts 5, 6, 7) with two tool calls
    ECHO:tools:hang            the first of these requests; then its tool never ends
    ECHO:loop:N                makes the same tool call N times, with the same result, and
                               then waits for a cancel
    ECHO:ask[:KIND]            asks for permission for a tool of this kind (execute) and
                               says what was answered, `cancelled` included
    ECHO:slow:N:SECONDS        N pieces, with a pause after each
    ECHO:stall[:N]             reports N retries on stderr, a tenth of a second apart, and
                               then answers; without N it never does
    ECHO:hang                  never answers, but obeys a cancel
    ECHO:deaf                  never answers; ignores cancel, SIGINT, SIGTERM and the end of
                               stdin, for as long as its parent lives
    ECHO:error:CODE            a JSON-RPC error with this code, -32603 for example
    ECHO:quota                 the error for a day's quota that is used up (429)
    ECHO:limit:SECONDS         the same, until so many seconds after it was first asked for;
                               the error says until when, and then there is an answer
    ECHO:crash[:STATUS]        exits at once, with status 1 or this one
    ECHO:kill                  kills itself with SIGKILL
    ECHO:big:BYTES             a single piece of text of this size
    ECHO:line:BYTES            a line of this size that is not JSON, and then an answer
    ECHO:garbage               lines of binary, half a UTF-8 character, `null`, `123` and the
                               like, and then an answer
    ECHO:mem:MIB               grows by so much memory, and keeps it
    ECHO:leak                  starts a process in its own process group, says `pid=N`, and
                               leaves it behind

An unknown command, or one with wrong arguments, is a JSON-RPC error: nothing is played
by mistake.
"""

# ruff: noqa: ARG001 - all commands have one signature

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Generator

from tars.agents.echo.memory import Session

_COMMAND = re.compile(r"ECHO:([a-z]+)((?::[a-z0-9_.-]+)*)")
_MIB = 2**20
_RETRY_SECONDS = 0.1
FOREVER = float("inf")
INVALID_PARAMS = -32602

Json = dict[str, object]

#: Until when a session's quota is used up, in seconds since the epoch.
_limits: dict[str, float] = {}

_TOOLS = (
    {"input": 1000, "output": 10, "cached": 0, "thoughts": 5},
    {"input": 1100, "output": 20, "cached": 900, "thoughts": 6},
    {"input": 1200, "output": 30, "cached": 1000, "thoughts": 7},
)
_GARBAGE = (
    b"\x00\x01\xfe\xff",
    b"\xc3",
    b'{"jsonrpc":"2.0","method":"session/update","params":{"text":"\xc3"}}',
    b"null",
    b"123",
    b"[]",
    b"{}",
    b'"text"',
    b"",
)

#: Memory that `ECHO:mem` took.
_grown: list[bytearray] = []


class Ask:
    """Wait until the client has answered this request for permission."""

    def __init__(self, tool_call: Json, options: list[Json]) -> None:
        self.tool_call = tool_call
        self.options = options


class Drain:
    """Wait until the client has read what was sent."""


class Failure(Exception):
    """The turn ends with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


#: A number waits for so many seconds.
Wait = float | Ask | Drain
#: Is sent the kind of the chosen option where it waited for a permission.
Steps = Generator[Wait, str | None, None]


class Turn:
    """One prompt under way. `update` sends a session/update and `raw` any bytes."""

    def __init__(
        self, session: Session, *, update: Callable[[Json], None], raw: Callable[[bytes], None]
    ) -> None:
        self.session = session
        self.update = update
        self.raw = raw
        self.deaf = False
        self.said: list[str] = []
        self.input = 0
        self.output = 0

    def say(self, text: str) -> None:
        self.said.append(text)
        content = {"type": "text", "text": text}
        self.update({"sessionUpdate": "agent_message_chunk", "content": content})

    def count(self, *, input: int, output: int, cached: int, thoughts: int) -> None:
        self.input += input
        self.output += output
        self.session.count(input=input, output=output, cached=cached, thoughts=thoughts)

    def answer(self, text: str) -> None:
        """Say a whole answer, and count the one request that it took."""
        self.say(text)
        self.count_words()

    def count_words(self) -> None:
        session = self.session
        output = len("".join(self.said).split())
        cached = session.next_cached()
        self.count(input=session.next_input(), output=output, cached=cached, thoughts=0)


def play(turn: Turn, text: str) -> Steps:
    """Answer a prompt, step by step. Raises Failure."""
    found = _COMMAND.search(text)
    if found is None:
        yield from _echo(turn, text)
        return
    name, *args = (found[1] + found[2]).split(":")
    try:
        command, values = COMMANDS[name], COMMANDS[name].read(args)
    except (KeyError, ValueError):
        raise Failure(INVALID_PARAMS, f"No such command: {found[0]}") from None
    steps = command.play(turn, *values)
    if steps is not None:
        yield from steps


def _echo(turn: Turn, text: str) -> Steps:
    answer = f"echo: {text}"
    third = -(-len(answer) // 3)
    for start in range(0, len(answer), third):
        turn.say(answer[start : start + third])
        yield 0
    turn.count_words()


def _history(turn: Turn) -> None:
    turn.answer(f"turns={turn.session.user_turns}")


def _state(turn: Turn) -> None:
    turn.answer(f"mode={turn.session.mode} model={turn.session.model}")


def _usage(turn: Turn, input: int, output: int, cached: int, thoughts: int) -> None:
    turn.say("echo: counted")
    turn.count(input=input, output=output, cached=cached, thoughts=thoughts)


def _tools(turn: Turn, then: str = "go on") -> Steps:
    for number, tokens in enumerate(_TOOLS[:2], 1):
        call_id = f"call-{number}"
        turn.count(**tokens)
        turn.update(
            {
                "sessionUpdate": "tool_call",
                "toolCallId": call_id,
                "status": "in_progress",
                "title": f"file-{number}.txt",
                "kind": "read",
                "content": [],
                "locations": [{"path": f"/file-{number}.txt"}],
            }
        )
        yield FOREVER if then == "hang" else 0
        turn.update(_completed(call_id))
    turn.say("echo: both files were read")
    turn.count(**_TOOLS[2])


def _completed(call_id: str) -> Json:
    return {
        "sessionUpdate": "tool_call_update",
        "toolCallId": call_id,
        "status": "completed",
        "content": [{"type": "content", "content": {"type": "text", "text": "done"}}],
    }


def _loop(turn: Turn, times: int) -> Steps:
    for number in range(times):
        call = {"toolCallId": f"call-{number}", "status": "in_progress", "title": "ls"}
        turn.update({"sessionUpdate": "tool_call", "kind": "execute", "content": [], **call})
        turn.update(_completed(f"call-{number}"))
        yield Drain()
    yield FOREVER


def _ask(turn: Turn, kind: str = "execute") -> Steps:
    options: list[Json] = [
        {"optionId": "proceed_always", "name": "Always allow", "kind": "allow_always"},
        {"optionId": "proceed_once", "name": "Allow once", "kind": "allow_once"},
        {"optionId": "cancel", "name": "Reject", "kind": "reject_once"},
    ]
    tool_call: Json = {
        "toolCallId": "call-1",
        "status": "pending",
        "title": f"a tool of kind {kind}",
        "kind": kind,
        "content": [],
        "locations": [],
    }
    answered = str((yield Ask(tool_call, options)))
    # As Gemini CLI: a refused tool is heard of no more.
    if answered.startswith("allow"):
        turn.update(_completed("call-1"))
    turn.answer(f"echo: {answered}")


def _slow(turn: Turn, pieces: int, seconds: float) -> Steps:
    for number in range(1, pieces + 1):
        turn.say(f"{number} ")
        yield seconds
    turn.count_words()


def _stall(turn: Turn, retries: float = FOREVER) -> Steps:
    attempt = 0
    while attempt < retries:
        attempt += 1
        wait = f"Retrying after {_RETRY_SECONDS * 1000:.0f}ms..."
        print(f"Attempt {attempt} failed with status 429. {wait}", file=sys.stderr, flush=True)
        yield _RETRY_SECONDS
    turn.answer("echo: at last")


def _hang(turn: Turn) -> Steps:
    yield FOREVER


def _deaf(turn: Turn) -> Steps:
    turn.deaf = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parent = os.getppid()
    turn.say("echo: deaf")
    while os.getppid() == parent:
        yield 1
    os._exit(1)


def _error(turn: Turn, code: int) -> None:
    raise Failure(code, f"Told to fail with code {code}.")


def _limit(turn: Turn, seconds: float) -> None:
    until = _limits.setdefault(turn.session.id, time.time() + seconds)
    if time.time() < until:
        raise Failure(429, f"You have exhausted your daily quota until {until:.3f}.")
    turn.answer("echo: renewed")


def _quota(turn: Turn) -> None:
    raise Failure(429, "You have exhausted your daily quota on this model.")


def _crash(turn: Turn, status: int = 1) -> Steps:
    turn.say("echo: crashing")
    yield Drain()
    print("Told to crash.", file=sys.stderr, flush=True)
    os._exit(status)


def _kill(turn: Turn) -> Steps:
    turn.say("echo: killing")
    yield Drain()
    os.kill(os.getpid(), signal.SIGKILL)


def _big(turn: Turn, size: int) -> None:
    turn.answer("x" * size)


def _line(turn: Turn, size: int) -> Steps:
    for written in range(0, size, _MIB):
        turn.raw(b"x" * min(_MIB, size - written))
        yield Drain()
    turn.raw(b"\n")
    turn.answer("echo: that was a long line")


def _garbage(turn: Turn) -> None:
    for line in _GARBAGE:
        turn.raw(line + b"\n")
    turn.answer("echo: that was garbage")


def _mem(turn: Turn, mebibytes: int) -> None:
    # Filled, because untouched zeros take no memory.
    _grown.append(bytearray(b"x") * (mebibytes * _MIB))
    turn.answer(f"echo: grown by {mebibytes} MiB")


def _leak(turn: Turn) -> None:
    # Its own stdio: the pipes must end when the agent does.
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    pid = os.posix_spawnp("sleep", ["sleep", "3600"], os.environ, file_actions=null)
    turn.answer(f"pid={pid}")


class Command:
    """How to play a command, and how to read its arguments, the first `required` of which
    have to be there."""

    def __init__(
        self,
        play: Callable[..., Steps | None],
        *readers: Callable[[str], object],
        required: int | None = None,
    ) -> None:
        self.play = play
        self._readers = readers
        self._required = len(readers) if required is None else required

    def read(self, args: list[str]) -> list[object]:
        """Raises ValueError."""
        if not self._required <= len(args) <= len(self._readers):
            raise ValueError
        return [reader(arg) for reader, arg in zip(self._readers, args, strict=False)]


def _hang_word(arg: str) -> str:
    if arg != "hang":
        raise ValueError
    return arg


COMMANDS = {
    "history": Command(_history),
    "state": Command(_state),
    "usage": Command(_usage, int, int, int, int),
    "tools": Command(_tools, _hang_word, required=0),
    "loop": Command(_loop, int),
    "ask": Command(_ask, str, required=0),
    "slow": Command(_slow, int, float),
    "stall": Command(_stall, int, required=0),
    "hang": Command(_hang),
    "deaf": Command(_deaf),
    "error": Command(_error, int),
    "limit": Command(_limit, float),
    "quota": Command(_quota),
    "crash": Command(_crash, int, required=0),
    "kill": Command(_kill),
    "big": Command(_big, int),
    "line": Command(_line, int),
    "garbage": Command(_garbage),
    "mem": Command(_mem, int),
    "leak": Command(_leak),
}
