"""The console script: what it answers by itself, at what price, and when it steps aside."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tars import __version__
from tests.support.command_line import LONG_SECONDS, TARS, environment, tars
from tests.support.fake_daemon import STATUS, FakeDaemon, answering_once

BODY = msgspec.json.encode(STATUS)
NEVER = {"re", "json", "socket", "typing", "typer", "anyio", "pathlib", "msgspec", "asyncio"}
NAME = "status line"
LINE = NAME.split()
SCRIPT = "import sys; from tars._entry import main; sys.exit(main())"


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tars-"))
    yield folder
    shutil.rmtree(folder)


@contextmanager
def raw_daemon(home: Path, answer: bytes) -> Iterator[None]:
    """Answers the first connection to a home's socket with these bytes, and goes."""
    (home / "run").mkdir()
    with answering_once(home / "run" / "tars.sock", answer):
        yield


def imported(home: Path, code: str, *words: str) -> set[str]:
    """Give the modules that a process loads, by its own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *words],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=LONG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["--version"], LINE])
def test_the_hot_path_imports_next_to_nothing(home: Path, words: list[str]) -> None:
    """Beyond what an empty Python loads there is `tars`, `tars._entry` and `_socket`."""
    with FakeDaemon(home):
        loaded = imported(home, SCRIPT, *words) - imported(home, "pass")
    assert not loaded & NEVER
    assert loaded <= {"tars", "tars._entry", "_socket", "time"}


def test_the_command_line_is_what_the_hot_path_avoids(home: Path) -> None:
    """The count above can fail: another command does load the forbidden modules."""
    with FakeDaemon(home):
        assert imported(home, SCRIPT, "agents") >= {"typer", "msgspec", "typing"}


def test_a_command_does_not_look_for_garbage_while_it_imports(home: Path) -> None:
    """There is none, and to look for it through all that was made takes long."""
    code = f"{SCRIPT.replace('sys.exit(main())', 'main()')}; import gc; print(gc.get_stats()[2])"
    done = subprocess.run(
        [sys.executable, "-c", code, "sessions"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=LONG_SECONDS,
    )
    assert "'collections': 0" in done.stdout, done.stderr


LEAVING = """
import atexit, threading
from tars._entry import leave

class Torn:
    def __del__(self):
        print("taken apart")

def last():
    threading.main_thread().join(0.1)
    print("thread")

torn = Torn()
torn.itself = torn
atexit.register(print, "exit function")
print("main", end=" ")
threading.Thread(target=last).start()
leave(3)
"""


def test_a_process_leaves_when_all_is_done_and_written() -> None:
    """Threads come to their end, exit functions run, and what was printed is written; only what
    is in memory is not taken apart."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING], capture_output=True, text=True, timeout=LONG_SECONDS
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "main thread\nexit function\n"


def test_version_is_printed() -> None:
    """`tars --version` needs no home and no daemon."""
    done = tars(Path("/nowhere"), "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tars {__version__}\n", "")


def test_json_is_printed_as_the_daemon_sent_it(home: Path) -> None:
    """The bytes of the answer, and a newline."""
    with FakeDaemon(home):
        done = tars(home, "status", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, BODY.decode() + "\n", "")


def test_text_is_asked_of_the_daemon_without_colour_for_a_pipe(home: Path) -> None:
    """The daemon renders; a pipe gets no colour."""
    with FakeDaemon(home):
        done = tars(home, "status")
    assert done.stdout == "as text: /v1/status?format=text&color=0\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\n%b\r\n%x;x=y\r\n%b\r\n0\r\n\r\n" % (BODY[:3], len(BODY) - 3, BODY[3:]),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY,
    ],
)
def test_every_way_to_end_a_body_is_read(home: Path, answer: bytes) -> None:
    """A length, chunks, or the end of the connection."""
    with raw_daemon(home, answer):
        done = tars(home, "status", "--json")
    assert (done.returncode, done.stdout) == (0, BODY.decode() + "\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}",
        b"SSH-2.0-nonsense\r\n\r\n",
    ],
)
def test_an_odd_answer_is_left_to_the_command_line(home: Path, answer: bytes) -> None:
    """Half an answer, an error or nonsense is never printed. The socket is gone when the
    command line looks, so it says that nothing runs."""
    with raw_daemon(home, answer):
        done = tars(home, "status", "--json")
    assert done.returncode == 3
    assert msgspec.json.decode(done.stdout)["daemon"]["running"] is False


