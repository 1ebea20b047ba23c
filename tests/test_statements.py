"""Statements of the hot path take and give what Django's cursors do."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import (
    DEFAULT_DB_ALIAS as DEFAULT,
)
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from kmsconsole import clock, statements
from kmsconsole.audit.models import RefusalCount
from kmsconsole.statements import Statement

pytestmark = pytest.mark.services
ON_POSTGRESQL = pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="how PostgreSQL is spoken to"
)

TEXTS = (
    "",
    "plain",
    "NULL",
    "null",
    "double \" and single ' quotes",
    "back\\slash, \\\\two, \\x41",
    "{braces}, commas,, and %s $1",
    " spaces around ",
    "lines\r\nand\ttabs",
    "密钥管理 🔑",
    "\x01\x7f",
)
BYTES = (b"", b"\x00", b"\\x41", bytes(range(256)), b'"},{')
NUMBERS = (0, -1, 2**63 - 1, 1 - 2**63)
_INSERT = Statement(
    "INSERT INTO audit_refusalcount (source_address, minute, count) VALUES (%s, %s, %s)"
)
_COUNT = Statement("SELECT count FROM audit_refusalcount WHERE source_address = %s")
_BY_NAME = Statement(_COUNT.text, ("text",))
_SELECT = Statement(
    "SELECT source_address, minute, count FROM audit_refusalcount "
    "WHERE source_address = %s AND count >= %s ORDER BY count"
)
_MINUTE = datetime(2026, 3, 29, 1, 59, 58, 123456, UTC)


@pytest.fixture(autouse=True)
def committed(
    db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Let each statement commit where that changes how it is sent."""
    if connection.vendor == "sqlite":
        yield
        return
    in_test, alone = connections[DEFAULT], connections.create_connection(DEFAULT)
    connections[DEFAULT] = alone
    monkeypatch.setattr(statements._here, "database", alone)
    yield
    RefusalCount.objects.all().delete()
    alone.close()
    connections[DEFAULT] = in_test


def stored() -> Any:
    return connection.ops.adapt_datetimefield_value(_MINUTE)


def as_django(statement: Statement, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, parameters)
        return list(cursor.fetchall())


@pytest.mark.parametrize("text", [text for text in TEXTS if len(text) < 45])
def test_what_is_written_is_read(text: str) -> None:
    _INSERT.run([text, stored(), 3])
    assert _COUNT.one([text]) == (3,)
    found = _SELECT.all([text, 3])
    assert found == as_django(_SELECT, [text, 3])
    assert [(name, number) for name, _, number in found] == [(text, 3)]
    assert _SELECT.one([text, 4]) is None
    assert _SELECT.all([text, 4]) == []


def test_a_transaction_takes_it_back() -> None:
    with transaction.atomic():
        _INSERT.run(["here", stored(), 3])
        assert _COUNT.one(["here"]) == (3,)
        transaction.set_rollback(True)
    assert _COUNT.one(["here"]) is None


def test_what_is_refused_is_djangos_error_and_the_connection_goes_on() -> None:
    _INSERT.run(["twice", stored(), 1])
    for _ in range(2):
        with pytest.raises(IntegrityError):
            _INSERT.run(["twice", stored(), 1])
        assert _COUNT.one(["twice"]) == (1,)


@ON_POSTGRESQL
def test_values_come_back_as_from_djangos_cursor() -> None:
    given: list[tuple[str, tuple[Any, ...]]] = [
        ("text", (*TEXTS, None)),
        ("bytea", (*BYTES, None)),
        ("bigint", (*NUMBERS, None)),
        ("timestamptz", (_MINUTE, clock.now(), None)),
        ("boolean", (True, False, None)),
    ]
    for kind, values in given:
        alone = Statement(f"SELECT %s::{kind}")
        for value in values:
            row = alone.one([value])
            assert row is not None
            assert row == (value,) == tuple(map(_plain, as_django(alone, [value])[0]))
            assert type(_plain(row[0])) is type(value)
        together = Statement(f"SELECT * FROM unnest(%s::{kind}[])")
        assert together.all([list(values)]) == [(value,) for value in values]
        assert together.all([[]]) == []


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


@ON_POSTGRESQL
def test_a_zero_byte_is_refused_and_ends_no_text() -> None:
    for value in ("a\0b", ["a\0b"]):
        with pytest.raises(DataError):
            _COUNT.one([value])
    _INSERT.run(["a", stored(), 1])
    assert _COUNT.one(["a"]) == (1,)


@ON_POSTGRESQL
def test_a_statement_is_prepared_once_a_connection() -> None:
    def prepared() -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name FROM pg_prepared_statements WHERE statement LIKE %s",
                ["SELECT count FROM audit_refusalcount%"],
            )
            return list(cursor.fetchall())

    connection.ensure_connection()
    for _ in range(3):
        _COUNT.one(["x"])
        assert len(prepared()) == 1
    connection.close()
    assert prepared() == []
    _COUNT.one(["x"])
    assert len(prepared()) == 1


