"""Makes sure that what was erased is gone from the database's own files, too.

SQLite overwrites erased bytes (`secure_delete`), but a page that handed rows on to
another keeps copies of them in its free space, and the write-ahead log keeps the old
pages until it is emptied. PostgreSQL keeps old rows; a plain VACUUM frees their place
and leaves bytes there. So both write the tables anew (docs/schedule.md).
"""

import time
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created
from django.db.transaction import atomic

from kmsconsole.audit.turns import turn

VERSIONS, PARAMETERS, DATA_KEYS = EVERY_TABLE = (
    "keys_keyversion",
    "keys_importparameters",
    "keys_datakey",
)
_PATIENCE_MS = 2_000
_LOOKS = 40
_NOBODY_LOOKS_BACK = (
    "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8 AND NOT EXISTS ("
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND age(backend_xmin) > age(xid(%s::xid8)))"
)


def connect() -> None:
    """Let SQLite overwrite what it erases, on every connection from now on."""
    connection_created.connect(_overwrite, dispatch_uid="keys.erasure")


def _overwrite(connection: Any, **_more: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def wipe(tables: Sequence[str] = EVERY_TABLE) -> bool:
    """Remove what erased rows left in the files; False where that has to wait."""
    if connection.in_atomic_block:
        return False
    sqlite = connection.vendor == "sqlite"
    return _wipe_sqlite(tables) if sqlite else _write_anew(tables)


def _wipe_sqlite(tables: Sequence[str]) -> bool:
    usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        try:
            for table in tables:
                _refill(cursor, table)
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
    return not busy


def _refill(cursor: Any, table: str) -> None:
    """Empty a table, which overwrites its pages, and put the same rows back.

    Unlike VACUUM this takes as long as there are keys, not as long as the audit is.
    Checking references meanwhile would keep the pages from being given up whole.
    """
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute("PRAGMA foreign_keys=OFF")
    try:
        with turn(), atomic():
            cursor.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table}")  # noqa: S608 - a constant
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            cursor.execute(f"INSERT INTO {table} SELECT * FROM kept ORDER BY id")  # noqa: S608 - a constant
            cursor.execute("DROP TABLE temp.kept")
    finally:
        cursor.execute("PRAGMA foreign_keys=ON")


def _write_anew(tables: Sequence[str]) -> bool:
    with connection.cursor() as cursor:
        if not _unseen(cursor):
            return False
        # Nobody shall wait behind this one while it waits for somebody else.
        cursor.execute(f"SET lock_timeout = {_PATIENCE_MS}")
        try:
            for table in tables:
                cursor.execute(f"VACUUM FULL {table}")
        finally:
            cursor.execute("RESET lock_timeout")
    return True


def _unseen(cursor: Any) -> bool:
    """Wait until no transaction can see erased rows, which VACUUM FULL would copy.

    Transactions in other databases of the same server count, too.
    """
    cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    begun = cursor.fetchone()[0]
    for _ in range(_LOOKS):
        cursor.execute(_NOBODY_LOOKS_BACK, [begun, begun])
        if cursor.fetchone()[0]:
            return True
        time.sleep(_PATIENCE_MS / 1000 / _LOOKS)
    return False
