"""Hosted data keys: finding them, changing them, deleting them.

A data key is decided on by the rights on its key; one that doesn't exist is like one
that must not be touched.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.transaction import atomic
from pydantic import Field

from keys.datakeys.errors import (
    DataKeyLimitExceeded,
    DataKeyNameAlreadyExists,
    DataKeyNotFound,
    DataKeyStateNotSupport,
    DuplicatedDataKeyId,
)
from keys.datakeys.models import DataKey, DataKeyQuerySet
from keys.datakeys.states import DataKeyState, next_data_key_state
from keys.models import CustomerMasterKey
from keys.operations.base import hsm_refusal
from keys.operations.deletion import Days
from keys.operations.metadata import unix
from keys.operations.naming import DataKeyDescription, DataKeyId, DataKeyName
from keys.states import OWNER_USER, KeyState, next_state
from kmsconsole import clock
from kmsconsole.errors import KMSError
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.schedule import clock_guard, database_time


class DataKeyInput(OperationInput):
    """One data key. `MemberAccount` belongs to organisations and means nothing here."""

    data_key_id: DataKeyId
    member_account: dict[str, Any] | None = None


class DataKeyBatchInput(OperationInput):
    """Up to 100 different data keys."""

    data_key_ids: Annotated[list[DataKeyId], Field(min_length=1, max_length=100)]
    member_account: dict[str, Any] | None = None


def described(row: DataKey) -> dict[str, Any]:
    """Return the API's DataKeyMetadata of a data key."""
    return {
        "DataKeyId": str(row.id),
        "KeyId": str(row.key_id),
        "KeyName": row.key.alias,
        "DataKeyName": row.name,
        "NumberOfBytes": row.number_of_bytes,
        "CreateTime": unix(row.created_at),
        "Description": row.description,
        "KeyState": row.state,
        "CreatorUin": row.creator_uin,
        "Owner": OWNER_USER,
        "DeletionDate": unix(row.deletion_date),
        "Origin": row.origin,
        "HsmClusterId": "",
        "ResourceId": f"creatorUin/{row.creator_uin}/{row.id}",
    }


def data_keys_here(operation: Operation) -> DataKeyQuerySet:
    """Return the data keys of the caller's account and region."""
    call = operation.call
    return DataKey.objects.in_region(call.principal.account_uin, call.region)


def refuse_beyond_limit(operation: Operation) -> None:
    """Refuse one more data key in a full account."""
    limit = settings.KMS_DATA_KEY_LIMIT
    if limit and data_keys_here(operation).counting_towards_limit().count() >= limit:
        raise DataKeyLimitExceeded(limit=limit)


def refuse_taken(operation: Operation, name: str, than: UUID | None = None) -> None:
    """Refuse a name that another data key of the account has in this region."""
    others = data_keys_here(operation).filter(name__iexact=name)
    if than is not None:
        others = others.exclude(id=than)
    if others.exists():
        raise DataKeyNameAlreadyExists("DataKeyName")


class DataKeyOperation(Operation):
    """An operation on data keys, locked while they are changed.

    `resources` are their keys, which rights are given on.
    """

    scope = Scope.KEY
    Input: ClassVar[type[OperationInput]] = DataKeyInput

    ids: Sequence[UUID] = ()
    found: Sequence[DataKey | None] = ()
    data_key: DataKey

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find the data key and its key."""
        return self.find([data.data_key_id])

    def find(self, ids: Sequence[UUID]) -> Sequence[CustomerMasterKey | None]:
        """Find data keys in the caller's account and region; returns their keys."""
        self.ids = ids
        rows = (
            data_keys_here(self)
            .filter(id__in=ids)
            .exclude(key__state=KeyState.DESTROYED)
            .select_related("key")
        )
        if self.changing:
            # One order for everybody, so that two batches can't wait for each other.
            rows = rows.order_by("id").select_for_update(of=("self",))
        known = {row.id: row for row in rows}
        self.found = [known.get(number) for number in ids]
        return [row.key if row else None for row in self.found]

    def check(self, data: Any) -> None:
        """Refuse what is absent, or in a state that doesn't allow this."""
        for row in self.found:
            if row is None:
                raise DataKeyNotFound("DataKeyId")
            self.data_key = row
            name = type(self).__name__
            next_state(name, row.key.state, row.key.kind)
            next_data_key_state(name, row.state)

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in the event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def event_details(self, at: int) -> dict[str, Any]:
        """Name the data key in its event."""
        return {"DataKeyId": str(self.ids[at])} if at < len(self.ids) else {}

    def translate(self, error: Exception) -> KMSError | None:
        """An HSM that can't be used refuses everything that needs it."""
        return hsm_refusal(error, self)

    def move(self) -> dict[str, Any]:
        """Put each into the state the table names for this operation."""
        for row in self.found:
            assert row is not None
            row.state = next_data_key_state(type(self).__name__, row.state)
            row.save(update_fields=["state"])
        return {}


