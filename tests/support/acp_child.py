"""An ACP agent that misbehaves as its first argument says; a program of its own.

    die           reads the first request and exits
    http          speaks another protocol
    version       speaks another version of this one
    wrong-ids     answers a prompt under an id that nobody asked with
    strangers     tells of sessions that nobody knows, and then answers
    flood         sends 60,000 updates of all kinds as fast as it can, and then answers
    no-stdin      closes its stdin once a session is open, and stays
    no-stdout     closes its stdout once a session is open, and stays

It starts in some ten milliseconds, for it imports next to nothing.
"""

import json
import os
import signal
import sys

FLOOD = 60_000
MODE = sys.argv[1]


def send(**message: object) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def update(kind: str, session: str = "s1", **members: object) -> None:
    params = {"sessionId": session, "update": {"sessionUpdate": kind, **members}}
    send(method="session/update", params=params)


def say(text: str, session: str = "s1") -> None:
    update("agent_message_chunk", session, content={"type": "text", "text": text})


def flood() -> None:
    """Write pieces, thoughts, tool calls and unknown updates, each with a name of its own."""
    form = '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":%s}}\n'
    said = '{"sessionUpdate":"agent_%s_chunk","content":{"type":"text","text":"word %d "}}'
    call = '{"sessionUpdate":"tool_call","toolCallId":"c%d","title":"t","status":"in_progress"}'
    new = '{"sessionUpdate":"new_kind_%d","content":[1,2,3]}'
    lines = []
    for number in range(FLOOD // 4):
        lines.append(form % (said % ("message", number)))
        lines.append(form % (said % ("thought", number)))
        lines.append(form % (call % number))
        lines.append(form % (new % number))
        if len(lines) >= 1000:
            write("".join(lines).encode())
            lines.clear()
    write("".join(lines).encode())


def prompted(request: object) -> None:
    if MODE == "wrong-ids":
        send(id=4711, result={"stopReason": "end_turn"})
        return
    if MODE == "strangers":
        say("not for you", "nobody")
        options = [{"optionId": "y", "name": "y", "kind": "allow_once"}]
        params = {"sessionId": "nobody", "toolCall": {"toolCallId": "c"}, "options": options}
        send(id="q", method="session/request_permission", params=params)
        answer = json.loads(sys.stdin.readline())
        say(f"answered {answer['result']['outcome']['outcome']}")
    if MODE == "flood":
        flood()
        say("done")
    send(id=request, result={"stopReason": "end_turn"})


def greet(request: object) -> None:
    if MODE == "die":
        sys.exit(3)
    if MODE == "http":
        write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        sys.exit(0)
    version = 2 if MODE == "version" else 1
    send(id=request, result={"protocolVersion": version, "agentInfo": {"name": MODE}})


def stay() -> None:
    while True:
        signal.pause()


waiting: object = None
for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            greet(message["id"])
        case "session/new":
            send(id=message["id"], result={"sessionId": "s1"})
            if MODE == "no-stdin":
                os.close(0)
                stay()
            if MODE == "no-stdout":
                os.close(1)
                stay()
        case "session/prompt":
            waiting = message["id"]
            prompted(waiting)
        case "session/cancel":
            send(id=waiting, result={"stopReason": "cancelled"})
        case _:
            pass
