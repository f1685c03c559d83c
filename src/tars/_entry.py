"""The console script. What only reads is answered here, over the raw socket.

`tars status` takes a millisecond more than an empty Python process, because this module
imports nothing but `_socket`: no re, json, socket, typing, typer or anyio (a test counts
them). Whatever is not plainly one of the five commands below, and whatever goes wrong on
the way, goes to `tars.cli.app`, which explains itself. `tars costs` imports what it needs for a
report, and nothing of the command line, while it is plainly written.
"""

import sys

TYPE_CHECKING = False  # typing.TYPE_CHECKING would cost importing typing
if TYPE_CHECKING:
    from collections.abc import Callable

#: The daemon answers within a millisecond or not at all; the command line says which.
ANSWER_SECONDS = 2.0
#: A prompt or a status bar waits less long.
LINE_SECONDS = 0.3
#: More than any status; a stranger on the socket cannot fill our memory.
LARGEST_ANSWER = 16 * 1024 * 1024
#: How many more objects there are before garbage is looked for: a few MiB.
OBJECTS = 50_000


def main() -> int:
    """Run the `tars` command and give its exit status."""
    try:
        if sys.argv[1:] == ["start", "--foreground"]:
            from tars.cli.foreground import main as daemon

            return daemon()
        answer = _answer(sys.argv[1:])
        if answer is not None and _written(answer):
            return 0
        _collect_rarely()
        if sys.argv[1:2] == ["costs"]:
            from tars.cli.costs.quick import main as costs

            status = costs(sys.argv[2:])
            if status is not None:
                return status
        from tars.cli.app import main as command_line

        return command_line()
    except KeyboardInterrupt:
        return 130


def leave(status: int) -> None:
    """End this process as Python does, all but one thing: to take apart what was imported takes a
    tenth of a report's time, and a sixth of a second of the daemon's. Does not return."""
    threading, atexit = sys.modules.get("threading"), sys.modules.get("atexit")
    if threading is not None:
        threading._shutdown()  # waits for the threads that have to come to their end
    if atexit is not None:
        atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(status)  # Python tells of it
    from os import _exit

    _exit(status)


def _collect_rarely() -> None:
    """Let the imports of a command make what they make: to look through it for garbage at every
    700th object takes a tenth of the command's time, and finds none."""
    import gc

    gc.set_threshold(OBJECTS)


def _answer(words: list[str]) -> bytes | None:
    """Give what the command prints, or None when the command line has to answer."""
    if words == ["--version"]:
        from tars import __version__

        return b"tars " + __version__.encode() + b"\n"
    if words == ["status"]:
        return _ask("/v1/status?format=text" + _form())
    if words == ["status", "--json"]:
        return _ask("/v1/status")
    if words[:2] == ["status", "line"] and all(word in _STYLES for word in words[2:]):
        return line(words[2:])
    return None


#: What `tars status line` takes, and how the daemon is told.
_STYLES = {"--color": "ansi", "--tmux": "tmux"}


def line(words: list[str]) -> bytes:
    """Give the line of a prompt or a status bar, whatever happens."""
    ascii = in_ascii()
    style = _STYLES[words[-1]] if words else "plain"
    asked = f"/v1/status?format=line&style={style}&ascii={int(ascii)}"
    try:
        return _answered(asked, LINE_SECONDS)
    except (TimeoutError, BlockingIOError):
        return _last_line("no answer", ascii=ascii)  # somebody is there, and busy
    except (OSError, ValueError):
        return _last_line("stopped", ascii=ascii)


