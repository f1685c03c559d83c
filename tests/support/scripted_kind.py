"""The scripted child as an agent that tars knows: its kind, its codec, its log."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tars.agents.kind import Knowledge, Launch, Setup, Traces
from tars.conversation.model import (
    Garbled,
    Opened,
    OpenFailed,
    PermissionAsked,
    PermissionOption,
    ReportedUsage,
    RequestUsage,
    Said,
    SessionLost,
    Stop,
    TextSaid,
    ToolCallChanged,
    ToolStatus,
    TurnEnded,
)
from tars.errors import Fault, FaultKind
from tars.protocols.codec import Opening
from tars.protocols.lines import Lines, TooLong

CHILD = Path(__file__).with_name("scripted_child.py")
OPTIONS = (
    PermissionOption("yes", "Yes", "allow_once"),
    PermissionOption("no", "No", "reject_once"),
)
LINE_LIMIT = 2**20


class ScriptedCodec:
    """Words for `scripted_child`. A word that it does not know is a bug in the test."""

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.quiet_seconds: float | None = None
        self._lines = Lines(LINE_LIMIT)
        self._outgoing = bytearray()
        self._in_turn = False
        self._wanted = ""

    def open(self, opening: Opening) -> None:
        self._wanted = opening.session_id or ""
        self._say(f"open {opening.session_id or '-'}")

    def prompt(self, text: str, session_id: str | None = None) -> None:
        self._in_turn = True
        self._say(f"prompt {session_id or self.session_id or '-'} {text}")

    def cancel(self) -> None:
        self._say("cancel")

    def answer(self, request_id: str, option_id: str | None) -> None:
        self._say(f"answer {request_id} {option_id or '-'}")

    def forget_session(self) -> None:
        self.session_id = None

    def receive(self, data: bytes) -> list[Said]:
        said: list[Said] = []
        for line in self._lines.feed(data):
            if line == b"settling":
                self.quiet_seconds = 2.0
            else:
                said.append(self._read(line))
        return said

    def settle(self) -> list[Said]:
        self.quiet_seconds = None
        return [Opened(self._wanted, True)]

    def eof(self) -> list[Said]:
        if not self._in_turn:
            return []
        return [TurnEnded(Stop.ERROR, None, Fault(FaultKind.CRASHED, "It went without a word."))]

    def outgoing(self) -> bytes:
        data, self._outgoing = bytes(self._outgoing), bytearray()
        return data

    def _say(self, line: str) -> None:
        self._outgoing += f"{line}\n".encode()

    def _read(self, line: bytes | TooLong) -> Said:
        if isinstance(line, TooLong):
            return Garbled("a line is too long", line.size)
        match line.decode("utf-8", "replace").split():
            case ["opened", session, resumed]:
                self.session_id = session
                return Opened(session, resumed == "yes", "scripted-1")
            case ["failed", kind]:
                return OpenFailed(Fault(FaultKind(kind), "It said no."))
            case ["lost", session]:
                return SessionLost(session, "It was told to.")
            case ["text", *words]:
                return TextSaid(" ".join(words))
            case ["tool", call, status]:
                return ToolCallChanged(call, ToolStatus(status))
            case ["ask", request, kind]:
                return PermissionAsked(request, f"May I {kind}?", kind, OPTIONS)
            case ["end", stop, *tokens]:
                self._in_turn = False
                return TurnEnded(Stop(stop), _usage(tokens))
            case ["limit", seconds, *tokens]:
                self._in_turn = False
                until = time.time() + float(seconds)
                fault = Fault(FaultKind.QUOTA, "The limit is reached.", until=until)
                return TurnEnded(Stop.ERROR, _usage(tokens), fault)
            case _:
                return Garbled("no words that are known", len(line))


def _usage(tokens: list[str]) -> ReportedUsage | None:
    return ReportedUsage(int(tokens[0]), int(tokens[1])) if tokens else None


@dataclass(slots=True)
class ScriptedLog:
    """What the agent has logged of one session. `reads` counts how often it was looked at."""

    requests: list[RequestUsage] = field(default_factory=list)
    reads: int = 0
    broken: bool = False
    guarded: int = 0
    tidied: int = 0


class ScriptedHistory:
    """A reader of a `ScriptedLog`."""

    def __init__(self, log: ScriptedLog, mark: str) -> None:
        self._log = log
        self._position = int(mark) if mark else len(log.requests)

    def mark(self) -> str:
        return str(self._position)

    def read(self) -> tuple[RequestUsage, ...] | None:
        self._log.reads += 1
        if self._log.broken:
            raise ValueError("a log that nobody expected")
        fresh = tuple(self._log.requests[self._position :])
        self._position += len(fresh)
        return fresh

    def guard(self) -> None:
        self._log.guarded += 1

    def tidy(self) -> None:
        self._log.tidied += 1


@dataclass(slots=True)
class ScriptedKind:
    """`handshake` is the script that the child runs when it is opened; `logs` is None for
    an agent that keeps none. `broken` names a method that fails with a bug. `knows`: its
    process has one session, and of earlier ones it knows these."""

    handshake: str = "open SESSION"
    logs: dict[str, ScriptedLog] | None = None
    broken: str = ""
    argv: tuple[str, ...] | None = None
    to_file: bool = True
    knows: frozenset[str] | None = None

    name = "scripted"
    protocols = ("warm", "one-shot")
    command = (sys.executable,)
    trusts_exit_status = False
    install_advice = "Install it."

    counts_on_the_wire = False

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge("nothing")

    def traces(self, env: Mapping[str, str]) -> Traces:
        return Traces()

    def one_shot(self, protocol: str) -> bool:
        return protocol == "one-shot"

    def program(self, command: tuple[str, ...], env: Mapping[str, str]) -> str | None:
        return command[0]

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        self._fail("launch")
        one_shot = self.one_shot(setup.protocol)
        # -I and -S: it starts in a quarter of the time.
        argv = (sys.executable, "-I", "-S", str(CHILD), self.handshake)
        return Launch(
            self.argv or (*argv, setup.protocol),
            setup.env,
            setup.cwd,
            stdout_to_file=one_shot and self.to_file,
            session_id=self._held(session_id),
        )

    def _held(self, session_id: str | None) -> str:
        if self.knows is None:
            return ""
        return session_id if session_id in self.knows else "s1"

    def codec(self, setup: Setup) -> ScriptedCodec:
        self._fail("codec")
        return ScriptedCodec()

    def history(self, setup: Setup, session_id: str, mark: str = "") -> ScriptedHistory | None:
        if self.logs is None:
            return None
        return ScriptedHistory(self.logs.setdefault(session_id, ScriptedLog()), mark)

    def retrying(self, stderr_line: str) -> str | None:
        self._fail("retrying")
        return stderr_line if stderr_line.startswith("retry") else None

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        self._fail("last_words")
        if "sign in" in stderr_tail:
            return Fault(FaultKind.NOT_SIGNED_IN, "It is not signed in.")
        return None

    def _fail(self, method: str) -> None:
        if method == self.broken:
            raise RuntimeError(f"a bug in {method}")
