"""What many slow clients may hold of a process together: who waits longest gives way.

Somebody who half sends a request, or does not read an answer, costs memory for as long
as they like to. Everybody else is done within moments, and so never waits longest.
"""

import resource
from asyncio import Transport

MOST_BYTES = 64 * 2**20
# Files that are no connections: the database's, the token's, libraries.
_OTHER_FILES = 256
_MOST_CONNECTIONS = 10_000


def most_connections() -> int:
    """Return how many connections this process may hold, by its limit of files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(files - _OTHER_FILES, _MOST_CONNECTIONS), _OTHER_FILES)


class Unfinished:
    """Connections that wait for their client, and what each of them holds meanwhile.

    Beyond `most_connections` or `most_bytes` those that began to wait first are cut.
    """

    def __init__(self, most_connections: int, most_bytes: int) -> None:
        self._most_connections = most_connections
        self._most_bytes = most_bytes
        # Kept in the order in which they began.
        self._held: dict[Transport, int] = {}
        self._bytes = 0

    def begin(self, transport: Transport, held: int = 0) -> None:
        """Let it wait from now on; anew where it did already."""
        self._bytes += held - self._held.pop(transport, 0)
        self._held[transport] = held
        self._cut()

    def hold(self, transport: Transport, more: int) -> None:
        """Count more bytes of somebody who waits."""
        if transport in self._held:
            self._held[transport] += more
            self._bytes += more
            self._cut()

    def end(self, transport: Transport) -> None:
        """Forget what it held: it waits no more."""
        self._bytes -= self._held.pop(transport, 0)

    def _cut(self) -> None:
        while (
            self._bytes > self._most_bytes or len(self._held) > self._most_connections
        ):
            first = next(iter(self._held))
            self.end(first)
            first.abort()
