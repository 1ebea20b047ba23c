"""A running service's own database, looked into and changed behind its back."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg

from tests.server import RunningServer


def rows(server: RunningServer, statement: str, *values: Any) -> list[Sequence[Any]]:
    """Run one statement with `?` for each value; returns rows where there are any."""
    if url := server.env.get("DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(server.home / "kms.sqlite3", timeout=30)) as database:
        found = database.execute(statement, values).fetchall()
        database.commit()
        return found


def id_of(server: RunningServer, key_id: str) -> str:
    """Return a key's ID as the database stores it."""
    return key_id if server.env.get("DATABASE_URL") else UUID(key_id).hex


def state(server: RunningServer, key_id: str) -> str:
    """Return a key's state."""
    statement = "SELECT state FROM keys_customermasterkey WHERE id = ?"
    return str(rows(server, statement, id_of(server, key_id))[0][0])


def versions(server: RunningServer, key_id: str) -> int:
    """Return how many versions a key has."""
    statement = "SELECT COUNT(*) FROM keys_keyversion WHERE key_id = ?"
    return int(rows(server, statement, id_of(server, key_id))[0][0])


def fall_due(server: RunningServer, key_id: str, column: str) -> None:
    """Move a key's date into the past."""
    statement = f"UPDATE keys_customermasterkey SET {column} = ? WHERE id = ?"
    key = id_of(server, key_id)
    rows(server, statement, "2026-01-01 00:00:00+00:00", key)


def heartbeat(server: RunningServer, name: str) -> str:
    """Return when a background process was last heard of."""
    statement = "SELECT at FROM keys_heartbeat WHERE name = ?"
    return str(rows(server, statement, name)[0][0])
