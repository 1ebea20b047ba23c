"""HTTP/1.1 as uvicorn speaks it, with bounds to what clients may have it keep.

The parser itself refuses what two readers could part differently.
"""

from asyncio import BaseTransport, TimerHandle
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

from kmsconsole.unfinished import MOST_BYTES, Unfinished, most_connections

HEAD_SECONDS = 15
# For a request that is on its way while the worker ends.
_LAST_SECONDS = 1
MOST_HEAD_BYTES = 65_536
MOST_HEADERS = 100
# For each byte of a body; lengths and extensions of chunks, blank lines.
MOST_AROUND = 16
# Requests behind one that is not answered yet.
MOST_BEHIND = 64
_VERSIONS = ("1.1", "1.0")
_SPACES = (b" ", b"\t")
_ABOUT_OTHER_PROTOCOLS = (b"upgrade", b"connection", b"http2-settings")

_requests = Unfinished(most_connections(), MOST_BYTES)
_answers = Unfinished(most_connections(), MOST_BYTES)


class Refused(Exception):
    """Raised into the parser, which then takes the request for one without form."""


class _Flow(FlowControl):
    """Leaves a connection alone that is being closed: the loop would raise."""

    def pause_reading(self) -> None:
        if not self._transport.is_closing():
            super().pause_reading()

    def resume_reading(self) -> None:
        if not self._transport.is_closing():
            super().resume_reading()


class Protocol(HttpToolsProtocol):
    """A connection whose heads are bounded in bytes, number of headers and time.

    What it keeps of requests and answers is bounded together with all others.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        # Of the head that has begun, as far as it came before these bytes.
        self._head_bytes = 0
        self._came_bytes = 0
        self._body_bytes = 0
        self._spare_bytes = MOST_HEAD_BYTES
        self._began = False
        self._too_slow: TimerHandle | None = None
        # What is being answered; behind it others may have come.
        self._answered: RequestResponseCycle | None = None
        self._is_last = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.flow = _Flow(self.transport)
        _requests.begin(self.transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        _requests.end(self.transport)
        _answers.end(self.transport)
        self._stop_waiting()
        self._unset_keepalive_if_required()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Read what came, within bounds."""
        self._began, self._came_bytes, self._body_bytes = False, len(data), 0
        while data and not self.transport.is_closing():
            data = self._parsed(data)
        if self.transport.is_closing():
            return
        if self._in_head:
            self._read_on()
        elif not self._began:
            around = self._came_bytes - self._body_bytes
            self._spare_bytes += MOST_AROUND * self._body_bytes - around
            if self._spare_bytes < 0:
                self._refuse()

    def _read_on(self) -> None:
        """Go on waiting for the head that did not end with what came."""
        # In the bytes in which it began something else may have come before it.
        self._head_bytes += self._known_bytes() if self._began else self._came_bytes
        _requests.hold(self.transport, self._came_bytes)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse()
        elif self._too_slow is None:
            self._wait_for_head()

    def _parsed(self, data: bytes) -> bytes:
        """Return what is to be parsed instead of what the parser left."""
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            return self._declined() + data[offer.args[0] :]
        except HttpParserError:
            self._refuse()
        return b""

    def _declined(self) -> bytes:
        """Return this head without its offer to speak another protocol.

        With it the parser would take a body for that protocol, and so for the next
        request, where whoever stands before the service takes it for a body.
        """
        line = b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        kept = [
            b"%b: %b\r\n" % header
            for header in self.headers
            if header[0] not in _ABOUT_OTHER_PROTOCOLS
        ]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"".join((line, *kept, b"\r\n"))

    def _refuse(self) -> None:
        self.send_400_response("This is no request that can be read.")

    def on_message_begin(self) -> None:
        """Count from here."""
        self._unset_keepalive_if_required()
        self._in_head, self._began = True, True
        self._head_bytes, self._spare_bytes = 0, MOST_HEAD_BYTES
        _requests.begin(self.transport)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, but none that comes behind a body."""
        # In front of the service nobody looked at those.
        if not self._in_head:
            return
        if len(self.headers) >= MOST_HEADERS:
            raise Refused
        name = name.lower()
        if value[-1:] in _SPACES:
            value = value.rstrip(b" \t")
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the request on, unless its head is none that anybody needs."""
        if self.parser.get_http_version() not in _VERSIONS:
            raise Refused
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise Refused
            return
        most = self._head_bytes + self._came_bytes
        if most > MOST_HEAD_BYTES and self._known_bytes() > MOST_HEAD_BYTES:
            raise Refused
        if len(self.pipeline) >= MOST_BEHIND:
            raise Refused
        self._in_head = False
        self._stop_waiting()
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        if self._is_last:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, until the request is answered."""
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            self._unset_keepalive_if_required()
            return
        super().on_body(body)
        _requests.hold(self.transport, len(body))

    def on_message_complete(self) -> None:
        """Say that the request is whole."""
        if self.parser.should_upgrade():
            return
        if not self.cycle.response_complete:
            _requests.end(self.transport)
        elif not self.pipeline and self.timeout_keep_alive_task is None:
            self._wait_for_another()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        if not (self.pipeline or self._in_head):
            _requests.begin(self.transport)
        super().on_response_complete()

    def shutdown(self) -> None:
        """Answer what is under way, and a request that was promised; then close."""
        if self._in_head and self._is_idle:
            self._is_last = True
            self.loop.call_later(_LAST_SECONDS, self._close_if_idle)
        else:
            super().shutdown()

    @property
    def _is_idle(self) -> bool:
        answered = self._answered
        return answered is None or (answered.response_complete and not self.pipeline)

    def _close_if_idle(self) -> None:
        if self._is_idle:
            self.transport.close()

    def pause_writing(self) -> None:
        """Note that somebody does not read their answer."""
        super().pause_writing()
        _answers.begin(self.transport, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Note that they do."""
        _answers.end(self.transport)
        super().resume_writing()

    def _known_bytes(self) -> int:
        return len(self.url) + sum(
            len(name) + len(value) for name, value in self.headers
        )

    def _wait_for_head(self) -> None:
        self._too_slow = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _wait_for_another(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
