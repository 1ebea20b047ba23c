"""Two nodes, two beats, four workers on one database: everything once."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hsm_support import LABEL, PIN, TokenFolder, module_path
from tests.processes import wait_until
from tests.server import RunningServer, data_folder, environment, manage
from tests.services import given, rows
from tests.services.client import TEXT, Program
from tests.surroundings import ROOT, free_port

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("nodes")]

# Of each kind.
ROWS = 2000 if os.environ.get("FAULTS") == "full" else 60
_PATIENCE_SECONDS = 150 + ROWS / 4


def one_token(folder: Path) -> dict[str, str]:
    """Make a token that every node reaches, as in a network; return its settings."""
    folder.mkdir()
    token = TokenFolder(folder)
    return {
        "PKCS11_MODULE": module_path(),
        "PKCS11_TOKEN_LABEL": LABEL,
        "PKCS11_PIN": PIN,
        "SOFTHSM2_CONF": str(token.configuration),
        "KMS_SECRET_KEY": "one-for-both-nodes-" * 4,
    }


@pytest.mark.skipif(given.database() is None, reason="SQLite is one node's own")
def test_two_nodes_that_prepare_at_once_serve_the_same_keys(tmp_path: Path) -> None:
    with data_folder() as first, data_folder() as second:
        shared = one_token(tmp_path / "hsm") | given.environment(first)
        homes = (first, second)
        envs = [environment(home, free_port()) | shared for home in homes]
        with ThreadPoolExecutor(2) as pool:
            for done in pool.map(lambda env: manage(env, "prepare"), envs):
                assert done.returncode == 0, done.stderr
        with (
            RunningServer.started(first, **shared) as one,
            RunningServer.started(second, **shared) as two,
        ):
            here, there = Program(one), Program(two)
            there._key = here._key
            key = here.create_key("shared")
            assert there.works_with(key)
            sealed = there.ask("Encrypt", KeyId=key, Plaintext=TEXT).response
            # What one node answered, the other one knows at once.
            assert here.code("DisableKey", KeyId=key) == ""
            blob = sealed["CiphertextBlob"]
            assert there.code("Decrypt", CiphertextBlob=blob) != ""
            assert there.code("EnableKey", KeyId=key) == ""
            assert here.code("Decrypt", CiphertextBlob=blob) == ""


@dataclass
class Crowd:
    """A service and more beats and workers on its database."""

    server: RunningServer
    more: list[subprocess.Popen[bytes]]


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Run a service with two beats and four workers; other nodes where there can be."""
    with ExitStack() as stack:
        server = stack.enter_context(RunningServer.started())
        more = []
        for process in ("beat", "worker", "worker", "worker"):
            started = subprocess.Popen(
                [sys.executable, "manage.py", "run", process],
                cwd=ROOT,
                env=server.env,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(started.wait, 30)
            stack.callback(started.terminate)
            more.append(started)
        yield Crowd(server, more)


def test_each_due_row_is_acted_on_once() -> None:
    with crowd() as made:
        server = made.server
        program = Program(server)
        rotating = [program.create_key(f"rotating-{n}") for n in range(ROWS)]
        leaving = [program.create_key(f"leaving-{n}") for n in range(ROWS)]
        for key_id in rotating:
            assert program.code("EnableKeyRotation", KeyId=key_id) == ""
        for key_id in leaving:
            assert program.code("DisableKey", KeyId=key_id) == ""
            data = {"KeyId": key_id, "PendingWindowInDays": 7}
            assert program.code("ScheduleKeyDeletion", **data) == ""
        past = "2026-01-01 00:00:00+00:00"
        change = "UPDATE keys_customermasterkey SET {0} = ? WHERE {0} IS NOT NULL"
        for column in ("next_rotation_at", "deletion_date"):
            rows.rows(server, change.format(column), past)
        began = time.monotonic()
        assert wait_until(lambda: _all_done(server), _PATIENCE_SECONDS)
        took = time.monotonic() - began
        # By hand as well, beside the workers.
        swept = server.manage("sweep", "--json")
        assert swept.returncode == 0, swept.stderr
        figures = json.loads(swept.stdout.splitlines()[-1])
        assert {
            name: said["failed"] for name, said in figures.items()
        } == dict.fromkeys(figures, 0)
        _each_once(server)
        assert all(process.poll() is None for process in made.more)
        print(f"{ROWS} rotations and {ROWS} destructions in {took:.0f} s, each once")


def _all_done(server: RunningServer) -> bool:
    versions = "SELECT COUNT(*) FROM keys_keyversion WHERE number = 2"
    destroyed = "SELECT COUNT(*) FROM keys_customermasterkey WHERE state = 'Destroyed'"
    return all(
        rows.rows(server, statement) == [(ROWS,)] for statement in (versions, destroyed)
    )


def _each_once(server: RunningServer) -> None:
    told = (
        "SELECT key_id, COUNT(*) FROM audit_auditevent "
        "WHERE operation = ? AND outcome = 'success' GROUP BY key_id"
    )
    for operation in ("RotateDueKey", "DestroyKey"):
        times = Counter(count for _, count in rows.rows(server, told, operation))
        assert times == {1: ROWS}, operation
    most = "SELECT MAX(number) FROM keys_keyversion"
    assert rows.rows(server, most) == [(2,)]
