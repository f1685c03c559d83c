"""The control channel from the outside: one keep-alive connection and as little code as can be."""

import json
import socket
from pathlib import Path
from typing import Any

#: Longer than anything here takes.
PATIENCE_SECONDS = 60.0


class Connection:
    """HTTP/1.1 over a Unix socket. Raises RuntimeError for any answer but 200."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect(str(path))

    def close(self) -> None:
        self._socket.close()

    def get(self, path: str) -> Any:
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: tars\r\n\r\n".encode())
        return self._answer()

    def post(self, path: str, message: object) -> Any:
        self._socket.sendall(_post(path, message))
        return self._answer()

    def prompt(self, text: str, agent: str) -> None:
        """Send a prompt and wait for its result. Raises RuntimeError unless it is ok."""
        self._socket.sendall(_post("/v1/prompt", {"text": text, "agent": agent}))
        data = b""
        while b"event: turn\n" not in data:
            data += self._more()
        if b'"outcome":"ok"' not in data:
            raise RuntimeError(data.decode())
        while not data.endswith(b"0\r\n\r\n"):
            data += self._more()

    def _answer(self) -> Any:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(data.decode())
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += self._more()
        return json.loads(body)

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise RuntimeError("the daemon closed the connection")
        return data


def _post(path: str, message: object) -> bytes:
    body = json.dumps(message).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: tars\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
