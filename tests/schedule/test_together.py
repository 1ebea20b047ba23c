"""Several processes, one set of due rows, each done once; what files still hold."""

import signal
import sqlite3
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.schedule.alone import Folder, folder, said
from tests.services import given

MANY = 250
ON_SQLITE = pytest.mark.skipif(
    given.database() is not None, reason="looks into SQLite's files"
)
ON_POSTGRESQL = pytest.mark.skipif(
    given.database() is None, reason="reads PostgreSQL's files: make test-services"
)


@pytest.fixture
def alone() -> Iterator[Folder]:
    with folder() as made:
        yield made


def test_two_processes_at_once_do_each_row_once(alone: Folder) -> None:
    alone.ask("make", str(MANY), str(MANY))
    started = [alone.start("manage.py", "sweep", "--json") for _ in range(2)]
    figures = [said(process) for process in started]
    for name in ("rotation", "destruction"):
        assert sum(tally[name]["done"] for tally in figures) == MANY
        assert sum(tally[name]["failed"] for tally in figures) == 0
    # They really met: neither did everything.
    for tally in figures:
        assert tally["rotation"]["done"] + tally["destruction"]["done"] < 2 * MANY
    seen = alone.ask("seen")
    assert seen["versions"] == {"1": 2 * MANY, "2": MANY}
    assert seen["states"] == {"Enabled": MANY, "Destroyed": MANY}
    for operation in ("RotateDueKey", "DestroyKey"):
        assert seen["events"][f"{operation} success"] == MANY
    assert not [event for event in seen["events"] if event.endswith("failed")]


def test_a_killed_sweep_loses_nothing_and_the_next_one_ends_it(alone: Folder) -> None:
    alone.ask("make", str(MANY), str(MANY))
    for _ in range(3):
        process = alone.start("manage.py", "sweep", "--json")
        time.sleep(2.5)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        seen = alone.ask("seen")
        assert seen["versions"].get("2", 0) == seen["events"].get(
            "RotateDueKey success", 0
        )
        assert seen["states"].get("Destroyed", 0) == seen["events"].get(
            "DestroyKey success", 0
        )
    alone.sweep()
    seen = alone.ask("seen")
    assert (seen["versions"]["2"], seen["states"]["Destroyed"]) == (MANY, MANY)
    assert seen["events"]["RotateDueKey success"] == MANY
    assert seen["events"]["DestroyKey success"] == MANY
    assert seen["unfinished"] == []


@ON_SQLITE
def test_no_file_of_sqlite_holds_a_destroyed_blob(alone: Folder) -> None:
    made = alone.ask("make", "5", "60")
    blobs = [bytes.fromhex(blob) for blob in made["blobs"]]
    assert all(alone.files_with(blob) for blob in blobs)
    assert alone.sweep("destruction")["destruction"]["done"] == 60
    assert [alone.files_with(blob) for blob in blobs] == [[]] * 60
    assert alone.ask("seen")["unfinished"] == []


@ON_SQLITE
def test_no_file_of_sqlite_holds_a_wrapping_key_that_is_over(alone: Folder) -> None:
    blobs = [bytes.fromhex(blob) for blob in alone.ask("hand-out", "6")]
    assert all(alone.files_with(blob) for blob in blobs)
    assert alone.sweep("parameters")["parameters"]["done"] == 6
    assert [alone.files_with(blob) for blob in blobs] == [[]] * 6
    assert alone.ask("seen")["unfinished"] == []


def left_after(alone: Folder, *arguments: str) -> int:
    """Destroy 60 keys whose rows moved; return of how many any 16 bytes are left."""
    made = alone.ask("make", "5", "60")
    alone.ask("move-rows")
    what = ("destroy-without", *arguments) if arguments else None
    done = alone.ask(*what) if what else alone.sweep("destruction")["destruction"]
    assert done["done"] == 60
    return sum(bool(alone.files_with(bytes.fromhex(b))) for b in made["blobs"])


@ON_SQLITE
def test_nothing_is_left_in_pages_that_handed_rows_on(alone: Folder) -> None:
    assert left_after(alone) == 0


@ON_SQLITE
@pytest.mark.parametrize("without", [("1", "1"), ("0", "1")])
def test_without_overwriting_or_writing_anew_it_would_be_found(
    alone: Folder, without: tuple[str, str]
) -> None:
    """Shows that the tests above can fail."""
    assert left_after(alone, *without) > 0


@ON_SQLITE
def test_while_somebody_reads_the_log_waits_for_the_next_run(alone: Folder) -> None:
    blob = bytes.fromhex(alone.ask("make", "0", "1")["blobs"][0])
    reader = sqlite3.connect(alone.home / "kms.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM keys_keyversion").fetchone()
    alone.sweep("destruction")
    assert alone.ask("seen")["unfinished"] == ["destruction"]
    assert alone.files_with(blob)
    reader.execute("ROLLBACK")
    reader.close()
    assert alone.sweep("destruction")["destruction"]["due"] == 0
    assert alone.ask("seen")["unfinished"] == []
    assert alone.files_with(blob) == []


def left_in_the_table(alone: Folder, blobs: list[bytes]) -> int:
    """Return of how many blobs any 16 bytes are in the file of the versions."""
    read = "SELECT pg_read_binary_file(pg_relation_filepath('keys_keyversion'))"
    with psycopg.connect(alone.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(read).fetchone()
    assert row is not None
    pieces = ([blob[at : at + 16] for at in range(len(blob) - 15)] for blob in blobs)
    return sum(any(piece in row[0] for piece in of_one) for of_one in pieces)


@pytest.mark.services
@ON_POSTGRESQL
def test_no_table_of_postgresql_holds_a_destroyed_blob(alone: Folder) -> None:
    made = alone.ask("make", "5", "60")
    blobs = [bytes.fromhex(blob) for blob in made["blobs"]]
    assert left_in_the_table(alone, blobs) == 60
    assert alone.sweep("destruction")["destruction"]["done"] == 60
    wiped(alone)
    assert left_in_the_table(alone, blobs) == 0


def wiped(alone: Folder) -> None:
    """Sweep until the files are wiped: other databases of the server are in use."""
    for _ in range(20):
        if not alone.ask("seen")["unfinished"]:
            return
        alone.sweep("destruction")
    message = "the files were never wiped"
    raise AssertionError(message)


@pytest.mark.services
@ON_POSTGRESQL
def test_while_a_transaction_sees_old_rows_they_are_not_taken_for_gone(
    alone: Folder,
) -> None:
    blob = bytes.fromhex(alone.ask("make", "0", "1")["blobs"][0])
    with psycopg.connect(alone.env["DATABASE_URL"]) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM django_migrations")
        assert alone.sweep("destruction")["destruction"]["done"] == 1
        assert alone.ask("seen")["unfinished"] == ["destruction"]
    wiped(alone)
    assert left_in_the_table(alone, [blob]) == 0
