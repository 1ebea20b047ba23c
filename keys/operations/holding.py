"""Holding a deletion: a key that somebody still needs is not destroyed unasked.

Who tries to use a key in its waiting period, and would have been allowed on an enabled
key, holds its deletion where the account wants that. State and date stay; somebody
confirms, and it goes on a day later at the earliest, or cancels.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Subquery
from django.utils.module_loading import import_string

from keys import usage
from keys.errors import (
    CmkDisabled,
    CmkStateNotSupport,
    DeletionHeld,
    DeletionNotHeld,
    KeyPendingDelete,
)
from keys.models import CustomerMasterKey
from keys.operations.base import KeyInput, KeyOperation
from keys.operations.history import CHANGES
from keys.operations.metadata import unix
from keys.querysets import KeyQuerySet
from kmsconsole import clock
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import DeletionHold
from kmsconsole.alarms.raising import raise_alarm
from kmsconsole.audit import queries
from kmsconsole.audit.models import AuditEvent, Outcome
from kmsconsole.operations import Effect, Scope
from kmsconsole.schedule import database_time
from kmsconsole.statements import Statement

Keys = KeyQuerySet[CustomerMasterKey]
# What an account may want: for keys that were in use, for all, for none.
RECENTLY_USED, ALWAYS, NEVER = RULES = ("recently-used", "always", "never")
RECENT: Final = timedelta(days=30)
RESPITE: Final = timedelta(hours=24)
USES: Final = (*usage.USES, "GetPublicKey")
_SCHEDULING = ("ScheduleKeyDeletion", "ScheduleKeysDeletion")
# Permission is decided before state: whoever got these was allowed to use the key.
_FOR_THE_STATE = (CmkDisabled.code, KeyPendingDelete.code, CmkStateNotSupport.code)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


# Nothing but constants in it, and one parameter: the key.
_TRIED = Statement(
    "SELECT 1 FROM audit_auditevent WHERE key_id = %s AND "  # noqa: S608 - constants
    f"outcome <> '{Outcome.SUCCESS}' AND outcome = '{Outcome.REFUSED}' "
    f"AND operation IN ({_listed(USES)}) AND error_code IN ({_listed(_FOR_THE_STATE)}) "
    "LIMIT 1"
)


def was_tried(key_id: UUID | str) -> bool:
    """Say whether a use of a key was ever refused for its state; most never were."""
    return _TRIED.one([str(key_id)]) is not None


def waiting_since(key: CustomerMasterKey) -> tuple[int, datetime | None]:
    """Return number and time of the event that began the waiting period."""
    scheduled = (
        AuditEvent.objects.filter(
            queries.named(CHANGES),
            key_id=str(key.id),
            operation__in=_SCHEDULING,
            outcome=Outcome.SUCCESS,
        )
        .order_by("-sequence")
        .values_list("sequence", "time")
        .first()
    )
    return scheduled or (0, None)


def attempt_on(key: CustomerMasterKey) -> AuditEvent | None:
    """Return the first attempt of this waiting period that holds the deletion."""
    if not was_tried(key.id):
        return None
    number, since = waiting_since(key)
    attempt = (
        AuditEvent.objects.filter(
            queries.not_done(),
            key_id=str(key.id),
            sequence__gt=number,
            operation__in=USES,
            outcome=Outcome.REFUSED,
            error_code__in=_FOR_THE_STATE,
        )
        .order_by("sequence")
        .first()
    )
    if attempt is None:
        return None
    rule = import_string(settings.KMS_DELETION_RULE)(key.account_uin)
    if rule == RECENTLY_USED:
        last = usage.last_use(key.id)
        used = last is not None and last.at >= (since or attempt.time) - RECENT
        return attempt if used else None
    return None if rule == NEVER else attempt


def hold_of(key: CustomerMasterKey) -> DeletionHold | None:
    """Return what holds the deletion, or held it until somebody confirmed."""
    return DeletionHold.objects.filter(key_id=key.id).first()


def holds_of(keys: Iterable[UUID]) -> dict[UUID, datetime | None]:
    """Return when the held ones of these keys go; None: when somebody has decided."""
    holds = DeletionHold.objects.filter(key_id__in=keys)
    return dict(holds.values_list("key_id", "runs_at"))


def with_holds(keys: Keys) -> Keys:
    """Add to keys whether they are `held`, and when a confirmed deletion `runs_at`."""
    holds = DeletionHold.objects.filter(key_id=OuterRef("pk"))
    return keys.annotate(
        held=Exists(holds.filter(runs_at__isnull=True)),
        runs_at=Subquery(holds.values("runs_at")),
    )


def deletions_by_date(keys: Keys | None = None) -> Keys:
    """Return those that are destroyed on their own date, or whose date is `held`."""
    keys = CustomerMasterKey.objects.all() if keys is None else keys
    confirmed = DeletionHold.objects.filter(runs_at__isnull=False).values("key_id")
    return with_holds(keys.pending_deletion().exclude(pk__in=confirmed))


def confirmed_deletions(keys: Keys | None = None) -> Keys:
    """Return those that are destroyed at `runs_at`, not on their own date."""
    keys = CustomerMasterKey.objects.all() if keys is None else keys
    confirmed = DeletionHold.objects.filter(runs_at__isnull=False).values("key_id")
    return with_holds(keys.pending_deletion().filter(pk__in=confirmed))


def undecided_deletions(until: datetime) -> Keys:
    """Return those that are held since before `until`, with what the holds say."""
    holds = DeletionHold.objects.filter(key_id=OuterRef("pk"))
    undecided = holds.filter(runs_at__isnull=True, at__lte=until)
    return (
        CustomerMasterKey.objects.pending_deletion()
        .filter(Exists(undecided))
        .annotate(
            held_since=Subquery(holds.values("at")),
            attempt_number=Subquery(holds.values("attempt_number")),
            attempted_at=Subquery(holds.values("attempted_at")),
            attempted=Subquery(holds.values("operation")),
            attempted_by=Subquery(holds.values("caller_name")),
        )
    )


def refuse_held(key: CustomerMasterKey) -> None:
    """Refuse to destroy a key that is held, or has to be from now on."""
    hold = hold_of(key)
    if hold is None:
        held = attempt_on(key) is not None
    else:
        held = hold.runs_at is None or hold.runs_at > min(
            clock.now(), database_time.now()
        )
    if held:
        raise DeletionHeld


class HoldKeyDeletion(KeyOperation):
    """Keep a key from being destroyed until somebody decides. The service's own."""

    effect = Effect.CHANGE
    api = False
    scope = Scope.SYSTEM

    def check(self, data: Any) -> None:
        """Refuse where nobody tried, or it is held already."""
        super().check(data)
        if hold_of(self.key) is not None:
            raise DeletionHeld
        attempt = attempt_on(self.key)
        if attempt is None:
            raise DeletionNotHeld
        self.attempt = attempt

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Note who tried what and when, and raise the alarm."""
        attempt = self.attempt
        DeletionHold.objects.create(
            key_id=self.key.id,
            at=clock.now(),
            attempt_number=attempt.sequence,
            attempted_at=attempt.time,
            operation=attempt.operation,
            caller_uin=attempt.principal_uin,
            caller_name=attempt.principal_name,
        )
        said = {"Caller": attempt.principal_name, "Operation": attempt.operation}
        self.details |= said | {"Event": attempt.sequence}
        raise_alarm(
            AlarmKind.DELETION_HELD,
            str(attempt.sequence),
            key=self.key,
            details=said | {"Date": unix(attempt.time)},
        )
        return {}


class ConfirmKeyDeletion(KeyOperation):
    """Let a held deletion run; in 24 hours at the earliest, never before its date."""

    effect = Effect.CHANGE
    permission = "ScheduleKeyDeletion"
    step_up = True
    api = False

    def check(self, data: Any) -> None:
        """Refuse where there is nothing to decide."""
        super().check(data)
        hold = hold_of(self.key)
        if hold is None or hold.runs_at is not None:
            raise DeletionNotHeld
        self.hold = hold

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return from when on the key may be destroyed."""
        key, hold, who = self.key, self.hold, self.call.principal
        runs_at = clock.now() + RESPITE
        if key.deletion_date is not None:
            runs_at = max(runs_at, key.deletion_date)
        hold.runs_at, hold.confirmed_at = runs_at, clock.now()
        hold.confirmed_by_uin, hold.confirmed_by_name = who.uin, who.name
        hold.save()
        self.save(key)
        self.details["RunsAt"] = unix(runs_at)
        return {"KeyId": str(key.id), "RunsAt": unix(runs_at)}
