"""The page's sockets: on loopback alone, and a taken port is said to be taken."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tars.errors import Refused
from tars.web.listening import Listening, listen


@pytest.fixture
def listening() -> Iterator[Listening]:
    found = listen(0)
    yield found
    found.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_only_loopback_is_listened_at(listening: Listening) -> None:
    """Whatever addresses the machine has; at the same port for both families."""
    names = [sock.getsockname()[:2] for sock in listening.sockets]
    wanted = [("127.0.0.1", listening.port)]
    wanted += [("::1", listening.port)] if has_ipv6() else []
    assert names == wanted
    assert listening.host == "127.0.0.1"


def test_no_child_inherits_it(listening: Listening) -> None:
    """An agent could keep the port from the next daemon."""
    assert [sock.get_inheritable() for sock in listening.sockets] == [False] * len(
        listening.sockets
    )


def test_answers_wait_for_no_acknowledgement(listening: Listening) -> None:
    """A head and its body are two packets, and the second one of them would wait for 40 ms."""
    sent_at_once: list[int] = []

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sent_at_once.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect() -> None:
        for sock in listening.sockets:
            async with await asyncio.start_server(greet, sock=sock.dup()):
                reader, writer = await asyncio.open_connection(*sock.getsockname()[:2])
                await reader.read()
                writer.close()

    asyncio.run(connect())
    assert len(sent_at_once) == len(listening.sockets)
    assert all(sent_at_once)


def test_a_taken_port_is_told_with_what_to_do(listening: Listening) -> None:
    """Whoever has it, and whichever family it has it of."""
    with pytest.raises(Refused, match=f"Port {listening.port} is taken") as told:
        listen(listening.port)
    assert "--port 0" in told.value.advice


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_half_a_port_is_no_port() -> None:
    """`localhost` would lead a browser to whoever has the other half."""
    with closing(socket.socket(socket.AF_INET6)) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Refused, match="taken"):
            listen(port)
        with closing(socket.socket(socket.AF_INET)) as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
