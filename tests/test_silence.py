"""Connections on which nothing moves are shut down."""

import socket
import time
from collections.abc import Iterator

import pytest

from kmsconsole.silence import shut_silent


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and the service's, whose listener this process has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), 5)
        service, _ = listener.accept()
        with client, service:
            yield client, service


def test_a_silent_connection_is_shut_down(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, service = ends
    client.sendall(b"POST")
    service.sendall(b"answer")
    assert client.recv(100) == b"answer"
    assert shut_silent(30) == 0
    time.sleep(0.6)
    # What the client says makes no difference; nor is its own end touched, which is
    # one of this process too.
    client.sendall(b"more")
    assert shut_silent(0.5) == 1
    assert client.recv(100) == b""
    assert service.recv(100) == b"POSTmore"
    assert service.recv(100) == b""


def test_a_connection_to_somewhere_else_is_left_alone() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as elsewhere,
        socket.create_connection(elsewhere.getsockname(), 5) as ours,
    ):
        theirs, _ = elsewhere.accept()
        with theirs:
            elsewhere.close()
            time.sleep(0.1)
            assert shut_silent(0.05) == 0
            theirs.sendall(b"still there")
            assert ours.recv(100) == b"still there"
