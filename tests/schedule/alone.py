"""Work on a data folder of one's own, with nothing running but what a test starts.

What several processes do to the same rows, and what stays in the database's files, is
only seen where transactions really commit.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

from tests.server import data_folder, environment
from tests.surroundings import ROOT, free_port

# ruff: noqa: PLC0415 - Django is set up first

PATIENCE_SECONDS = 240


class Folder:
    """A prepared data folder; processes are started on it by name."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self.env = environment(home, free_port(), **more) | {
            "DJANGO_SETTINGS_MODULE": "kmsconsole.settings"
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Python with these arguments."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *arguments: str) -> Any:
        """Do something here to its end; return what it printed last, from JSON."""
        return said(self.start("-m", "tests.schedule.alone", *arguments))

    def sweep(self, *arguments: str) -> Any:
        """Run `manage.py sweep`."""
        return said(self.start("manage.py", "sweep", *arguments, "--json"))

    def files_with(self, blob: bytes) -> list[str]:
        """Return which of SQLite's files hold any 16 bytes of a blob."""
        found = []
        for path in sorted(self.home.glob("kms.sqlite3*")):
            data = path.read_bytes()
            if any(blob[at : at + 16] in data for at in range(len(blob) - 15)):
                found.append(path.name)
        return found


def said(process: "subprocess.Popen[str]") -> Any:
    """Wait for a process; return the last line it printed, from JSON."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


@contextmanager
def folder(**more: str) -> Iterator[Folder]:
    """Prepare a data folder."""
    with data_folder() as home:
        made = Folder(home, **more)
        made.ask("prepare")
        yield made


def prepare() -> None:
    from kmsconsole import preparation

    preparation.prepare(lambda _line: None)


def make(rotations: int, deletions: int) -> dict[str, Any]:
    """Make keys that are due to rotate and to be destroyed; return IDs and blobs."""
    from keys.models import CustomerMasterKey, KeyVersion
    from keys.operations import DisableKey, EnableKeyRotation, ScheduleKeyDeletion
    from kmsconsole import clock
    from tests.personas import create_key, execute

    rotating = [create_key(f"rotating-{number}") for number in range(rotations)]
    pending = [create_key(f"pending-{number}") for number in range(deletions)]
    for key_id in rotating:
        execute(EnableKeyRotation, KeyId=key_id, RotateDays=30)
    for key_id in pending:
        execute(DisableKey, KeyId=key_id)
        execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    past = clock.now() - timedelta(minutes=1)
    keys = CustomerMasterKey.objects
    keys.filter(id__in=rotating).update(next_rotation_at=past)
    keys.filter(id__in=pending).update(deletion_date=past)
    versions = KeyVersion.objects.filter(key_id__in=pending)
    return {
        "rotating": rotating,
        "pending": pending,
        "blobs": [bytes(v.wrapped_material or b"").hex() for v in versions],
    }


def hand_out(number: int) -> list[str]:
    """Hand out parameters for imports that are over; return their wrapping keys."""
    from keys.models import ImportParameters
    from keys.operations import CreateKey, GetParametersForImport
    from kmsconsole import clock
    from tests.personas import execute

    how = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    for alias in range(number):
        key_id = execute(CreateKey, Alias=f"outside-{alias}", Type=2).output["KeyId"]
        execute(GetParametersForImport, KeyId=key_id, **how)
    ImportParameters.objects.update(expires_at=clock.now() - timedelta(minutes=1))
    blobs = ImportParameters.objects.values_list("wrapped_material", flat=True)
    return [bytes(blob).hex() for blob in blobs]


def seen() -> dict[str, Any]:
    """Return states, versions and events as they are."""
    from collections import Counter

    from keys.models import CustomerMasterKey, KeyVersion
    from kmsconsole.audit.models import AuditEvent
    from kmsconsole.schedule.models import SweepRun

    events = AuditEvent.objects.filter(principal_kind="system").values_list(
        "operation", "outcome"
    )
    return {
        "states": Counter(CustomerMasterKey.objects.values_list("state", flat=True)),
        "versions": Counter(KeyVersion.objects.values_list("number", flat=True)),
        "events": Counter(f"{name} {outcome}" for name, outcome in events),
        "unfinished": list(
            SweepRun.objects.filter(unfinished=True).values_list("name", flat=True)
        ),
    }


def move_rows() -> None:
    """Let rows of versions grow and shrink, so that pages of the table hand some on."""
    from keys.models import KeyVersion

    for size in (294, 0, 294, 0, 600, 0, 1500, 0):
        for number in KeyVersion.objects.order_by("id").values_list("pk", flat=True):
            KeyVersion.objects.filter(pk=number).update(public_key=bytes(size))


def destroy_without(overwriting: int, writing_anew: int) -> dict[str, Any]:
    """Do what the sweep does, on a connection that leaves out one or the other."""
    from django.db import connection

    from keys import erasure
    from kmsconsole.schedule import running
    from kmsconsole.schedule.sweeps import sweeps

    if overwriting:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=OFF")
    if writing_anew:
        erasure._refill = lambda *_: None
    return running.run(sweeps()["destruction"])[0].figures()


def main() -> None:
    """Do one of these and print what it returns."""
    django.setup()
    what, *numbers = sys.argv[1:]
    acts: dict[str, Any] = {
        "prepare": prepare,
        "make": make,
        "hand-out": hand_out,
        "seen": seen,
        "move-rows": move_rows,
        "destroy-without": destroy_without,
    }
    print(json.dumps(acts[what](*map(int, numbers))))


if __name__ == "__main__":
    main()
