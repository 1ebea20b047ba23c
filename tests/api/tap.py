"""A relay that remembers what a client sent, byte for byte, as a listener would."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Tap:
    """Listens on `port` and passes everything on to the service on `target`."""

    target: int
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    @classmethod
    @contextmanager
    def on(cls, target: int) -> Iterator["Tap"]:
        """Relay to a port of loopback until the block ends."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            tap = cls(target, listener.getsockname()[1])
            threading.Thread(target=tap._serve, args=(listener,), daemon=True).start()
            yield tap

    def _serve(self, listener: socket.socket) -> None:
        # Closing the listener ends the loop.
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    request = _whole_message(client)
                    self.requests.append(request)
                    client.sendall(self.send(request))

    def send(self, request: bytes) -> bytes:
        """Send bytes to the service on a connection of their own; return its answer."""
        closing = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", request, count=1)
        closing = closing.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        with socket.create_connection(
            ("127.0.0.1", self.target), timeout=20
        ) as service:
            service.sendall(closing)
            return _whole_message(service)


def _whole_message(connection: socket.socket) -> bytes:
    """Read one HTTP message with a declared length."""
    message = b""
    while b"\r\n\r\n" not in message:
        message += connection.recv(65_536)
    head, _, body = message.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    wanted = int(length[1]) if length else 0
    while len(body) < wanted:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def as_action(request: bytes, action: str) -> bytes:
    """Return captured bytes with another action: nothing the SDK signs changes."""
    return re.sub(
        rb"(?i)(\r\nx-tc-action: )[^\r]*", rb"\g<1>" + action.encode(), request, count=1
    )


def signature_of(request: bytes) -> bytes:
    """Return the signature in captured bytes."""
    found = re.search(rb"Signature=([0-9a-f]{64})", request)
    assert found
    return found[1]
