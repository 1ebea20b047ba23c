"""Makes sure that what was erased is gone from the database's own files, too.

SQLite overwrites erased bytes (`secure_delete`), but its write-ahead log keeps the old
pages until it is emptied. PostgreSQL keeps old rows; a plain VACUUM frees their place
and leaves bytes there, only VACUUM FULL writes the table anew (docs/schedule.md).
"""

from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

_TABLES = ("keys_keyversion", "keys_importparameters", "keys_datakey")
_PATIENCE_MS = 2_000


def connect() -> None:
    """Let SQLite overwrite what it erases, on every connection from now on."""
    connection_created.connect(_overwrite, dispatch_uid="keys.erasure")


def _overwrite(connection: Any, **_more: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def wipe() -> bool:
    """Remove what erased rows left in the files; False where that has to wait."""
    if connection.in_atomic_block:
        return False
    return _empty_log() if connection.vendor == "sqlite" else _write_anew()


def _empty_log() -> bool:
    usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
    return not busy


def _write_anew() -> bool:
    with connection.cursor() as cursor:
        # Nobody shall wait behind this one while it waits for somebody else.
        cursor.execute(f"SET lock_timeout = {_PATIENCE_MS}")
        try:
            for table in _TABLES:
                cursor.execute(f"VACUUM FULL {table}")
        finally:
            cursor.execute("RESET lock_timeout")
    return True
