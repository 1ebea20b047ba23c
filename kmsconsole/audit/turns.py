"""Whose turn it is to write to SQLite, and what one turn commits.

SQLite lets a second writer poll with growing pauses until the first one is done, which
costs milliseconds where a commit takes half of one. A file lock hands the turn on at
once. Writers that don't ask for a turn (sessions, migrations) still wait for SQLite's
own lock: nothing depends on this one but speed.

Threads of one process that wait for their turn with nothing but rows to add are spared
it: whoever has the turn commits theirs together with its own, so that the disk is
waited for once. Other databases do all of this themselves.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

Row = Sequence[Any]
Insert = Callable[[Sequence[Row]], None]

_MOST_ROWS = 500
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
    if connections[DEFAULT_DB_ALIAS].vendor != "sqlite":
        yield
        return
    with _threads, _FileLock():
        yield


class _FileLock:
    """The turn among processes; only for who has it among threads."""

    def __enter__(self) -> None:
        fcntl.flock(_descriptor(), fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(_descriptor(), fcntl.LOCK_UN)


class _Waiting:
    """Rows of one thread; `settled` once they are committed or will never be."""

    __slots__ = ("error", "rows", "settled")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.settled = False
        self.error: BaseException | None = None


_waiting: list[_Waiting] = []


def add(rows: Sequence[Row], insert: Insert) -> None:
    """Commit rows by `insert`, a single statement; returns after the commit.

    Raises the database's error where these rows were not committed.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "sqlite":
        insert(rows)
        return
    if database.in_atomic_block:
        with turn():
            insert(rows)
        return
    mine = _Waiting(rows)
    _waiting.append(mine)
    with _threads:
        if not mine.settled:
            _settle(_taken(mine), insert)
    if mine.error is not None:
        # Threads must not share the traceback of one exception.
        raise type(mine.error)(*mine.error.args) from mine.error


def _taken(mine: _Waiting) -> list[_Waiting]:
    """Take from those that wait as many as one statement can hold, and `mine`."""
    _waiting.remove(mine)
    group, number = [mine], len(mine.rows)
    while _waiting and number + len(_waiting[0].rows) <= _MOST_ROWS:
        group.append(_waiting.pop(0))
        number += len(group[-1].rows)
    return group


def _settle(group: Sequence[_Waiting], insert: Insert) -> None:
    """Commit a group, or else each of it alone; one that fails fails no other."""
    try:
        with _FileLock():
            insert([row for waiting in group for row in waiting.rows])
    except DatabaseError as error:
        if len(group) > 1:
            for waiting in group:
                _settle([waiting], insert)
            return
        group[0].error = error
    except BaseException as error:
        for waiting in group:
            waiting.error = error
        raise
    finally:
        for waiting in group:
            waiting.settled = True
