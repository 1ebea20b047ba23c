"""Many workers and one truth: due rows done once each, and races with one winner.

Run by `python -m tests.faults.crowd PART ...` in the environment of a data folder.
`prepare LEDGER ROTATIONS DELETIONS` makes the installation and the due keys, `appoint
LEDGER` one with a key that waits; `races LEDGER NUMBER` lets two processes cancel and
destroy the same key at one moment, again and again, and prints who won as JSON.
"""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import django

# ruff: noqa: PLC0415 - Django is set up first

_PIECE = 100


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
        both = start(ledger, keys)
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
            codes = {cancelled, destroyed}
            if "" not in codes or codes <= {""}:
                wrong.append(f"{key}: {cancelled=} {destroyed=}")
    connection.close()
    return {"won": dict(won), "wrong": wrong}


def start(ledger: Path, keys: list[str]) -> dict[str, Any]:
    """Let both sides begin at one moment, each in a process of its own."""
    from tests.faults import forks

    begin = time.monotonic() + 0.4

    def side(call: str) -> Any:
        return forks.Fork(lambda: race(ledger, call, keys, begin))

    return {"cancel": side("CancelKeyDeletion"), "destroy": side("DestroyKey")}


def race(ledger: Path, call: str, keys: list[str], begin: float) -> list[str]:
    """Do one call on each key at the moment agreed on; return the refusals."""
    from kmsconsole.errors import KMSError
    from tests.faults.actor import Actor

    actor, codes = Actor(ledger), []
    for number, key in enumerate(keys):
        while time.monotonic() < begin + number * 0.008:
            time.sleep(0.0001)
        try:
            actor.do(call, KeyId=key)
            codes.append("")
        except KMSError as refusal:
            codes.append(refusal.code.rpartition(".")[2])
    return codes


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    part, path, *numbers = sys.argv[1:]
    work: Any = {"prepare": prepare, "races": races, "appoint": appoint}[part]
    done = work(Path(path), *(int(number) for number in numbers))
    sys.stdout.write(json.dumps(done) + "\n")
