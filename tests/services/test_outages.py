"""Database, HSM or disk go away under a running service: it says so, and comes back."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import processes_of, wait_until
from tests.server import RunningServer, data_folder
from tests.services import given, rows
from tests.services.backends import PostgreSQL
from tests.services.client import TEXT, UNAVAILABLE, Person, Program
from tests.surroundings import borrow_softhsm

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("server")]

_BACK_SECONDS = 15


def parts(server: RunningServer) -> dict[str, str]:
    """Return what /readyz names."""
    try:
        with urllib.request.urlopen(f"{server.base_url}/readyz", timeout=30) as answer:
            named: dict[str, str] = json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            named = json.load(refusal)
    return named


class Load:
    """Creates keys without a pause until it is stopped; counts what it was told."""

    def __init__(self, program: Program, prefix: str) -> None:
        self._program, self._prefix = program, prefix
        self._end = threading.Event()
        self.codes: Counter[str] = Counter()
        self.made: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        for number in range(100_000):
            if self._end.is_set():
                return
            name = f"{self._prefix}-{number}"
            answer = self._program.ask("CreateKey", Alias=name)
            self.codes[answer.code] += 1
            if not answer.code:
                self.made[name] = answer.response["KeyId"]


def steady(program: Program, key: str) -> bool:
    """Whether every web worker is back: each comes back by itself."""
    return all(program.works_with(key) for _ in range(10))


def whole(server: RunningServer) -> None:
    """Check that nothing is half-done: keys with versions, changes with events."""
    half = (
        "SELECT COUNT(*) FROM keys_customermasterkey k WHERE NOT EXISTS "
        "(SELECT 1 FROM keys_keyversion v WHERE v.key_id = k.id)"
    )
    assert rows.rows(server, half) == [(0,)]
    keys = "SELECT COUNT(*) FROM keys_customermasterkey WHERE owner = 'user'"
    told = (
        "SELECT COUNT(*) FROM audit_auditevent "
        "WHERE operation = 'CreateKey' AND outcome = 'success'"
    )
    assert rows.rows(server, keys) == rows.rows(server, told)


# --- the database ---------------------------------------------------------------------


@pytest.mark.skipif(
    given.database() is None, reason="make test-services has PostgreSQL"
)
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_database_that_goes_away_and_comes_back(how: str) -> None:
    with (
        PostgreSQL.running() as database,
        RunningServer.started(DATABASE_URL=database.url) as server,
    ):
        program, person = Program(server), Person(server)
        key = program.create_key("before")
        assert person.sign_in() == 302
        before = processes_of(server.home)
        with Load(program, "load") as load:
            assert wait_until(lambda: len(load.made) > 20, 30)
            getattr(database, how)()
            assert wait_until(lambda: load.codes[UNAVAILABLE] > 20, 30)
        _all_refused(program, person, key)
        assert parts(server)["database"] == "unavailable"
        database.start()
        assert wait_until(lambda: steady(program, key), _BACK_SECONDS)
        assert wait_until(lambda: parts(server)["status"] == "ok", _BACK_SECONDS)
        assert person.get("/keys/")[0] == 200
        # Nobody died of it, and nobody was told anything else.
        assert processes_of(server.home) == before
        assert set(load.codes) == {"", UNAVAILABLE}
        assert set(load.made) <= program.names()
        assert all(program.works_with(made) for made in load.made.values())
        whole(server)


def _all_refused(program: Program, person: Person, key: str) -> None:
    """Check that every way in says that it is not available, not that it is broken."""
    for action, parameters in {
        "Encrypt": {"KeyId": key, "Plaintext": TEXT},
        "CreateKey": {"Alias": "never"},
        "ListKeys": {},
    }.items():
        assert program.code(action, **parameters) == UNAVAILABLE, action
    for path in ("/keys/", "/keys/create/", f"/keys/{key}/"):
        status, page = person.get(path)
        assert status == 503, path
        assert "Not available at the moment" in page
        assert "Traceback" not in page


# --- the HSM --------------------------------------------------------------------------


def test_an_hsm_that_goes_away_and_comes_back() -> None:
    with data_folder() as home, RunningServer.started(home) as server:
        program, person = Program(server), Person(server)
        key = program.create_key("before")
        assert person.sign_in() == 302
        tokens, aside = home / "tokens", home / "tokens-aside"
        with Load(program, "load") as load:
            assert wait_until(lambda: len(load.made) > 10, 30)
            tokens.rename(aside)
            assert wait_until(lambda: load.codes[UNAVAILABLE] > 20, 30)
        count = len(program_names(server))
        assert program.code("Encrypt", KeyId=key, Plaintext=TEXT) == UNAVAILABLE
        assert program.code("CreateKey", Alias="never") == UNAVAILABLE
        # What needs no key goes on in the console, the rest says why it does not.
        assert person.get("/keys/")[0] == 200
        form = {"format": "text", "Plaintext": "plain"}
        status, page = person.post(f"/keys/{key}/encrypt/", **form)
        assert status == 503
        assert "not available at the moment" in page
        assert parts(server)["token"] == "unavailable"
        assert len(program_names(server)) == count
        assert not tokens.exists() or not any(tokens.iterdir())
        aside.rename(tokens)
        assert wait_until(lambda: steady(program, key), _BACK_SECONDS)
        assert set(load.codes) == {"", UNAVAILABLE}
        assert all(program.works_with(made) for made in load.made.values())
        assert "never" not in program.names()
        whole(server)


def program_names(server: RunningServer) -> set[str]:
    """Return the names of all keys, past the API: without an HSM nobody signs."""
    found = rows.rows(server, "SELECT alias FROM keys_customermasterkey")
    return {str(name) for (name,) in found}


# --- the disk -------------------------------------------------------------------------


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a disk of this size for a data folder; skips where that is not allowed."""
    place = Path(tempfile.mkdtemp(prefix="kmsconsole-disk-"))
    options = f"size={megabytes}m,mode=0700"
    mount = ("mount", "-t", "tmpfs", "-o", options, "kmsconsole-test", str(place))
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        place.rmdir()
        pytest.skip("only root can mount a small disk, and not everywhere")
    try:
        yield place
    finally:
        for _ in range(50):
            if subprocess.run(("umount", str(place)), check=False).returncode == 0:
                break
            time.sleep(0.2)
        place.rmdir()


