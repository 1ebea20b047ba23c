"""What happened with a key: its versions, its use, its events, its tombstone."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from django.db.models import BigIntegerField, ExpressionWrapper, F
from pydantic import Field

from keys import usage
from keys.errors import CmkNotFound, CmkStateNotSupport, EventNotFound
from keys.models import CustomerMasterKey
from keys.operations.base import KeyInput, KeyOperation
from keys.states import KeyState
from kmsconsole.audit import queries
from kmsconsole.audit.models import AuditEvent, Outcome
from kmsconsole.inputs import WholeNumber
from kmsconsole.operations import Effect
from kmsconsole.principals import Call

USAGE_DAYS = 90
# Resources that are named beside the use; the rest has a page of its own.
MOST_BINDINGS = 5


class ListKeyVersions(KeyOperation):
    """A key's versions, newest first, and how often each was used."""

    effect = Effect.READ
    permission = "DescribeKey"
    api = False

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return the rows with their counts, and since when uses are counted."""
        counts = usage.by_version(self.key.id)
        versions = self.key.versions.order_by("-number").defer("wrapped_material")
        return {
            "Versions": [(row, counts.get(row.number, 0)) for row in versions],
            "TrackedSince": usage.tracked_since(),
        }


class DescribeKeyUsage(KeyOperation):
    """When and by whom a key was used last, and how often in the last 90 days."""

    effect = Effect.READ
    api = False

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return the last use or None, how many, by whom, and what holds the key."""
        key_id = self.key.id
        bindings = list(self.key.bindings.order_by("-id")[:MOST_BINDINGS])
        return {
            "LastUse": usage.last_use(key_id),
            "Uses": usage.uses(key_id, USAGE_DAYS),
            "Users": usage.users(key_id, USAGE_DAYS),
            "TrackedSince": usage.tracked_since(),
            "Bindings": bindings,
            "BindingCount": (
                self.key.bindings.count()
                if len(bindings) == MOST_BINDINGS
                else len(bindings)
            ),
        }


class _WithTombstones(KeyOperation):
    """Reads about a key that may have been destroyed."""

    effect = Effect.READ
    api = False

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find the key in the caller's account and region, destroyed or not."""
        call = self.call
        self.details["KeyId"] = str(data.key_id)
        return [
            CustomerMasterKey.objects.filter(
                id=data.key_id,
                account_uin=call.principal.account_uin,
                region=call.region,
            ).first()
        ]

    def check(self, data: Any) -> None:
        """Refuse a key that never was."""
        key = self.resources[0]
        if key is None:
            raise CmkNotFound("KeyId")
        self.key = key


class DescribeDestroyedKey(_WithTombstones):
    """The tombstone of a key: what it was, and when it ended."""

    permission = "DescribeKey"

    def check(self, data: Any) -> None:
        """Refuse a key that lives: DescribeKey is for those."""
        super().check(data)
        if self.key.state != KeyState.DESTROYED:
            raise CmkStateNotSupport

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return nothing but the key itself, as the located resource."""
        return {}


def is_tombstone(call: Call, key_id: str) -> bool:
    """Say whether this key was destroyed, so that the right operation is asked for it.

    Tells nothing to anybody: what may be seen, the operation then decides.
    """
    return CustomerMasterKey.objects.filter(
        id=key_id,
        account_uin=call.principal.account_uin,
        region=call.region,
        state=KeyState.DESTROYED,
    ).exists()


class ListKeyEventsInput(KeyInput):
    """Which events, and older than which; newest first."""

    only: Literal["changes", "uses", "refused", "deletion", ""] = ""
    before: WholeNumber | None = None
    limit: Annotated[WholeNumber, Field(ge=1, le=100)] = 25


class ListKeyEvents(_WithTombstones):
    """What the audit says about one key."""

    Input = ListKeyEventsInput

    def perform(self, data: ListKeyEventsInput) -> dict[str, Any]:
        """Return one page of events and whether older ones follow."""
        # An expression, or SQLite would read all events of the account instead.
        account = ExpressionWrapper(F("account_uin") + 0, BigIntegerField())
        events = (
            AuditEvent.objects.alias(account=account)
            .filter(key_id=str(self.key.id), account=self.key.account_uin)
            .order_by("-sequence")
        )
        if data.before is not None:
            events = events.filter(sequence__lt=data.before)
        if data.only == "uses":
            events = events.filter(operation__in=usage.USES)
        elif data.only == "refused":
            events = events.filter(queries.not_done())
        elif data.only == "changes":
            events = events.filter(queries.named(CHANGES))
        elif data.only == "deletion":
            events = events.filter(
                queries.named(CHANGES),
                operation__in=DELETION,
                outcome=Outcome.SUCCESS,
            )
        page = list(events[: data.limit + 1])
        return {"Events": page[: data.limit], "More": len(page) > data.limit}


class KeyEventInput(KeyInput):
    """One event of a key, by its number."""

    sequence: WholeNumber


class DescribeKeyEvent(_WithTombstones):
    """One event of a key with all that was recorded, for whoever may list them."""

    permission = "ListKeyEvents"
    Input = KeyEventInput

    def check(self, data: KeyEventInput) -> None:
        """Refuse a number that is not one of this key's events."""
        super().check(data)
        found = AuditEvent.objects.filter(
            key_id=str(self.key.id),
            account_uin=self.key.account_uin,
            sequence=data.sequence,
        ).first()
        if found is None:
            raise EventNotFound("Sequence")
        self.event = found

    def perform(self, data: KeyEventInput) -> dict[str, Any]:
        """Return the event."""
        return {"Event": self.event}


DELETION = (
    "ScheduleKeyDeletion",
    "ScheduleKeysDeletion",
    "CancelKeyDeletion",
    "DestroyKey",
)
CHANGES = (
    "CreateKey",
    "CreateCloudKey",
    "UpdateAlias",
    "UpdateKeyDescription",
    "TagKey",
    "TagKeys",
    "EnableKey",
    "EnableKeys",
    "DisableKey",
    "DisableKeys",
    "ArchiveKey",
    "CancelKeyArchive",
    "EnableKeyRotation",
    "DisableKeyRotation",
    "RotateKey",
    *DELETION,
    "GetParametersForImport",
    "ImportKeyMaterial",
    "DeleteImportedKeyMaterial",
    "GrantAccess",
    "RevokeAccess",
    "DecideAccessRequest",
    "RotateDueKey",
    "ExpireKeyMaterial",
    "EndAccess",
    # Behind the others: an index lists them in this order.
    "HoldKeyDeletion",
    "ConfirmKeyDeletion",
)
