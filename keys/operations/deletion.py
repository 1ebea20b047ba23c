"""Deleting a key: a waiting period, a way back, and then nothing left to read."""

from datetime import timedelta
from typing import Annotated, Any

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import BeforeValidator, Field

from keys import custody
from keys.errors import CmkStateNotSupport, InvalidPendingWindow
from keys.models import CustomerMasterKey, ImportParameters
from keys.operations.base import (
    KeyBatchInput,
    KeyBatchOperation,
    KeyInput,
    KeyOperation,
)
from keys.operations.binding import refuse_bound
from keys.operations.holding import refuse_held
from keys.operations.metadata import unix
from keys.states import KeyState
from kmsconsole import clock
from kmsconsole.alarms.models import DeletionHold
from kmsconsole.inputs import WholeNumber
from kmsconsole.operations import Effect, Scope
from kmsconsole.schedule import clock_guard, database_time

LEAST_DAYS, MOST_DAYS = 7, 30
_LONGEST_REASON = 256


def _days(value: Any) -> Any:
    text = str(value) if isinstance(value, (int, str)) else ""
    if not text.isascii() or not text.isdigit():
        raise InvalidPendingWindow("PendingWindowInDays")
    if not LEAST_DAYS <= int(text[:4]) <= MOST_DAYS:
        raise InvalidPendingWindow("PendingWindowInDays")
    return int(text)


Days = Annotated[WholeNumber, BeforeValidator(_days)]
Reason = Annotated[str, Field(max_length=_LONGEST_REASON)]


def _schedule(operation: KeyOperation, key: CustomerMasterKey, days: int) -> None:
    # To the second, as the API shows it.
    key.deletion_date = clock.now().replace(microsecond=0) + timedelta(days=days)
    key.state = KeyState.PENDING_DELETE
    operation.save(key, "state", "deletion_date")


class ScheduleKeyDeletionInput(KeyInput):
    """How long to wait; `Reason` is kept in the audit."""

    pending_window_in_days: Days
    reason: Reason = ""


class ScheduleKeyDeletion(KeyOperation):
    """Begin a key's waiting period; it can't be used from now on."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields = ("pending_window_in_days", "reason")
    Input = ScheduleKeyDeletionInput

    def check(self, data: Any) -> None:
        """Refuse a key that encrypts a cloud product's resources."""
        super().check(data)
        refuse_bound(self.resources)

    def perform(self, data: ScheduleKeyDeletionInput) -> dict[str, Any]:
        """Return when it ends."""
        _schedule(self, self.key, data.pending_window_in_days)
        return {
            "DeletionDate": unix(self.key.deletion_date),
            "KeyId": str(self.key.id),
        }


class ScheduleKeysDeletionInput(KeyBatchInput):
    """How long to wait; `Reason` is kept in the audit."""

    pending_window_in_days: Days
    reason: Reason = ""


class ScheduleKeysDeletion(KeyBatchOperation):
    """Begin the waiting period of up to 100 keys, all or none."""

    effect = Effect.CHANGE
    permission = "ScheduleKeyDeletion"
    step_up = True
    audited_fields = ("pending_window_in_days", "reason")
    Input = ScheduleKeysDeletionInput

    def check(self, data: Any) -> None:
        """Refuse keys that encrypt a cloud product's resources."""
        super().check(data)
        refuse_bound(self.resources)

    def perform(self, data: Any) -> dict[str, Any]:
        """Schedule each of them."""
        for key in self.resources:
            _schedule(self, key, data.pending_window_in_days)
        return {}


class CancelKeyDeletion(KeyOperation):
    """End the waiting period; the key is disabled then, not enabled."""

    effect = Effect.CHANGE

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return to Disabled, or to waiting for material where there is none."""
        key = self.key
        usable = key.versions.filter(wrapped_material__isnull=False).exists()
        key.state = KeyState.DISABLED if usable else KeyState.PENDING_IMPORT
        key.deletion_date = None
        DeletionHold.objects.filter(key_id=key.id).delete()
        self.save(key, "state", "deletion_date")
        return {"KeyId": str(key.id)}


class DestroyKey(KeyOperation):
    """Erase a key's material once its date has passed. The scheduler's own operation.

    What stays is a tombstone without material; its name is free again.
    """

    effect = Effect.CHANGE
    api = False
    scope = Scope.SYSTEM

    def check(self, data: Any) -> None:
        """Never early: state, date and clock are read in this same transaction."""
        super().check(data)
        clock_guard.require_belief()
        date = self.key.deletion_date
        if date is None or date > clock.now() or date > database_time.now():
            raise CmkStateNotSupport
        refuse_held(self.key)

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Erase every version, then leave the tombstone."""
        key, moment = self.key, clock.now()
        blobs = [
            bytes(version.wrapped_material)
            for version in key.versions.all()
            if version.wrapped_material is not None
        ]
        key.versions.update(
            wrapped_material=None, binding=b"", check_value=b"", destroyed_at=moment
        )
        ImportParameters.objects.filter(key=key).delete()
        key.tags.all().delete()
        DeletionHold.objects.filter(key_id=key.id).delete()
        for path in settings.KMS_KEY_DESTROYED:
            import_string(path)(key)
        # Their ciphertexts open no more.
        key.data_keys.all().delete()
        key.state = KeyState.DESTROYED
        key.destroyed_at = moment
        key.rotation_enabled = False
        key.next_rotation_at = key.material_valid_to = None
        self.save(
            key,
            "state",
            "destroyed_at",
            "rotation_enabled",
            "next_rotation_at",
            "material_valid_to",
        )
        for blob in blobs:
            custody.keyring().evict(blob)
        return {}
