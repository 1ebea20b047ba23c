"""Where requests are worked on that take their time: few at once, each in a thread."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from kmsconsole.intake import Message, Receive, Send

_Head = tuple[int, list[tuple[bytes, bytes]]]

_PIECE_BYTES = 65_536


class ClientLeft(Exception):
    """Nobody reads this answer any more."""


class Places:
    """Runs a WSGI application in `number` threads.

    Each thread has its own connection to the database, so that these are no more than
    that. An answer that streams keeps its place until it is sent or its reader left.
    """

    def __init__(self, application: "WSGIApplication", number: int) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(number, "place")

    async def answer(
        self, environ: "WSGIEnvironment", receive: "Receive", send: "Send"
    ) -> None:
        """Wait for a place, have the request answered there, and send the answer."""
        stream = _Stream(asyncio.get_running_loop(), receive, send)
        whole = await stream.loop.run_in_executor(
            self._threads, self._work, environ, stream
        )
        if whole is not None:
            head, content = whole
            await send(_start(head))
            await send({"type": "http.response.body", "body": content})

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
            stream.begin(started[-1])
            for piece in (first, second, *pieces):
                stream.put(piece)
            stream.end()
        except ClientLeft:
            pass
        finally:
            getattr(answer, "close", lambda: None)()
        return None


class _Stream:
    """An answer that leaves piece by piece; its thread waits for its reader."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, receive: "Receive", send: "Send"
    ) -> None:
        self.loop = loop
        self._receive, self._send = receive, send
        self._watch: asyncio.Task[None] | None = None
        self._is_left = False

    def begin(self, head: _Head) -> None:
        self._wait_for(_start(head))

    def put(self, piece: bytes) -> None:
        """Send a piece; raises ClientLeft."""
        self._wait_for({"type": "http.response.body", "body": piece, "more_body": True})

    def end(self) -> None:
        self._wait_for({"type": "http.response.body", "body": b""})

    def _wait_for(self, message: "Message") -> None:
        asyncio.run_coroutine_threadsafe(self._sent(message), self.loop).result()

    async def _sent(self, message: "Message") -> None:
        if self._watch is None:
            self._watch = self.loop.create_task(self._until_left())
        if self._is_left:
            raise ClientLeft
        await self._send(message)

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_left = True


def _start(head: _Head) -> "Message":
    return {"type": "http.response.start", "status": head[0], "headers": head[1]}


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1").lower(), value.encode("latin-1"))
        for name, value in headers
    ]


def _pieces(answer: Iterable[bytes]) -> Iterator[bytes]:
    """Join what is small: each piece costs a turn of the loop."""
    waiting, size = [], 0
    for part in answer:
        waiting.append(part)
        size += len(part)
        if size >= _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
