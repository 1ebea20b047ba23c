"""Migrations, walked with rows in the tables as an older version left them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import data_folder, environment, manage

OLD_KEY = {
    "id": "0" * 31 + "1",
    "account_uin": 100_000_000_001,
    "region": "ap-guangzhou",
    "alias": "from-before",
    "description": "",
    "usage": "ENCRYPT_DECRYPT",
    "origin": "TENCENT_KMS",
    "owner": "user",
    "creator_uin": 100_000_000_001,
    "state": "Disabled",
    "primary_version": 1,
    "created_at": "2026-11-01 00:00:00",
    "rotation_enabled": 0,
    "rotate_days": 365,
    "revision": 1,
}
OLD_VERSION = {
    "key_id": OLD_KEY["id"],
    "number": 1,
    "spec": "AES_256",
    "wrapped_material": b"w" * 40,
    "binding": b"b" * 32,
    "root_epoch": 1,
    "mac_epoch": 1,
    "check_value": b"c" * 8,
    "encryptions_leased": 0,
    "created_at": "2026-11-01 00:00:00",
    "creator_uin": 100_000_000_001,
}


@pytest.fixture
def home() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


def insert(database: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    database.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values())
    )


def test_keys_of_the_first_version_are_counted_found_and_unchanged(home: Path) -> None:
    # Written there as the first version did, so always in a file.
    env = environment(home, 8000, DATABASE_URL="")
    # The rows of permissions are made after each step and need their own tables.
    for step in (("auth",), ("keys", "0001")):
        first = manage(env, "migrate", *step)
        assert first.returncode == 0, first.stderr
    with sqlite3.connect(home / "kms.sqlite3") as database:
        insert(database, "keys_customermasterkey", OLD_KEY)
        insert(database, "keys_keyversion", OLD_VERSION)
    again = manage(env, "migrate")
    assert again.returncode == 0, again.stderr
    with sqlite3.connect(home / "kms.sqlite3") as database:
        counted = database.execute("SELECT state, cloud, count FROM keys_keycount")
        assert counted.fetchall() == [("Disabled", 0, 1)]
        version = database.execute(
            "SELECT wrapped_material, binding, public_key FROM keys_keyversion"
        )
        assert version.fetchall() == [(b"w" * 40, b"b" * 32, b"")]
        database.execute("UPDATE keys_customermasterkey SET state = 'Enabled'")
        counted = database.execute("SELECT state FROM keys_keycount WHERE count > 0")
        assert counted.fetchall() == [("Enabled",)]


def test_what_was_encrypted_before_is_counted_on_its_version(home: Path) -> None:
    env = environment(home, 8000, DATABASE_URL="")
    for step in (("auth",), ("keys", "0004")):
        first = manage(env, "migrate", *step)
        assert first.returncode == 0, first.stderr
    uses = (
        (1, "Encrypt", 5),
        (1, "GenerateDataKey", 7),
        (1, "Decrypt", 100),
        (2, "ReEncrypt", 3),
    )
    with sqlite3.connect(home / "kms.sqlite3") as database:
        insert(database, "keys_customermasterkey", OLD_KEY)
        for number in (1, 2, 3):
            version = OLD_VERSION | {"number": number, "public_key": b""}
            insert(database, "keys_keyversion", version)
        for version, operation, count in uses:
            row = {"key_id": OLD_KEY["id"], "version": version, "operation": operation}
            row |= {"principal_uin": 1, "principal_name": "admin", "count": count}
            row |= {"day": "2026-11-02", "last_at": "2026-11-02 00:00:00"}
            insert(database, "keys_keyusage", row)
    again = manage(env, "migrate")
    assert again.returncode == 0, again.stderr
    with sqlite3.connect(home / "kms.sqlite3") as database:
        counted = database.execute(
            "SELECT number, encryptions FROM keys_keyversion ORDER BY number"
        )
        assert counted.fetchall() == [(1, 12), (2, 3), (3, 0)]


def test_what_falls_due_stays_and_is_found_by_an_index(home: Path) -> None:
    env = environment(home, 8000, DATABASE_URL="")
    for step in (("auth",), ("keys", "0008"), ("alarms", "0003")):
        first = manage(env, "migrate", *step)
        assert first.returncode == 0, first.stderr
    parameters = {
        "key_id": OLD_KEY["id"],
        "padding": "RSAES_OAEP_SHA_256",
        "token_hash": b"t" * 32,
        "spec": "RSA_2048_IMPORT",
        "wrapped_material": b"w" * 1224,
        "binding": b"b" * 32,
        "root_epoch": 1,
        "mac_epoch": 1,
        "check_value": b"c" * 8,
        "public_key": b"p" * 294,
        "expires_at": "2026-11-02 00:00:00",
    }
    hold = {
        "key_id": OLD_KEY["id"],
        "at": "2026-11-01 00:00:00",
        "attempt_number": 7,
        "attempted_at": "2026-11-01 00:00:00",
        "operation": "Decrypt",
        "caller_uin": 1,
        "caller_name": "ann",
        "confirmed_at": "2026-11-01 00:00:00",
        "confirmed_by_uin": 2,
        "confirmed_by_name": "admin",
        "runs_at": "2026-11-02 00:00:00",
    }
    old = {
        "keys_importparameters": (parameters, "expires_at", "keys_parameters_due"),
        "alarms_deletionhold": (hold, "runs_at", "alarms_hold_runs"),
    }
    with sqlite3.connect(home / "kms.sqlite3") as database:
        insert(database, "keys_customermasterkey", OLD_KEY)
        for table, (row, _, _) in old.items():
            insert(database, table, row)
    again = manage(env, "migrate")
    assert again.returncode == 0, again.stderr
    with sqlite3.connect(home / "kms.sqlite3") as database:
        for table, (row, column, index) in old.items():
            rows = database.execute(f"SELECT {', '.join(row)} FROM {table}")
            assert rows.fetchall() == [tuple(row.values())]
            plan = database.execute(
                f"EXPLAIN QUERY PLAN SELECT {column} FROM {table} "
                f"WHERE {column} <= '2026-11-02' ORDER BY {column}"
            )
            assert index in plan.fetchall()[0][3]
