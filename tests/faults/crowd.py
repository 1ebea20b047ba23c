"""Many workers and one truth: due rows done once each, and races with one winner.

Run by `python -m tests.faults.crowd PART ...` in the environment of a data folder.
`prepare LEDGER ROTATIONS DELETIONS` makes the installation and the due keys, `appoint
LEDGER` one with a key that waits; `races LEDGER NUMBER` lets one process cancel the
deletion of a key while the sweep in another one destroys it, again and again, and
prints who won as JSON.
"""

import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random  # noqa: TID251 - chance that can be had again
from typing import Any

import django

# ruff: noqa: PLC0415 - Django is set up first

_PIECE = 100
# Each side now and then begins later, so that both win.
_HEAD_START_SECONDS = 0.012
# What the person and the sweep are told: one of them wins, and the other one sees it.
_CALLED_OFF = "called off"
_ENDS = {("", _CALLED_OFF), ("CmkNotFound", "")}


def prepare(ledger: Path, rotations: int, deletions: int) -> None:
    """Make a service that is stopped and has all that to do when it starts."""
    from kmsconsole import preparation
    from tests.faults.actor import Actor

    preparation.prepare(lambda line: None)
    actor = Actor(ledger)
    for _ in range(rotations):
        actor.due_for_rotation()
    for _ in range(deletions):
        actor.due_for_deletion()


def appoint(ledger: Path) -> str:
    """Make a service that is stopped, with a key whose waiting period just began."""
    from kmsconsole import preparation
    from tests.faults.actor import Actor

    preparation.prepare(lambda line: None)
    actor = Actor(ledger)
    key_id = actor.key()
    actor.do("DisableKey", KeyId=key_id)
    actor.do("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    return key_id


def races(ledger: Path, number: int) -> dict[str, Any]:
    """Return how often each side won, and where not exactly one did."""
    from django.db import connection

    from kmsconsole import preparation
    from tests.faults import forks
    from tests.faults.actor import Actor

    forks.done(lambda: preparation.prepare(lambda line: None) and None, 120)
    won: Counter[str] = Counter()
    wrong: list[str] = []
    for first in range(0, number, _PIECE):
        piece = min(_PIECE, number - first)

        def make(piece: int = piece) -> list[str]:
            actor = Actor(ledger)
            return [actor.due_for_deletion() for _ in range(piece)]

        keys = forks.done(make, 300)
        both = start(ledger, keys, first)
        ends = {side: fork.wait(300) for side, fork in both.items()}
        for side, end in ends.items():
            if end is None or end.error or end.signal:
                wrong.append(f"{side}: {end}")
                return {"won": dict(won), "wrong": wrong}
        for key, cancelled, destroyed in zip(
            keys, ends["cancel"].value, ends["destroy"].value, strict=True
        ):
            won["cancel"] += not cancelled
            won["destroy"] += not destroyed
            if (cancelled, destroyed) not in _ENDS:
                wrong.append(f"{key}: {cancelled=} {destroyed=}")
    connection.close()
    return {"won": dict(won), "wrong": wrong}


def start(ledger: Path, keys: list[str], number: int) -> dict[str, Any]:
    """Let both sides begin each race together, each in a process of its own."""
    from tests.faults import forks

    line = multiprocessing.get_context("fork").Barrier(2)
    return {
        "cancel": forks.Fork(lambda: cancel(ledger, keys, line, number)),
        "destroy": forks.Fork(lambda: destroy(keys, line, number)),
    }


def cancel(ledger: Path, keys: list[str], line: Any, number: int) -> list[str]:
    """Cancel each deletion as a person does; return the refusals, "" for none."""
    from kmsconsole.errors import KMSError
    from tests.faults import sizes
    from tests.faults.actor import Actor

    actor, codes, chance = Actor(ledger), [], Random(sizes.seed() + number)
    for key in keys:
        line.wait()
        time.sleep(max(0.0, chance.uniform(-1, 1)) * _HEAD_START_SECONDS)
        try:
            actor.do("CancelKeyDeletion", KeyId=key)
            codes.append("")
        except KMSError as refusal:
            codes.append(refusal.code.rpartition(".")[2])
    return codes


def destroy(keys: list[str], line: Any, number: int) -> list[str]:
    """Destroy each key as the sweep does with a row it has found due.

    Returns "" where it did, else what it saw or what failed.
    """
    from kmsconsole import clock
    from kmsconsole.schedule.stint import Stint
    from kmsconsole.schedule.sweeps import RowSweep, sweeps
    from tests.faults import sizes

    sweep = sweeps()["destruction"]
    assert isinstance(sweep, RowSweep)
    calendar = sweep.calendars[0]
    found = {due.key_id: due for due in calendar.page(clock.now(), "", len(keys))}
    ends, chance = [], Random(sizes.seed() - number - 1)
    for key in keys:
        stint = Stint()
        line.wait()
        time.sleep(max(0.0, chance.uniform(-1, 1)) * _HEAD_START_SECONDS)
        sweep._act(stint, calendar, found[key])
        if stint.tally.done:
            ends.append("")
        else:
            ends.append(stint.tally.failure or _CALLED_OFF)
    return ends


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    part, path, *numbers = sys.argv[1:]
    work: Any = {"prepare": prepare, "races": races, "appoint": appoint}[part]
    done = work(Path(path), *(int(number) for number in numbers))
    sys.stdout.write(json.dumps(done) + "\n")
