"""What happens to keys by itself, and how often it is looked for."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from keys import erasure, usage
from keys.models import CustomerMasterKey, DataKey, ImportParameters, KeyVersion
from keys.operations import (
    DestroyDataKey,
    DestroyKey,
    EndImportParameters,
    ExpireKeyMaterial,
    HoldKeyDeletion,
    RotateDueKey,
)
from keys.operations.holding import attempt_on, hold_of, was_tried
from keys.operations.importing import MATERIAL_SWEEP
from keys.scrubbing import scrub
from kmsconsole.alarms.models import DeletionHold
from kmsconsole.operations import record_finished_refusal_counts
from kmsconsole.schedule.stint import Stint
from kmsconsole.schedule.sweeps import (
    Calendar,
    Chore,
    Due,
    RowSweep,
    Sweep,
    service_call,
)


class DestructionSweep(RowSweep):
    """Destroys keys and data keys whose waiting period is over."""

    guarded = True

    def wipe(self) -> bool:
        """Leave nothing of the material in the database's files."""
        return erasure.wipe()

    def _act(self, stint: Stint, calendar: Calendar, due: Due) -> None:
        """Hold the deletion of a key that somebody needs, destroy the others."""
        tried = was_tried(due.id)
        key = CustomerMasterKey.objects.filter(pk=due.id).first() if tried else None
        if key is None or hold_of(key) is not None or attempt_on(key) is None:
            super()._act(stint, calendar, due)
            return
        call = service_call(due.account_uin, due.region)
        with stint.counting(HoldKeyDeletion.__name__, due.id) as one:
            one.still_due = lambda: False
            HoldKeyDeletion.execute(call, {"KeyId": due.id})
            stint.tally.held += 1
            stint.tally.done -= 1


class ExpirySweep(RowSweep):
    """Takes out imported material whose time is over."""

    guarded = True

    def wipe(self) -> bool:
        """Leave nothing of the material in the database's files."""
        return erasure.wipe()


class ParametersSweep(RowSweep):
    """Erases what was handed out for imports and is good for none any more."""

    guarded = True

    def wipe(self) -> bool:
        """Leave nothing of the wrapping keys in the database's files."""
        return erasure.wipe((erasure.PARAMETERS,))


def _on_their_date() -> QuerySet[CustomerMasterKey]:
    """Return the keys whose own date destroys them: no hold was ever put on them."""
    held = DeletionHold.objects.filter(key_id=OuterRef("pk"))
    return CustomerMasterKey.objects.pending_deletion().filter(~Exists(held))


def _confirmed() -> QuerySet[DeletionHold]:
    """Return the holds whose keys go when a confirmation says so."""
    keys = CustomerMasterKey.objects.filter(pk=OuterRef("key_id"))
    return DeletionHold.objects.filter(runs_at__isnull=False).annotate(
        account_uin=Subquery(keys.values("account_uin")),
        region=Subquery(keys.values("region")),
    )


def _count_refusals(_stint: Stint) -> None:
    """Record how often addresses were refused without credentials."""
    record_finished_refusal_counts()


def _count_uses(stint: Stint) -> None:
    stint.tally.due = stint.tally.done = usage.roll_up()


SWEEPS: tuple[Sweep, ...] = (
    Chore("usage", timedelta(minutes=1), _count_uses),
    Chore("refusals", timedelta(minutes=1), _count_refusals),
    Chore("scrub", timedelta(minutes=5), scrub),
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
    ExpirySweep(
        MATERIAL_SWEEP,
        Calendar(
            kind="expiry of material",
            operation=ExpireKeyMaterial,
            rows=CustomerMasterKey.objects.expiring,
            column="material_valid_to",
        ),
    ),
    ParametersSweep(
        "parameters",
        Calendar(
            kind="end of import parameters",
            operation=EndImportParameters,
            rows=ImportParameters.objects.all,
            column="expires_at",
            account="key__account_uin",
            region="key__region",
            key="key_id",
        ),
        period=timedelta(hours=1),
    ),
    DestructionSweep(
        "destruction",
        Calendar(
            kind="destruction",
            operation=DestroyKey,
            rows=_on_their_date,
            column="deletion_date",
        ),
        Calendar(
            kind="data key destruction",
            operation=DestroyDataKey,
            rows=DataKey.objects.pending_deletion,
            column="deletion_date",
            data=lambda due: {"DataKeyId": due.id},
            key="key_id",
        ),
        Calendar(
            kind="destruction",
            operation=DestroyKey,
            rows=_confirmed,
            column="runs_at",
        ),
    ),
)
