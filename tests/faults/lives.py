"""Many random lives of keys, in one process after the other.

`python -m tests.faults.lives SEED SEQUENCES STEPS` in the environment of an empty data
folder prints what was met as JSON. Each process leads so many lives that its memory
stays small, and what it did is taken back.
"""

import gc
import json
import os
import sys
import time
import warnings
from collections import Counter
from datetime import timedelta
from typing import Any

import django

# ruff: noqa: PLC0415 - Django is set up first

_PIECE = 1_000
_ROTATED_TWICE = 3
# Lives make many objects and no cycles: the collector would look at them in vain.
_COLLECT_EVERY = 200_000


def on_purpose() -> dict[str, Any]:
    """Have a life that is refused in each of the ways that need several steps.

    And that meets a day after a rotation, and after a confirmation, from both sides.
    """
    from tests.faults import oracle
    from tests.faults.beginnings import lives
    from tests.faults.machine import Lifecycle

    with lives():
        life = Lifecycle()
        try:
            life.begin(kind=oracle.IMPORTED, other=oracle.GENERATED)
            for other in (False, True):
                life.bring_material(which=0, other=other, days=None)
            life.rotate_by_itself(which=1, days=365)
            for _ in range(2):
                life.rotate(which=1)
            for beside in (-timedelta(seconds=1), timedelta()):
                life.meet_its_date(which=1, beside=beside)
            assert life.key(1).primary == _ROTATED_TWICE
            life.miss_a_key(which=1)
            life.pass_time(by=timedelta(days=8))
            life.sweep()
            life.end(which=1, call="ConfirmKeyDeletion")
            for beside in (-timedelta(seconds=1), timedelta()):
                life.meet_its_date(which=1, beside=beside)
            assert life.key(1).state == oracle.GONE
        finally:
            life.teardown()
    return met()


def met() -> dict[str, Any]:
    """Return what all lives of this process came across."""
    from tests.faults.machine import Lifecycle

    return {
        "steps": dict(Lifecycle.steps),
        "cells": sorted(Lifecycle.met),
        "words": sorted(Lifecycle.words),
        "seconds": time.process_time(),
    }


def at_random(number: int, sequences: int, steps: int) -> dict[str, Any]:
    """Lead so many lives, each of up to so many steps."""
    from hypothesis import HealthCheck, Phase, seed, settings
    from hypothesis.stateful import run_state_machine_as_test

    from tests.faults.beginnings import lives
    from tests.faults.machine import Lifecycle

    with lives():
        run_state_machine_as_test(
            seed(number)(Lifecycle),
            settings=settings(
                max_examples=sequences,
                stateful_step_count=steps,
                database=None,
                deadline=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
    return met()


def main(number: int, sequences: int, steps: int) -> dict[str, Any]:
    """Lead all of them; raises RuntimeError with the steps of one that went wrong."""
    from kmsconsole import preparation
    from tests.faults import forks

    # As long as it takes: a machine may be busy, or asleep.
    forks.done(lambda: preparation.prepare(lambda line: None) and None, None)
    # What lives need is imported before the first fork.
    import hypothesis.stateful  # noqa: F401

    import tests.faults.machine  # noqa: F401

    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
    warnings.simplefilter("error")
    pieces = [forks.done(on_purpose, None)]
    purposely = pieces[0]["words"]
    for first in range(0, sequences, _PIECE):
        size = min(_PIECE, sequences - first)

        def piece(chance: int = number + first, size: int = size) -> dict[str, Any]:
            return at_random(chance, size, steps)

        pieces.append(forks.done(piece, None))
    operations: Counter[str] = Counter()
    for one in pieces:
        operations.update(one["steps"])
    return {
        "operations": dict(operations),
        "cells": len({tuple(cell) for one in pieces for cell in one["cells"]}),
        "words": sorted({word for one in pieces for word in one["words"]}),
        "purposely": purposely,
        "seconds": round(sum(one["seconds"] for one in pieces), 1),
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    result = main(*(int(word) for word in sys.argv[1:4]))
    sys.stdout.write(json.dumps(result) + "\n")