@ON_POSTGRESQL
def test_plans_follow_tables_that_grow() -> None:
    asked = Statement("SELECT number FROM grown WHERE number = %s", ("bigint",))

    def plan() -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name FROM pg_prepared_statements WHERE statement = %s",
                [asked.numbered],
            )
            (name,) = cursor.fetchone()
            cursor.execute(f"EXPLAIN EXECUTE {name}(1)")
            return str(cursor.fetchall())

    with connection.cursor() as cursor:
        # Nobody but its session looks after a temporary table: no plan is made anew.
        cursor.execute("CREATE TEMPORARY TABLE grown (number bigint PRIMARY KEY)")
        cursor.execute("INSERT INTO grown VALUES (1)")
        cursor.execute("ANALYZE grown")
        assert asked.one([1]) == (1,)
        cursor.execute("INSERT INTO grown SELECT generate_series(2, 20000)")
    assert "Seq Scan" in plan()
    for _ in range(100):
        assert asked.one([1]) == (1,)
    assert "Index" in plan()


def cut() -> None:
    """Have the server end this thread's connection."""
    import psycopg  # noqa: PLC0415 - only with PostgreSQL

    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@ON_POSTGRESQL
def test_who_reads_connects_anew_and_who_writes_is_told() -> None:
    _INSERT.run(["before", stored(), 1])
    cut()
    assert _COUNT.one(["before"]) == (1,)
    cut()
    with pytest.raises(OperationalError):
        _INSERT.run(["after", stored(), 1])
    connection.close()
    assert _COUNT.one(["after"]) is None


def asking(*names: str) -> list[statements.Question]:
    return [(_BY_NAME, (name,)) for name in names]


@ON_POSTGRESQL
def test_what_is_read_ahead_is_each_ones_own() -> None:
    for at, name in enumerate(TEXTS[:8]):
        _INSERT.run([name, stored(), at])
    first, second, third = statements.read_ahead(
        [asking("plain", "absent"), asking(*TEXTS[:8]), []]
    )
    assert [rows[_BY_NAME, "plain"] for rows in (first, second)] == [[(1,)]] * 2
    assert first[_BY_NAME, "absent"] == []
    assert [second[_BY_NAME, name] for name in TEXTS[:8]] == [
        [(at,)] for at in range(8)
    ]
    assert third == {}
    with statements.having(first):
        assert _BY_NAME.one(["plain"]) == (1,)
        assert _BY_NAME.one(["absent"]) is None
    (again,) = statements.read_ahead([asking("plain")])
    with statements.having(again):
        assert _BY_NAME.all(["plain"]) == [(1,)]


@ON_POSTGRESQL
def test_statements_that_wait_together_fail_together_and_the_connection_goes_on() -> (
    None
):
    _INSERT.run(["here", stored(), 3])
    wrong = Statement("SELECT 1 / %s", ("integer",))
    for _ in range(2):
        with pytest.raises(DataError):
            statements.read_ahead([asking("here"), [(wrong, (0,))], [(wrong, (1,))]])
        (rows,) = statements.read_ahead([asking("here")])
        assert rows == {(_BY_NAME, "here"): [(3,)]}
        assert _COUNT.one(["here"]) == (3,)


@ON_POSTGRESQL
def test_more_than_fits_into_any_buffer_goes_both_ways() -> None:
    long = Statement("SELECT %s AS given", ("text",))
    wide = Statement("SELECT %s || '' AS given", ("text",))
    texts = [str(at) * 400_000 for at in range(8)]
    questions = [(each, (text,)) for text in texts for each in (long, wide)]
    (rows,) = statements.read_ahead([questions])
    for each in (long, wide):
        assert all(rows[each, text] == [(text,)] for text in texts)


@ON_POSTGRESQL
def test_what_waits_for_the_database_lets_others_compute() -> None:
    began, counted = threading.Event(), []

    def count() -> None:
        began.wait()
        while not ended.is_set():
            counted.append(1)
            ended.wait(0.001)

    ended = threading.Event()
    other = threading.Thread(target=count)
    other.start()
    slow = Statement("SELECT pg_sleep(%s)::text", ("float8",))
    connection.ensure_connection()
    slow.one([0])
    try:
        for wait in (
            lambda: slow.one([0.3]),
            lambda: statements.read_ahead([[(slow, (0.3,))]]),
        ):
            known = len(counted)
            began.set()
            wait()
            assert len(counted) - known > 20
    finally:
        began.set()
        ended.set()
        other.join()


@ON_POSTGRESQL
def test_who_reads_ahead_connects_anew() -> None:
    _INSERT.run(["before", stored(), 1])
    statements.read_ahead([asking("before")])
    for _ in range(2):
        cut()
        (rows,) = statements.read_ahead([asking("before")])
        assert rows == {(_BY_NAME, "before"): [(1,)]}
