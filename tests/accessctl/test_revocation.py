"""What was taken away is refused at the next request, in every process, under load."""

import json
import subprocess
import sys
from pathlib import Path

from tests.accessctl.flips import EXPECTED, PROCESSES, WAYS
from tests.server import RunningServer
from tests.surroundings import ROOT

PATIENCE_SECONDS = 240
FLIPS = 500


def without_waiting_for_the_disk(server: RunningServer) -> str:
    """Name the service's own database; what processes see of each other is the same."""
    if url := server.env.get("DATABASE_URL"):
        return f"{url}?options=-c%20synchronous_commit%3Doff"
    return (
        f"sqlite:///{server.home / 'kms.sqlite3'}?transaction_mode=IMMEDIATE&timeout=20"
        "&init_command=PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;"
    )


def test_nothing_succeeds_that_began_after_the_right_was_taken(
    server: RunningServer, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.accessctl.flips", str(tmp_path)],
        cwd=ROOT,
        env=server.env
        | {
            "DJANGO_SETTINGS_MODULE": "kmsconsole.settings",
            "DATABASE_URL": without_waiting_for_the_disk(server),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["late"] == []
    # What the processes logged says why something else was answered.
    assert seen["others"] == [], done.stderr
    assert seen["flips"] >= FLIPS
    # Worth something only where everybody was let in and kept out, often.
    assert len(seen["successes"]) == PROCESSES
    assert min(seen["successes"]) >= len(WAYS)
    for way, times in WAYS.items():
        assert seen["judged"][way] >= times / 2, seen["judged"]
    assert set(seen["codes"]) == EXPECTED
    assert seen["ended"] == [0] * PROCESSES
