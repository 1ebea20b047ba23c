"""What happens to keys by itself, and how often it is looked for."""

from datetime import timedelta

from keys import usage
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import DestroyKey, RotateDueKey
from kmsconsole.schedule.stint import Stint
from kmsconsole.schedule.sweeps import Calendar, Chore, RowSweep, Sweep


class DestructionSweep(RowSweep):
    """Destroys keys whose waiting period is over."""

    guarded = True


def _count_uses(stint: Stint) -> None:
    stint.tally.due = stint.tally.done = usage.roll_up()


SWEEPS: tuple[Sweep, ...] = (
    Chore("usage", timedelta(minutes=1), _count_uses),
    RowSweep(
        "rotation",
        Calendar(
            kind="rotation",
            operation=RotateDueKey,
            rows=CustomerMasterKey.objects.rotating,
            column="next_rotation_at",
        ),
        # Due as soon as it is counted, whatever day it is.
        Calendar(
            kind="worn version",
            operation=RotateDueKey,
            rows=KeyVersion.objects.to_replace,
            column="created_at",
            account="key__account_uin",
            region="key__region",
            key="key_id",
        ),
    ),
    DestructionSweep(
        "destruction",
        Calendar(
            kind="destruction",
            operation=DestroyKey,
            rows=CustomerMasterKey.objects.pending_deletion,
            column="deletion_date",
        ),
    ),
)
