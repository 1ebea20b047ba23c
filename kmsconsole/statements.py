"""Statements of the hot path, run with few layers between them and the database.

Django's cursors cost more than the statements themselves (docs/performance.md). These
are its connections, its transactions and its errors, and wherever it has something to
say (logging, wrappers, a connection still to be made) it is its cursor, too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import local
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

Row = tuple[Any, ...]


class Statement:
    """One SQL text with `%s` for parameters, which every connection prepares once.

    Parameters are numbers, texts, bytes and None, or times as Django's
    `adapt_datetimefield_value` gives them. Raises `django.db.Error`.
    """

    __slots__ = ("_question_marks", "text")

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self._question_marks: Final = text.replace("%s", "?")

    def one(self, parameters: Sequence[Any]) -> Row | None:
        """Read the first row, or None; what was read ahead is handed out once."""
        if _ahead.rows:
            found: Row | None = _ahead.rows.pop((self, *parameters), _UNREAD)
            if found is not _UNREAD and not _in_transaction():
                return found
        row: Row | None = self._read(parameters).fetchone()
        return row

    def all(self, parameters: Sequence[Any]) -> list[Row]:
        """Read every row."""
        rows: list[Row] = self._read(parameters).fetchall()
        return rows

    def run(self, parameters: Sequence[Any]) -> None:
        """Write; commits by itself unless a transaction is open."""
        self._execute(connections[DEFAULT_DB_ALIAS], parameters)

    def _read(self, parameters: Sequence[Any]) -> Any:
        database = connections[DEFAULT_DB_ALIAS]
        try:
            return self._execute(database, parameters)
        except (InterfaceError, OperationalError):
            # In place of asking at each request whether the connection still lives.
            if database.in_atomic_block or database.is_usable():
                raise
            database.close()
        return self._execute(database, parameters)

    def _execute(self, database: Any, parameters: Sequence[Any]) -> Any:
        raw = database.connection
        if (
            raw is None
            or database.queries_logged
            or database.execute_wrappers
            or database.needs_rollback
        ):
            cursor = database.cursor()
            cursor.execute(self.text, parameters)
            return cursor
        with database.wrap_database_errors:
            if database.vendor == "sqlite":
                return raw.execute(self._question_marks, parameters)
            return _prepared(raw).execute(self.text, parameters, prepare=True)


def _prepared(raw: Any) -> Any:
    """Return a cursor of PostgreSQL that prepares, which Django's own never do."""
    from psycopg import Cursor  # noqa: PLC0415 - only where PostgreSQL is used

    if raw.prepare_threshold is None:
        raw.prepare_threshold = 0
    return Cursor(raw)


Question = tuple[Statement, Sequence[Any]]


class _Ahead(local):
    """What one thread read ahead, by statement and parameters."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], Row | None] = {}


_ahead = _Ahead()
_UNREAD: Any = object()
_THERE = "there"


@contextmanager
def reading_ahead() -> Iterator[None]:
    """Let `read_ahead` read for what happens inside, and for nothing after it."""
    _ahead.rows = {}
    try:
        yield
    finally:
        _ahead.rows = {}


def worthwhile() -> bool:
    """Say whether reading ahead gains anything.

    An embedded database is never far, and in a transaction every row is read anew.
    """
    database = connections[DEFAULT_DB_ALIAS]
    return database.vendor != "sqlite" and not database.in_atomic_block


def read_ahead(questions: Sequence[Question]) -> None:
    """Read now, in one statement, what `Statement.one` will be asked for one by one.

    What is asked otherwise, or once more, or in a transaction, is read then. Only
    inside `reading_ahead`, which ends with the request.
    """
    statement = _together(tuple(statement for statement, _ in questions))
    parameters = [each for _, asked in questions for each in asked]
    cursor = statement._read(parameters)  # noqa: SLF001 - of this module
    row = cursor.fetchone()
    starts = [at for at, column in enumerate(cursor.description) if column[0] == _THERE]
    ends = [*starts[1:], len(row)]
    _ahead.rows = {
        (asked, *given): row[start + 1 : end] if row[start] else None
        for (asked, given), start, end in zip(questions, starts, ends, strict=True)
    }


@lru_cache(maxsize=64)
def _together(statements: tuple[Statement, ...]) -> Statement:
    """Return the statement that reads the first row of each, a column before each."""
    texts = enumerate(statement.text for statement in statements)
    parts = [
        f"LEFT JOIN (SELECT 1 AS {_THERE}, q.* FROM ({text}) q) p{at} ON 1 = 1"  # noqa: S608 - statements
        for at, text in texts
    ]
    columns = ", ".join(f"p{at}.*" for at in range(len(parts)))
    return Statement(f"SELECT {columns} FROM (SELECT 1) one {' '.join(parts)}")  # noqa: S608 - statements


def _in_transaction() -> bool:
    return bool(connections[DEFAULT_DB_ALIAS].in_atomic_block)
