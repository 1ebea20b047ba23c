"""Bodies arrive whole, few requests are worked on at once, silence has an end."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse

from kmsconsole.intake import Intake, shut_silent

PLACES, MOST = 2, 100
Answer = Callable[[dict[str, Any]], Iterable[bytes]]


class Slow(io.RawIOBase):
    """A body that comes in pieces, and may break off."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.wanted: list[int] = []

    def read(self, size: int = -1) -> bytes:
        self.wanted.append(size)
        return self.pieces.pop(0) if self.pieces else b""


def intake(answer: Answer) -> Intake:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return answer(environ)

    return Intake(application, PLACES, MOST)  # type: ignore[arg-type]


def send(taken: Intake, body: Any = None, length: str = "") -> tuple[str, Any]:
    """Return the status and what the application answered."""
    said: list[str] = []
    environ = {"wsgi.input": body or io.BytesIO(), "CONTENT_LENGTH": length}
    if body is not None and not length:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    answer = taken(environ, lambda status, _headers: said.append(status))  # type: ignore[arg-type,return-value,misc]
    return said[0], answer


def echo(environ: dict[str, Any]) -> list[bytes]:
    return [environ["wsgi.input"].read()]


def test_a_body_is_whole_before_anybody_works() -> None:
    body = Slow(b"ab", b"c", b"de")
    assert send(intake(echo), body, "5") == ("200 OK", [b"abcde"])
    assert body.wanted == [5, 3, 2]
    assert send(intake(echo), Slow(b"ab", b"c")) == ("200 OK", [b"abc"])


def test_a_body_that_breaks_off_is_nobodys() -> None:
    def never(_environ: dict[str, Any]) -> list[bytes]:
        pytest.fail("it was handed on")

    assert send(intake(never), Slow(b"ab"), "5") == ("400 Bad Request", [])


@pytest.mark.parametrize("length", ["-1", "abc", "9" * 30, str(2**20 + 1)])
def test_what_nobody_can_want_is_not_read(length: str) -> None:
    body = Slow(b"ab")
    assert send(intake(echo), body, length) == ("200 OK", [b""])
    assert body.wanted == []


def test_few_large_bodies_are_awaited_at_once() -> None:
    taken, gate = intake(echo), threading.Event()

    class Held(Slow):
        def read(self, size: int = -1) -> bytes:
            gate.wait(20)
            return super().read(size)

    said: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: said.append(send(taken, Held(b"x" * 200), "200")[1])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while taken._large._value:
        time.sleep(0.01)
    assert send(taken, Slow(b"y" * 200), "200") == ("200 OK", [b""])
    gate.set()
    for thread in threads:
        thread.join(20)
    assert said == [[b"x" * 200]] * 4
    assert send(taken, Slow(b"y" * 200), "200") == ("200 OK", [b"y" * 200])


def test_without_a_length_one_byte_more_than_the_limit_is_read() -> None:
    _, (seen,) = send(intake(echo), io.BytesIO(b"x" * 10 * MOST))
    assert len(seen) == MOST + 1


@pytest.mark.django_db
def test_places_are_few_and_each_has_its_connection() -> None:
    gate, seen, busy, most = threading.Barrier(PLACES), set(), [0], [0]
    lock = threading.Lock()

    def work(_environ: dict[str, Any]) -> list[bytes]:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            seen.add(id(connections["default"]))
        gate.wait(20)
        with lock:
            busy[0] -= 1
        return [b""]

    taken = intake(work)
    threads = [threading.Thread(target=send, args=(taken,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [PLACES]
    assert len(seen) == PLACES
    assert id(connections["default"]) not in seen


@pytest.mark.django_db
def test_a_connection_works_in_whatever_thread_has_it() -> None:
    def ask(_environ: dict[str, Any]) -> list[bytes]:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
            return [str(cursor.fetchone()[0]).encode()]

    taken = intake(ask)
    said: list[Any] = []
    for _ in range(PLACES * 2):
        thread = threading.Thread(target=lambda: said.append(send(taken)))
        thread.start()
        thread.join(30)
    assert said == [("200 OK", [b"1"])] * PLACES * 2
    for database in (taken._places.get() for _ in range(PLACES)):
        database.close()


def test_a_place_comes_back_after_a_fault_and_after_a_stream() -> None:
    def fault(_environ: dict[str, Any]) -> list[bytes]:
        raise RuntimeError

    taken = intake(fault)
    for _ in range(PLACES + 1):
        with pytest.raises(RuntimeError):
            send(taken)

    def stream(_environ: dict[str, Any]) -> Any:
        return StreamingHttpResponse(iter([b"a", b"b"]))

    taken = intake(stream)
    held = [send(taken)[1] for _ in range(PLACES)]
    assert taken._places.empty()
    assert b"".join(held[0]) == b"ab"
    held.pop(0).close()
    held.clear()
    assert taken._places.qsize() == PLACES
    taken = intake(lambda _environ: HttpResponse(b"page"))
    assert [send(taken)[1] for _ in range(PLACES + 1)] == [[b"page"]] * (PLACES + 1)


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
