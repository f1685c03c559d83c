"""A PostgreSQL server that can be killed and started again, and a line to one that can be cut,
fall silent, or lose the answer of a commit."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support import postgres

#: What is committed survives a kill of the server; nobody cuts the power here.
_SETTINGS = (
    "-c listen_addresses= -c fsync=off -c full_page_writes=off -c shared_buffers=16MB "
    "-c max_connections=40 -c autovacuum=off -c log_min_messages=fatal"
)
#: The longest that anything here may take.
PATIENCE = 30.0


class Machine:
    """A server of one's own, in a folder of its own. It runs once it was started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = postgres.binaries()
        self._user = postgres.other_user()
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        assert self._programs is not None
        self._run(self._programs / "initdb", "-D", folder / "data", *postgres.INITDB)

    @property
    def url(self) -> str:
        return f"postgresql://tars@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control(
            "start", "-w", "-l", self.folder / "log", "-o", f"-k {self.folder} {_SETTINGS}"
        )

    def stop(self) -> None:
        """End it as a crash would: it recovers when it is started again."""
        self._control("stop", "-m", "immediate")

    def kill(self) -> None:
        """kill -9 the server and everything that belongs to it."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes, PATIENCE)

    def remove(self) -> None:
        """End it, and leave nothing."""
        if (self.folder / "data" / "postmaster.pid").exists():
            with suppress(AssertionError):
                self.stop()
        shutil.rmtree(self.folder)

    def _control(self, *arguments: object) -> None:
        assert self._programs is not None
        self._run(self._programs / "pg_ctl", "-s", "-D", self.folder / "data", *arguments)

    def _run(self, *command: object) -> None:
        done = subprocess.run(
            [str(word) for word in command],
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else (),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            cwd=self.folder,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, command


@contextmanager
def machine() -> Iterator[Machine]:
    """A server that runs, and is gone in the end."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL's server is missing")
    made = Machine(Path(tempfile.mkdtemp(prefix="tars-pg-", dir=postgres.place())))
    try:
        made.start()
        yield made
    finally:
        made.remove()


class Line:
    """A line to a server: clients connect to `url`. Use `cut`, `hang`, `restore`, and
    `lose_answers` for the answers of the next commits."""

    def __init__(self, server_url: str) -> None:
        info = psycopg.conninfo.conninfo_to_dict(server_url)
        self._far = f"{info['host']}/.s.PGSQL.5432"
        self._folder = Path(tempfile.mkdtemp(prefix="tars-line-", dir="/tmp"))
        self.url = f"postgresql://{info['user']}@/{info['dbname']}?host={self._folder}"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._folder / ".s.PGSQL.5432"))
        self._listening.listen()
        self._ends: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._flows = threading.Event()
        self._flows.set()
        self._is_cut = self._over = False
        self.answers_to_lose = 0
        self._threads[0].start()

    def cut(self) -> None:
        """End every connection, and take no other."""
        self._is_cut = True
        self._shut()

    def hang(self) -> None:
        """Take whatever comes and pass on nothing: nobody hears that the line is dead."""
        self._flows.clear()

    def restore(self) -> None:
        self._is_cut = False
        self._flows.set()

    def lose_answers(self, count: int) -> None:
        """Pass on the next commits, and end the connection instead of giving the answer."""
        self.answers_to_lose = count

    def close(self) -> None:
        self._over = True
        self._flows.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._shut()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._listening.close()
        shutil.rmtree(self._folder)

    def _shut(self) -> None:
        for end in tuple(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._over:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                if self._is_cut:
                    raise ConnectionRefusedError
                far.connect(self._far)
            except OSError:
                near.close()
                far.close()
                continue
            self._ends |= {near, far}
            thread = threading.Thread(target=self._join, args=(near, far))
            self._threads.append(thread)
            thread.start()

    def _join(self, near: socket.socket, far: socket.socket) -> None:
        """Be the line between two ends until one of them ends."""
        losing = threading.Event()
        back = threading.Thread(target=self._answer, args=(near, far, losing))
        back.start()
        self._ask(near, far, losing)
        back.join()
        self._ends -= {near, far}
        for end in (near, far):
            end.close()

    def _ask(self, near: socket.socket, far: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                self._flows.wait()
                if b"COMMIT\0" in data and self.answers_to_lose:
                    self.answers_to_lose -= 1
                    losing.set()
                far.sendall(data)
        self._end(near, far)

    def _answer(self, near: socket.socket, far: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                self._flows.wait()
                if losing.is_set():
                    break
                near.sendall(data)
        self._end(near, far)

    def _end(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def line(server_url: str) -> Iterator[Line]:
    """A line that works, and is gone in the end."""
    made = Line(server_url)
    try:
        yield made
    finally:
        made.close()
