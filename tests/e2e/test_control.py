"""The socket of a real daemon: its documented use, and its misuse."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.tars_home import PATIENCE, TarsHome

PAGE = Path(__file__).parents[2] / "docs" / "control-api.md"


@pytest.fixture(autouse=True)
def _started(tars: TarsHome) -> None:
    tars.start()


@contextmanager
def connected(tars: TarsHome) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(tars.home.socket))
        yield connection


# --- its use ----------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_documented_curl_commands_work(tars: TarsHome) -> None:
    """Every `curl` line of the reference page, as it stands there."""
    lines = re.findall(r"^curl .*$", PAGE.read_text(), re.MULTILINE)
    assert len(lines) >= 5
    said = {}
    for line in lines:
        command = line.replace("~/.tars/run/tars.sock", str(tars.home.socket))
        done = subprocess.run(
            command.replace("curl", "curl -sS --fail", 1),
            shell=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done
        said[line] = done.stdout
    prompt = next(out for line, out in said.items() if "/v1/prompt" in line)
    assert "event: turn\n" in prompt
    assert '"echo: Say hello"' in prompt
    status = next(out for line, out in said.items() if line.endswith("/v1/status"))
    assert json.loads(status)["daemon"]["running"] is True


def test_the_events_tell_what_happened(tars: TarsHome) -> None:
    """A turn from its prompt to its end, and a crash to the new process, as named events."""
    with connected(tars) as events:
        events.sendall(b"GET /v1/events HTTP/1.1\r\nHost: tars\r\n\r\n")
        reader = events.makefile("rb")
        while reader.readline() != b":\n" and not reader.readline().startswith(b":"):
            pass
        tars.prompt("Hello")
        tars.prompt("ECHO:kill")
        seen, conditions = [], []
        for line in reader:
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                assert event["agent"] == "echo"
                assert event["at"]
                if event["event"] == "condition_changed":
                    conditions.append(event["data"]["word"])
                    continue
                seen.append(event["event"])
                if event["event"] == "handshake_answered":
                    break
    assert seen == [
        "prompt_asked",
        "turn_ended",
        "prompt_asked",
        "exited",
        "time_up",
        "spawned",
        "handshake_answered",
    ]
    assert conditions == ["working", "idle", "working", "dead", "starting"]


# --- its misuse -------------------------------------------------------------


GARBAGE = [
    b"\x00\xff\xfe" * 1000,
    b"GET\r\n\r\n",
    b"GET /v1/status HTTP/9.9\r\n\r\n",
    b"POST /v1/prompt HTTP/1.1\r\nHost: t\r\nContent-Length: 12\r\n\r\n{not json at",
    b"POST /v1/prompt HTTP/1.1\r\nHost: t\r\nContent-Length: 1073741824\r\n\r\n{",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"POST /v1/prompt HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: t\r\n\r\n",
]


def test_garbage_disturbs_nobody(tars: TarsHome) -> None:
    """While a turn streams, clients send nonsense, leave in mid-request, or say nothing."""
    stream = tars.under_way("ECHO:slow:20:0.05")
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(20)]
    for connection in silent:
        connection.connect(str(tars.home.socket))
    for noise in GARBAGE:
        with connected(tars) as connection:
            try:
                connection.sendall(noise)
            except OSError:
                continue  # it was cut off before it had said everything
        assert tars.status().daemon.running
    answer = tars.result(stream)
    for connection in silent:
        connection.close()
    assert (answer.outcome, len(answer.text.split())) == ("ok", 20)
    assert tars.prompt("Hello").outcome == "ok"


def test_who_never_reads_costs_little(tars: TarsHome) -> None:
    """Followers that read nothing, of a turn and of the events: bounded, others unaffected."""
    before = psutil.Process(tars.daemon_pid()).memory_info().rss
    body = json.dumps({"text": "ECHO:big:5000000"}).encode()
    request = (
        b"POST /v1/prompt HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    deaf = []
    for message in [request] * 3 + [b"GET /v1/events HTTP/1.1\r\nHost: t\r\n\r\n"] * 3:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(tars.home.socket))
        connection.sendall(message)
        deaf.append(connection)
    tars.until(lambda s: s.session is not None and s.session.interaction_count >= 1)
    for _ in range(20):
        assert tars.prompt("Hello").outcome == "ok"
    assert tars.prompt("ECHO:big:5000000").text == "x" * 5_000_000
    grown = psutil.Process(tars.daemon_pid()).memory_info().rss - before
    assert grown < 150 * 2**20
    tars.stop()
    for connection in deaf:
        connection.close()


def test_a_follower_that_leaves_is_forgotten(tars: TarsHome) -> None:
    """Its turn goes on, and its connection is closed on this side too."""
    daemon = psutil.Process(tars.daemon_pid())
    tars.prompt("warm")
    before = len(daemon.net_connections("unix"))
    for _ in range(10):
        with connected(tars) as connection:
            connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: t\r\n\r\n")
            connection.recv(100)
    assert tars.prompt("Hello").outcome == "ok"
    with connected(tars) as connection:
        connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        while connection.recv(65536):
            pass
    assert len(daemon.net_connections("unix")) <= before + 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_another_user_is_refused(tars: TarsHome, tmp_path: Path) -> None:
    """Even with a path to the socket, somebody else gets no answer."""
    # As wide open as a person could make it: who connects is checked all the same.
    for folder in (tars.home.run, tars.home.root, tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(0o755)
    tars.home.socket.chmod(0o666)
    ask = (
        "import os, socket, sys\n"
        "user = int(sys.argv[1])\n"
        "os.setgroups([]), os.setgid(user), os.setuid(user)\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        f"s.connect({str(tars.home.socket)!r})\n"
        "try:\n"
        "    s.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: t\\r\\n\\r\\n')\n"
        "    sys.stdout.buffer.write(s.recv(65536))\n"
        "except (BrokenPipeError, ConnectionResetError):\n"
        "    pass\n"
    )

    def somebody(user: int) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-I", "-c", ask, str(user)]
        return subprocess.run(command, capture_output=True, timeout=PATIENCE)

    stranger = somebody(65534)
    assert (stranger.returncode, stranger.stdout) == (0, b""), stranger
    assert somebody(0).stdout.startswith(b"HTTP/1.1 200")
    assert tars.prompt("Hello").outcome == "ok"
