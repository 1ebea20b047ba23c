"""Random lives of keys against the specification's table (tests/faults/machine.py)."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults import sizes
from tests.faults.oracle import CALLS
from tests.server import data_folder, environment
from tests.surroundings import ROOT, free_port

SHARDS = 2
# Chance meets these in most runs but not in each, so one life is led to meet them all.
SELDOM = {"DeletionHeld", "MaterialNotMatch", "RotateRateLimited"}
# The sample shares the machine with other tests; the full size has it to itself.
_AT_ONCE = 1 if sizes.of("sequences") <= sizes.SAMPLE["sequences"] else os.cpu_count()


def lead(number: int, sequences: int) -> dict[str, Any]:
    """Lead so many lives in a process and a data folder of their own."""
    with data_folder() as home:
        env = environment(home, free_port())
        env["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
        # A data folder on SQLite, whatever the other tests run on.
        env.pop("DATABASE_URL", None)
        # No time limit: a machine may be busy, or asleep.
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.faults.lives"),
                *(str(number), str(sequences), str(sizes.STEPS)),
            ],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-6000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize("shard", range(SHARDS))
def test_keys_live_as_the_specification_says(shard: int) -> None:
    sequences, began = sizes.of("sequences") // SHARDS, time.monotonic()
    first, at_once = sizes.seed() + shard * sequences, _AT_ONCE or 1
    size = -(-sequences // at_once)
    pieces = [
        (first + done, min(size, sequences - done))
        for done in range(0, sequences, size)
    ]
    with ThreadPoolExecutor(at_once) as pool:
        seen = list(pool.map(lambda piece: lead(*piece), pieces))
    operations: Counter[str] = Counter()
    for one in seen:
        operations.update(one["operations"])
        assert set(one["purposely"]) > SELDOM
    words = {word for one in seen for word in one["words"]} - {""}
    sizes.say(
        f"lifecycle {shard + 1}/{SHARDS}: {sequences:,} sequences of up to "
        f"{sizes.STEPS} steps, {operations.total():,} operations, "
        f"{max(one['cells'] for one in seen)} cells of the table, "
        f"{len(words)} ways to be refused, 0 differences, seed {first}, "
        f"{time.monotonic() - began:.0f} s "
        f"({sum(one['seconds'] for one in seen):.0f} s CPU)"
    )
    # Fewer than in the sample can't be expected to meet every call.
    if sequences >= sizes.SAMPLE["sequences"] // SHARDS:
        assert {*CALLS, "CreateKey", "CreateCloudKey"} == set(operations)
