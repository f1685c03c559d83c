"""An agent that does what it is told, on a protocol of words: a program of its own.

    tars ► child    open SESSION · prompt SESSION SCRIPT · cancel · answer ID OPTION
    child ► tars    opened SESSION yes|no · failed KIND · lost SESSION · text WORDS
                    tool ID STATUS · ask ID KIND · settling · end STOP [INPUT OUTPUT]
                    limit SECONDS [INPUT OUTPUT]

A prompt is a script: steps with semicolons between them. `PARTS` below has them all. The
first argument is the script of the handshake, the second, `one-shot`, makes it take one
prompt and go. It starts in ten milliseconds, for it imports next to nothing.
"""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Python would make exceptions of it; an agent just dies of it.
signal.signal(signal.SIGINT, signal.SIG_DFL)
ended = False
limited = False


def tell(line: str) -> None:
    data = f"{line}\n".encode()
    while data:
        data = data[os.write(1, data) :]


def hear() -> list[str]:
    """Wait for a line, whatever it is; nothing tells that it came."""
    line = sys.stdin.buffer.readline().decode()
    if not line:
        os._exit(0)
    return line.split()


def open_session(session: str = "-") -> None:
    tell(f"opened {'s1' if session == '-' else session} {'no' if session == '-' else 'yes'}")


def end(*words: str) -> None:
    global ended
    ended = True
    tell(f"end {' '.join(words)}")


class Over(Exception):
    """The rest of the script is not played."""


def limit(*words: str) -> None:
    """End the turn for a limit of the account, the first time; then it is no more."""
    global ended, limited
    if not limited:
        limited = ended = True
        tell(f"limit {' '.join(words)}")
        raise Over


def wait(*_: str) -> None:
    """Work until the cancel comes, and obey it."""
    while hear() != ["cancel"]:
        pass
    end("cancelled")


def ask(kind: str) -> None:
    """Wait for leave, and say what the answer was."""
    tell(f"ask r1 {kind}")
    match hear():
        case ["answer", _, "-"]:
            tell("text refused")
        case ["answer", _, option]:
            tell(f"text chose:{option}")
        case _:
            end("error")


def stay(*_: str) -> None:
    """Neither listen nor speak any more."""
    while True:
        signal.pause()


def deaf(*_: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def flood(mebibytes: str) -> None:
    """Write one endless line."""
    block = b"x" * 2**20
    for _ in range(int(mebibytes)):
        data = block
        while data:
            data = data[os.write(1, data) :]
    tell("")


def lines(count: str) -> None:
    for number in range(int(count)):
        tell(f"text {number:063d}")


def bear(*escape: str) -> None:
    """Fork a grandchild that holds the pipes open; `escape` lets it leave the session."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        if escape:
            os.setsid()
        os.write(writer, b".")
        stay()
    os.read(reader, 1)
    tell(f"text {pid}")


def burn(*_: str) -> None:
    """Work without a word."""
    while True:
        pass


def bearbusy(*_: str) -> None:
    """Fork a grandchild that works without a word."""
    if os.fork() == 0:
        burn()


def closeout(*_: str) -> None:
    os.close(1)
    stay()


def stuff(mebibytes: str) -> None:
    """Grow."""
    global ballast
    ballast = b"x" * (int(mebibytes) * 2**20)


def stderr(*words: str) -> None:
    os.write(2, f"{' '.join(words)}\n".encode())


def torn(*words: str) -> None:
    os.write(2, " ".join(words).encode())


ballast = b""
PARTS: "dict[str, Callable[..., object]]" = {
    "ask": ask,
    "bear": bear,
    "bearbusy": bearbusy,
    "burn": burn,
    "closeout": closeout,
    "crash": lambda status="1": os._exit(int(status)),
    "deaf": deaf,
    "die": lambda number: os.kill(os.getpid(), int(number)),
    "end": end,
    "failed": lambda kind: tell(f"failed {kind}"),
    "flood": flood,
    "garble": lambda: tell("\xff\x00 nonsense"),
    "hear": hear,
    "limit": limit,
    "lines": lines,
    "lost": lambda session: tell(f"lost {session}"),
    "open": open_session,
    "request": lambda request, kind: tell(f"ask {request} {kind}"),
    "settling": lambda: tell("settling"),
    "stay": stay,
    "stderr": stderr,
    "stuff": stuff,
    "text": lambda *words: tell(f"text {' '.join(words)}"),
    "tool": lambda call, status: tell(f"tool {call} {status}"),
    "torn": torn,
    "wait": wait,
}


def run(script: str) -> None:
    try:
        for part in script.split(";"):
            name, *words = part.split()
            PARTS[name](*words)
    except Over:
        pass


def converse(handshake: str) -> None:
    global ended
    while True:
        match hear():
            case ["open", session]:
                run(handshake.replace("SESSION", session))
            case ["prompt", _, *words]:
                ended = False
                run(" ".join(words))
                if not ended:
                    end("done")
            case _:
                # A cancel that came when the turn was over.
                pass


def answer_once() -> None:
    _, session, *words = hear()
    open_session(session)
    run(" ".join(words))
    if not ended:
        end("done")


if sys.argv[2:] == ["one-shot"]:
    answer_once()
else:
    converse(sys.argv[1])
