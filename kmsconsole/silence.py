"""Connections on which nothing moves are shut down in the end.

Whoever half sends a request, or does not read its answer, costs a socket and a little
memory for so long, and nobody's time.
"""

import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# Longer than the server waits for a request's head, and than any answer takes.
SILENT_SECONDS = 45

_OPEN_FILES = Path("/proc/self/fd")
# Of the kernel's struct tcp_info: eight bytes, then numbers of four; milliseconds.
_LAST_SENT = struct.Struct("=44xI")


class _Connection(NamedTuple):
    """A socket of this process that speaks TCP; None for one that listens."""

    descriptor: int
    port: int
    silent_seconds: float | None


def shut_silent(seconds: float = SILENT_SECONDS) -> int:
    """Shut down clients' connections that nothing was sent on for so long.

    Whoever waits for their body, or for them to read, then sees their end. Returns how
    many.
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
