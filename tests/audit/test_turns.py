"""Threads that wait for their turn share one commit; each failure is its own."""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection

from keys.models import CustomerMasterKey
from kmsconsole.audit import turns
from kmsconsole.errors import ServiceTemporaryUnavailable
from tests.personas import create_key

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="other databases need no turns"
)
PATIENCE_SECONDS = 10.0


class Book:
    """A database of its own; its first commit lasts until `go` is set."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "book.sqlite3"
        self.commits: list[int] = []
        self.go = threading.Event()
        with sqlite3.connect(self.file) as database:
            database.execute("CREATE TABLE t (x INTEGER CHECK (x >= 0))")
        database.close()

    def insert(self, rows: Sequence[Sequence[Any]]) -> None:
        if not self.commits:
            assert self.go.wait(PATIENCE_SECONDS)
        database = sqlite3.connect(self.file)
        try:
            with database:
                database.executemany("INSERT INTO t VALUES (?)", rows)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(*error.args) from error
        finally:
            database.close()
        self.commits.append(len(rows))

    def rows(self) -> list[int]:
        database = sqlite3.connect(self.file)
        found = [x for (x,) in database.execute("SELECT x FROM t ORDER BY x")]
        database.close()
        return found


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def wait_for(condition: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_SECONDS
        time.sleep(0.001)


def added(book: Book, *groups: Sequence[int]) -> list[str]:
    """Add each group in a thread: all but the first while the first one commits."""
    outcomes = [""] * len(groups)

    def add(at: int) -> None:
        try:
            turns.add([(x,) for x in groups[at]], book.insert)
            outcomes[at] = "done"
        except IntegrityError as error:
            outcomes[at] = str(error)

    threads = [threading.Thread(target=add, args=(at,)) for at in range(len(groups))]
    threads[0].start()
    wait_for(turns._threads.locked)
    for number, thread in enumerate(threads[1:], 1):
        thread.start()
        wait_for(lambda number=number: len(turns._waiting) == number)
    book.go.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not turns._waiting
    return outcomes


def test_who_waits_is_committed_together(book: Book) -> None:
    assert added(book, [1], [2], [3, 4], [5]) == ["done"] * 4
    assert book.rows() == [1, 2, 3, 4, 5]
    assert book.commits == [1, 4]


def test_one_that_fails_fails_alone_and_is_told(book: Book) -> None:
    outcomes = added(book, [1], [2], [-3], [4, 5])
    assert outcomes[0] == outcomes[1] == outcomes[3] == "done"
    assert "CHECK constraint failed" in outcomes[2]
    assert book.rows() == [1, 2, 4, 5]


def test_rows_of_one_thread_are_never_parted(book: Book) -> None:
    assert "CHECK constraint failed" in added(book, [1], [2, -3])[1]
    assert book.rows() == [1]


def test_a_group_stays_below_the_most_a_statement_holds(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_MOST_ROWS", 3)
    assert added(book, [1], [2, 3], [4, 5], [6]) == ["done"] * 4
    assert book.rows() == [1, 2, 3, 4, 5, 6]
    assert max(book.commits) <= 3


@contextmanager
def somebody_hangs(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """Have the turn as another process would, while writers wait so long for it."""
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", seconds)
    with (settings.KMS_HOME / "write.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_nobody_waits_for_ever_for_who_hangs_in_a_turn(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[str] = []

    def add(number: int) -> None:
        try:
            turns.add([(number,)], book.insert)
        except OperationalError as error:
            outcomes.append(str(error))

    book.go.set()
    threads = [threading.Thread(target=add, args=(number,)) for number in range(3)]
    with somebody_hangs(monkeypatch, seconds=0.5):
        # A thread has its own connection: these are the settings all of them share.
        began = time.monotonic()
        for thread in threads:
            thread.start()
        with pytest.raises(OperationalError, match="turn"), turns.turn():
            pytest.fail("two have the turn")
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        assert 0.5 <= time.monotonic() - began < PATIENCE_SECONDS
    assert outcomes == ["another writer does not end its turn"] * 3
    assert book.rows() == []
    assert not turns._waiting
    assert not turns._threads.locked()
    with turns.turn():
        book.insert([(4,)])
    add(5)
    assert book.rows() == [4, 5]


@pytest.mark.django_db
def test_who_waited_too_long_is_told_that_it_is_temporary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        somebody_hangs(monkeypatch, seconds=0.2),
        pytest.raises(ServiceTemporaryUnavailable),
    ):
        create_key("late")
    assert not CustomerMasterKey.objects.exists()
    create_key("late")
