"""Whose turn it is to open the token, among the processes of one data folder.

At each login SoftHSM writes its `token.object` anew: under a lock it cuts the file to
nothing, gives the lock back, and only then writes. Who waited for that lock finds an
empty file, which is no token. So processes open it, or ask for its label, one after
another; keys that were found once are used without.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Threads of this process wait for 5 s (connection.py): they shall still be served.
_LONGEST_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.002


@contextmanager
def turn(path: Path | None) -> Iterator[None]:
    """Wait for the turn, which is the lock on the file at `path`; None waits for none.

    A process that hangs in its turn must not keep the others out, nor a folder that
    can't be written to: then it goes on without, and may be refused for a moment.
    """
    try:
        descriptor = None if path is None else _opened(path)
    except OSError:
        descriptor = None
    if descriptor is None:
        yield
        return
    try:
        _wait(descriptor)
        yield
    finally:
        # Closing is not enough: a child forked meanwhile holds the same open file.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait(descriptor: int) -> None:
    until = time.monotonic() + _LONGEST_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return
            time.sleep(_PAUSE_SECONDS)
        else:
            return
