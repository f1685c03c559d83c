"""An HTTP server on loopback that behaves as its argument says, down to the bytes.

    argv: LISTENING EVENTS…    what it tells of its address, and what each connection to its
                               event stream gets in turn; the last one for all that follow

It waits for nothing but others: `/slow` is answered once somebody asked for `/release`. It
ends when its stdin does.
"""

import os
import socket
import sys
import threading
from contextlib import suppress

OK = b"HTTP/1.1 200 OK\r\n"
STREAM = OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

listening, *streams = sys.argv[1:]
released = threading.Event()
lock = threading.Lock()
opened = 0


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(data: str) -> bytes:
    return chunk(f"data: {data}\n\n".encode())


def stay(connection: socket.socket) -> None:
    """Until the other side goes."""
    while connection.recv(65536):
        pass


def serve_events(connection: socket.socket) -> None:
    global opened
    with lock:
        number, opened = opened, opened + 1
    how, _, what = streams[min(number, len(streams) - 1)].partition(":")
    if how == "status":
        connection.sendall(f"HTTP/1.1 {what} No\r\nContent-Length: 0\r\n\r\n".encode())
    elif how == "garbage":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    elif how == "flood":
        connection.sendall(STREAM)
        blob = "x" * 65536
        for n in range(int(what)):
            connection.sendall(event(f'{{"type":"flood","n":{n},"blob":"{blob}"}}'))
        connection.sendall(event('{"type":"last"}'))
        stay(connection)
    elif how == "endless":
        connection.sendall(STREAM)
        while True:
            connection.sendall(chunk(b"data: " + b"x" * 2**20))
    else:
        connection.sendall(STREAM)
        for data in what.split("|"):
            # A connection is told apart by its number; pieces are cut in mid-event.
            whole = event(data.replace("#", str(number)))
            connection.sendall(whole[:9])
            connection.sendall(whole[9:])
        if how == "stay":
            stay(connection)


def answer(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def serve(connection: socket.socket) -> None:
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        request, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(65536)
        method, path, _ = request.split(" ")
        if path == "/events":
            serve_events(connection)
        elif path == "/slow":
            released.wait()
            connection.sendall(answer(b'"slow"'))
        elif path == "/release":
            released.set()
            connection.sendall(answer(b'"released"'))
        elif path == "/cut":
            connection.sendall(OK + b"Content-Length: 100\r\n\r\n0123")
        elif path == "/close":
            pass
        elif path == "/garbage":
            connection.sendall(b"\x00\x01\x02 what\r\n\r\n")
        elif path == "/huge":
            connection.sendall(OK + b"Content-Length: 40000000\r\n\r\n" + b"1" * 40_000_000)
        elif path == "/html":
            connection.sendall(b"HTTP/1.1 500 No\r\n\r\n<html>\nno\xff</html>")
        else:
            said = f'["{method}", "{path}", "{headers["authorization"]}", {len(body)}]'
            connection.sendall(answer(said.encode()))


def accept(listener: socket.socket) -> None:
    while True:
        threading.Thread(target=quiet, args=(listener.accept()[0],), daemon=True).start()


def quiet(connection: socket.socket) -> None:
    with suppress(OSError):
        serve(connection)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    print("a line of no interest", flush=True)
    if listening != "-":
        print(listening.replace("PORT", str(listener.getsockname()[1])), flush=True)
    while os.read(0, 65536):
        pass


if __name__ == "__main__":
    main()
