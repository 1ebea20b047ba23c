"""`make bench ARGS=sweeps`: what sweeps cost, with much due and with nothing due.

Keys and versions are put into a scratch SQLite database in bulk; what is measured is
the sweep itself: every row an operation with its transaction, its event and, for a
rotation, its new material in the HSM.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import servers

# ruff: noqa: PLC0415 - Django is set up first

DUE = int(os.environ.get("BENCH_DUE", "10000"))
KEYS = int(os.environ.get("BENCH_KEYS", "1000000"))
ROUNDS = 200
ACCOUNT = 100_000_000_001
_COPY = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %s - 1)
INSERT INTO keys_customermasterkey (id, account_uin, region, alias, description, usage,
    origin, owner, creator_uin, state, primary_version, created_at, rotation_enabled,
    rotate_days, next_rotation_at, deletion_date, material_valid_to, revision)
SELECT printf('%%032x', i + 16777216), account_uin, region, 'idle-' || i, '', usage,
    origin, owner, creator_uin,
    CASE WHEN i %% 10 = 0 THEN 'PendingDelete' ELSE 'Enabled' END, 1, created_at,
    i %% 2, 365, CASE WHEN i %% 2 THEN %s END, CASE WHEN i %% 10 = 0 THEN %s END,
    CASE WHEN i %% 20 = 3 THEN %s END, 1
FROM n CROSS JOIN (SELECT * FROM keys_customermasterkey LIMIT 1)
"""


def fill(rotations: int, deletions: int) -> None:
    """Make keys with real material that are due to rotate and to be destroyed."""
    from keys import custody
    from keys.models import CustomerMasterKey, KeyVersion
    from kmsconsole import clock

    past = clock.now() - timedelta(minutes=1)
    keys, versions = [], []
    for number in range(rotations + deletions):
        rotates = number < rotations
        key = CustomerMasterKey(
            account_uin=ACCOUNT,
            region="ap-guangzhou",
            alias=f"due-{number}",
            usage="ENCRYPT_DECRYPT",
            origin="TENCENT_KMS",
            creator_uin=ACCOUNT,
            created_at=past,
            primary_version=1,
            state="Enabled" if rotates else "PendingDelete",
            rotation_enabled=rotates,
            next_rotation_at=past if rotates else None,
            deletion_date=None if rotates else past,
        )
        identity = custody.identity_of(key, 1, "AES_256")
        wrapped = custody.keyring().generate("AES_256", identity)
        keys.append(key)
        versions.append(custody.new_version(key, 1, wrapped, ACCOUNT))
    CustomerMasterKey.objects.bulk_create(keys, batch_size=1_000)
    KeyVersion.objects.bulk_create(versions, batch_size=1_000)


def copy_idle(number: int) -> None:
    """Put so many keys beside them that fall due in a month."""
    from django.db import connection
    from django.db.transaction import atomic

    from kmsconsole import clock

    # Counting and searching have no part in this, and their triggers take the time.
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
    month = connection.ops.adapt_datetimefield_value(clock.now() + timedelta(days=30))
    with atomic(), connection.cursor() as cursor:
        cursor.execute(triggers, ["keys_customermasterkey"])
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"')
        cursor.execute(_COPY, [number, month, month, month])


def rates() -> dict[str, float]:
    """Return how many rows a second each sweep did, all of them being due."""
    from kmsconsole.schedule.running import run
    from kmsconsole.schedule.sweeps import sweeps

    found = {}
    for name in ("rotation", "destruction"):
        begun = time.perf_counter()
        tally, _ = run(sweeps()[name])
        seconds = time.perf_counter() - begun
        assert (tally.done, tally.failed) == (DUE, 0), tally
        found[name] = tally.done / seconds
    return found


def looks() -> dict[str, Any]:
    """Return what it costs to find nothing due: microseconds and SQLite's plan."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from kmsconsole.schedule.sweeps import RowSweep, sweeps

    found: dict[str, Any] = {}
    for name, sweep in sweeps().items():
        if not isinstance(sweep, RowSweep):
            continue
        with CaptureQueriesContext(connection) as statements:
            assert not sweep.pending(), name
        samples = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            sweep.pending()
            samples.append((time.perf_counter() - begun) * 1e6)
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + statements[0]["sql"])
            plan = cursor.fetchall()[0][3]
        found[name] = {
            "us": statistics.median(samples),
            "statements": len(statements),
            "plan": plan,
        }
    return found


def measure() -> None:
    """Fill this process's database and print its figures as one line of JSON."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
    django.setup()
    fill(DUE, DUE)
    figures: dict[str, Any] = {"rates": rates(), "few": looks()}
    copy_idle(KEYS)
    figures["many"] = looks()
    sys.stdout.write(json.dumps(figures) + "\n")


def main() -> int:
    """Print the rate of each sweep, and what one look at an index costs."""
    with servers.prepared_home() as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.sweeps", "measure"],
            cwd=Path(servers.ROOT),
            env=servers.environment(home),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    figures = json.loads(done.stdout.splitlines()[-1])
    for name, rate in figures["rates"].items():
        print(f"{name}: {DUE:,} due rows, {rate:.0f} a second")
    print(f"\nnothing due, us     {2 * DUE:>12,} keys {KEYS + 2 * DUE:>12,} keys")
    for name, many in figures["many"].items():
        few = figures["few"][name]
        print(f"{name:20}{few['us']:>17.0f}{many['us']:>18.0f}  ", end="")
        print(f"{many['statements']} statement(s), the first: {many['plan']}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure()
    else:
        sys.exit(main())
