"""Statements of the hot path, run with few layers between them and the database.

Django's cursors cost more than the statements themselves (docs/performance.md). These
are its connections, its transactions and its errors, and wherever it has something to
say (logging, wrappers, a connection still to be made) it is its cursor, too.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from threading import local
from typing import TYPE_CHECKING, Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    from kmsconsole.postgresql import Prepared

Row = tuple[Any, ...]


class _Here(local):
    """This thread's connection: Django looks it up by thread and task each time."""

    def __init__(self) -> None:
        self.database: BaseDatabaseWrapper | None = None


_here = _Here()


def database() -> BaseDatabaseWrapper:
    """Return Django's connection of this thread."""
    if _here.database is None:
        _here.database = connections[DEFAULT_DB_ALIAS]
    return _here.database


def close_if_unusable() -> None:
    """Do with it what Django does with connections before each request."""
    database().close_if_unusable_or_obsolete()


class Statement:
    """One SQL text with `%s` for parameters, which every connection prepares once.

    Parameters are numbers, texts, bytes and None, or times as Django's
    `adapt_datetimefield_value` gives them; `types` says what PostgreSQL calls those of
    a statement that is read ahead. Raises `django.db.Error`.
    """

    __slots__ = ("_numbered", "_question_marks", "text", "types")

    def __init__(self, text: str, types: tuple[str, ...] = ()) -> None:
        self.text: Final = text
        self.types: Final = types
        self._question_marks: Final = text.replace("%s", "?")
        self._numbered: Final = _numbered(text)

    def one(self, parameters: Sequence[Any]) -> Row | None:
        """Read the first row, or None; what was read ahead is handed out once."""
        if _ahead.rows:
            found: Row | None = _ahead.rows.pop((self, *parameters), _UNREAD)
            if found is not _UNREAD and not _in_transaction():
                return found
        row: Row | None = self._read(parameters).fetchone()
        return row

    def all(self, parameters: Sequence[Any]) -> list[Row]:
        """Read every row; what was read ahead is handed out once."""
        if _ahead.rows:
            found: list[Row] | None = _ahead.rows.pop((self, *parameters), _UNREAD)
            if found is not _UNREAD and not _in_transaction():
                return found or []
        rows: list[Row] = self._read(parameters).fetchall()
        return rows

    def run(self, parameters: Sequence[Any]) -> None:
        """Write; commits by itself unless a transaction is open."""
        self._execute(parameters)

    def _read(self, parameters: Sequence[Any]) -> Any:
        try:
            return self._execute(parameters)
        except (InterfaceError, OperationalError):
            # In place of asking at each request whether the connection still lives.
            used = database()
            if used.in_atomic_block or used.is_usable():
                raise
            used.close()
        return self._execute(parameters)

    def _execute(self, parameters: Sequence[Any]) -> Any:
        used = database()
        raw = used.connection
        if (
            raw is None
            or used.queries_logged
            or used.execute_wrappers
            or used.needs_rollback
            or (used.vendor != "sqlite" and not raw.autocommit)
        ):
            cursor = used.cursor()
            cursor.execute(self.text, parameters)
            return cursor
        with used.wrap_database_errors:
            if used.vendor == "sqlite":
                return raw.execute(self._question_marks, parameters)
            return _on_postgresql()(raw).execute(self._numbered, parameters)


def _numbered(text: str) -> str:
    """Return it with `$1`, `$2` and so on for parameters."""
    first, *others = text.split("%s")
    return first + "".join(f"${at}{part}" for at, part in enumerate(others, 1))


@cache
def _on_postgresql() -> "Callable[[Any], Prepared]":
    # Its driver is there only where PostgreSQL is used.
    from kmsconsole.postgresql import prepared  # noqa: PLC0415

    return prepared


Question = tuple[Statement, Sequence[Any]]
# What was read ahead, by statement and parameters: what `one` or `all` will return.
Ahead = dict[tuple[Any, ...], Any]


class _Ahead(local):
    """What this thread has from `read_ahead` for what it does now."""

    def __init__(self) -> None:
        self.rows: Ahead = {}


_ahead = _Ahead()
_UNREAD: Any = object()
_THERE = "there"