def fill(ballast: Path) -> Path:
    """Leave no room in the file system where this file is made; returns it."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


@pytest.mark.skipif(given.database() is not None, reason="make test fills the disk")
def test_a_full_disk_refuses_and_loses_nothing() -> None:
    with small_disk(64) as home:
        borrow_softhsm(home)
        with RunningServer.started(home) as server:
            _fill_and_free(server)
            assert server.stop(signal.SIGINT) == 0


def _fill_and_free(server: RunningServer) -> None:
    program, person = Program(server), Person(server)
    key = program.create_key("before")
    assert person.sign_in() == 302
    with Load(program, "load") as load:
        assert wait_until(lambda: len(load.made) > 20, 30)
        ballast = fill(server.home / "tmp" / "ballast")
        # A few find room in pages that are there already.
        assert wait_until(lambda: load.codes[UNAVAILABLE] > 20, 60), load.codes
    assert (
        program.code("CreateKey", Alias="never", Description="x" * 900) == UNAVAILABLE
    )
    # What can't be recorded does not happen, so that nothing can be encrypted either.
    told: Counter[str] = Counter()
    while told[UNAVAILABLE] < 10 and told.total() < 20_000:
        told[program.code("Encrypt", KeyId=key, Plaintext=TEXT)] += 1
    assert set(told) <= {"", UNAVAILABLE}
    assert told[UNAVAILABLE] == 10
    assert person.get("/keys/")[0] in {200, 503}
    assert server.process.poll() is None
    ballast.unlink()
    count = "SELECT COUNT(*) FROM audit_auditevent WHERE operation = ? AND outcome = ?"
    assert rows.rows(server, count, "Encrypt", "success") == [(told[""],)]
    assert wait_until(lambda: steady(program, key), _BACK_SECONDS)
    assert person.get("/keys/")[0] == 200
    assert set(load.codes) == {"", UNAVAILABLE}, load.codes
    assert all(program.works_with(made) for made in load.made.values())
    assert set(load.made) <= program.names()
    assert "never" not in program.names()
    assert rows.rows(server, "PRAGMA integrity_check") == [("ok",)]
    whole(server)
