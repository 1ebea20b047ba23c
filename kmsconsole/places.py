"""Where requests are worked on that take their time: few at once, each in a thread."""

import asyncio
from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from kmsconsole.intake import Message, Receive, Send

_Head = tuple[int, list[tuple[bytes, bytes]]]

_PIECE_BYTES = 65_536
# What is no longer than that, any file of a page, leaves whole and without a thread.
_MOST_WHOLE_BYTES = 2**19
# So many wait at most: those behind would be refused for their silence anyway.
_MOST_WAITING = 1000
# How long a stream waits for its reader, all its pieces together.
_PATIENCE_SECONDS = 120.0
_BUSY = b"Too many requests wait here. Try again."
_BUSY_HEAD = (
    503,
    [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(_BUSY)),
        (b"retry-after", b"2"),
    ],
)


class ClientLeft(Exception):
    """Nobody reads this answer any more."""


class Places:
    """Runs a WSGI application in `number` threads.

    Each thread has its own connection to the database, so that these are no more than
    that. An answer that streams keeps its place until it is sent, or its reader left or
    had `patience` seconds. Who leaves before there is a place is not worked for.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        number: int,
        *,
        most_waiting: int = _MOST_WAITING,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(number, "place")
        self._most_present = number + most_waiting
        self._present = 0
        self._patience = patience

    async def answer(
        self, environ: "WSGIEnvironment", receive: "Receive", send: "Send"
    ) -> None:
        """Wait for a place, have the request answered there, and send the answer."""
        if self._present >= self._most_present:
            await _send_whole(send, _BUSY_HEAD, _BUSY)
            return
        self._present += 1
        loop = asyncio.get_running_loop()
        stream = _Stream(loop, send, self._patience)
        work = loop.run_in_executor(self._threads, self._work, environ, stream)
        watch = loop.create_task(_until_left(receive, stream, work))
        try:
            whole = await work
        except CancelledError:
            if stream.is_left:
                return
            raise
        finally:
            self._present -= 1
            watch.cancel()
        if whole is not None:
            await _send_whole(send, *whole)

    def _work(
        self, environ: "WSGIEnvironment", stream: "_Stream"
    ) -> tuple[_Head, bytes] | None:
        """Return the answer, or None where it was streamed."""
        started: list[_Head] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: Any = None
        ) -> Any:
            started.append((int(status.partition(" ")[0]), _encoded(headers)))

        answer = self._application(environ, start_response)
        try:
            if isinstance(answer, list) or not getattr(answer, "streaming", True):
                return started[-1], b"".join(answer)
            pieces = _pieces(answer)
            first, second = next(pieces, b""), next(pieces, None)
            if second is None:
                return started[-1], first
            stream.put(_start(started[-1]))
            for piece in chain((first, second), pieces):
                stream.put(_part(piece))
            stream.put(_part(b"", more=False))
        finally:
            getattr(answer, "close", lambda: None)()
        return None


class _Stream:
    """An answer that leaves piece by piece; its thread waits for its reader."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, send: "Send", patience: float
    ) -> None:
        self._loop, self._send, self._patience = loop, send, patience
        self.is_left = False

    def put(self, message: "Message") -> None:
        """Send a piece; raises ClientLeft."""
        asyncio.run_coroutine_threadsafe(self._sent(message), self._loop).result()

    async def _sent(self, message: "Message") -> None:
        if self.is_left:
            raise ClientLeft
        began = self._loop.time()
        try:
            async with asyncio.timeout(self._patience):
                await self._send(message)
        except TimeoutError:
            raise ClientLeft from None
        self._patience -= self._loop.time() - began


async def _until_left(
    receive: "Receive", stream: _Stream, work: "asyncio.Future[Any]"
) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.is_left = True
    # Does nothing to a thread that has begun, but nobody waits for it any more.
    work.cancel()


async def _send_whole(send: "Send", head: _Head, content: bytes) -> None:
    await send(_start(head))
    await send(_part(content, more=False))


def _start(head: _Head) -> "Message":
    return {"type": "http.response.start", "status": head[0], "headers": head[1]}


def _part(content: bytes, *, more: bool = True) -> "Message":
    return {"type": "http.response.body", "body": content, "more_body": more}


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1").lower(), value.encode("latin-1"))
        for name, value in headers
    ]


def _pieces(answer: Iterable[bytes]) -> Iterator[bytes]:
    """Join what is small, as each piece costs a turn of the loop; the first is long."""
    waiting, size, least = [], 0, _MOST_WHOLE_BYTES
    for part in answer:
        waiting.append(part)
        size += len(part)
        if size >= least:
            yield b"".join(waiting)
            waiting, size, least = [], 0, _PIECE_BYTES
    if waiting:
        yield b"".join(waiting)