def _last_line(word: str, *, ascii: bool) -> bytes:
    """Give what is known without the daemon: `line.txt` has what was spent on the day that the
    file says, and when that was told."""
    path = _home_path("/data/line.txt")
    told = ""
    try:
        from posix import O_RDONLY, open, read
        from time import time

        if path is not None:
            # Nobody waits for the descriptor: this process is over soon.
            at, until, text = read(open(path, O_RDONLY), 1024).decode().split("\n")[:3]
            age = time() - int(at)
            if age >= 0 and time() < int(until):
                told = f" · {text} ({_age(int(age))})"
    except (OSError, ValueError):
        pass
    line = f"tars ○ {word}{told}"
    if ascii:
        line = line.replace("○", "-").replace(" · ", " | ").replace("≥", ">=")
    return line.encode(errors="replace") + b"\n"


def _age(seconds: int) -> str:
    if seconds < 60:
        return "just now"
    minutes = seconds // 60
    return f"{minutes} min ago" if minutes < 60 else f"{minutes // 60} h ago"


def _ask(path: str, seconds: float = ANSWER_SECONDS) -> bytes | None:
    try:
        return _answered(path, seconds)
    except (OSError, ValueError):
        return None


def _answered(path: str, seconds: float) -> bytes:
    """Raises OSError and ValueError where there is no answer."""
    socket_path = _home_path("/run/tars.sock")
    if socket_path is None:
        raise ValueError("nobody knows where the daemon would be")
    import _socket

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(socket_path)
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: tars\r\nConnection: close\r\n\r\n".encode()
        )
        body = _read_body(connection.recv)
    finally:
        connection.close()
    return body if body.endswith(b"\n") else body + b"\n"


def _home_path(rest: str) -> str | None:
    """Mirror `home.find_home`, without pathlib; None for what needs more than that."""
    from os import environ

    home = environ.get("TARS_HOME")
    if not home:
        home = environ.get("HOME", "") + "/.tars"
    return home + rest if home[0] == "/" and home != "/.tars" else None


def _form() -> str:
    """Say how the text should look: colour and width are for terminals alone."""
    from os import environ, get_terminal_size, isatty

    ascii = "&ascii=1" if in_ascii() else ""
    if not isatty(1):
        return f"&color=0{ascii}"
    colored = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    try:
        width = min(1000, max(20, get_terminal_size(1).columns))
    except OSError:
        width = 80
    return f"&color={int(colored)}&width={width}{ascii}"


def in_ascii() -> bool:
    """Say whether the locale has no other signs."""
    from os import environ

    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return "UTF" not in named.upper()


def _read_body(recv: "Callable[[int], bytes]") -> bytes:
    """Read one whole answer. Raises ValueError for anything but a complete 200."""
    from time import monotonic

    data, deadline = b"", monotonic() + ANSWER_SECONDS
    while True:
        piece = recv(65536)
        data += piece
        body = _body(data, ended=not piece)
        if body is not None:
            return body
        if not piece or len(data) > LARGEST_ANSWER or monotonic() > deadline:
            raise ValueError("no complete answer")


def _body(data: bytes, *, ended: bool) -> bytes | None:
    """Give the body of an answer, or None while some of it is missing."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    status, *lines = head.split(b"\r\n")
    if not status.startswith(b"HTTP/1.1 200"):
        raise ValueError("not a plain answer")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip().lower()
    if headers.get(b"transfer-encoding") == b"chunked":
        return _joined_chunks(rest)
    if b"content-length" in headers:
        length = int(headers[b"content-length"])
        return rest[:length] if len(rest) >= length else None
    return rest if ended else None


def _joined_chunks(data: bytes) -> bytes | None:
    body = b""
    while True:
        size_line, end, data = data.partition(b"\r\n")
        if not end:
            return None
        size = int(size_line.partition(b";")[0], 16)
        if size == 0:
            return body
        if len(data) < size + 2:
            return None
        body += data[:size]
        data = data[size + 2 :]


def _written(data: bytes) -> bool:
    """Write to stdout; False when it cannot be, which the command line then explains."""
    from os import write

    try:
        while data:
            data = data[write(1, data) :]
    except OSError as error:
        # A reader that has seen enough (`tars status | head -1`) is no fault.
        return isinstance(error, BrokenPipeError)
    return True
