"""The client against a real server on a real socket, and against what no server should do."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tars.control import contract as c
from tars.control.calls import error_of
from tars.control.client import Client
from tars.control.error_answers import ANSWERS
from tars.control.exchange import Exchange
from tars.control.permission_contract import Permitted
from tars.control.web_contract import WebClosed, WebOpened
from tars.errors import (
    AgentNotFound,
    AgentUnavailable,
    ConfigInvalid,
    NotRunning,
    RequestInvalid,
    TarsError,
    UserError,
)
from tests.support.fake_daemon import (
    ACCEPTED,
    AGENT,
    RESULT,
    SESSION,
    STATUS,
    FakeDaemon,
    Gate,
    Hangup,
    answering_once,
)

HELLO = c.PromptRequest(text="hello")


@pytest.fixture
def daemon(short_path: Path) -> Iterator[FakeDaemon]:
    with FakeDaemon(short_path) as fake:
        yield fake


@pytest.fixture
def client(daemon: FakeDaemon) -> Client:
    return Client(daemon.socket)


@contextmanager
def raw_server(folder: Path, answer: bytes) -> Iterator[Client]:
    """Answers one connection with these bytes, and closes it."""
    with answering_once(folder / "raw.sock", answer):
        yield Client(folder / "raw.sock")


Case = tuple[str, c.Wire, Callable[[Client], c.Wire], dict[str, object]]
CASES: list[Case] = [
    ("GET /v1/status", STATUS, lambda k: k.status(), {}),
    ("GET /v1/agents", c.AgentList(agents=[AGENT], default="echo"), lambda k: k.agents(), {}),
    (
        "POST /v1/web",
        WebOpened(url="http://127.0.0.1:1/?token=t", port=1, expires_in_seconds=600),
        lambda k: k.open_page(0),
        {"port": 0},
    ),
    ("POST /v1/web/close", WebClosed(was_open=True), lambda k: k.close_page(), {}),
    (
        "POST /v1/cancel",
        c.Cancelled(turn="t1"),
        lambda k: k.cancel(agent="echo", turn="t1"),
        {"agent": "echo", "turn": "t1"},
    ),
    (
        "POST /v1/reset",
        c.ResetDone(agent="echo", session=SESSION),
        lambda k: k.reset("echo"),
        {"agent": "echo"},
    ),
    (
        "POST /v1/permit/p%2F1%20%C3%A9",
        Permitted(id="p1", option="once"),
        lambda k: k.permit("p/1 é", option="once"),
        {"option": "once", "deny": False, "remember": False, "face": ""},
    ),
    (
        "POST /v1/agents/echo/restart",
        c.AgentChanged(agent="echo", state="ready"),
        lambda k: k.change_agent("echo", "restart"),
        {},
    ),
    (
        "POST /v1/change",
        c.AgentsChanged(agents=[c.AgentChanged(agent="echo", state="stopped")]),
        lambda k: k.change_agents("stop", ["web", "echo"]),
        {"action": "stop", "names": ["web", "echo"]},
    ),
    ("POST /v1/reload", c.Reloaded(changed=["echo"]), lambda k: k.reload(), {}),
    ("POST /v1/shutdown", c.ShuttingDown(pid=7), lambda k: k.shutdown(), {}),
]


@pytest.mark.parametrize(("route", "answer", "call", "body"), CASES, ids=[c[0] for c in CASES])
def test_a_call_is_one_request_and_a_typed_answer(
    daemon: FakeDaemon,
    client: Client,
    route: str,
    answer: c.Wire,
    call: Callable[[Client], c.Wire],
    body: dict[str, object],
) -> None:
    """The route, the body and the answer are those of the contract."""
    daemon.answers[route] = answer
    assert call(client) == answer
    assert [(f"{a.method} {a.path}", a.body) for a in daemon.asked] == [(route, body)]


def test_submit_does_not_wait(daemon: FakeDaemon, client: Client) -> None:
    """The same request with `wait` false gives the 202's body."""
    assert client.submit(HELLO) == ACCEPTED
    assert daemon.asked[0].body["wait"] is False


def test_a_prompt_gives_typed_events_until_its_turn(daemon: FakeDaemon, client: Client) -> None:
    """Every event of the contract arrives as its type; unknown ones are left out."""
    tool = c.Tool(id="1", title="Read", kind="read", status="completed")
    daemon.stream = [
        ("accepted", ACCEPTED),
        ("from-the-future", c.LogLine(line="?")),
        ("text", c.Text(text="Hé\n\nllo")),
        ("tool", tool),
        ("turn", RESULT),
    ]
    assert list(client.prompt(HELLO)) == [
        ("accepted", ACCEPTED),
        ("text", c.Text(text="Hé\n\nllo")),
        ("tool", tool),
        ("turn", RESULT),
    ]


def test_events_come_as_they_happen(daemon: FakeDaemon, client: Client) -> None:
    """An event is there before the next one is sent."""
    gate = Gate()
    daemon.stream = [("accepted", ACCEPTED), gate, ("turn", RESULT)]
    stream = client.prompt(HELLO)
    assert next(stream) == ("accepted", ACCEPTED)
    gate.opened.set()
    assert next(stream) == ("turn", RESULT)


def test_whoever_waits_is_called(daemon: FakeDaemon) -> None:
    """`on_wait` is called while nothing comes, and the answer still arrives whole."""
    gate = Gate()
    daemon.stream = [("accepted", ACCEPTED), gate, ("turn", RESULT)]
    client = Client(daemon.socket, on_wait=gate.opened.set)
    assert len(list(client.prompt(HELLO))) == 2


