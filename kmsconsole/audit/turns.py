"""Whose turn it is to write to SQLite.

SQLite lets a second writer poll with growing pauses until the first one is done, which
costs milliseconds where a commit takes half of one. A file lock hands the turn on at
once. Writers that don't ask for a turn (sessions, migrations) still wait for SQLite's
own lock: nothing depends on this one but speed.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

_threads = threading.Lock()
_opened: dict[int, int] = {}


def _descriptor() -> int:
    # A lock belongs to the open file: a forked child needs one of its own.
    process = os.getpid()
    if process not in _opened:
        _opened.clear()
        path = settings.KMS_HOME / "write.lock"
        _opened[process] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return _opened[process]


@contextmanager
def turn() -> Iterator[None]:
    """Wait for the turn to write; on other databases there is nothing to wait for."""
    if connection.vendor != "sqlite":
        yield
        return
    with _threads:
        descriptor = _descriptor()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
