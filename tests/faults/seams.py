"""The places a fault is put: each HSM call, each commit, each message that is sent.

Installed by a test in its own process, round the product's own functions; the product
knows nothing of it.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from pkcs11.exceptions import DeviceError  # noqa: TID251 - what a broken HSM says

from keys.hsm.connection import Connection
from kmsconsole import filebroker
from kmsconsole.audit import recorder

ERROR, KILL, HANG = FAULTS = ("error", "kill", "hang")
BEFORE, AFTER = MOMENTS = ("before", "after")
_LONGEST_HANG_SECONDS = 60
_ERRORS: dict[str, Callable[[], Exception]] = {
    "hsm": DeviceError,
    "commit": lambda: OperationalError("disk I/O error"),
    "event": lambda: OperationalError("disk I/O error"),
    "publish": lambda: OSError("no space left on device"),
}


@dataclass(frozen=True)
class Point:
    """The n-th crossing of any seam, and what happens there."""

    number: int
    moment: str
    fault: str


class Seams:
    """Counts crossings; at the chosen one it breaks."""

    def __init__(self, point: Point | None = None, tell: int = -1) -> None:
        self.trace: list[str] = []
        self.armed = False
        self._point = point
        self._tell = tell

    def cross(self, name: str, work: Callable[[], Any]) -> Any:
        """Do the work, with the fault before or after it if this is the place."""
        if not self.armed:
            return work()
        number = len(self.trace)
        self.trace.append(name)
        if self._point is None or self._point.number != number:
            return work()
        if self._point.moment == BEFORE:
            self._break(name)
            return work()
        result = work()
        self._break(name)
        return result

    def _break(self, name: str) -> None:
        if self._tell >= 0:
            os.write(self._tell, b"x")
        if self._point is not None and self._point.fault == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._point is not None and self._point.fault == HANG:
            time.sleep(_LONGEST_HANG_SECONDS)
        failure = _ERRORS[name]()
        raise failure

    @contextmanager
    def installed(self) -> Iterator["Seams"]:
        """Put the seams round the product's calls, in this process for good."""
        run, commit = Connection.run, BaseDatabaseWrapper._commit
        insert, put = recorder._insert, filebroker.Channel._put

        def hsm(connection: Any, work: Any, *handles: Any, **how: Any) -> Any:
            def crossed(session: Any) -> Any:
                return self.cross("hsm", lambda: work(session))

            return run(connection, crossed, *handles, **how)

        Connection.run = hsm
        BaseDatabaseWrapper._commit = lambda database: self.cross(
            "commit", lambda: commit(database)
        )
        recorder._insert = lambda events: self.cross("event", lambda: insert(events))
        filebroker.Channel._put = lambda channel, *told, **how: self.cross(
            "publish", lambda: put(channel, *told, **how)
        )
        yield self
