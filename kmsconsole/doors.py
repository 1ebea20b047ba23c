"""Which web worker takes a new connection: one that has no more than any other.

A loop that is woken takes all connections that wait, so a client's few ones that stay
open might all be with one worker while the next one has nothing to do.
"""

import asyncio
import logging
from collections.abc import Callable, MutableSequence
from contextlib import suppress
from socket import socket
from ssl import SSLContext
from typing import Any

from uvicorn import Config, Server

from kmsconsole import wire
from kmsconsole.unfinished import most_connections

log = logging.getLogger("uvicorn.error")

# For workers that have fewer; then whoever was asked takes it after all.
_LEFT_SECONDS = 0.005
# Without files nobody can be let in.
_FULL_SECONDS = 1
# For handshakes that are under way while the worker ends.
_LAST_SECONDS = 1

# Of a worker that takes no connections.
ABSENT = 2**31 - 1
# The number of connections that each worker has, in memory that all of them see.
Shares = MutableSequence[int]


class Door:
    """Takes connections from a socket that others take them from, too.

    `number` says how many connections its worker has; `shares` is read for the others.
    """

    def __init__(
        self,
        waiting: socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: SSLContext | None,
        shares: Shares,
        number: Callable[[], int],
    ) -> None:
        self._waiting = waiting
        self._protocol = protocol
        self._tls = tls
        self._shares = shares
        self._number = number
        self._loop = asyncio.get_running_loop()
        # Those that are not done with shaking hands, in the order in which they came.
        self._entering: dict[asyncio.Task[None], None] = {}
        self._closed = False

    @property
    def entering(self) -> int:
        """How many connections are taken that no protocol knows yet."""
        return len(self._entering)

    def open(self) -> None:
        """Begin to take connections."""
        if not self._closed:
            self._loop.add_reader(self._waiting, self._choose)

    async def close(self) -> None:
        """Take no more connections; whoever shakes hands has a moment to end that."""
        self._closed = True
        self._loop.remove_reader(self._waiting)
        if self._entering:
            _, late = await asyncio.wait(self._entering, timeout=_LAST_SECONDS)
            for entering in late:
                entering.cancel()

    def _choose(self) -> None:
        if self._number() > min(self._shares):
            self._pause(_LEFT_SECONDS, self._take)
        else:
            self._take()

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._waiting)
        self._loop.call_later(seconds, self._go_on, then)

    def _go_on(self, then: Callable[[], None]) -> None:
        if not self._closed:
            self.open()
            then()

    def _take(self) -> None:
        try:
            connection, _ = self._waiting.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            # Another worker was quicker, or the client has left.
            return
        except OSError as error:
            log.warning("Connections can't be taken: %s", error)
            self._pause(_FULL_SECONDS, self._choose)
            return
        connection.settimeout(0)
        entering = self._loop.create_task(self._let_in(connection))
        self._entering[entering] = None
        entering.add_done_callback(self._entering.pop)
        if len(self._entering) > most_connections() // 2:
            next(iter(self._entering)).cancel()

    async def _let_in(self, connection: socket) -> None:
        patience = wire.HEAD_SECONDS if self._tls else None
        try:
            await self._loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=patience,
            )
        except (OSError, asyncio.CancelledError):
            # Whoever can't shake hands is no fault of the service's.
            with suppress(OSError):
                connection.close()


class FairServer(Server):
    """Uvicorn's server, with doors in place of the loop's own.

    `place` says which of `shares` is this worker's.
    """

    def __init__(self, config: Config, shares: Shares, place: int) -> None:
        super().__init__(config)
        self._shares = shares
        self._place = place
        self._doors: list[Door] = []

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to take connections from these sockets."""
        await super().startup([])
        self._share()
        for waiting in sockets or []:
            waiting.settimeout(0)
            waiting.listen(self.config.backlog)
            door = Door(
                waiting, self._protocol, self.config.ssl, self._shares, self._share
            )
            self._doors.append(door)
            door.open()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take no more connections, and end those that there are."""
        self._shares[self._place] = ABSENT
        clock, config = asyncio.get_running_loop().time, self.config
        began = clock()
        await asyncio.gather(*(door.close() for door in self._doors))
        # Both together take no longer: whoever started the server has no more patience.
        left: Any = max((config.timeout_graceful_shutdown or 0) - (clock() - began), 0)
        config.timeout_graceful_shutdown = left
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Say, ten times a second, how many connections are left."""
        self._share()
        return await super().on_tick(counter)

    def _share(self) -> int:
        """Return how many connections there are, and let other workers know it."""
        entering = sum(door.entering for door in self._doors)
        number = self._shares[self._place] = (
            len(self.server_state.connections) + entering
        )
        return number

    def _protocol(self) -> asyncio.Protocol:
        made: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = made(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        return protocol
