"""Keys that fall due one after the other, in a running service's own data folder.

`python -m tests.faults.due LEDGER DELETIONS ROTATIONS SECONDS` makes them in that
service's environment: the first are due now, the last so many seconds later. It puts
its own clock back to begin the waiting periods and leaves the service's alone.
"""

import os
import sys
from pathlib import Path

import django

DAY = 86_400


def main(ledger: Path, deletions: int, rotations: int, seconds: float) -> None:
    """Make them, late ones last."""
    from tests.faults.actor import Actor, days_ago  # noqa: PLC0415 - after the settings

    actor = Actor(ledger)
    for number in range(deletions):
        actor.due_for_deletion(-seconds * number / deletions / DAY)
    for number in range(rotations):
        with days_ago(7 - seconds * number / rotations / DAY):
            key_id = actor.key()
            actor.encrypt(key_id)
            actor.do("EnableKeyRotation", KeyId=key_id, RotateDays=7)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    main(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:5]))
