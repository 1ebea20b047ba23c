"""How much of each fault is tried: a sample in the suite, all of it by `make faults`.

FAULTS=full takes the large sizes; FAULTS_SEQUENCES and the like set one of them, and
FAULTS_SEED where chance begins, so that a run can be had again.
"""

import os
import sys

STEPS = 30
LONGEST_SECONDS = 3600
SAMPLE = {"sequences": 2_000, "points": 40, "kills": 5, "due": 30, "races": 40}
# There are fewer points than that: all of them are tried.
FULL = {
    "sequences": 100_000,
    "points": 100_000,
    "kills": 200,
    "due": 2_000,
    "races": 1_000,
}
_SEED = 20_261_128


def of(name: str) -> int:
    """Return how many of these to do."""
    usual = (FULL if os.environ.get("FAULTS") == "full" else SAMPLE)[name]
    return int(os.environ.get(f"FAULTS_{name.upper()}", usual))


def seed() -> int:
    """Return the number that chance begins with."""
    return int(os.environ.get("FAULTS_SEED", _SEED))


def say(line: str) -> None:
    """Print the figures of one part; pytest shows them with -s."""
    sys.stdout.write(f"\n{line}\n")
