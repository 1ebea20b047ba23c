"""PostgreSQL's disk is full: refused, nothing half-done, and back by itself."""

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import processes_of, wait_until
from tests.server import RunningServer
from tests.services import given, rows
from tests.services.backends import PostgreSQL
from tests.services.client import TEXT, UNAVAILABLE, Person, Program
from tests.services.test_outages import Load, fill, parts, steady, whole

pytestmark = [
    pytest.mark.services,
    pytest.mark.xdist_group("disk"),
    pytest.mark.skipif(
        given.database() is None, reason="make test-services has PostgreSQL"
    ),
]

_BACK_SECONDS = 15
_MEGABYTES = 128


class _Small(PostgreSQL):
    """A cluster that has a part of itself on a small disk."""

    part = ""

    @property
    def disk(self) -> Path:
        """Return where the small disk is."""
        return self.folder / self.part

    def create(self) -> None:
        """Mount the disk, and make the cluster with its log beside the tables."""
        self.disk.mkdir()
        options = f"size={_MEGABYTES}m,mode=0700"
        mount = ("mount", "-t", "tmpfs", "-o", options, "kmsconsole-test", self.disk)
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
            pytest.skip("only root can mount a small disk, and not everywhere")
        shutil.chown(self.disk, self.user, self.user)
        log = ("--waldir", str(self.folder / "wal"), "--wal-segsize", "1")
        options_of_all = ("-U", self.user, "-A", "trust", "-E", "UTF8")
        place = (str(self.folder / "data"), "--locale=C.UTF-8")
        self.run(self._program("initdb"), *options_of_all, *log, *place)

    def clean_up(self) -> None:
        """Take the disk away again."""
        if not self.disk.is_mount():
            return
        for _ in range(50):
            if subprocess.run(("umount", self.disk), check=False).returncode == 0:
                return
            time.sleep(0.2)


class SmallTables(_Small):
    """Tables and indexes find no room."""

    part = "data"


class SmallLog(_Small):
    """The write-ahead log finds no room: PostgreSQL ends, as it has to."""

    part = "wal"


@contextmanager
def served(kind: type[_Small]) -> Iterator[tuple[_Small, RunningServer]]:
    """Run a service on such a cluster."""
    with (
        kind.running() as database,
        RunningServer.started(DATABASE_URL=database.url) as server,
    ):
        assert isinstance(database, kind)
        yield database, server


def test_tables_without_room_refuse_and_lose_nothing() -> None:
    with served(SmallTables) as (database, server):
        program, person = Program(server), Person(server)
        key = program.create_key("before")
        assert person.sign_in() == 302
        before = processes_of(server.home)
        with Load(program, "load") as load:
            assert wait_until(lambda: len(load.made) > 20, 30)
            ballast = fill(database.disk / "ballast")
            # A few find room in pages that are there already.
            assert wait_until(lambda: load.codes[UNAVAILABLE] > 20, 60), load.codes
        # What can't be recorded does not happen: nothing can be encrypted either.
        told: Counter[str] = Counter()
        while told[UNAVAILABLE] < 10 and told.total() < 20_000:
            told[program.code("Encrypt", KeyId=key, Plaintext=TEXT)] += 1
        assert set(told) <= {"", UNAVAILABLE}
        assert told[UNAVAILABLE] == 10
        never = {"Alias": "never", "Description": "x" * 900}
        assert program.code("CreateKey", **never) == UNAVAILABLE
        assert person.get("/keys/")[0] in {200, 503}
        count = (
            "SELECT COUNT(*) FROM audit_auditevent WHERE operation = ? AND outcome = ?"
        )
        assert rows.rows(server, count, "Encrypt", "success") == [(told[""],)]
        ballast.unlink()
        _whole_again(server, program, person, load, key)
        assert processes_of(server.home) == before


def test_a_log_without_room_ends_the_database_and_loses_nothing() -> None:
    with served(SmallLog) as (database, server):
        program, person = Program(server), Person(server)
        key = program.create_key("before")
        assert person.sign_in() == 302
        before = processes_of(server.home)
        with Load(program, "load") as load:
            assert wait_until(lambda: len(load.made) > 20, 30)
            ballast = fill(database.disk / "ballast")
            assert wait_until(lambda: load.codes[UNAVAILABLE] > 20, 90), load.codes
        assert program.code("Encrypt", KeyId=key, Plaintext=TEXT) == UNAVAILABLE
        assert program.code("CreateKey", Alias="never") == UNAVAILABLE
        status, page = person.get("/keys/")
        assert status == 503
        assert "Not available at the moment" in page
        assert parts(server)["database"] == "unavailable"
        process = database.process
        assert process is not None
        assert wait_until(lambda: process.poll() is not None, 60)
        ballast.unlink()
        # As the machine's supervisor does.
        database.stop()
        database.start()
        _whole_again(server, program, person, load, key)
        assert processes_of(server.home) == before


def _whole_again(
    server: RunningServer, program: Program, person: Person, load: Load, key: str
) -> None:
    """Check that the service came back by itself, with all that was acknowledged."""
    assert wait_until(lambda: steady(program, key), _BACK_SECONDS)
    assert wait_until(lambda: parts(server)["status"] == "ok", _BACK_SECONDS)
    assert person.get("/keys/")[0] == 200
    assert set(load.codes) == {"", UNAVAILABLE}, load.codes
    assert set(load.made) <= program.names()
    assert all(program.works_with(made) for made in load.made.values())
    assert "never" not in program.names()
    whole(server)
