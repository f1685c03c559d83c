"""One HTTP/1.1 exchange over a Unix socket, from the client's side.

The bytes are read by httptools, which the daemon's server reads with too: importing it
costs 1 ms where http.client costs 14 and h11 7, and every command pays that.
"""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import httptools

from tars.errors import NotRunning, TarsError

#: How often a waiting client wakes, so that it can show progress and hear Ctrl-C.
WAKE_SECONDS = 0.1
#: A Unix socket's connect and the sending of a request take no time unless the daemon hangs.
SEND_SECONDS = 10.0
RECEIVE_SIZE = 64 * 1024


class NoAnswer(TarsError):
    """A daemon listens and does not answer: it hangs, or the machine is overloaded."""


class SocketUnusable(TarsError):
    """There can be no talk over this path: it is too long, or not ours to open."""


class Exchange:
    """One request and its answer. `status` and `content_type` are known once it is made.

    `answer_seconds` bounds the wait for each piece of the answer; None waits for as long
    as the daemon lives. `be_patient` lifts the bound. `on_wait` is called some ten times a
    second while nothing comes; what it raises ends the exchange. Raises NotRunning when
    nobody listens, SocketUnusable, NoAnswer when the daemon hangs, and TarsError when it
    dies or talks nonsense.
    """

    def __init__(
        self,
        path: Path,
        request: bytes,
        *,
        answer_seconds: float | None,
        on_wait: Callable[[], None],
    ) -> None:
        self.status = 0
        self.content_type = ""
        self._answer_seconds = answer_seconds
        self._on_wait = on_wait
        self._pieces: deque[bytes] = deque()
        self._complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._socket = _connect(path)
        try:
            self._send(request)
            while not self.status:
                self._receive()
        except BaseException:
            self.close()
            raise

    def be_patient(self) -> None:
        """Wait for the rest of the answer for as long as the daemon lives."""
        self._answer_seconds = None

    def close(self) -> None:
        self._socket.close()

    def body(self) -> Iterator[bytes]:
        """Give the body piece by piece, as it comes."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self._complete:
                return
            self._receive()

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.content_type = value.decode("latin-1").partition(";")[0].strip().lower()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._complete = True

    def _send(self, request: bytes) -> None:
        try:
            self._socket.sendall(request)
        except TimeoutError as error:
            raise _hung() from error
        except (BrokenPipeError, ConnectionResetError):
            # It may have refused the request half read: its answer says why.
            pass
        except OSError as error:
            raise _gone() from error

    def _receive(self) -> None:
        data = self._next_bytes()
        if not data:
            raise _gone()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise TarsError("What answers on the socket does not speak HTTP.") from error

    def _next_bytes(self) -> bytes:
        began = time.monotonic()
        self._socket.settimeout(WAKE_SECONDS)
        while True:
            try:
                return self._socket.recv(RECEIVE_SIZE)
            except TimeoutError:
                self._on_wait()
                limit = self._answer_seconds
                if limit is not None and time.monotonic() - began > limit:
                    raise _hung() from None
            except OSError as error:
                raise _gone() from error


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(SEND_SECONDS)
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        connection.close()
        raise NotRunning("tars is not running.") from error
    except (TimeoutError, BlockingIOError) as error:
        # EAGAIN: nobody accepts, and the queue of those who wait for it is full.
        connection.close()
        raise _hung() from error
    except OSError as error:
        connection.close()
        reason = error.strerror or error
        raise SocketUnusable(f"The socket {path} cannot be reached: {reason}.") from error
    return connection


def _gone() -> TarsError:
    return TarsError(
        "The daemon went away before it had answered.",
        advice="`tars status` shows whether it is back; `tars logs` may say why.",
    )


def _hung() -> NoAnswer:
    return NoAnswer(
        "The daemon is there but does not answer.",
        advice="Wait a moment; if it stays so, end its process and `tars start` it again.",
    )
