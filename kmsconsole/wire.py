"""HTTP/1.1 as uvicorn speaks it, with bounds to what comes before a body.

The parser itself refuses what two readers could part differently.
"""

from asyncio import BaseTransport, TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15
_MOST_HEAD_BYTES = 65_536
_MOST_HEADERS = 100
_TOO_LARGE = "The head of this request is too large."


class Protocol(HttpToolsProtocol):
    """A connection whose heads are bounded in bytes, number of headers and time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head_bytes = 0
        self._too_slow: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came, and go on waiting where a head did not end with it."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self.send_400_response(_TOO_LARGE)
            elif self._too_slow is None:
                self._wait_for_head()

    def on_message_begin(self) -> None:
        """Count from here."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand the request on, unless its head is larger than anybody's."""
        self._in_head = False
        self._stop_waiting()
        # What is raised here, the parser takes for a request that can't be read.
        if len(self.headers) > _MOST_HEADERS:
            raise ValueError(_TOO_LARGE)
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._too_slow = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None
