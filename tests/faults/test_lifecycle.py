"""Random lives of keys against the specification's table (tests/faults/machine.py)."""

import time

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults import sizes
from tests.faults.machine import Lifecycle
from tests.faults.oracle import CALLS

SHARDS = 2


@pytest.mark.django_db
@pytest.mark.parametrize("shard", range(SHARDS))
def test_keys_live_as_the_specification_says(shard: int) -> None:
    number, sequences = sizes.seed() + shard, sizes.of("sequences") // SHARDS
    Lifecycle.steps.clear()
    Lifecycle.met.clear()
    Lifecycle.words.clear()
    began, spent = time.monotonic(), time.process_time()
    run_state_machine_as_test(
        seed(number)(Lifecycle),
        settings=settings(
            max_examples=sequences,
            stateful_step_count=sizes.STEPS,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    sizes.say(
        f"lifecycle {shard + 1}/{SHARDS}: {sequences:,} sequences of up to "
        f"{sizes.STEPS} steps, {Lifecycle.steps.total():,} operations, "
        f"{len(Lifecycle.met)} cells of the table, "
        f"{len(Lifecycle.words) - 1} ways to be refused, 0 differences, seed {number}, "
        f"{time.monotonic() - began:.0f} s ({time.process_time() - spent:.0f} s CPU)"
    )
    # Fewer than in the sample can't be expected to meet every call.
    if sequences >= sizes.SAMPLE["sequences"] // SHARDS:
        assert {*CALLS, "CreateKey", "CreateCloudKey"} == set(Lifecycle.steps)
        assert {"DeletionHeld", "MaterialNotMatch", "RotateRateLimited"} < (
            Lifecycle.words
        )
