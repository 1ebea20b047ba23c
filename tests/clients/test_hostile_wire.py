"""Bytes that no client sends, to the running service: refused, and nobody waits."""

import json
import socket
import time

import pytest

from tests.clients.sdk import Connect, ask
from tests.server import RunningServer

pytestmark = pytest.mark.xdist_group("server")

HEAD = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-TC-Action: ListKeys\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
JSON = "Content-Type: application/json\r\n"


def exchange(server: RunningServer, data: bytes, seconds: float = 5) -> bytes:
    """Send bytes and return what comes back until the service or time ends it."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), seconds) as wire:
        wire.settimeout(seconds)
        try:
            wire.sendall(data)
            while part := wire.recv(65536):
                answer += part
        except OSError:
            # It closed the connection, or waits for more of a request.
            pass
    return answer


SMUGGLED = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        # Two lengths, or a length and chunks: two readers would part them differently.
        f"{HEAD}{JSON}Content-Length: 2\r\nContent-Length: 60\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: 2\r\n{CHUNKED}\r\n0\r\n\r\n{SMUGGLED}",
        f"{HEAD}{JSON}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"{HEAD}{JSON}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: +2\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: 2 \x0b\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length : 2\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: 0x2\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON} Content-Length: 2\r\n\r\n{{}}{SMUGGLED}",
    ],
)
def test_a_request_inside_a_request_is_not_answered(
    server: RunningServer, head: str
) -> None:
    answer = exchange(server, head.encode("latin-1"), 2)
    # At most the refusal of the first one; never the page that was smuggled in.
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert b"ListKeys" not in answer
    if b"HTTP/1.1 200" in answer:
        body = answer.partition(b"\r\n\r\n")[2]
        assert "Error" in json.loads(body[: body.rindex(b"}") + 1])["Response"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"\x16\x03\x01" + bytes(200),
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_noise_is_refused_and_the_service_goes_on(
    server: RunningServer, connect: Connect, data: bytes
) -> None:
    answer = exchange(server, data, 2)
    assert b"InternalError" not in answer
    assert b"Traceback" not in answer
    assert ask(connect(), "GetRegions").Regions


def test_slow_clients_hold_nobody_up(server: RunningServer, connect: Connect) -> None:
    waiting = []
    try:
        for _ in range(64):
            wire = socket.create_connection(("127.0.0.1", server.port), 5)
            # The length is said, the body does not come.
            wire.sendall(f"{HEAD}{JSON}Content-Length: 1000\r\n\r\n{{".encode())
            waiting.append(wire)
        client = connect()
        began = time.monotonic()
        for _ in range(5):
            assert ask(client, "GetRegions").Regions
        assert time.monotonic() - began < 20
    finally:
        for wire in waiting:
            wire.close()