def test_events_and_logs_are_streams(daemon: FakeDaemon, client: Client) -> None:
    """`logs` passes on what is asked for and gives plain lines."""
    daemon.lines = ["one", "two"]
    assert list(client.logs(agent="a b", lines=2, follow=True)) == ["one", "two"]
    assert daemon.asked[0].path == "/v1/logs?agent=a+b&lines=2&follow=1"


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if kind is not UserError])
def test_every_error_comes_back_as_it_was_raised(
    daemon: FakeDaemon, client: Client, kind: type[TarsError]
) -> None:
    """The server's table, read backwards; message and advice are kept."""
    status, code = ANSWERS[kind]
    daemon.refuse("GET /v1/status", status, code, "Oh no.", "Do this.")
    with pytest.raises(TarsError) as caught:
        client.status()
    assert type(caught.value) is kind
    assert str(caught.value) == "Oh no."
    if kind is not ConfigInvalid:
        assert caught.value.advice == "Do this."


def test_an_unknown_code_is_still_an_error() -> None:
    """A newer daemon may have codes that this client does not know."""
    error = error_of(c.ErrorBody(code="brand_new", message="What?", advice="That."))
    assert (type(error), str(error), error.advice) == (TarsError, "What?", "That.")


def test_a_refused_prompt_raises(daemon: FakeDaemon, client: Client) -> None:
    """Errors of a stream come before its first event."""
    daemon.refuse("POST /v1/prompt", 404, "agent_not_found", "There is no nope.")
    with pytest.raises(AgentNotFound, match=r"There is no nope\."):
        next(client.prompt(HELLO))


def test_an_unavailable_agent_keeps_its_words(daemon: FakeDaemon, client: Client) -> None:
    """The fault's sentence and advice survive the wire."""
    daemon.refuse("POST /v1/reset", 503, "agent_unavailable", "Not signed in.", "Sign in.")
    with pytest.raises(AgentUnavailable) as caught:
        client.reset()
    assert str(caught.value.fault) == "Not signed in. Sign in."


def test_no_socket_is_not_running(short_path: Path) -> None:
    """Neither a missing nor a stale socket is a daemon."""
    client = Client(short_path / "none.sock")
    with pytest.raises(NotRunning):
        client.status()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_path / "none.sock"))
    with pytest.raises(NotRunning):
        next(client.prompt(HELLO))


def test_a_path_that_is_too_long_is_said_so(short_path: Path) -> None:
    """It could never have been a daemon, which is another fault than not running."""
    with pytest.raises(TarsError, match="cannot be reached") as caught:
        Client(short_path / ("x" * 120)).status()
    assert not isinstance(caught.value, NotRunning)


def test_a_daemon_that_dies_in_mid_stream_is_told(daemon: FakeDaemon, client: Client) -> None:
    """What came before is given; then it is an error and not the end of the answer."""
    daemon.stream = [("accepted", ACCEPTED), Hangup()]
    stream = client.prompt(HELLO)
    assert next(stream) == ("accepted", ACCEPTED)
    with pytest.raises(TarsError, match="went away"):
        next(stream)


def test_a_stream_without_its_turn_is_told(daemon: FakeDaemon, client: Client) -> None:
    """A stream that ends in order, but too soon, is not the end of a turn either."""
    daemon.stream = [("accepted", ACCEPTED)]
    with pytest.raises(TarsError, match="before the turn had ended"):
        list(client.prompt(HELLO))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "went away"),
        (b"HTTP/1.1 200 OK\r\n", "went away"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "went away"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "makes no sense"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xff\xff", "makes no sense"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", "HTTP status 500"),
    ],
)
def test_nonsense_is_an_error_with_words(short_path: Path, answer: bytes, words: str) -> None:
    """Whatever sits on the socket, the caller gets a TarsError."""
    with raw_server(short_path, answer) as client, pytest.raises(TarsError, match=words):
        client.status()


def test_a_stream_that_is_none_is_refused(short_path: Path) -> None:
    """JSON where a stream was promised is not taken for an empty stream."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with raw_server(short_path, answer) as client, pytest.raises(TarsError, match="other than"):
        next(client.prompt(HELLO))


def test_an_answer_after_half_a_request_is_read(short_path: Path) -> None:
    """A server that refuses a body unread is heard, not taken for a dead one."""
    error = b'{"error":{"code":"body_too_large","message":"Too much.","advice":""}}'
    head = b"HTTP/1.1 413 No\r\nContent-Length: %d\r\n\r\n" % len(error)
    big = c.PromptRequest(text="x" * 4_000_000)
    with raw_server(short_path, head + error) as client, pytest.raises(RequestInvalid):
        list(client.prompt(big))


def test_what_can_never_be_sent_is_refused_here(short_path: Path) -> None:
    """A body over the contract's bound does not even need a daemon."""
    with pytest.raises(RequestInvalid, match="larger than 16 MiB"):
        list(Client(short_path / "none").prompt(c.PromptRequest(text="x" * c.MAX_BODY)))


def test_a_hung_daemon_is_given_up(short_path: Path) -> None:
    """A daemon that accepts and says nothing ends the wait, not the person's patience."""
    path = short_path / "hung.sock"
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen()
        with pytest.raises(TarsError, match="does not answer"):
            Exchange(
                path,
                b"GET / HTTP/1.1\r\n\r\n",
                answer_seconds=0.05,
                on_wait=lambda: None,
            )


def test_what_on_wait_raises_ends_the_call(daemon: FakeDaemon) -> None:
    """Ctrl-C, say; the connection is closed and nothing leaks (warnings are errors)."""
    gate = Gate()
    daemon.stream = [("accepted", ACCEPTED), gate, ("turn", RESULT)]

    def leave() -> None:
        raise KeyboardInterrupt

    stream = Client(daemon.socket, on_wait=leave).prompt(HELLO)
    with pytest.raises(KeyboardInterrupt):
        list(stream)
