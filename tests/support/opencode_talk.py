"""The server's side of a conversation with opencode's codec, in frames and without a socket.

Every request of the codec is answered at once, as a healthy server does; `held` are the paths
whose requests wait for `release`, and `answers` what others get instead.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tars.agents.opencode.codec import Opencode
from tars.conversation.model import Opened, Said, TurnEnded
from tars.protocols import http_frames as frames
from tars.protocols.codec import Opening
from tests.support.transcripts import GOLDEN, Chop, as_lines, whole

CASES = GOLDEN / "opencode"

PROVIDERS = {
    "providers": [{"id": "fake", "models": {"fake-model": {"limit": {"context": 200000}}}}]
}
AGENTS = [{"name": "build", "mode": "primary"}, {"name": "general", "mode": "subagent"}]


class Talk:
    """A codec and its server. `said` is all that the codec said, `asked` the requests that it
    sent: method, path and body."""

    def __init__(self, session: str = "ses_1", *, chop: Chop = whole) -> None:
        self.codec = Opencode()
        self.session = session
        self.said: list[Said] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.held: tuple[str, ...] = ()
        self.answers: dict[str, tuple[int, Any]] = {}
        self._waiting: list[frames.Request] = []
        self._chop = chop

    # --- tars' side -------------------------------------------------------------

    def open(self, **wishes: str) -> list[Said]:
        """Begin the handshake, and give what is said up to its end."""
        return self._do(lambda: self.codec.open(Opening("/cwd", **wishes)))

    def prompt(self, text: str = "hi", session: str | None = None) -> list[Said]:
        return self._do(lambda: self.codec.prompt(text, session))

    def cancel(self) -> list[Said]:
        return self._do(self.codec.cancel)

    def answer(self, request: str, option: str | None) -> list[Said]:
        return self._do(lambda: self.codec.answer(request, option))

    def settle(self) -> list[Said]:
        before = len(self.said)
        self._note(self.codec.settle())
        self._serve()
        return self.said[before:]

    # --- the server's side --------------------------------------------------------

    def event(self, type: str, **properties: Any) -> list[Said]:
        """One event of the stream."""
        event = {"id": "evt_1", "type": type, "properties": properties}
        return self.raw(frames.event_line(json.dumps(event).encode()))

    def raw(self, data: bytes) -> list[Said]:
        """Bytes from the link, and what is said on them."""
        before = len(self.said)
        for piece in self._chop(data):
            self._note(self.codec.receive(piece))
        self._serve()
        return self.said[before:]

    def release(self) -> list[Said]:
        """Answer what was held."""
        self.held = ()
        before = len(self.said)
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._answer(request)
        self._serve()
        return self.said[before:]

    # --- events as opencode sends them -----------------------------------------------

    def user(self, id: str = "msg_u1", session: str = "") -> list[Said]:
        return self.message(id, role="user", session=session)

    def message(
        self, id: str = "msg_a1", *, session: str = "", role: str = "assistant", **more: Any
    ) -> list[Said]:
        """The head of a message: open unless `completed`."""
        time = {"created": 1000, **({"completed": 2000} if more.pop("completed", False) else {})}
        info = {
            "id": id,
            "role": role,
            "sessionID": session or self.session,
            "time": time,
            "providerID": "fake",
            "modelID": "fake-model",
        }
        return self.event("message.updated", sessionID=session, info={**info, **more})

    def part(
        self, id: str, type: str, *, message: str = "msg_a1", session: str = "", **more: Any
    ) -> list[Said]:
        place = {"id": id, "type": type, "messageID": message}
        part = {**place, "sessionID": session or self.session, **more}
        return self.event("message.part.updated", part=part, time=1795250135062)

    def finish(
        self, id: str, tokens: tuple[int, ...] = (10, 5, 2, 30, 3), **more: Any
    ) -> list[Said]:
        """A request to the model was answered: input, output, reasoning, read, written."""
        input, output, reasoning, read, write = tokens
        cache = {"read": read, "write": write}
        told = {"input": input, "output": output, "reasoning": reasoning, "cache": cache}
        return self.part(id, "step-finish", **{"tokens": told, "cost": 0.0015, **more})

    def status(self, type: str, session: str = "", **more: Any) -> list[Said]:
        return self.event(
            "session.status", sessionID=session or self.session, status={"type": type, **more}
        )

    def begin(self, text: str = "hi") -> None:
        """A prompt that the server works on."""
        self.prompt(text)
        self.user()
        self.status("busy")
        self.message()

    # --- inside -----------------------------------------------------------------------

    def _do(self, act: Callable[[], None]) -> list[Said]:
        before = len(self.said)
        act()
        self._serve()
        return self.said[before:]

    def _note(self, said: Iterable[Said]) -> None:
        self.said += said

    def _serve(self) -> None:
        while requests := list(frames.asked(self.codec.outgoing())):
            for request in requests:
                body = None if request.body is None else json.loads(bytes(request.body))
                self.asked.append((request.method, request.path, body))
                if request.path.startswith(self.held) and self.held:
                    self._waiting.append(request)
                else:
                    self._answer(request)

    def _answer(self, request: frames.Request) -> None:
        status, body = self._healthy(request)
        data = b"" if body is None else json.dumps(body).encode()
        self._note(self.codec.receive(frames.answer_line(request.id, status, data)))

    def _healthy(self, request: frames.Request) -> tuple[int, Any]:
        path = request.path
        for prefix, answer in self.answers.items():
            if path.startswith(prefix):
                return answer
        if path.endswith("/prompt_async"):
            return 204, None
        if path.endswith(("/abort", "/reply", "/reject")):
            return 200, True
        if "/message" in path:
            return 200, []
        if path.startswith("/session/ses"):
            return 200, {"id": path.rpartition("/")[2]}
        return 200, {
            "/global/health": {"version": "1.18.33"},
            "/config/providers": PROVIDERS,
            "/agent": AGENTS,
            "/session": {"id": self.session},
            "/session/status": {},
        }[path]


def opened(session: str = "ses_1") -> Talk:
    """A conversation whose handshake is over."""
    talk = Talk(session)
    said = talk.open()
    assert [type(s) for s in said] == [Opened], said
    talk.asked.clear()
    return talk


def cases() -> list[Path]:
    """The folders of all recordings."""
    return sorted(path.parent for path in CASES.glob("*/serve.jsonl"))


def replay(case: Path, chop: Chop) -> list[Said]:
    """Play one recording and give what the codec makes of it."""
    first, *entries = [
        json.loads(line) for line in (case / "serve.jsonl").read_bytes().splitlines()
    ]
    wishes = next(e for e in entries if e.get("do") == "prompt")
    talk = Talk(first["session"], chop=chop)
    talk.answers["/agent"] = 200, [{"name": n} for n in ("build", "plan", "nope")]
    talk.open(**{name: wishes[name] for name in ("model", "mode") if name in wishes})
    for entry in entries:
        match entry.get("do"):
            case "prompt":
                _end_doubt(talk)
                talk.prompt(entry["text"])
            case "answer":
                asked = entry["id"] + ("#0" if entry["id"].startswith("que") else "")
                talk.answer(asked, entry["option"])
            case "cancel":
                talk.cancel()
            case _:
                talk.raw(frames.event_line(json.dumps(entry["event"]).encode()))
    _end_doubt(talk)
    return talk.said


def _end_doubt(talk: Talk) -> None:
    """The client had waited a while before it went on."""
    if talk.codec.quiet_seconds is not None:
        talk.settle()


def expected(case: Path) -> list[str]:
    return (case / "conversation.jsonl").read_text("utf-8").splitlines()


def ends(said: Iterable[Said]) -> list[TurnEnded]:
    return [s for s in said if isinstance(s, TurnEnded)]


def update() -> None:
    """Write every `conversation.jsonl` anew."""
    for case in cases():
        lines = as_lines(replay(case, whole))
        (case / "conversation.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    update()
