"""Messages as files in the data folder: kombu's transport, with faults mended."""

import os
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from time import monotonic, monotonic_ns
from typing import Any, Final

import structlog
from kombu.transport import filesystem
from kombu.utils.json import dumps

# How soon a worker sees a message, or that it shall stop; each time one folder is read.
POLL_SECONDS: Final = 0.5
_NOTED_EVERY: Final = 60.0

_log = structlog.get_logger(__name__)


class Channel(filesystem.Channel):
    """Puts messages into the folder whole, and outlives its loss.

    kombu writes them in place, where a worker may read one that is still empty and
    then ends with an error.
    """

    _noted_at = float("-inf")

    def _put(self, queue: str, payload: object, **_options: Any) -> None:
        folder = Path(self.data_folder_out)
        moment = monotonic_ns() // 1_000_000
        finished = folder / f"{moment}_{uuid.uuid4()}.{queue}.msg"
        unfinished = finished.with_suffix(".part")
        unfinished.write_text(dumps(payload), encoding="utf-8")
        os.replace(unfinished, finished)  # noqa: PTH105 - says that it is atomic

    def _get(self, queue: str) -> Any:
        """Return a message; where the folder can't be read there is none.

        The worker would end otherwise, and with it the whole service.
        """
        try:
            return super()._get(queue)
        except OSError as error:
            if monotonic() - self._noted_at > _NOTED_EVERY:
                self._noted_at = monotonic()
                _log.warning("no messages can be read", error=error.strerror)
            self._make_folder()
            raise Empty from None

    def _make_folder(self) -> None:
        with suppress(OSError):
            Path(self.data_folder_in).mkdir(mode=0o700)
            Path(self.control_folder).mkdir(mode=0o700)

    def _lookup(
        self, exchange: str, routing_key: str, default: str | None = None
    ) -> list[str]:
        """Return the queues of a message.

        The table of them went with the folder; here a queue is named like the key.
        """
        found: list[str] = super()._lookup(exchange, routing_key, default)
        return found or [routing_key]


class Transport(filesystem.Transport):
    """Returns to the worker twice a second, which otherwise takes 4 s to stop."""

    Channel = Channel
    polling_interval = POLL_SECONDS

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver one message; socket.timeout after half a second without any."""
        limit = POLL_SECONDS if timeout is None else min(timeout, POLL_SECONDS)
        super().drain_events(connection, timeout=limit)
