"""Two beats and four workers, and people who change their minds at the last moment."""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults import sizes
from tests.processes import wait_until
from tests.server import data_folder, environment
from tests.surroundings import ROOT, free_port

pytestmark = pytest.mark.xdist_group("server")

WORKERS, BEATS = 4, 2
_CELERY = ("-m", "celery", "--quiet", "-A", "kmsconsole.celery")
_WORKER = ("worker", "--pool=solo", "--loglevel=INFO", "--without-gossip")


@contextmanager
def folder() -> Iterator[tuple[Path, dict[str, str]]]:
    """Lend a data folder with its environment."""
    with data_folder() as home:
        env = environment(home, free_port())
        yield home, env | {"DJANGO_SETTINGS_MODULE": "kmsconsole.settings"}


def run(env: dict[str, str], *words: str) -> Any:
    """Run Python in that environment; return the JSON of its last line."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=sizes.LONGEST_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def left(home: Path) -> int:
    """Return how many keys still wait to be rotated or destroyed."""
    with closing(sqlite3.connect(home / "kms.sqlite3", timeout=20)) as database:
        (found,) = database.execute(
            "SELECT count(*) FROM keys_customermasterkey WHERE state = 'PendingDelete'"
            " OR (rotation_enabled AND next_rotation_at <= datetime('now'))"
        ).fetchone()
    return int(found)


@contextmanager
def crowd(home: Path, env: dict[str, str]) -> Iterator[None]:
    """Start workers and beats, and stop them."""
    parts = [_WORKER] * WORKERS + [("beat", "--loglevel=INFO")] * BEATS
    with (home / "crowd.log").open("w") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, *_CELERY, *part],
                cwd=ROOT,
                env=env,
                stdout=log,
                stderr=log,
            )
            for part in parts
        ]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)


def test_many_workers_do_what_is_due_exactly_once() -> None:
    number, began = sizes.of("due"), time.monotonic()
    with folder() as (home, env), tempfile.TemporaryDirectory() as name:
        ledger = Path(name) / "ledger"
        words = ("tests.faults.crowd", "prepare", str(ledger), str(number), str(number))
        run(env, "-m", *words)
        prepared = time.monotonic()
        with crowd(home, env):
            assert wait_until(lambda: not left(home), sizes.LONGEST_SECONDS)
            # Messages that are still there find nothing any more.
            time.sleep(3)
        done = time.monotonic()
        swept = run(env, "manage.py", "sweep", "--json")
        seen = run(env, "-m", "tests.faults.invariants", str(ledger))
    counts = seen["counts"]
    sizes.say(
        f"crowd: {BEATS} beats and {WORKERS} workers, {counts['rotations']:,} of "
        f"{number:,} rotations and {counts['destroyed']:,} of {number:,} destructions, "
        f"each once, {counts['checks']:,} checks, {len(seen['broken'])} broken, "
        f"{prepared - began:.0f} s to prepare, {done - prepared:.0f} s"
    )
    assert not seen["broken"], "\n".join(seen["broken"])
    assert (counts["rotations"], counts["destroyed"]) == (number, number)
    assert not any(swept[sweep]["done"] for sweep in ("rotation", "destruction"))


def test_either_the_cancelling_or_the_destroying_wins() -> None:
    number, began = sizes.of("races"), time.monotonic()
    with folder() as (_home, env), tempfile.TemporaryDirectory() as name:
        ledger = Path(name) / "ledger"
        raced = run(env, "-m", "tests.faults.crowd", "races", str(ledger), str(number))
        run(env, "manage.py", "sweep", "--json")
        seen = run(env, "-m", "tests.faults.invariants", str(ledger))
    won, counts = raced["won"], seen["counts"]
    sizes.say(
        f"races: {number:,}, {won['cancel']:,} cancelled and {won['destroy']:,} "
        f"destroyed, {len(raced['wrong'])} with another number of winners than one, "
        f"{len(seen['broken'])} broken, {time.monotonic() - began:.0f} s"
    )
    assert not raced["wrong"], raced["wrong"][:10]
    assert not seen["broken"], "\n".join(seen["broken"])
    assert won["cancel"] + won["destroy"] == number
    # Of so many each side wins some, or nothing met; on a busy machine not of a few.
    if number > sizes.SAMPLE["races"]:
        assert min(won["cancel"], won["destroy"])
    assert counts["destroyed"] == won["destroy"]
