"""One client of one daemon in a process of its own: asks for its status COUNT times.

`python knocker.py tars|supervisord|circus SOCKET COUNT` prints requests per second. The
requests are bytes made beforehand and answers are only searched for their end, so that
the client is not what is measured.
"""

import socket
import sys
import time
from collections.abc import Callable

WARM_UP = 200

_CALL = (
    b'<?xml version="1.0"?><methodCall><methodName>supervisor.getAllProcessInfo</methodName>'
    b"<params></params></methodCall>"
)
REQUESTS = {
    "tars": b"GET /v1/status HTTP/1.1\r\nHost: tars\r\n\r\n",
    "supervisord": b"POST /RPC2 HTTP/1.1\r\nHost: supervisor\r\nContent-Type: text/xml\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_CALL), _CALL),
}


def over_http(path: str, request: bytes) -> Callable[[], None]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)

    def ask() -> None:
        connection.sendall(request)
        data = connection.recv(65536)
        while not _complete(data):
            more = connection.recv(65536)
            if not more:
                raise RuntimeError("the daemon closed the connection")
            data += more

    return ask


def _complete(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(data.decode())
    length = head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0]
    return len(body) >= int(length)


def over_zmq(path: str) -> Callable[[], None]:
    import zmq

    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.connect(f"ipc://{path}")

    def ask() -> None:
        dealer.send(b'{"id":"1","command":"status","properties":{}}')
        if b'"ok"' not in dealer.recv():
            raise RuntimeError("circus refused")

    return ask


def main() -> None:
    kind, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ask = over_zmq(path) if kind == "circus" else over_http(path, REQUESTS[kind])
    for _ in range(WARM_UP):
        ask()
    began = time.perf_counter()
    for _ in range(count):
        ask()
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
