"""What stands before every request: its body arrives whole before anybody works on it.

Waiting costs no thread, however long a sender takes. Bodies that nobody could want are
not waited for.
"""

import io
import sys
from asyncio import Semaphore
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from kmsconsole.places import Places

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MOST_DIGITS = 20
# A file too large for its form, so that the form can say so; more is not even read.
_LARGEST_BYTES, _LARGE_AT_ONCE = 2**20, 4
_NAMES: dict[bytes, str] = {
    b"content-length": "CONTENT_LENGTH",
    b"content-type": "CONTENT_TYPE",
}
# Names are the sender's choice: only so many are remembered, and no long ones.
_MOST_NAMES, _LONGEST_NAME = 500, 64


class Quick(Protocol):
    """Answers some requests at once, without a thread for each."""

    def takes(self, environ: "WSGIEnvironment") -> bool:
        """Say whether this request is for it."""

    async def answer(
        self, environ: "WSGIEnvironment"
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return headers and content; the status is 200."""


class Intake:
    """An ASGI application: bodies, then `quick` for some requests, `places` for others.

    Bodies of more than `most_bytes` are for nobody: a few at a time are handed on
    whole, others empty, to be refused.
    """

    def __init__(self, quick: Quick, places: "Places", most_bytes: int) -> None:
        self._quick = quick
        self._places = places
        self._most_bytes = most_bytes
        self._large = Semaphore(_LARGE_AT_ONCE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take in the body and have the request answered."""
        environ = environ_of(scope)
        body = await self._whole(environ, receive)
        if body is None:
            return
        environ["wsgi.input"] = io.BytesIO(body)
        if not self._quick.takes(environ):
            await self._places.answer(environ, receive, send)
            return
        headers, content = await self._quick.answer(environ)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _whole(
        self, environ: "WSGIEnvironment", receive: Receive
    ) -> bytes | None:
        """Return the body; None where its sender broke off.

        Whoever reads it learns that it is too long from the length that was declared,
        or by one byte more.
        """
        length = environ.get("CONTENT_LENGTH", "")
        if not length:
            if "HTTP_TRANSFER_ENCODING" not in environ:
                return b""
            return await _read(receive, self._most_bytes + 1)
        if not (length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS):
            return b""
        wanted = int(length)
        if wanted <= self._most_bytes:
            return await _read(receive, wanted)
        if wanted > _LARGEST_BYTES or self._large.locked():
            return b""
        async with self._large:
            return await _read(receive, wanted)


async def _read(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        parts.append(part)
        most -= len(part)
        if most <= 0 or not message.get("more_body"):
            return part if len(parts) == 1 else b"".join(parts)


def environ_of(scope: Message) -> "WSGIEnvironment":
    """Return what WSGI says of the request that an ASGI scope describes.

    A header that came twice holds both, joined by a comma. One with an underscore in
    its name is left out: it would pass for the one with a dash.
    """
    host, port = scope["server"] or ("", 0)
    client = scope["client"]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.errors": sys.stderr,
    }
    for raw, value in scope["headers"]:
        name = _NAMES.get(raw) or _name(raw)
        if name in environ:
            environ[name] = f"{environ[name]},{value.decode('latin-1')}"
        elif name:
            environ[name] = value.decode("latin-1")
    return environ


def _name(raw: bytes) -> str:
    name = ""
    if b"_" not in raw:
        name = "HTTP_" + raw.decode("latin-1").upper().replace("-", "_")
    if len(_NAMES) < _MOST_NAMES and len(raw) <= _LONGEST_NAME:
        _NAMES[raw] = name
    return name
