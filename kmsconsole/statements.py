"""Statements of the hot path, run with few layers between them and the database.

Django's cursors cost more than the statements themselves (docs/performance.md). These
are its connections, its transactions and its errors, and wherever it has something to
say (logging, wrappers, a connection still to be made) it is its cursor, too.
"""

from collections.abc import Sequence
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
        """Read the first row, or None."""
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
