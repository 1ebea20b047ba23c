"""Random lives of keys against the specification's table (tests/faults/machine.py)."""

import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults import oracle, sizes
from tests.faults.machine import Lifecycle
from tests.faults.oracle import CALLS

SHARDS = 2
# Chance meets these in most runs but not in each, so one life is led to meet them all.
SELDOM = {"DeletionHeld", "MaterialNotMatch", "RotateRateLimited"}


def live_on_purpose() -> None:
    """Have a life that is refused in each of the ways that need several steps."""
    life = Lifecycle()
    try:
        life.begin(kind=oracle.IMPORTED, other=oracle.GENERATED)
        for other in (False, True):
            life.bring_material(which=0, other=other, days=None)
        life.rotate_by_itself(which=1, days=365)
        for _ in range(2):
            life.rotate(which=1)
        life.miss_a_key(which=1)
        life.pass_time(by=timedelta(days=8))
        life.sweep()
    finally:
        life.teardown()


@pytest.mark.django_db
@pytest.mark.parametrize("shard", range(SHARDS))
def test_keys_live_as_the_specification_says(shard: int) -> None:
    number, sequences = sizes.seed() + shard, sizes.of("sequences") // SHARDS
    Lifecycle.steps.clear()
    Lifecycle.met.clear()
    Lifecycle.words.clear()
    live_on_purpose()
    assert Lifecycle.words > SELDOM
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
