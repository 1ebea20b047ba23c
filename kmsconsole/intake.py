"""What stands before every request: bodies arrive whole, or they hold nobody up.

The web server reads a body in the thread that works on the request, and waits for it
as long as its sender likes. So there are many threads that may wait, few that work at
the same time, and a connection on which nothing moves is shut down in the end.
"""

import io
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Longer than the server waits for the next request's head, and than any answer takes.
SILENT_SECONDS = 45
_LOOK_SECONDS = 5

_OPEN_FILES = Path("/proc/self/fd")
# Of the kernel's struct tcp_info: eight bytes, then numbers of four; milliseconds.
_LAST_SENT = struct.Struct("=44xI")
_MOST_DIGITS = 20
# A file too large for its form, so that the form can say so; more is not even read.
_LARGEST_BYTES, _LARGE_AT_ONCE = 2**20, 4


class Intake:
    """Lets at most so many requests of a process be worked on at once.

    Each of these places has a connection to the database of its own, so that their
    number does not follow that of the threads. Bodies of more than `most_bytes` are for
    nobody: a few at a time are handed on whole, others empty, to be refused.
    """

    def __init__(
        self, application: "WSGIApplication", places: int, most_bytes: int
    ) -> None:
        self._application = application
        self._most_bytes = most_bytes
        self._large = BoundedSemaphore(_LARGE_AT_ONCE)
        self._places: SimpleQueue[Any] = SimpleQueue()
        for _ in range(places):
            database = connections.create_connection(DEFAULT_DB_ALIAS)
            # Never by two at once: a place is one thread's until it is given back.
            database.inc_thread_sharing()
            self._places.put(database)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Take in the body, wait for a place, and answer."""
        length = environ.get("CONTENT_LENGTH", "")
        if length or "HTTP_TRANSFER_ENCODING" in environ:
            body = self._whole(environ["wsgi.input"], length)
            if body is None:
                start_response("400 Bad Request", [("Connection", "close")])
                return []
            environ["wsgi.input"] = body
        place, is_held = _Place(self._places), False
        try:
            answer = self._application(environ, start_response)
            if isinstance(answer, list):
                return answer
            if not getattr(answer, "streaming", True):
                return _all_of(answer)
            is_held = True
            return _Held(answer, place)
        finally:
            if not is_held:
                place.give_back()

    def _whole(self, stream: Any, length: str) -> io.BytesIO | None:
        """Return the body; None where its sender broke off.

        Whoever reads it learns that it is too long from `length`, or by one byte more.
        """
        if not length:
            return io.BytesIO(_read(stream, self._most_bytes + 1))
        if not (length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS):
            return io.BytesIO()
        wanted = int(length)
        if wanted <= self._most_bytes:
            return _exactly(stream, wanted)
        if wanted > _LARGEST_BYTES or not self._large.acquire(blocking=False):
            return io.BytesIO()
        try:
            return _exactly(stream, wanted)
        finally:
            self._large.release()


def _exactly(stream: Any, wanted: int) -> io.BytesIO | None:
    body = _read(stream, wanted)
    return io.BytesIO(body) if len(body) == wanted else None


def _read(stream: Any, wanted: int) -> bytes:
    parts = []
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _all_of(answer: Any) -> list[bytes]:
    # As a list the server sends it without a thread that waits for its reader.
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


class _Place:
    """A place that this thread has; its connection is the thread's meanwhile."""

    def __init__(self, places: "SimpleQueue[Any]") -> None:
        self._places = places
        self._database = places.get()
        connections[DEFAULT_DB_ALIAS] = self._database

    def give_back(self) -> None:
        """Let another thread have it; once."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(AttributeError):
                del connections[DEFAULT_DB_ALIAS]
            self._places.put(database)


class _Held:
    """A stream that keeps its place until it is sent or given up."""

    def __init__(self, answer: Any, place: _Place) -> None:
        self._answer, self._place = answer, place

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        """End the stream, then give the place back."""
        try:
            self._answer.close()
        finally:
            self._place.give_back()

    def __del__(self) -> None:
        # A place that nobody gives back would be missing for good.
        self._place.give_back()


class _Connection(NamedTuple):
    """A socket of this process that speaks TCP; None for one that listens."""

    descriptor: int
    port: int
    silent_seconds: float | None


def shut_silent(seconds: float = SILENT_SECONDS) -> int:
    """Shut down clients' connections that nothing was sent on for so long.

    Their threads then see the end of the body, or of the client. Returns how many.
    """
    found = [known for file in _OPEN_FILES.iterdir() if (known := _look(file))]
    own = {each.port for each in found if each.silent_seconds is None}
    return sum(
        _shut(each.descriptor)
        for each in found
        if each.silent_seconds is not None
        and each.silent_seconds >= seconds
        and each.port in own
    )


def _look(file: Path) -> _Connection | None:
    with suppress(OSError):
        if not str(file.readlink()).startswith("socket:"):
            return None
        descriptor = int(file.name)
        borrowed = socket.socket(fileno=descriptor)
        try:
            if borrowed.family not in {socket.AF_INET, socket.AF_INET6}:
                return None
            port = borrowed.getsockname()[1]
            if borrowed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return _Connection(descriptor, port, None)
            told = borrowed.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_SENT.size
            )
            return _Connection(descriptor, port, _LAST_SENT.unpack(told)[0] / 1000)
        finally:
            borrowed.detach()
    return None


def _shut(descriptor: int) -> bool:
    with suppress(OSError):
        borrowed = socket.socket(fileno=descriptor)
        try:
            borrowed.shutdown(socket.SHUT_RDWR)
        finally:
            borrowed.detach()
        return True
    return False


def watch() -> None:
    """Shut down silent connections from time to time; never returns."""
    while True:
        time.sleep(_LOOK_SECONDS)
        shut_silent()