class having:  # noqa: N801 - stands behind `with`
    """Let `Statement.one` answer from rows inside, and from none after it.

    Each row is handed out once: what is asked again, or in a transaction, is read then.
    """

    __slots__ = ("_rows",)

    def __init__(self, rows: Ahead) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        _ahead.rows = self._rows

    def __exit__(self, *_: object) -> None:
        _ahead.rows = {}


def worthwhile() -> bool:
    """Say whether reading ahead gains anything.

    An embedded database is never far, and in a transaction every row is read anew.
    """
    used = database()
    return used.vendor != "sqlite" and not used.in_atomic_block


def read_ahead(requests: Sequence[Sequence[Question]]) -> list[Ahead]:
    """Read now, in one statement, what several requests will ask one by one.

    All ask the same statements in the same order; the last ones may be absent.
    """
    longest = max(requests, key=len)
    if not longest:
        return [{} for _ in requests]
    together = _together(tuple(statement for statement, _ in longest))
    parameters = [_flat(questions) for questions in requests]
    rows = together.rows(_columns(together.number, parameters))
    return [
        {
            (statement, *given): row[start:end] if row[start - 1] else None
            for (statement, given), (start, end) in zip(
                questions, together.places, strict=False
            )
        }
        for questions, row in zip(requests, rows, strict=True)
    ]


def read_all_ahead(questions: Sequence[Question]) -> list[list[Row]]:
    """Read now, in one statement, every row that each of these questions has.

    All ask the same statement.
    """
    statement = questions[0][0]
    parameters = [given for _, given in questions]
    found: list[list[Row]] = [[] for _ in questions]
    columns = _columns(len(statement.types), parameters)
    for place, *row in _for_each(statement).all(columns):
        found[place - 1].append(tuple(row))
    return found


def _flat(questions: Sequence[Question]) -> list[Any]:
    return [each for _, given in questions for each in given]


def _columns(number: int, parameters: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return one list a parameter, with None where somebody has fewer of them."""
    rows = (tuple(row) + (None,) * (number - len(row)) for row in parameters)
    return [list(column) for column in zip(*rows, strict=True)]


def _asked(types: Sequence[str]) -> tuple[str, Iterator[str]]:
    """Return the table of what each asks, and the names of its columns."""
    given = ", ".join(f"%s::{kind}[]" for kind in types)
    names = [f"a{at}" for at in range(len(types))]
    table = f"unnest({given}) WITH ORDINALITY AS asked({', '.join(names)}, place)"
    return table, (f"asked.{name}" for name in names)


def _of(text: str, names: Iterator[str]) -> str:
    return re.sub("%s", lambda _: next(names), text)


@lru_cache(maxsize=64)
def _for_each(statement: Statement) -> Statement:
    table, names = _asked(statement.types)
    return Statement(
        f"SELECT asked.place, q.* FROM {table} "  # noqa: S608 - statements
        f"CROSS JOIN LATERAL ({_of(statement.text, names)}) q"
    )


class _Together:
    """The statement that reads the first row of each for every request, a row each.

    `places` says where in it each begins and ends, after the column that says whether
    it is there at all.
    """

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        types = [kind for statement in statements for kind in statement.types]
        self.number = len(types)
        table, names = _asked(types)
        parts = " ".join(
            f"LEFT JOIN LATERAL (SELECT 1 AS {_THERE}, q.* "  # noqa: S608 - statements
            f"FROM ({_of(statement.text, names)}) q) p{at} ON true"
            for at, statement in enumerate(statements)
        )
        columns = ", ".join(f"p{at}.*" for at in range(len(statements)))
        self._statement = Statement(
            f"SELECT {columns} FROM {table} {parts} ORDER BY asked.place"  # noqa: S608 - statements
        )
        self.places: list[tuple[int, int]] = []

    def rows(self, columns: Sequence[Sequence[Any]]) -> list[Row]:
        answer = self._statement._read(columns)  # noqa: SLF001 - of this module
        if not self.places:
            names = [column[0] for column in answer.description]
            starts = [at for at, name in enumerate(names) if name == _THERE]
            ends = [*starts[1:], len(names)]
            self.places = [
                (start + 1, end) for start, end in zip(starts, ends, strict=True)
            ]
        found: list[Row] = answer.fetchall()
        return found


_together = lru_cache(maxsize=64)(_Together)


def _in_transaction() -> bool:
    return bool(database().in_atomic_block)