class DataKeyBatchOperation(DataKeyOperation):
    """An operation on many data keys: all of them or none, one event each."""

    Input: ClassVar[type[OperationInput]] = DataKeyBatchInput

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find every data key; order and number as asked for."""
        ids = data.data_key_ids
        if len(set(ids)) != len(ids):
            raise DuplicatedDataKeyId("DataKeyIds")
        return self.find(ids)


class DescribeDataKey(DataKeyOperation):
    """Attributes of one data key."""

    effect = Effect.READ

    def perform(self, data: DataKeyInput) -> dict[str, Any]:
        """Return its DataKeyMetadata."""
        return {"DataKeyMetadata": described(self.data_key)}


class DescribeDataKeys(DataKeyBatchOperation):
    """Attributes of up to 100 data keys."""

    effect = Effect.READ

    def perform(self, data: DataKeyBatchInput) -> dict[str, Any]:
        """Return the DataKeyMetadata of each."""
        rows = [described(row) for row in self.found if row is not None]
        return {"DataKeyMetadatas": rows}


class EnableDataKey(DataKeyOperation):
    """Let a disabled data key be used again; enabling twice is harmless."""

    effect = Effect.CHANGE

    def perform(self, data: Any) -> dict[str, Any]:
        """Move to Enabled."""
        return self.move()


class EnableDataKeys(DataKeyBatchOperation):
    """Enable up to 100 data keys, all or none."""

    effect = Effect.CHANGE

    def perform(self, data: Any) -> dict[str, Any]:
        """Move each to Enabled."""
        return self.move()


class DisableDataKey(DataKeyOperation):
    """Give out no plaintext of a data key until it is enabled again."""

    effect = Effect.CHANGE

    def perform(self, data: Any) -> dict[str, Any]:
        """Move to Disabled."""
        return self.move()


class DisableDataKeys(DataKeyBatchOperation):
    """Disable up to 100 data keys, all or none."""

    effect = Effect.CHANGE

    def perform(self, data: Any) -> dict[str, Any]:
        """Move each to Disabled."""
        return self.move()


class UpdateDataKeyNameInput(DataKeyInput):
    """The new name."""

    data_key_name: DataKeyName


class UpdateDataKeyName(DataKeyOperation):
    """Rename a data key."""

    effect = Effect.CHANGE
    audited_fields = ("data_key_name",)
    Input = UpdateDataKeyNameInput

    def check(self, data: UpdateDataKeyNameInput | None) -> None:
        """Refuse a taken name."""
        super().check(data)
        if data is None:
            return
        refuse_taken(self, data.data_key_name, self.data_key.id)

    def perform(self, data: UpdateDataKeyNameInput) -> dict[str, Any]:
        """Store the name."""
        self.data_key.name = data.data_key_name
        try:
            with atomic():
                self.data_key.save(update_fields=["name"])
        except IntegrityError:
            raise DataKeyNameAlreadyExists("DataKeyName") from None
        return {}


class UpdateDataKeyDescriptionInput(DataKeyInput):
    """The new description; empty removes it."""

    description: DataKeyDescription


class UpdateDataKeyDescription(DataKeyOperation):
    """Describe a data key anew."""

    effect = Effect.CHANGE
    audited_fields = ("description",)
    Input = UpdateDataKeyDescriptionInput

    def perform(self, data: UpdateDataKeyDescriptionInput) -> dict[str, Any]:
        """Store the description."""
        self.data_key.description = data.description
        self.data_key.save(update_fields=["description"])
        return {}


class ScheduleDataKeyDeletionInput(DataKeyInput):
    """How long to wait."""

    pending_window_in_days: Days


class ScheduleDataKeyDeletion(DataKeyOperation):
    """Begin a disabled data key's waiting period."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields = ("pending_window_in_days",)
    Input = ScheduleDataKeyDeletionInput

    def perform(self, data: ScheduleDataKeyDeletionInput) -> dict[str, Any]:
        """Return when it ends."""
        row = self.data_key
        row.deletion_date = clock.now().replace(microsecond=0) + timedelta(
            days=data.pending_window_in_days
        )
        row.state = DataKeyState.PENDING_DELETE
        row.save(update_fields=["state", "deletion_date"])
        return {"DeletionDate": unix(row.deletion_date), "DataKeyId": str(row.id)}


class CancelDataKeyDeletion(DataKeyOperation):
    """End the waiting period; the data key is disabled then, not enabled."""

    effect = Effect.CHANGE

    def check(self, data: Any) -> None:
        """It counts towards the limit again."""
        super().check(data)
        refuse_beyond_limit(self)

    def perform(self, data: DataKeyInput) -> dict[str, Any]:
        """Move to Disabled."""
        row = self.data_key
        row.state, row.deletion_date = DataKeyState.DISABLED, None
        row.save(update_fields=["state", "deletion_date"])
        return {"DataKeyId": str(row.id)}


class DestroyDataKey(DataKeyOperation):
    """Remove a data key once its date has passed. The scheduler's own operation."""

    effect = Effect.CHANGE
    api = False
    scope = Scope.SYSTEM

    def check(self, data: Any) -> None:
        """Never early: state, date and clock are read in this same transaction."""
        super().check(data)
        clock_guard.require_belief()
        date = self.data_key.deletion_date
        if date is None or date > clock.now() or date > database_time.now():
            raise DataKeyStateNotSupport

    def perform(self, data: DataKeyInput) -> dict[str, Any]:
        """Remove the row, and with it the only ciphertext kept here."""
        self.details["data_key_name"] = self.data_key.name
        self.data_key.delete()
        return {}
