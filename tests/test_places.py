"""Slow requests: few at once, each in a thread; answers whole or piece by piece."""

import asyncio
import threading
from asyncio import Task
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse

from kmsconsole.places import ClientLeft, Places
from tests.loops import in_loop

PLACES = 2
Work = Callable[[dict[str, Any]], Iterable[bytes]]
PIECE = b"x" * 600_000


class Client:
    """Somebody who asked; reads at once unless told not to, and may leave."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left, self.reads = asyncio.Event(), asyncio.Event()
        self.reads.set()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        await self.reads.wait()

    def leave(self) -> None:
        # As uvicorn does: what waits to be sent is let go.
        self.left.set()
        self.reads.set()

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_done(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", True)


def places(work: Work, **more: Any) -> Places:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("201 Created", [("X-Name", "välue"), ("Set-Cookie", "a")])
        return work(environ)

    return Places(application, PLACES, **more)  # type: ignore[arg-type]


def ask(front: Places, client: Client) -> "Task[None]":
    answer = front.answer({}, client.receive, client.send)  # type: ignore[arg-type]
    return asyncio.create_task(answer)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (lambda: [b"a", b"b"], b"ab"),
        (list, b""),
        (lambda: HttpResponse(b"page"), b"page"),
        (lambda: StreamingHttpResponse(iter([b"a", b"b"])), b"ab"),
        (lambda: StreamingHttpResponse(iter([])), b""),
        (lambda: (part for part in (b"a", b"b")), b"ab"),
    ],
    ids=["list", "nothing", "page", "stream", "stream of nothing", "generator"],
)
def test_a_short_answer_leaves_whole(answer: Any, content: bytes) -> None:
    async def run() -> None:
        client = Client()
        await ask(places(lambda _: answer()), client)
        start, body = client.sent
        assert start == {
            "type": "http.response.start",
            "status": 201,
            "headers": [(b"x-name", "välue".encode("latin-1")), (b"set-cookie", b"a")],
        }
        assert body["body"] == content
        assert client.is_done

    in_loop(run())


class Stream:
    """A stream that is closed once, and counts its pieces."""

    streaming = True

    def __init__(self, pieces: int = 10, fault_at: int | None = None) -> None:
        self.pieces, self.fault_at = pieces, fault_at
        self.made = self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self.pieces):
            if number == self.fault_at:
                raise ZeroDivisionError
            self.made += 1
            yield PIECE

    def close(self) -> None:
        self.closed += 1


def test_a_long_answer_leaves_piece_by_piece() -> None:
    async def run() -> None:
        client, stream = Client(), Stream()
        await ask(places(lambda _: stream), client)
        assert client.content == PIECE * stream.pieces
        assert len(client.sent) == stream.pieces + 2
        assert client.is_done
        assert stream.closed == 1

    in_loop(run())


def test_no_more_is_made_than_is_read() -> None:
    async def run() -> None:
        client, stream = Client(), Stream()
        client.reads.clear()
        task = ask(places(lambda _: stream), client)
        await until(lambda: bool(client.sent))
        await asyncio.sleep(0.1)
        assert stream.made <= 2
        client.reads.set()
        await task
        assert client.is_done

    in_loop(run())


def test_a_reader_that_leaves_ends_the_stream_and_frees_the_place() -> None:
    async def run() -> None:
        streams = [Stream(1000) for _ in range(PLACES)]
        waiting = list(streams)
        front = places(lambda _: waiting.pop() if waiting else [b"whole"])
        clients = [Client() for _ in range(PLACES)]
        for client in clients:
            client.reads.clear()
        tasks = [ask(front, client) for client in clients]
        await until(lambda: all(client.sent for client in clients))
        other = Client()
        task = ask(front, other)
        await asyncio.sleep(0.1)
        assert not other.sent
        clients[0].leave()
        await task
        assert other.content == b"whole"
        await tasks[0]
        assert not clients[0].is_done
        clients[1].leave()
        await tasks[1]
        await until(lambda: [stream.closed for stream in streams] == [1, 1])
        assert all(stream.made < 10 for stream in streams)

    in_loop(run())


def test_a_reader_that_reads_too_slowly_is_given_up() -> None:
    async def run() -> None:
        client, stream = Client(), Stream()
        client.reads.clear()
        with pytest.raises(ClientLeft):
            await ask(places(lambda _: stream, patience=0.2), client)
        assert stream.closed == 1
        slow, stream = Client(), Stream(100)

        async def send(message: dict[str, Any]) -> None:
            await asyncio.sleep(0.05)

        slow.send = send  # type: ignore[method-assign]
        with pytest.raises(ClientLeft):
            await ask(places(lambda _: stream, patience=0.2), slow)
        assert 1 < stream.made < 10

    in_loop(run())


def test_who_leaves_before_there_is_a_place_is_not_worked_for() -> None:
    async def run() -> None:
        gate, worked = threading.Event(), []

        def work(_environ: Any) -> list[bytes]:
            worked.append(1)
            gate.wait(20)
            return [b""]

        front = places(work)
        present, gone, late = ([Client() for _ in range(3)] for _ in range(3))
        tasks = [ask(front, client) for client in present[:PLACES]]
        await until(lambda: len(worked) == PLACES)
        leaving = [ask(front, client) for client in gone]
        await asyncio.sleep(0)
        for client in gone:
            client.leave()
        await asyncio.gather(*leaving)
        assert not any(client.sent for client in gone)
        tasks += [ask(front, client) for client in late]
        gate.set()
        await asyncio.gather(*tasks)
        assert len(worked) == PLACES + len(late)

    in_loop(run())


def test_who_leaves_while_being_worked_for_is_not_waited_with() -> None:
    async def run() -> None:
        gate, ended = threading.Event(), threading.Event()

        def work(_environ: Any) -> list[bytes]:
            gate.wait(20)
            ended.set()
            return [b""]

        client = Client()
        task = ask(places(work), client)
        await asyncio.sleep(0.1)
        client.leave()
        await task
        assert not ended.is_set()
        gate.set()
        # What was begun is done.
        await until(ended.is_set)
        assert not client.sent

    in_loop(run())


def test_so_many_wait_and_others_are_told() -> None:
    async def run() -> None:
        gate = threading.Event()

        def work(_environ: Any) -> list[bytes]:
            gate.wait(20)
            return [b"done"]

        front = places(work, most_waiting=3)
        clients = [Client() for _ in range(PLACES + 4)]
        tasks = [ask(front, client) for client in clients]
        await until(lambda: bool(clients[-1].sent))
        assert [bool(client.sent) for client in clients] == [False] * 5 + [True]
        assert clients[-1].sent[0]["status"] == 503
        assert clients[-1].is_done
        gate.set()
        await asyncio.gather(*tasks)
        again = Client()
        await ask(front, again)
        assert again.content == b"done"

    in_loop(run())


def test_a_fault_is_raised_and_costs_no_place() -> None:
    def fault(_environ: Any) -> list[bytes]:
        raise KeyError

    async def run() -> None:
        front = places(fault)
        for _ in range(PLACES + 1):
            client = Client()
            with pytest.raises(KeyError):
                await ask(front, client)
            assert not client.sent

    in_loop(run())


@pytest.mark.parametrize("at", [0, 5])
def test_a_fault_in_a_stream_is_no_end_of_it(at: int) -> None:
    async def run() -> None:
        streams: list[Stream] = []

        def work(_environ: Any) -> Stream:
            streams.append(Stream(fault_at=at))
            return streams[-1]

        front = places(work)
        for _ in range(PLACES + 1):
            client = Client()
            with pytest.raises(ZeroDivisionError):
                await ask(front, client)
            # Its reader must not take what came for the whole.
            assert not client.is_done
            assert bool(client.sent) == bool(at)
        assert [stream.closed for stream in streams] == [1] * (PLACES + 1)

    in_loop(run())


def test_an_answer_that_began_nowhere_is_a_fault() -> None:
    async def run() -> None:
        front = Places(lambda _environ, _start: [b"x"], PLACES)  # type: ignore[arg-type,return-value]
        with pytest.raises(IndexError):
            await ask(front, Client())

    in_loop(run())


@pytest.mark.django_db
def test_places_are_few_and_each_has_its_connection() -> None:
    gate, lock = threading.Barrier(PLACES), threading.Lock()
    seen: set[int] = set()
    said: list[int] = []
    busy, most = [0], [0]

    def work(_environ: Any) -> list[bytes]:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            seen.add(id(connections["default"]))
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
            said.append(cursor.fetchone()[0])
        gate.wait(20)
        with lock:
            busy[0] -= 1
        return [b""]

    def close(_environ: Any) -> list[bytes]:
        gate.wait(20)
        connections["default"].close()
        return [b""]

    async def run() -> None:
        front = places(work)
        await asyncio.gather(*[ask(front, Client()) for _ in range(4 * PLACES)])
        front._application = places(close)._application
        await asyncio.gather(*[ask(front, Client()) for _ in range(PLACES)])

    in_loop(run())
    assert most == [PLACES]
    assert said == [1] * 4 * PLACES
    assert len(seen) == PLACES
    assert id(connections["default"]) not in seen
