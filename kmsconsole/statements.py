"""Statements of the hot path, run with few layers between them and the database.

Django's cursors cost more than the statements themselves (docs/performance.md). These
are its connections, its transactions and its errors, and wherever it has something to
say (logging, wrappers, a connection still to be made) it is its cursor, too.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache, partial
from threading import local
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    from kmsconsole.postgresql import Prepared

Row = tuple[Any, ...]
Done = TypeVar("Done")


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

    __slots__ = ("_question_marks", "numbered", "text", "types")

    def __init__(self, text: str, types: tuple[str, ...] = ()) -> None:
        self.text: Final = text
        self.types: Final = types
        self._question_marks: Final = text.replace("%s", "?")
        self.numbered: Final = _numbered(text)

    def one(self, parameters: Sequence[Any]) -> Row | None:
        """Read the first row, or None; what was read ahead is handed out once."""
        if _ahead.rows:
            found: list[Row] = _ahead.rows.pop((self, *parameters), _UNREAD)
            if found is not _UNREAD and not _in_transaction():
                return found[0] if found else None
        row: Row | None = self._read(parameters).fetchone()
        return row

    def all(self, parameters: Sequence[Any]) -> list[Row]:
        """Read every row; what was read ahead is handed out once."""
        if _ahead.rows:
            found: list[Row] = _ahead.rows.pop((self, *parameters), _UNREAD)
            if found is not _UNREAD and not _in_transaction():
                return found
        rows: list[Row] = self._read(parameters).fetchall()
        return rows

    def run(self, parameters: Sequence[Any]) -> None:
        """Write; commits by itself unless a transaction is open."""
        self._execute(parameters)

    def _read(self, parameters: Sequence[Any]) -> Any:
        return _again(partial(self._execute, parameters))

    def _execute(self, parameters: Sequence[Any]) -> Any:
        used = database()
        if not _is_direct(used):
            cursor = used.cursor()
            cursor.execute(self.text, parameters)
            return cursor
        with used.wrap_database_errors:
            if used.vendor == "sqlite":
                return used.connection.execute(self._question_marks, parameters)
            prepared = _on_postgresql()(used.connection)
            return prepared.execute(self.numbered, parameters)


def _is_direct(used: BaseDatabaseWrapper) -> bool:
    """Say whether Django has nothing to do between a statement and the database."""
    raw = used.connection
    return not (
        raw is None
        or used.queries_logged
        or used.execute_wrappers
        or used.needs_rollback
        or (used.vendor != "sqlite" and not raw.autocommit)
    )


def _again(read: Callable[[], Done]) -> Done:
    """Read, once more on a new connection where this one turns out to be gone.

    In place of asking at each request whether it still lives.
    """
    try:
        return read()
    except (InterfaceError, OperationalError):
        used = database()
        if used.in_atomic_block or used.is_usable():
            raise
        used.close()
    return read()


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
# Rows that were read ahead, by statement and parameters.
Ahead = dict[tuple[Any, ...], list[Row]]


class _Ahead(local):
    """What this thread has from `read_ahead` for what it does now."""

    def __init__(self) -> None:
        self.rows: Ahead = {}


_ahead = _Ahead()
_UNREAD: Any = object()


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
    """Read now, at one go, what several requests will ask one by one.

    What several ask alike is read once, in the moment of all of them.
    """
    asked: dict[Statement, dict[tuple[Any, ...], list[Row]]] = {}
    for questions in requests:
        for statement, given in questions:
            asked.setdefault(statement, {})[tuple(given)] = []
    each = [(_for_each(one), _columns(found)) for one, found in asked.items()]
    read = _again(partial(_all_at_once, each)) if each else []
    for found, rows in zip(asked.values(), read, strict=True):
        places = list(found.values())
        for place, *row in rows:
            places[place - 1].append(tuple(row))
    return [
        {
            (statement, *given): asked[statement][tuple(given)]
            for statement, given in questions
        }
        for questions in requests
    ]


def _columns(parameters: Collection[tuple[Any, ...]]) -> list[list[Any]]:
    """Return one list a parameter."""
    return [list(column) for column in zip(*parameters, strict=True)]


@lru_cache(maxsize=64)
def _for_each(statement: Statement) -> Statement:
    """Return the one that reads every row of it for each of many parameters.

    The first column says for which, from 1 on.
    """
    names = [f"a{at}" for at in range(len(statement.types))]
    given = ", ".join(f"%s::{kind}[]" for kind in statement.types)
    columns = (f"asked.{name}" for name in names)
    text = re.sub("%s", lambda _: next(columns), statement.text)
    return Statement(
        f"SELECT asked.place, q.* FROM unnest({given}) "  # noqa: S608 - statements
        f"WITH ORDINALITY AS asked({', '.join(names)}, place) "
        f"CROSS JOIN LATERAL ({text}) q"
    )


def _all_at_once(asked: Sequence[tuple[Statement, Sequence[Any]]]) -> list[list[Row]]:
    """Return every row of several statements, waiting for all of them together."""
    used = database()
    if not _is_direct(used):
        return [statement.all(given) for statement, given in asked]
    sent = [(statement.numbered, given) for statement, given in asked]
    with used.wrap_database_errors:
        return _on_postgresql()(used.connection).all_at_once(sent)


def _in_transaction() -> bool:
    return bool(database().in_atomic_block)
