"""Many at once on one database: locks, not luck."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.processes import wait_until
from tests.server import RunningServer
from tests.services import given, rows
from tests.services.client import Program

RACES = 1000 if os.environ.get("FAULTS") == "full" else 40

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("server")]


@pytest.fixture(scope="module")
def program(server: RunningServer) -> Program:
    """The API of the one running service."""
    return Program(server)


def together(program: Program, action: str, *calls: dict[str, Any]) -> list[str]:
    """Send one action several times at once; returns the codes in order."""
    gate = threading.Barrier(len(calls))

    def send(parameters: dict[str, Any]) -> str:
        gate.wait(30)
        return program.code(action, **parameters)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(send, calls))


@pytest.mark.skipif(given.database() is None, reason="SQLite writes one by one")
def test_counting_two_opposite_changes_never_blocks(program: Program) -> None:
    """Each change counts one state down and another one up, in opposite order."""
    ids = [program.create_key(f"opposite-{number}") for number in range(2)]
    assert program.code("DisableKey", KeyId=ids[1]) == ""
    url = program.server.env["DATABASE_URL"]
    gate = threading.Barrier(2)
    change = "UPDATE keys_customermasterkey SET state = %s WHERE id = %s"

    def flip(key_id: str, states: tuple[str, str]) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for number in range(300):
                gate.wait(30)
                connection.execute(change, (states[number % 2], key_id))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(flip, ids, (("Disabled", "Enabled"), ("Enabled", "Disabled"))))


def test_counts_stay_right_under_changes_side_by_side(program: Program) -> None:
    ids = [program.create_key(f"counted-{number}") for number in range(4)]
    told: Counter[str] = Counter()
    for _ in range(10):
        for action in ("DisableKey", "EnableKey"):
            told.update(together(program, action, *({"KeyId": i} for i in ids)))
    assert told == {"": 80}
    server = program.server
    counted = rows.rows(
        server, "SELECT state, SUM(count) FROM keys_keycount GROUP BY state"
    )
    real = rows.rows(
        server, "SELECT state, COUNT(*) FROM keys_customermasterkey GROUP BY state"
    )
    assert {state: int(count) for state, count in counted if count} == dict(real)


def test_one_name_goes_to_one_key(program: Program) -> None:
    for number in range(10):
        codes = together(program, "CreateKey", *[{"Alias": f"wanted-{number}"}] * 4)
        assert codes.count("") == 1
        assert len(set(codes)) == 2


def test_rotated_by_two_at_once_it_has_one_new_version(program: Program) -> None:
    for number in range(10):
        key_id = program.create_key(f"turned-{number}")
        assert program.code("EnableKeyRotation", KeyId=key_id) == ""
        codes = together(program, "RotateKey", *[{"KeyId": key_id}] * 4)
        assert codes.count("") == 1, codes
        assert rows.versions(program.server, key_id) == 2
        assert program.works_with(key_id)


def test_cancelled_or_destroyed_but_never_both(program: Program) -> None:
    server = program.server
    ids = sorted(program.create_key(f"raced-{number}") for number in range(RACES))
    for key_id in ids:
        assert program.code("DisableKey", KeyId=key_id) == ""
        schedule = {"KeyId": key_id, "PendingWindowInDays": 7}
        assert program.code("ScheduleKeyDeletion", **schedule) == ""
    for key_id in ids:
        rows.fall_due(server, key_id, "deletion_date")
    with ThreadPoolExecutor(3) as pool:
        swept = pool.submit(server.manage, "sweep", "destruction", "--json")
        # Towards the sweep, which goes in this order: they meet somewhere.
        begun = wait_until(
            lambda: rows.state(server, ids[0]) == "Destroyed", 60, pause=0.005
        )
        assert begun
        back = ids[::-1]
        cancelling = [pool.submit(_cancel, program, back[at::2]) for at in range(2)]
        codes = cancelling[0].result() | cancelling[1].result()
        assert swept.result().returncode == 0
    ends = Counter("Destroyed" if code else "Disabled" for code in codes.values())
    print(f"{RACES} races: {dict(ends)}")
    # Each went both ways, or nothing met.
    assert min(ends["Destroyed"], ends["Disabled"]) > 0, ends
    told = (
        "SELECT key_id, operation FROM audit_auditevent "
        "WHERE operation IN (?, ?) AND outcome = 'success'"
    )
    found = rows.rows(server, told, "CancelKeyDeletion", "DestroyKey")
    done = Counter(str(key_id) for key_id, _ in found if key_id in codes)
    assert done == dict.fromkeys(codes, 1)
    for key_id, code in codes.items():
        expected = "Destroyed" if code else "Disabled"
        assert rows.state(server, key_id) == expected, code


def _cancel(program: Program, ids: list[str]) -> dict[str, str]:
    return {key_id: program.code("CancelKeyDeletion", KeyId=key_id) for key_id in ids}