@pytest.mark.parametrize("words", [["status"], ["status", "--json"]])
def test_not_running_is_exit_status_3(home: Path, words: list[str]) -> None:
    """As `systemctl status` has it; what can be said is still said on stdout."""
    done = tars(home, *words)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout


def test_a_stale_socket_is_not_running(home: Path) -> None:
    """A socket file that nobody listens on is what a killed daemon leaves."""
    (home / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(home / "run" / "tars.sock"))
    assert tars(home, "status").returncode == 3


def test_a_hung_daemon_is_named_so(home: Path) -> None:
    """It accepts and says nothing: one line within seconds, not a command that hangs."""
    (home / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(home / "run" / "tars.sock"))
        hung.listen()
        done = tars(home, "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tars: The daemon is there but does not answer.")
    assert done.stderr.count("\n") == 1


def test_a_wrong_flag_is_one_line(home: Path) -> None:
    """`tars status --jsn` is no hot command; the command line answers it."""
    done = tars(home, "status", "--jsn")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tars: no such option: --jsn (did you mean --json?)\n"


def test_a_reader_that_leaves_is_no_fault(home: Path) -> None:
    """`tars status | true`: quiet, and done."""
    reading, writing = os.pipe()
    os.close(reading)
    with FakeDaemon(home):
        done = subprocess.run(
            [*TARS, "status"],
            env=environment(home),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=LONG_SECONDS,
        )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["status"], ["agents"], ["prompt", "hi"]])
def test_a_full_disk_behind_stdout_is_told(home: Path, words: list[str]) -> None:
    """What could not be written is a failure, in one line."""
    with FakeDaemon(home), open("/dev/full", "w") as full:
        done = subprocess.run(
            [*TARS, *words],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=LONG_SECONDS,
        )
    assert (done.returncode, done.stderr) == (1, b"tars: No space left on device\n")


LINE = ["status", "line"]


def last_line(home: Path, *words: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *LINE, *words],
        env={**environment(home), **env},
        input=b'{"model": {"display_name": "Opus"}}',
        capture_output=True,
        timeout=LONG_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_the_line_comes_from_the_daemon(home: Path) -> None:
    """In one question, with how it is to look; what is on stdin is nobody's business."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nline\n"
    with raw_daemon(home, answer):
        assert last_line(home, "--tmux") == "line\n"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"])
def test_the_line_never_fails(home: Path, answer: bytes) -> None:
    """A daemon that talks nonsense is none; neither is the file of what was known then needed."""
    with raw_daemon(home, answer):
        assert last_line(home) == "tars ○ stopped\n"


def test_without_a_daemon_the_line_says_what_was_known_and_when(home: Path) -> None:
    """Until the end of the day that it was known for; and a broken file is none."""
    file = home / "data" / "line.txt"
    file.parent.mkdir()
    now = int(time.time())
    file.write_text(f"{now - 300}\n{now + 1000}\n$1.23 today · 45k tok\n")
    assert last_line(home) == "tars ○ stopped · $1.23 today · 45k tok (5 min ago)\n"
    assert last_line(home, LC_ALL="C").startswith("tars - stopped | $1.23 today")
    file.write_text(f"{now - 300}\n{now - 1}\n$1.23 today · 45k tok\n")
    assert last_line(home) == "tars ○ stopped\n"
    file.write_bytes(b"\xff\xfe nonsense")
    assert last_line(home) == "tars ○ stopped\n"


def test_a_daemon_that_says_nothing_is_not_called_stopped(home: Path) -> None:
    """It is there: somebody listens, and does not answer within the moment that a line may take."""
    path = home / "run" / "tars.sock"
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert last_line(home) == "tars ○ no answer\n"
        assert last_line(home, LC_ALL="C") == "tars - no answer\n"
