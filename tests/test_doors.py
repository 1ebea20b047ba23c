"""Who lets a connection in: the worker that has fewest, and never nobody."""

import asyncio
import json
import os
import signal
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from uvicorn import Config
from uvicorn import Server as Server_

from kmsconsole.doors import ABSENT, FairServer
from tests.loops import in_loop
from tests.processes import wait_until, workers_of
from tests.small import Server, small_server

# Start servers of their own: side by side they would only wait for each other.
pytestmark = pytest.mark.xdist_group("server")


def connected(small: Server, number: int, stack: ExitStack) -> list[socket.socket]:
    """Return connections that were opened at once."""
    address = ("127.0.0.1", small.port)
    return [
        stack.enter_context(socket.create_connection(address, 10))
        for _ in range(number)
    ]


def worker_of(connection: socket.socket) -> int:
    """Ask on a connection that stays open who has it."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    said = b""
    while b"\r\n\r\n" not in said or not said.endswith(b"}}"):
        said += connection.recv(65536)
    pid: int = json.loads(said.partition(b"\r\n\r\n")[2])["pid"]
    return pid


def shared(connections: list[socket.socket]) -> list[int]:
    """Return how many of them each worker has."""
    return sorted(Counter(map(worker_of, connections)).values())


@pytest.fixture
def two() -> Iterator[Server]:
    with small_server(workers=2) as small:
        both = workers_of(small.process.pid)
        # Until both of them let in.
        assert wait_until(lambda: int(small.ask("/")["pid"]) == min(both))
        assert wait_until(lambda: int(small.ask("/")["pid"]) == max(both))
        # And until what they have is known to both.
        time.sleep(0.3)
        yield small


def test_connections_that_stay_open_are_shared_evenly(two: Server) -> None:
    for number in (2, 8, 31):
        with ExitStack() as stack:
            shares = shared(connected(two, number, stack))
            assert len(shares) == 2
            assert shares[1] - shares[0] <= 2
        time.sleep(0.3)


def test_a_worker_that_stands_still_keeps_nobody_waiting(two: Server) -> None:
    still, other = workers_of(two.process.pid)
    os.kill(still, signal.SIGSTOP)
    try:
        with ExitStack() as stack:
            connections = connected(two, 40, stack)
            assert Counter(map(worker_of, connections)) == {other: 40}
    finally:
        os.kill(still, signal.SIGCONT)


def test_a_new_worker_has_its_share(two: Server) -> None:
    killed, other = workers_of(two.process.pid)
    with ExitStack() as stack:
        before = connected(two, 20, stack)
        assert len(shared(before)) == 2
        os.kill(killed, signal.SIGKILL)
        # While there is one worker it takes all.
        assert Counter(map(worker_of, connected(two, 4, stack))) == {other: 4}
        assert wait_until(lambda: int(two.ask("/")["pid"]) not in (killed, other), 10)
        time.sleep(0.3)
        later = Counter(map(worker_of, connected(two, 12, stack)))
        assert later[other] <= 2


def test_who_was_taken_while_the_worker_ends_is_answered(
    certificate: tuple[str, str],
) -> None:
    with (
        small_server(tls=certificate, BYTES=2**40) as small,
        ExitStack() as stack,
    ):
        context = ssl.create_default_context(cafile=certificate[0])
        context.check_hostname = False
        (plain, silent) = connected(small, 2, stack)
        # Until both were taken.
        time.sleep(0.3)
        small.process.terminate()
        time.sleep(0.4)
        with context.wrap_socket(plain) as secured:
            assert worker_of(secured)
        silent.settimeout(10)
        assert silent.recv(10) == b""
        assert small.wait(10) == 0
        assert "Traceback" not in small.said


def test_handshakes_add_no_time_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entered:
        entering = 1

        async def close(self) -> None:
            await asyncio.sleep(0.5)

    left: list[float | None] = []

    async def ended(server: Server_, sockets: object = None) -> None:
        left.append(server.config.timeout_graceful_shutdown)

    async def end() -> None:
        config = Config("tests.small:application", timeout_graceful_shutdown=4)
        shares = [0]
        server = FairServer(config, shares, 0)
        monkeypatch.setattr(server, "_doors", [Entered()])
        await server.shutdown()
        assert shares == [ABSENT]

    monkeypatch.setattr(Server_, "shutdown", ended)
    in_loop(end())
    assert left[0] is not None
    assert 0 <= left[0] <= 3.5


def test_who_shakes_no_hands_is_let_go_and_in_nobodys_way(
    certificate: tuple[str, str],
) -> None:
    with (
        small_server(tls=certificate, HEAD_SECONDS=2, BYTES=2**40) as small,
        ExitStack() as stack,
    ):
        silent = connected(small, 200, stack)
        context = ssl.create_default_context(cafile=certificate[0])
        context.check_hostname = False
        (plain,) = connected(small, 1, stack)
        with context.wrap_socket(plain) as secured:
            assert worker_of(secured)
        began = time.monotonic()
        for connection in silent:
            connection.settimeout(10)
            assert connection.recv(10) == b""
        assert time.monotonic() - began < 8
        assert "Traceback" not in small.said
