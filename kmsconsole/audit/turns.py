"""Whose turn it is to write to SQLite, and what one turn commits.

SQLite lets a second writer poll with growing pauses until the first one is done, which
costs milliseconds where a commit takes half of one. A file lock is asked for much more
often. Writers that don't ask for a turn (sessions, migrations) still wait for SQLite's
own lock: nothing depends on this one but speed. Nobody waits longer for either than
SQLite's own timeout: a process that hangs in its turn must not hold up the others.

Threads of one process that wait for their turn with nothing but rows to add are spared
it: whoever has the turn commits theirs together with its own, so that the disk is
waited for once. PostgreSQL takes writers of many processes at once and needs no turns,
but a commit for several threads costs it less than several commits, too.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError, OperationalError

from kmsconsole.statements import database

Row = Sequence[Any]
Insert = Callable[[Sequence[Row]], None]

_MOST_ROWS = 500
# A commit takes half a millisecond; who waits through many of them may sleep longer.
_SHORT_PAUSE_SECONDS, _LONG_PAUSE_SECONDS = 0.000_02, 0.001
_IMPATIENT_SECONDS = 0.1
# What sqlite3 takes where nothing else is said.
_USUAL_TIMEOUT_SECONDS = 5.0
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
    """Wait for the turn to write; on other databases there is nothing to wait for.

    OperationalError where it does not come within the database's timeout.
    """
    if not _on_sqlite():
        yield
        return
    until = _deadline()
    if not _first_of_threads(until):
        raise _too_late()
    try:
        with _FileLock(until):
            yield
    finally:
        _threads.release()


def _deadline() -> float:
    options = database().settings_dict["OPTIONS"]
    return time.monotonic() + float(options.get("timeout", _USUAL_TIMEOUT_SECONDS))


def _too_late() -> OperationalError:
    return OperationalError("another writer does not end its turn")


def _first_of_threads(until: float) -> bool:
    return _threads.acquire(timeout=max(0.0, until - time.monotonic()))


class _FileLock:
    """The turn among processes; only for who has it among threads."""

    def __init__(self, until: float) -> None:
        self._until = until

    def __enter__(self) -> None:
        descriptor, began = _descriptor(), 0.0
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = time.monotonic()
            else:
                return
            if now >= self._until:
                raise _too_late()
            began = began or now
            soon = now - began < _IMPATIENT_SECONDS
            time.sleep(_SHORT_PAUSE_SECONDS if soon else _LONG_PAUSE_SECONDS)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(_descriptor(), fcntl.LOCK_UN)


def _among_processes(until: float) -> AbstractContextManager[object]:
    return _FileLock(until) if _on_sqlite() else nullcontext()


def _on_sqlite() -> bool:
    return database().vendor == "sqlite"


class _Waiting:
    """Rows of one thread; `settled` once they are committed or will never be."""

    __slots__ = ("error", "rows", "settled")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.settled = False
        self.error: BaseException | None = None


_waiting: list[_Waiting] = []
# Who gives up takes its own rows back, and none that somebody is about to commit.
_taking = threading.Lock()


def add(rows: Sequence[Row], insert: Insert) -> None:
    """Commit rows by `insert`, a single statement; returns after the commit.

    Raises the database's error where these rows were not committed; where it is that
    the turn did not come in time, another thread may have begun to commit them.
    """
    if database().in_atomic_block:
        with turn():
            insert(rows)
        return
    mine, until = _Waiting(rows), _deadline()
    _waiting.append(mine)
    if not _first_of_threads(until):
        with _taking, suppress(ValueError):
            _waiting.remove(mine)
        raise _too_late()
    try:
        if not mine.settled:
            _settle(_taken(mine), insert, until)
    finally:
        _threads.release()
    if mine.error is not None:
        # Threads must not share the traceback of one exception.
        raise type(mine.error)(*mine.error.args) from mine.error


def _taken(mine: _Waiting) -> list[_Waiting]:
    """Take from those that wait as many as one statement can hold, and `mine`."""
    with _taking:
        _waiting.remove(mine)
        group, number = [mine], len(mine.rows)
        while _waiting and number + len(_waiting[0].rows) <= _MOST_ROWS:
            group.append(_waiting.pop(0))
            number += len(group[-1].rows)
    return group


def _settle(group: Sequence[_Waiting], insert: Insert, until: float) -> None:
    """Commit a group, or else each of it alone; one that fails fails no other."""
    try:
        with _among_processes(until):
            insert([row for waiting in group for row in waiting.rows])
    except DatabaseError as error:
        if len(group) > 1:
            for waiting in group:
                _settle([waiting], insert, until)
            return
        group[0].error = error
    except BaseException as error:
        for waiting in group:
            waiting.error = error
        raise
    finally:
        for waiting in group:
            waiting.settled = True
